"""Services that are suspected to be slowed for days (`slowed.json` of an analysis), as a table on a fleet's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from probe.core.json_decoders import decode_json
from probe.store.files.atomic import StoreError, translate_os_errors
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.names import name_service
from probe_analysis.pages.tables import Cell, PageTable, TableRow, TableSection
from probe_analysis.report.at_times_section import format_share

_MAX_BYTES, _MAX_ROWS = 8 << 20, 200
_HEADS = ("what", "where", "when", "own", "others", "elsewhere", "beside", "open")
Text = Annotated[str, msgspec.Meta(max_length=120)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class SlowedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One suspicion, as `probe_analysis.slowed.slowed_rows` writes it."""

    probe_cc: Text
    probe_asn: int
    service: Text
    first_day: Text
    last_day: Text
    onset: bool
    n: Count
    troubled: Count
    low: Share
    high: Share
    others_n: Count
    others_troubled: Count
    elsewhere_n: Count
    elsewhere_troubled: Count
    beside_n: Count
    beside_troubled: Count
    by_name: bool
    not_ruled_out: Annotated[list[Text], msgspec.Meta(max_length=12)]


def read_slowed(path: Path) -> tuple[SlowedRow, ...]:
    """The rows, the latest first. Raises StoreError where the file cannot be read or is none."""
    with translate_os_errors(path), path.open("rb") as file:
        text = file.read(_MAX_BYTES + 1)
    try:
        if len(text) > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES >> 20} MiB")
        rows = decode_json(text, list[SlowedRow])
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: {error}; make it again: probe analyse") from error
    return tuple(sorted(rows, key=lambda row: (row.last_day, row.probe_cc, row.probe_asn), reverse=True))


def make_slowed_section(rows: Sequence[SlowedRow], titles: Mapping[str, str], say: ReportLanguage) -> TableSection:
    """The table."""
    left = len(rows) - _MAX_ROWS
    return TableSection(
        anchor="slowed", note=say("slowed.note"), notes=[say("finding.more", n=left)] if left > 0 else (),
        table=PageTable(title=say("slowed.heading"), heads=[say(f"slowed.{key}") for key in _HEADS], css="events",
                        rows=[_row(row, titles, say) for row in rows[:_MAX_ROWS]]))


def _row(row: SlowedRow, titles: Mapping[str, str], say: ReportLanguage) -> TableRow:
    return TableRow(service=row.service, css="stretch", cells=(
        Cell(strong=name_service(row.service, titles)),
        f"{row.probe_cc} (AS{row.probe_asn})",
        Cell(text=f"{row.first_day} \u2013 {row.last_day}", notes=[say("slowed.began" if row.onset else
                                                                      "slowed.at_first")]),
        format_share(row.troubled, row.n, (row.low, row.high)),
        f"{row.others_troubled} / {row.others_n}",
        f"{row.elsewhere_troubled} / {row.elsewhere_n}",
        Cell(text=f"{row.beside_troubled} / {row.beside_n}", notes=[say("slowed.by_name")] if row.by_name else ()),
        Cell(notes=[say.name_word("slowed_doubt", word) for word in row.not_ruled_out])))
