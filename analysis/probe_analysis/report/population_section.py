"""What many probes say together of what fails (`population.parquet`), as a table by day on the page of a fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from pathlib import Path
from typing import Any

from probe.store.files.atomic import translate_os_errors
from probe_analysis.pages.language import ReportLanguage, find_block_type
from probe_analysis.pages.names import name_place, name_service
from probe_analysis.pages.tables import Cell, PageTable, TableRow, TableSection

_MAX_ROWS, _MAX_TEXT = 200, 120
_BATCH_ROWS, _MOST_READ = 1 << 14, 1 << 21
_COLUMNS = ("lab", "probe_cc", "probe_asn", "service", "role", "target_id", "onset", "last", "outcome", "block_type",
            "suspected", "basis", "rule_id", "not_excluded", "n", "struck", "witnesses", "networks_alike",
            "networks_spared")
_OPEN = {"pop/unplaced": "unplaced", "pop/fresh_names": "suspected"}
"""Rule -> the status of what fails alike for several probes, with nobody accused."""
_HEADS = ("what", "where", "when", "how", "verdict", "numbers", "open")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationTable:
    """The rows that the page has room for, those that accuse first, then the longest; and how many there are."""

    rows: Sequence[Row]
    total: int


def read_population(path: Path) -> PopulationTable:
    """The rows that are blocked, unplaced or suspected. Raises StoreError where the file cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    total, kept = 0, list[Row]()
    with translate_os_errors(path):
        try:
            with pq.ParquetFile(path) as file:
                read = 0
                for batch in file.iter_batches(_BATCH_ROWS, columns=list(_COLUMNS)):
                    read += batch.num_rows
                    shown = [row for row in batch.to_pylist() if _is_told(row)]
                    total += len(shown)
                    kept = nsmallest(_MAX_ROWS, [*kept, *shown], key=_rank)
                    if read >= _MOST_READ:
                        break
        except pa.ArrowException as error:
            raise OSError(f"no table of a population: {error}") from error
    return PopulationTable(rows=kept, total=total)


def make_population_section(found: PopulationTable, titles: Mapping[str, str], say: ReportLanguage) -> TableSection:
    """The table, the latest day first, with a heading for each day on which something began."""
    rows = sorted(found.rows, key=lambda row: (row["onset"], row["probe_cc"], row["probe_asn"], row["target_id"]),
                  reverse=True)
    days = [say.day(row["onset"]) for row in rows]
    left = found.total - len(rows)
    return TableSection(
        anchor="population", note=say("population.note"), notes=[say("population.more", n=left)] if left else (),
        table=PageTable(
            title=say("population.heading"), heads=[say(f"population.{key}") for key in _HEADS], css="events",
            rows=[_row(row, "" if day == before else say("population.day", day=day), titles, say)
                  for row, day, before in zip(rows, days, ["", *days], strict=False)]))


def _is_told(row: Row) -> bool:
    """Whether a row accuses, or says that nobody is accused of what fails alike for several probes."""
    sound = isinstance(row["onset"], datetime) and isinstance(row["last"], datetime)
    return sound and (row["outcome"] == "blocked" or row["rule_id"] in _OPEN)


def _rank(row: Row) -> tuple[bool, int]:
    return row["outcome"] != "blocked", -(row["struck"] or 0)


def _row(row: Row, day: str, titles: Mapping[str, str], say: ReportLanguage) -> TableRow:
    service, cause = _text(row["service"]), _text(row["block_type"] if row["outcome"] == "blocked" else
                                                  row["suspected"])
    known = find_block_type(cause)
    numbers = (("hours", f"{row['struck']} / {row['n']}"), ("probes", row["witnesses"]),
               ("alike", row["networks_alike"]), ("spared", row["networks_spared"]))
    return TableRow(group=day, service=service, css="stretch", cells=(
        Cell(strong=name_service(service, titles), text=say.name_word("role", _text(row["role"])),
             ids=_text(row["target_id"])),
        f"{name_place(_text(row['probe_cc']), say, lab=row['lab'])} (AS{row['probe_asn']})",
        f"{say.moment(row['onset'])} \u2013 {say.moment(row['last'])}",
        Cell(code=cause, notes=[say.meaning(known)] if known else ()),
        _verdict(row, say),
        Cell(lines=[f"{say(f'population.{key}')}: {value}" for key, value in numbers]),
        Cell(notes=[say.name_word("population_doubt", word) for word in _text(row["not_excluded"]).split()])))


def _verdict(row: Row, say: ReportLanguage) -> Cell:
    if row["outcome"] != "blocked":
        return Cell(strong=say(f"status.{_OPEN[row['rule_id']]}"))
    return Cell(strong=say("population.blocked"), notes=[say.name_word("population_basis", _text(row["basis"]))])


def _text(value: object) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
