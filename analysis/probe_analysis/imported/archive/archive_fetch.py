"""Fetches a bounded part of OONI's archive into a folder, where what is there already is not fetched again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from threading import Lock

from probe.core.counted_words import choose_word, count_things
from probe.core.progress import Progress, ignore_progress
from probe.store.files.atomic import make_folder, replace_file
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.signed_fetch import fetch_body
from probe_analysis.imported.archive.archive_layout import (
    API,
    BUCKET,
    PAGE,
    ArchiveObject,
    BadListingError,
    list_prefixes,
    make_listing_url,
    make_measurement_url,
    make_object_url,
    make_search_url,
    parse_listing,
    parse_search,
)

MAX_LISTING_BYTES = 4 << 20
MAX_MEASUREMENT_BYTES = 4 << 20
MAX_PAGES = 20
AT_ONCE, BATCH = 8, 48
"""Requests at a time, and listings that are gone through before their files are fetched."""
MAX_FAILURES = 10
"""So many requests in a row that fail end the fetching: the server is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How much one call fetches at most. What is in the folder already counts for nothing, so that the next call goes
    on where one was stopped."""

    bytes: int = 512 << 20
    objects: int = 4000
    object_bytes: int = 64 << 20
    time_s: float = 900.0
    timeout_s: float = 60.0


@dataclass(slots=True)
class Fetched:
    """What is there now."""

    files: list[str] = field(default_factory=list)
    bytes: int = 0
    known: int = 0
    """Files that were there before."""
    problems: list[str] = field(default_factory=list)
    stopped: str = ""
    """Why not all was fetched; empty: all was."""


class ArchiveClient:
    """One fetching: its folder, limits and what came of it."""

    def __init__(self, folder: Path, *, limits: ArchiveLimits | None = None, bucket: str = BUCKET, api: str = API,
                 clock: Callable[[], float] = time.monotonic, progress: Progress = ignore_progress) -> None:
        self._limits = limits or ArchiveLimits()
        self._folder, self._bucket, self._api = folder, bucket, api
        self._clock, self._end, self._progress = clock, clock() + self._limits.time_s, progress
        self._failures, self._lock = 0, Lock()
        self.done = Fetched()

    def fetch_tests(self, test: str, country: str, *, tests: Sequence[str], compare: Sequence[str], since: datetime,
                    now: datetime) -> Fetched:
        """Files of the bucket, the newest hour first; of countries to compare with those of `test` alone. Raises
        StoreError where the folder cannot be written."""
        prefixes = list(list_prefixes(test, country, compare, since, now))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for at in range(0, len(prefixes), BATCH):
                self._progress(at, len(prefixes))
                listed = pool.map(lambda prefix: list(self._list(prefix, tests)), prefixes[at:at + BATCH])
                list(pool.map(self._fetch_object, {one.key: one for objects in listed for one in objects}.values()))
                if self._is_over():
                    break
        return self._finish()

    def fetch_hosts(self, hosts: Iterable[str], countries: Sequence[str], since: datetime) -> Fetched:
        """Measurements of web pages, through the API, the newest of each host and country first; they are half of all
        files at most, for what was well beside is wanted as well. Raises StoreError where the folder cannot be written.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = [(host, country) for host in hosts for country in countries]
            found = list(pool.map(lambda one: list(self._search(one[0], one[1], since)), asked))
            wanted = list(dict.fromkeys(uid for turn in zip_longest(*found) for uid in turn if uid))
            if len(wanted) > (most := self._limits.objects // 2):
                self._note(f"{len(wanted) - most} of {count_things(len(wanted), 'measurement')} of web pages were "
                           f"left out, the oldest")
            list(pool.map(self._fetch_measurement, wanted[:most]))
        return self._finish()

    def _finish(self) -> Fetched:
        self.done.files.sort(key=lambda name: Path(name).name)
        return self.done

    def _list(self, prefix: str, tests: Sequence[str]) -> Iterator[ArchiveObject]:
        token = ""
        for _ in range(MAX_PAGES):
            raw = self._ask(make_listing_url(self._bucket, prefix, token), MAX_LISTING_BYTES)
            if raw is None:
                return
            try:
                listing = parse_listing(raw, prefix, tests)
            except BadListingError as error:
                self._note(f"{prefix}: {error}")
                return
            if listing.refused:
                self._note(f"{prefix}: {count_things(listing.refused, 'entry', 'entries')} "
                           f"{choose_word(listing.refused, 'is', 'are')} none of what was asked for")
            yield from listing.objects
            if not listing.token:
                return
            token, before = listing.token, token
            if token == before:
                break
        self._note(f"{prefix}: the listing does not end; what came first counts")

    def _search(self, host: str, country: str, since: datetime) -> Iterator[str]:
        for page in range(MAX_PAGES):
            raw = self._ask(make_search_url(self._api, host, country, since, page * PAGE), MAX_LISTING_BYTES)
            if raw is None:
                return
            try:
                found = parse_search(raw)
            except BadListingError as error:
                self._note(f"{host}: {error}")
                return
            yield from found
            if len(found) < PAGE:
                return

    def _fetch_object(self, one: ArchiveObject) -> None:
        if one.size > self._limits.object_bytes:
            self._note(f"{one.key}: larger than {self._limits.object_bytes} bytes, left out")
            return
        self._keep(self._folder / one.key, make_object_url(self._bucket, one.key), one.size, one.size)

    def _fetch_measurement(self, uid: str) -> None:
        path = self._folder / "measurements" / f"{uid}.json"
        self._keep(path, make_measurement_url(self._api, uid), MAX_MEASUREMENT_BYTES, None)

    def _keep(self, path: Path, url: str, most: int, size: int | None) -> None:
        """The file at `path`, fetched unless it is there; `size`: how large the listing says it is."""
        if path.is_file() and not path.is_symlink() and size in (None, path.stat().st_size):
            self.done.known += 1
            self.done.files.append(str(path))
            return
        with self._lock:
            if self._is_over():
                return
            self.done.bytes += size or 0  # before it is asked for, so that many at once keep to the limit
        raw = self._ask(url, most)
        if raw is None:
            return
        if size is None:
            self.done.bytes += len(raw)
        if size is not None and len(raw) != size:
            self._note(f"{path.name}: has {len(raw)} bytes where the listing says {size}, left out")
            return
        make_folder(path.parent)
        replace_file(path, raw)
        self.done.files.append(str(path))

    def _ask(self, url: str, most: int) -> bytes | None:
        """The body, or None with what was wrong noted."""
        left = self._end - self._clock()
        if self._is_over():
            return None
        try:
            raw = fetch_body(url, most, timeout_s=min(self._limits.timeout_s, max(left, 0.1)))
        except ListError as error:
            self._failures += 1
            self._note(str(error))
            return None
        self._failures = 0
        return raw

    def _is_over(self) -> bool:
        limits, done = self._limits, self.done
        if done.stopped:
            return True
        if self._failures >= MAX_FAILURES:
            done.stopped = f"{MAX_FAILURES} requests in a row failed"
        elif len(done.files) - done.known >= limits.objects:
            done.stopped = f"{count_things(limits.objects, 'file')}, which is the limit"
        elif done.bytes >= limits.bytes:
            done.stopped = f"{limits.bytes >> 20} MiB were fetched, which is the limit"
        elif self._clock() >= self._end:
            done.stopped = f"{limits.time_s:.0f} s are over, which is the limit"
        return bool(done.stopped)

    def _note(self, problem: str) -> None:
        if len(self.done.problems) < 20:
            self.done.problems.append(problem[:300])
