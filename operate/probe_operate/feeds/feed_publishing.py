"""One control feed: measured, compared with the last one, signed, written, and reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe import __version__
from probe.catalogue.laboratory_marker import read_marker
from probe.config.settings import PublicControlSettings, Settings
from probe.core.counted_words import count_things
from probe.core.stamps import format_time
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_NETWORK
from probe_operate.feeds.feed_summary import FeedReport, print_report

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue
    from probe.controls.feeds.feed_document import Feed
    from probe_operate.lists.signing import SecretKey

_SUFFIX, _SIGNATURE = ".json", ".minisig"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOrder:
    """What is to be published, and where."""

    settings: Settings
    catalogue: Catalogue
    key: SecretKey
    name: str
    folder: Path
    upload: bool
    tier: int
    deadline_s: float
    fast: bool
    force: bool
    as_json: bool

    @property
    def file(self) -> Path:
        """Where the feed lies, the last one and the next."""
        return self.folder / f"{self.name}{_SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFeed:
    """A feed before it is signed."""

    made: Feed
    left_out: Mapping[str, tuple[str, ...]]
    runtime_s: float
    runs: int = 0
    """Of a crowd's feed: runs that it is made of."""
    runs_left_out: Mapping[str, int] = field(default_factory=dict)
    """Of a crowd's feed: why -> runs that count for nothing."""


class UnfitError(Exception):
    """There is nothing to publish; `status` is the command's."""

    def __init__(self, why: str, status: int = EXIT_FAILED) -> None:
        super().__init__(why)
        self.status = status


Learn = Callable[["PublishOrder", "Feed | None"], LearnedFeed]
"""How a feed is learned, given the last one. Raises UnfitError, FeedError, StoreError."""


def learn_by_run(order: PublishOrder, before: Feed | None) -> LearnedFeed:
    """By a run from here."""
    from probe.session.make_run import make_run
    from probe.session.run_plan import RunPlan
    from probe.session.selection import find_lacking_modules
    from probe.upkeep.commands.progress_bar import show_progress
    from probe_operate.feeds.feed_learning import FeedMaker, explain_unfit_run, make_feed
    from probe_operate.feeds.feed_left_out import list_left_out

    settings = _alone(order.settings)
    plan = RunPlan(deadline_s=order.deadline_s, fast=order.fast, trigger="timed", tier=order.tier, transfers=False,
                   everywhere=True, lab=read_marker().lab)
    with show_progress("Measuring") as progress:
        result = make_run(order.catalogue, settings, plan, progress=progress)
    if why := explain_unfit_run(result):
        raise UnfitError(why, EXIT_NO_NETWORK)
    maker = FeedMaker(name=order.name, asn=settings.vantage.asn, cc=settings.vantage.cc, software=__version__)
    made = make_feed(result, order.catalogue, maker, before=before)
    left = list_left_out(result, order.catalogue, made, tier=order.tier, lacking=find_lacking_modules())
    return LearnedFeed(made=made, left_out=left, runtime_s=result.run.runtime_s)


def publish_feed(order: PublishOrder, learn: Learn = learn_by_run) -> int:
    """Learn, compare, sign, write; the exit status. Raises StoreError."""
    from probe.controls.feeds.feed_document import FeedError
    from probe_operate.feeds.feed_changes import list_feed_changes
    from probe_operate.feeds.feed_fit import fit_feed

    before = _before(order)
    try:
        learned = learn(order, before)
        made, without_page = fit_feed(learned.made)
        if (why := _collapse(before, made)) and not order.force:
            return _refuse(order, why, EXIT_FAILED)
        files = _write(order, made)
    except UnfitError as error:
        return _refuse(order, str(error), error.status)
    except FeedError as error:
        return _refuse(order, f"{error}.", EXIT_FAILED)
    print_report(FeedReport(made=made, bytes=len(files[-1][1]), runtime_s=learned.runtime_s,
                            changes=list_feed_changes(before, made), left_out=learned.left_out,
                            without_page=without_page, file=order.file, key=order.key.public.name, runs=learned.runs,
                            runs_left_out=learned.runs_left_out),
                 as_json=order.as_json)
    if order.upload:  # last: each change is reported once, and the next feed is compared with this one
        _send(order, files)
    return 0


def _alone(settings: Settings) -> Settings:
    """The settings without what is not for a feed: nobody else is asked for it."""
    import msgspec

    return msgspec.structs.replace(settings, helper=(), matrix_server=(), feed=(),
                                   public_controls=PublicControlSettings())


def _refuse(order: PublishOrder, why: str, status: int) -> int:
    if order.as_json:
        click.echo(json.dumps({"published": False, "why": why}))
    click.echo(f"Nothing is published: {visible(why)} The last feed stays.", err=True)
    return status


def _before(order: PublishOrder) -> Feed | None:
    """The feed that lies there, where it is ours and whole."""
    from probe.controls.feeds.feed_document import FeedError
    from probe.upkeep.updates.feed_updates import verify_feed
    from probe.upkeep.updates.key_trust import trust_key
    from probe.upkeep.updates.signed_file import SignedFile

    try:
        fetched = SignedFile(document=order.file.read_bytes(),
                             signature=order.file.with_name(order.file.name + _SIGNATURE).read_bytes())
        found = verify_feed(fetched, trust_key(order.key.public)).feed
    except (OSError, FeedError):
        return None
    return found if found.name == order.name else None


def _collapse(before: Feed | None, now: Feed) -> str:
    """Why a feed is rather this place's fault than the world's: most of what answered does not any more."""
    if before is None:
        return ""
    well = {entry.input for entry in before.entries if entry.state == "ok"}
    gone = sum(entry.input in well and entry.state != "ok" for entry in now.entries)
    both = sum(entry.input in well for entry in now.entries)
    if both < 4 or 2 * gone <= both:
        return ""
    return (f"of {count_things(both, 'endpoint')} that answered before {gone} do not any more, which is rather the "
            f"fault of this place "
            "(--force publishes it).")


def _write(order: PublishOrder, made: Feed) -> tuple[tuple[str, bytes], ...]:
    """Name and content of both files, as they lie there now. Raises StoreError.

    The signature first: who comes between gets a pair that does not fit, and asks again.
    """
    from probe.controls.feeds.feed_document import write_feed
    from probe.store.files.atomic import replace_file
    from probe.upkeep.updates.list_document import ListError
    from probe.upkeep.updates.minisign import SignatureError
    from probe_operate.lists.key_publishing import read_published_number
    from probe_operate.lists.signature_comments import number_signature

    raw = write_feed(made)
    signed = order.key.sign(raw, f"feed {made.name} made {format_time(made.made)}")
    try:
        if number := read_published_number(order.file):
            signed = number_signature(signed, number)
    except (SignatureError, ListError) as error:
        raise StoreError(f"the key statements beside the feed cannot be used: {error}") from None
    files = ((order.file.name + _SIGNATURE, signed), (order.file.name, raw))
    for name, content in files:
        replace_file(order.folder / name, content)
        (order.folder / name).chmod(0o644)  # for the web server, which is another user
    return files


def _send(order: PublishOrder, files: tuple[tuple[str, bytes], ...]) -> None:
    """To the place of uploads. What fails is tried again with the next feed. Raises StoreError."""
    from probe.upkeep.updates.signed_fetch import KEYS_SUFFIX
    from probe.upkeep.upload.sender import UploadError
    from probe.upkeep.upload.upload_send import FILE_S, make_sender

    try:
        sender = make_sender(order.settings, order.folder)
        keys = order.file.with_name(order.file.name + KEYS_SUFFIX)
        beside = ((keys.name, keys.read_bytes()),) if keys.is_file() else ()
        for name, content in (*beside, *files):
            sender.put(f"feeds/{name}", content, timeout_s=FILE_S)
    except UploadError as error:
        raise StoreError(f"the feed is written and could not be uploaded: {error}") from None
