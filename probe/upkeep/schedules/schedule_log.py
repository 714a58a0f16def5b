"""The schedule's own log: what was installed, which timed runs began and ended, which did not come to be.

One file a month of JSON lines in the results folder, only ever appended to: `schedule/2026-11.jsonl`. It holds times
and reasons, nothing of the network.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import msgspec

from probe.core.json_decoders import get_decoder
from probe.core.safe_files import open_regular
from probe.store.files.atomic import append_lines, make_folder, translate_os_errors

FOLDER = "schedule"
MAX_BYTES = 4 << 20
"""Of a month's file that are read; a run every quarter of an hour writes a tenth of it."""
_INSTALLED = b"installed"


class ScheduleEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened to the schedule."""

    at: datetime
    kind: str
    """installed, uninstalled, started, ended, overlap, refused, skipped, failed, paused, gap."""
    by: str = ""
    """installed: cron, systemd-user, systemd-system or watch."""
    every_min: int = 0
    minute: int = 0
    first: datetime | None = None
    """installed: when the first run is due; gap: when the first of the missed ones was."""
    n: int = 0
    """gap: how many runs are missing."""
    why: str = ""
    """gap, failed, refused, skipped, paused: the reason."""
    run_id: str = ""


def get_now() -> datetime:
    """The time for an event, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def append_event(results: Path, event: ScheduleEvent) -> None:
    """Add a line, on disk when this returns. Raises StoreError; a torn line of a crash before does no harm."""
    file = results / FOLDER / f"{event.at:%Y-%m}.jsonl"
    make_folder(file.parent)
    with translate_os_errors(file):
        append_lines(file, msgspec.json.encode(event) + b"\n")


def read_events(results: Path, *, since: datetime) -> list[ScheduleEvent]:
    """The events from `since` on, by time, and the latest `installed` or `uninstalled` before; lines that cannot be
    read are left out."""
    found = sorted(_all(results, f"{since:%Y-%m}"), key=lambda event: event.at)
    before = [event for event in found if event.at < since and event.kind in ("installed", "uninstalled")]
    return [*before[-1:], *(event for event in found if event.at >= since)]


def _all(results: Path, month: str) -> Iterator[ScheduleEvent]:
    """The events of this month and later ones; of earlier ones, which may be many, installations alone."""
    files: list[Path] = []
    with contextlib.suppress(OSError):  # a log that cannot be read stops no run
        files = sorted((results / FOLDER).glob("????-??.jsonl"))
    for file in files:
        with contextlib.suppress(OSError):
            if file.stem < month:
                text = _text(file)
                lines = text.split(b"\n") if _INSTALLED in text else []
                yield from _decode(line for line in lines if _INSTALLED in line)
            else:
                found = file.stat()
                yield from _events(file, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=3)
def _events(file: Path, state: tuple[int, ...]) -> tuple[ScheduleEvent, ...]:
    """All events of a file as it was in that state, since a run asks for them three times. Raises OSError."""
    return tuple(_decode(_text(file).split(b"\n")))


def _text(file: Path) -> bytes:
    with open_regular(file) as handle:
        return handle.read(MAX_BYTES)


def _decode(lines: Iterable[bytes]) -> Iterator[ScheduleEvent]:
    decoder = get_decoder(ScheduleEvent)
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            event = decoder.decode(line)
            if event.at.tzinfo is not None:
                yield event


def get_month_ago(moment: datetime) -> datetime:
    """Where `probe status` begins to count."""
    return moment - timedelta(days=30)
