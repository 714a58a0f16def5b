"""What many probes say together of what fails (`population.parquet`), as a table by day on the page of a fleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from itertools import groupby
from pathlib import Path
from typing import Any

from probe.store.files.atomic import translate_os_errors
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.language import ReportLanguage, find_block_type

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
                    told = [row for row in batch.to_pylist() if _is_told(row)]
                    total += len(told)
                    kept = nsmallest(_MAX_ROWS, [*kept, *told], key=_rank)
                    if read >= _MOST_READ:
                        break
        except pa.ArrowException as error:
            raise OSError(f"no table of a population: {error}") from error
    return PopulationTable(rows=kept, total=total)


def make_population_section(found: PopulationTable, titles: Mapping[str, str], say: ReportLanguage) -> Html:
    """The table, the latest day first; nothing where there is none."""
    if not found.rows:
        return join_html()
    rows = sorted(found.rows, key=lambda row: (row["onset"], row["probe_cc"], row["probe_asn"], row["target_id"]),
                  reverse=True)
    heads = make_tag("tr", [make_tag("th", say(f"population.{key}"), scope="col") for key in _HEADS])
    table = make_tag("table", make_tag("caption", say("population.heading"), class_="unseen"),
                     make_tag("thead", heads), make_tag("tbody", _days(rows, titles, say)), class_="events")
    left = found.total - len(rows)
    return make_tag(
        "section", make_tag("h2", say("population.heading"), id="population-h"),
        make_tag("p", say("population.note"), class_="note"),
        make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=say("population.heading")),
        make_tag("p", say("population.more", n=left), class_="note") if left else "",
        id="population", aria_labelledby="population-h",
    )


def _is_told(row: Row) -> bool:
    """Whether a row accuses, or says that nobody is accused of what fails alike for several probes."""
    sound = isinstance(row["onset"], datetime) and isinstance(row["last"], datetime)
    return sound and (row["outcome"] == "blocked" or row["rule_id"] in _OPEN)


def _rank(row: Row) -> tuple[bool, int]:
    return row["outcome"] != "blocked", -(row["struck"] or 0)


def _days(rows: Iterable[Row], titles: Mapping[str, str], say: ReportLanguage) -> list[Html]:
    """Rows of the table, with a heading for each day on which something began."""
    made: list[Html] = []
    for day, mine in groupby(rows, key=lambda row: say.day(row["onset"])):
        made.append(make_tag("tr", make_tag("th", say("population.day", day=day), colspan=len(_HEADS),
                                            scope="colgroup")))
        made += [_row(row, titles, say) for row in mine]
    return made


def _row(row: Row, titles: Mapping[str, str], say: ReportLanguage) -> Html:
    service, cause = _text(row["service"]), _text(row["block_type"] if row["outcome"] == "blocked" else
                                                  row["suspected"])
    place = say("page.seen_lab", place=_text(row["probe_cc"])) if row["lab"] else _text(row["probe_cc"])
    known = find_block_type(cause)
    numbers = (("hours", f"{row['struck']} / {row['n']}"), ("probes", row["witnesses"]),
               ("alike", row["networks_alike"]), ("spared", row["networks_spared"]))
    cells = (
        join_html(make_tag("b", titles.get(service) or service.replace("_", " ")),
                  f" {say.name_word('role', _text(row['role']))}",
                  make_tag("div", _text(row["target_id"]), class_="ids")),
        f"{place} (AS{row['probe_asn']})",
        f"{say.moment(row['onset'])} \u2013 {say.moment(row['last'])}",
        join_html(make_tag("code", cause), make_tag("div", say.meaning(known), class_="note") if known else ""),
        _verdict(row, say),
        [make_tag("div", f"{say(f'population.{key}')}: {value}") for key, value in numbers],
        [make_tag("div", say.name_word("population_doubt", word), class_="note")
         for word in _text(row["not_excluded"]).split()],
    )
    first, *rest = cells
    return make_tag("tr", make_tag("th", first, scope="row"), [make_tag("td", cell) for cell in rest],
                    data_service=service, class_="stretch")


def _verdict(row: Row, say: ReportLanguage) -> Html:
    if row["outcome"] != "blocked":
        return make_tag("b", say(f"status.{_OPEN[row['rule_id']]}"))
    reason = say.name_word("population_basis", _text(row["basis"]))
    return join_html(make_tag("b", say("population.blocked")), make_tag("div", reason, class_="note"))


def _text(value: object) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
