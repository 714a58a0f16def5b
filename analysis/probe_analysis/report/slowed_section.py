"""Services that are suspected to be slowed for days (`slowed.json` of an analysis), as a table on a fleet's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probe.core.json_decoders import decode_json
from probe.store.files.atomic import StoreError, translate_os_errors
from probe_analysis.findings.finding_values import SlowedPart
from probe_analysis.findings.logged_findings import BAD_ROW
from probe_analysis.look.planned_parts import make_slowed_part
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.names import name_service
from probe_analysis.pages.tables import Cell, PageTable, TableRow, TableSection
from probe_analysis.report.at_times_section import format_share

_MAX_BYTES, _MAX_ROWS = 8 << 20, 200
_HEADS = ("what", "where", "when", "own", "others", "elsewhere", "beside", "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowedRow:
    """One suspicion of the file."""

    cc: str
    part: SlowedPart


def read_slowed(path: Path) -> tuple[SlowedRow, ...]:
    """The rows, the latest first. Raises StoreError where the file cannot be read or is none."""
    with translate_os_errors(path), path.open("rb") as file:
        text = file.read(_MAX_BYTES + 1)
    try:
        if len(text) > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES >> 20} MiB")
        rows = [SlowedRow(cc=str(row["probe_cc"]), part=make_slowed_part(row))
                for row in decode_json(text, list[dict[str, Any]])]
    except (*BAD_ROW, RecursionError) as error:
        raise StoreError(f"{path}: {error}; make it again: probe analyse") from error
    return tuple(sorted(rows, key=lambda row: (row.part.last_day, row.cc, row.part.asn), reverse=True))


def make_slowed_section(rows: Sequence[SlowedRow], titles: Mapping[str, str], say: ReportLanguage) -> TableSection:
    """The table."""
    left = len(rows) - _MAX_ROWS
    return TableSection(
        anchor="slowed", note=say("slowed.note"), notes=[say("finding.more", n=left)] if left > 0 else (),
        table=PageTable(title=say("slowed.heading"), heads=[say(f"slowed.{key}") for key in _HEADS], css="events",
                        rows=[_row(row, titles, say) for row in rows[:_MAX_ROWS]]))


def _row(row: SlowedRow, titles: Mapping[str, str], say: ReportLanguage) -> TableRow:
    part = row.part
    return TableRow(service=part.service, css="stretch", cells=(
        Cell(strong=name_service(part.service, titles)),
        f"{row.cc} (AS{part.asn})",
        Cell(text=f"{part.first_day} \u2013 {part.last_day}",
             notes=[say("slowed.began" if part.has_onset else "slowed.at_first")]),
        format_share(part.troubled, part.n, (part.low, part.high)),
        f"{part.others_troubled} / {part.others_n}",
        f"{part.elsewhere_troubled} / {part.elsewhere_n}",
        Cell(text=f"{part.beside_troubled} / {part.beside_n}", notes=[say("slowed.by_name")] if part.by_name else ()),
        Cell(notes=[say.name_word("slowed_doubt", word) for word in part.not_ruled_out])))
