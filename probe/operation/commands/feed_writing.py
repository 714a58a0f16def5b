"""Where a control feed goes: held against the last one, signed, written as a web server serves it, and uploaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.config.settings import Settings
from probe.core.stamps import format_time
from probe.results.files.atomic import StoreError
from probe.results.files.text_cells import visible

if TYPE_CHECKING:
    from probe.control.feeds.feed_document import Feed
    from probe.operation.updates.signing import SecretKey

_SUFFIX, _SIGNATURE = ".json", ".minisig"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDestination:
    """Who signs a feed, and where it is to lie."""

    settings: Settings
    key: SecretKey
    name: str
    folder: Path
    upload: bool
    force: bool
    as_json: bool

    @property
    def file(self) -> Path:
        """Where the feed lies, the last one and the next."""
        return self.folder / f"{self.name}{_SUFFIX}"


def refuse(order: FeedDestination, why: str, status: int) -> int:
    """Say why nothing is published; the exit status is given back."""
    if order.as_json:
        click.echo(json.dumps({"published": False, "why": why}))
    click.echo(f"Nothing is published: {visible(why)} The last feed stays.", err=True)
    return status


def read_last_feed(order: FeedDestination) -> Feed | None:
    """The feed that lies there, where it is ours and whole."""
    from probe.control.feeds.feed_document import FeedError
    from probe.operation.updates.feed_updates import verify_feed
    from probe.operation.updates.signed_file import SignedFile

    try:
        fetched = SignedFile(document=order.file.read_bytes(),
                             signature=order.file.with_name(order.file.name + _SIGNATURE).read_bytes())
        found = verify_feed(fetched, order.key.public).feed
    except (OSError, FeedError):
        return None
    return found if found.name == order.name else None


def explain_collapse(before: Feed | None, now: Feed) -> str:
    """Why a feed is rather this place's fault than the world's: most of what answered does not any more."""
    if before is None:
        return ""
    well = {entry.input for entry in before.entries if entry.state == "ok"}
    gone = sum(entry.input in well and entry.state != "ok" for entry in now.entries)
    both = sum(entry.input in well for entry in now.entries)
    if both < 4 or 2 * gone <= both:
        return ""
    return (f"of {both} endpoints that answered before {gone} do not any more, which is rather the fault of this place "
            "(--force publishes it).")


def write_feed_files(order: FeedDestination, made: Feed) -> tuple[tuple[str, bytes], ...]:
    """Name and content of both files, as they lie there now. Raises StoreError.

    The signature first: who comes between gets a pair that does not fit, and asks again.
    """
    from probe.control.feeds.feed_document import write_feed
    from probe.results.files.atomic import replace_file

    raw = write_feed(made)
    signed = order.key.sign(raw, f"feed {made.name} made {format_time(made.made)}")
    files = ((order.file.name + _SIGNATURE, signed), (order.file.name, raw))
    for name, content in files:
        replace_file(order.folder / name, content)
        (order.folder / name).chmod(0o644)  # for the web server, which is another user
    return files


def send_feed(order: FeedDestination, files: tuple[tuple[str, bytes], ...]) -> None:
    """To the place of uploads. What fails is tried again with the next feed. Raises StoreError."""
    from probe.operation.upload.sender import UploadError
    from probe.operation.upload.upload_send import FILE_S, make_sender

    try:
        sender = make_sender(order.settings, order.folder)
        for name, content in files:
            sender.put(f"feeds/{name}", content, timeout_s=FILE_S)
    except UploadError as error:
        raise StoreError(f"the feed is written and could not be uploaded: {error}") from None
