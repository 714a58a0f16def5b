"""Signed control feeds on this machine: fetched from any of their mirrors, verified, and the last good one kept.

Each feed of the configuration has a signed file of its own, and beside it what became of the last look for a new one.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from probe.config.folders import find_own_state
from probe.config.settings import FeedSettings, Settings, SettingsError
from probe.controls.feeds.feed_board import FRESH_S, MAX_AHEAD_S, FeedBoard
from probe.controls.feeds.feed_document import MAX_BYTES, Feed, FeedError, read_feed
from probe.core.counted_words import count_things
from probe.upkeep.updates import signed_file
from probe.upkeep.updates.kept_keys import KeySlot, read_kept_keys
from probe.upkeep.updates.key_trust import KeyTrust, check_follows_day
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.minisign import (
    PublicKey,
    SignatureError,
    parse_public_key,
    parse_signature,
    verify_by_keys,
)
from probe.upkeep.updates.signature_fetch import fetch_signature_by
from probe.upkeep.updates.signed_fetch import check_source, fetch_document
from probe.upkeep.updates.signed_file import (
    BROKEN_OFF,
    MAX_REASON,
    PATIENT_S,
    LookState,
    SignedFile,
    UnreadableError,
    read_signed,
    write_signed,
)

EVERY_S, RETRY_S = 1800, 600
"""A feed is looked for when the one that is here is that old, and not again within the second."""
TIMED_S = 15.0
"""What a run gives to all of them."""
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSource:
    """A feed of the configuration."""

    urls: tuple[str, ...]
    key: PublicKey

    @property
    def slot(self) -> str:
        """By what its files are known."""
        return hashlib.sha256(f"{self.key.text} {self.urls[0]}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFeed:
    """A feed whose signature was verified."""

    feed: Feed
    fetched: SignedFile

    def age_s(self, now: datetime.datetime) -> int:
        """Seconds since it was made."""
        return int((now - self.feed.made) / datetime.timedelta(seconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """How it stands with one feed of the configuration."""

    source: FeedSource
    kept: KeptFeed | None
    trouble: str
    """Why there is none to use; empty where there is one."""
    looks: LookState


def list_feed_sources(settings: Settings) -> tuple[FeedSource, ...]:
    """The feeds that the settings name. Raises FeedError for a key that is none."""
    found = []
    for number, feed in enumerate(settings.feed, start=1):
        try:
            found.append(FeedSource(urls=feed.urls, key=parse_public_key(feed.key)))
        except SignatureError as error:
            raise FeedError(f"{settings.path or 'the configuration'}: feed number {number}: key: {error}") from None
    return tuple(found)


def check_named_feed(feed: FeedSettings) -> None:
    """Raises SettingsError for a feed whose key is none, or whose URLs are not such as feeds are fetched from."""
    try:
        parse_public_key(feed.key)
        for url in feed.urls:
            check_source(url)
    except (SignatureError, ListError) as error:
        raise SettingsError(f"a feed cannot be so: {error}") from None


def verify_feed(fetched: SignedFile, trust: KeyTrust) -> KeptFeed:
    """The feed, when keys that count signed it and this program knows its form. Raises FeedError."""
    try:
        verify_by_keys(fetched.document, parse_signature(fetched.signature), trust.signers, trust.threshold)
        feed = read_feed(fetched.document)
        check_follows_day(trust, feed.made.date(), feed.made.date())
    except SignatureError as error:
        raise FeedError(str(error)) from None
    return KeptFeed(feed=feed, fetched=fetched)


def read_kept_feed(source: FeedSource, folder: Path | None = None) -> KeptFeed | None:
    """The last good one, verified anew; None where there is none. Raises FeedError for one that cannot be used."""
    path = _path(source, folder)
    try:
        there = read_signed(path, max_bytes=MAX_BYTES)
    except UnreadableError as error:
        raise FeedError(str(error)) from None
    if there is None:
        return None
    try:
        return verify_feed(there[1], _trust(source, folder))
    except FeedError as error:
        raise FeedError(f"{path}: cannot be used: {error}") from None


def check_follows(new: KeptFeed, last: KeptFeed | None, *, now: datetime.datetime, path: Path) -> None:
    """Raises FeedError where a feed may not take the place of the last good one, which lies at `path`."""
    if new.feed.made - now > _DAY:
        raise FeedError(f"the feed is dated {new.feed.made:%Y-%m-%d}, in the future: the clock of this device is "
                        "wrong, or the feed")
    if last is None:
        return
    if new.feed.name != last.feed.name:
        raise FeedError(f"the feed is of the vantage {new.feed.name}, and the one that is here of {last.feed.name}; if "
                        f"that is meant, delete {path}")
    if new.feed.made < last.feed.made:
        raise FeedError(f"the feed was made at {new.feed.made:%Y-%m-%d %H:%M}, before the one that is here "
                        f"({last.feed.made:%Y-%m-%d %H:%M}): the mirror lags behind, or somebody replays an old one")
    if new.feed.made == last.feed.made and new.fetched.document != last.fetched.document:
        raise FeedError("the feed was made at the same time as the one that is here, but says something else")


def keep(fetched: SignedFile, source: FeedSource, *, now: datetime.datetime, folder: Path | None = None) -> KeptFeed:
    """Put a feed in the place of the last good one, if it is verified and may follow it.

    Raises FeedError for one that may not, StoreError where it cannot be written; the last good one stays then.
    """
    new = verify_feed(fetched, _trust(source, folder))
    check_follows(new, _last(source, folder), now=now, path=_path(source, folder))
    write_signed(_path(source, folder), fetched, source.key)
    return new


def is_feed_due(source: FeedSource, *, now: datetime.datetime, folder: Path | None = None) -> bool:
    """Whether to look for a new one: the one that is here is old, and nobody looked just now."""
    at = read_looks(source, folder).at
    if at is not None and 0 <= (now - at).total_seconds() < RETRY_S:
        return False
    last = _last(source, folder)
    return last is None or not 0 <= last.age_s(now) < EVERY_S


def refresh_feed(source: FeedSource, *, now: datetime.datetime, timeout_s: float = PATIENT_S,
                 folder: Path | None = None) -> KeptFeed:
    """Fetch a feed from its mirrors in turn, until one has a fresh one. What came of it is remembered.

    Raises FeedError where no mirror has one that is good, StoreError where nothing can be written.
    """
    deadline, troubles, best = time.monotonic() + timeout_s, [], None
    looking = LookState(at=now, failed=BROKEN_OFF, source=read_looks(source, folder).source)
    _write_looks(source, looking, folder)  # before it: whatever happens, nobody asks again at once
    for number, url in enumerate(source.urls):
        left_s = max(0.1, (deadline - time.monotonic()) / (len(source.urls) - number))
        try:
            best = keep(_fetch(url, source, left_s, folder, now.date()), source, now=now, folder=folder)
        except (FeedError, ListError) as error:
            troubles.append(f"{url}: {str(error).removeprefix(f'{url}: ')}")
            continue
        _write_looks(source, LookState(at=now, source=url), folder)
        if is_feed_fresh(best, now):
            return best
        troubles.append(f"{url}: the feed there is old")
    why = "; ".join(troubles)[:MAX_REASON]
    _write_looks(source, LookState(at=now, failed=why, source=looking.source), folder)
    if best is None:
        raise FeedError(why)
    return best


def read_looks(source: FeedSource, folder: Path | None = None) -> LookState:
    """What became of the last look; a file that cannot be read says nothing."""
    return signed_file.read_look_state(_path(source, folder, ".json"))


def read_feed_states(settings: Settings, folder: Path | None = None) -> tuple[FeedState, ...]:
    """How it stands with every feed of the configuration. Raises FeedError for a key that is none."""
    return tuple(_standings(settings, folder))


def is_feed_fresh(kept: KeptFeed, now: datetime.datetime) -> bool:
    """Whether what it says counts now."""
    return -MAX_AHEAD_S <= kept.age_s(now) <= FRESH_S


def describe_feed_state(one: FeedState, now: datetime.datetime) -> str:
    """How it stands with one feed, in words."""
    if one.kept is None:
        return f"the feed of {one.source.urls[0]}: {one.trouble}"
    feed, age_s = one.kept.feed, one.kept.age_s(now)
    age = f"{age_s // 60} minutes old" if age_s < 3 * 3600 else f"{age_s // 3600} hours old"
    use = "" if is_feed_fresh(one.kept, now) else (
        ", dated after this device's clock: it counts for nothing" if age_s < 0 else ", too old to count")
    crowd = feed.crowd
    place = f"AS{feed.asn}, {feed.cc}" if crowd is None else (
        f"of {count_things(crowd.members.probes, 'volunteer')} or more in "
        f"{count_things(crowd.members.countries, 'country', 'countries')} or more")
    return f"{feed.name} ({place}), {age}, {count_things(len(feed.entries), 'endpoint')}{use}"


def load_board(settings: Settings, found: tuple[FeedState, ...]) -> FeedBoard | None:
    """What a run may consult: of two feeds by one name the newer. None where there is none."""
    newest: dict[str, Feed] = {}
    for one in found:
        if one.kept and (one.kept.feed.name not in newest or one.kept.feed.made > newest[one.kept.feed.name].made):
            newest[one.kept.feed.name] = one.kept.feed
    if not newest:
        return None
    return FeedBoard(feeds=tuple(newest.values()), helpers=tuple((h.asn, h.cc.upper()) for h in settings.helper))


def _standings(settings: Settings, folder: Path | None) -> Iterator[FeedState]:
    for source in list_feed_sources(settings):
        kept, trouble = None, ""
        try:
            kept = read_kept_feed(source, folder)
            trouble = "" if kept else "none has come yet"
        except FeedError as error:
            trouble = str(error)
        yield FeedState(source=source, kept=kept, trouble=trouble, looks=read_looks(source, folder))


def _fetch(url: str, source: FeedSource, timeout_s: float, folder: Path | None, today: datetime.date) -> SignedFile:
    """Feed and signature; where the signature is that of the feed that is here, this one. Raises ListError, FeedError,
    StoreError.

    Both files are replaced one after the other where they lie, so that a pair that does not fit is asked for again.
    """
    check_source(url)
    deadline = time.monotonic() + timeout_s

    def left_s() -> float:
        return max(0.1, deadline - time.monotonic())

    last = _last(source, folder)
    for again in (True, False):
        raw, trust = fetch_signature_by(_keys(source, folder), url, timeout_s=left_s(), today=today)
        if last is not None and raw.splitlines() == last.fetched.signature.splitlines():
            return last.fetched
        fetched = SignedFile(signature=raw, document=fetch_document(url, timeout_s=left_s()))
        try:
            verify_feed(fetched, trust)
            return fetched
        except FeedError:
            if not again:
                raise
    raise AssertionError


def _last(source: FeedSource, folder: Path | None) -> KeptFeed | None:
    with contextlib.suppress(FeedError):  # a damaged one has no say
        return read_kept_feed(source, folder)
    return None


def _keys(source: FeedSource, folder: Path | None) -> KeySlot:
    return KeySlot(root=source.key, of="feed", path=_path(source, folder, ".keys"))


def _trust(source: FeedSource, folder: Path | None) -> KeyTrust:
    try:
        return read_kept_keys(_keys(source, folder))
    except UnreadableError as error:
        raise FeedError(str(error)) from None


def _write_looks(source: FeedSource, looks: LookState, folder: Path | None) -> None:
    signed_file.write_look_state(_path(source, folder, ".json"), looks)


def _path(source: FeedSource, folder: Path | None, suffix: str = ".signed") -> Path:
    return (folder or find_own_state()) / f"feed-{source.slot}{suffix}"
