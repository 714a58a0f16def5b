"""What people said of an event after it was told: that it was wrong, how it was, or the operator's reply. Pure but for
its file, `corrections.jsonl` beside the log of events, which only grows.

A retraction is a row of the log as well, so that every reader of the log knows of it; replies and corrections leave
the event as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from probe.core.stamps import format_time, parse_time
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, translate_os_errors
from probe_analysis.cells.file_names import CORRECTIONS_FILE

CorrectionKind: TypeAlias = Literal["retraction", "correction", "reply"]
KINDS: Mapping[CorrectionKind, str] = {
    "retraction": "It was wrong, and is withdrawn",
    "correction": "Something that was told was wrong",
    "reply": "What somebody concerned says of it",
}
"""Kind -> what it means, on pages."""
MAX_BYTES, MAX_CORRECTIONS = 8 << 20, 5_000
MAX_TEXT, MAX_BY, MAX_LINK = 2_000, 200, 500


class Correction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement about one event. Raises ValueError where a field is empty, too long, or no link."""

    event_id: str
    """As the log has it."""
    kind: CorrectionKind
    by: str
    """Who says so, as they want to be named."""
    text: str
    link: str = ""
    """Where more can be read; empty, or an https address."""
    logged_at: str
    lab: bool
    place: str
    service: str
    onset: str
    """When the event began and ended, or was last seen, as it was told then: old bundles know it by these."""
    end: str

    def __post_init__(self) -> None:
        for name, limit in (("by", MAX_BY), ("text", MAX_TEXT)):
            value = getattr(self, name)
            if not value.strip() or len(value) > limit:
                raise ValueError(f"{name} needs 1 to {limit} characters")
        if self.link and not (self.link.startswith("https://") and self.link.isascii() and self.link.isprintable()
                              and not set(self.link) & set(" \"'<>\\") and len(self.link) <= MAX_LINK):
            raise ValueError(f"link is an https address of at most {MAX_LINK} characters, or empty")
        for stamp in (self.logged_at, self.onset, self.end):
            parse_time(stamp)


def read_corrections(path: Path) -> tuple[Correction, ...]:
    """All of a file, in its order; none where there is no file. Raises StoreError with the line that is wrong."""
    if not path.exists():
        return ()
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    lines = raw.splitlines()
    if len(raw) > MAX_BYTES or len(lines) > MAX_CORRECTIONS:
        raise StoreError(f"{path}: more than {MAX_BYTES >> 20} MiB, or than {MAX_CORRECTIONS} corrections")
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(msgspec.json.decode(line, type=Correction))
        except ValueError as error:
            raise StoreError(f"{path}, line {number}: is no correction: {visible(str(error))[:200]}") from error
    return tuple(found)


def find_corrections_file(folder: Path) -> Path:
    """Where the corrections of an analysis stand."""
    return folder / CORRECTIONS_FILE


def make_correction(row: Mapping[str, Any], *, kind: CorrectionKind, by: str, text: str, link: str,
                    now: datetime) -> Correction:
    """One about the event of a row of the log. Raises ValueError."""
    return Correction(event_id=str(row["event_id"]), kind=kind, by=by, text=text, link=link, logged_at=format_time(now),
                      lab=bool(row["lab"]), place=str(row["place"]), service=str(row["service"]),
                      onset=str(row["onset"]), end=str(row["end_from"]))


def write_line(correction: Correction) -> bytes:
    """Its line of the file."""
    return (json.dumps(msgspec.to_builtins(correction), ensure_ascii=False) + "\n").encode()


def list_concerning(corrections: Iterable[Correction], *, service: str, place: str, begin: datetime,
                    end: datetime, lab: bool) -> list[Correction]:
    """Those about an event of a service, or of whole networks, of a country that has a time in common with this one."""
    return [one for one in corrections
            if (one.place, one.lab) == (place, lab) and one.service in (service, "")
            and parse_time(one.onset) <= end and begin <= parse_time(one.end)]

def sort_by_event(corrections: Sequence[Correction], names: Mapping[str, str], *,
                  lab: bool) -> dict[str, tuple[Correction, ...]]:
    """Key of an event -> what was said of it."""
    found: dict[str, tuple[Correction, ...]] = {}
    for one in corrections:
        if one.lab == lab and one.event_id in names:
            found[names[one.event_id]] = (*found.get(names[one.event_id], ()), one)
    return found
