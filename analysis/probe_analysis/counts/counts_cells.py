"""From judged counts to `cells.parquet`, as the results of probes become cells, and back from it what they were."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from probe.core.counted_words import count_things
from probe.core.stamps import format_time
from probe.store.files.atomic import StoreError, replace_file, replace_whole, translate_os_errors
from probe_analysis.cells.cell_schema import MEANINGS, SCHEMA
from probe_analysis.cells.failure_layers import FAILED
from probe_analysis.cells.file_names import ABOUT_FILE, CELLS_FILE
from probe_analysis.counts.cells_origin import ORIGIN_KEY
from probe_analysis.counts.counts_rows import COUNTS_REASONS, CountsRows, judge_counts
from probe_analysis.counts.counts_text import read_counts_text

MOST_SERIES = 50_000
"""Networks times targets that are looked at together."""
_VERSION = "software_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsSummary:
    """What was read of a file of counts, and what became of it."""

    rows: int
    used: int
    """Rows that count; those of one cell are added up."""
    left_out: Mapping[str, Mapping[str, Any]]
    """Reason -> `rows`, `first_line` and what it `means`."""
    twice: int
    step_s: int
    networks: int
    targets: int
    cells: int
    first: str
    last: str


def write_counts(path: Path, out: Path, now: datetime) -> CountsSummary:
    """Reads a file of counts and writes the cells to `out/cells.parquet`, what was counted beside it.

    Raises StoreError where the file is none, nothing in it can be used, or there is nowhere to write.
    """
    counts = judge_counts(read_counts_text(path), now)
    left_out: dict[str, dict[str, Any]] = {
        word: {"rows": entry.rows, "first_line": entry.first_line, "means": COUNTS_REASONS[word]}
        for word, entry in counts.left_out.items()}
    if counts.table.empty:
        why = "; ".join(f"{entry['rows']} from line {entry['first_line']} on: {entry['means']}"
                        for entry in left_out.values())
        raise StoreError(f"{path}: no row can be used{': ' + why if why else ', there is none'}")
    series = len(counts.table[["cc", "asn", "service", "role", "target"]].drop_duplicates())
    if series > MOST_SERIES:
        raise StoreError(f"{path}: {count_things(series, 'network')} times targets, more than {MOST_SERIES}; give a "
                         f"part of them")
    table = counts.table
    summary = CountsSummary(
        rows=counts.rows, left_out=left_out, twice=counts.twice, step_s=int(counts.step.total_seconds()),
        used=counts.rows - counts.twice - sum(entry.rows for entry in counts.left_out.values()),
        networks=len(table[["cc", "asn"]].drop_duplicates()), targets=table["target"].nunique(), cells=len(table),
        first=format_time(table["time"].min().tz_localize("UTC").to_pydatetime()),
        last=format_time(table["time"].max().tz_localize("UTC").to_pydatetime()),
    )
    with translate_os_errors(out / CELLS_FILE):
        _write(make_cells(counts), counts, out / CELLS_FILE)
    about = {"counts": path.name, **summary_to_json(summary),
             "columns": [{"name": name, "meaning": MEANINGS[name]} for name in SCHEMA.names]}
    replace_file(out / ABOUT_FILE, (json.dumps(about, indent=1) + "\n").encode())
    return summary


def summary_to_json(summary: CountsSummary) -> dict[str, Any]:
    """The summary for a program."""
    return {name: getattr(summary, name) for name in summary.__slots__}


def make_cells(counts: CountsRows) -> pd.DataFrame:
    """The cells of roles, of targets where a role has several, and of whole services.

    Verdicts that several targets of a role gave are added up: nobody says which of them came of one run.
    """
    table = counts.table.assign(role=counts.table["role"].astype(str))
    if "version" in table:
        most = table.sort_values(["n", "version"], ascending=[False, True])
        keys = ["cc", "asn", "service", "role", "target", "time"]
        table = _sum(table, keys).merge(most.drop_duplicates(keys)[[*keys, "version"]], on=keys)
    several = table.groupby(["service", "role"])["target"].transform("nunique") > 1
    parts = list(_levels(table, several))
    return pd.concat(parts, ignore_index=True)


def _levels(table: pd.DataFrame, several: pd.Series) -> Iterator[pd.DataFrame]:
    keys = ["cc", "asn", "service", "role", "time"]
    yield _cells(_sum(table, keys), "role")
    yield _cells(table[several], "target")
    yield _cells(_sum(table, [name for name in keys if name != "role"]).assign(role=""), "service")


def _sum(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    how = {name: "max" if name in ("witnesses", "version") else "sum"
           for name in ("n", "failed", "witnesses", "version") if name in table and name not in keys}
    return table.groupby(keys, as_index=False, sort=True).agg(how)


def _cells(table: pd.DataFrame, level: str) -> pd.DataFrame:
    cells = pd.DataFrame({
        "lab": False, "probe_cc": table["cc"], "probe_asn": table["asn"], "level": level, "service": table["service"],
        "role": table["role"], "target_id": table["target"] if level == "target" else "",
        "cell_start": table["time"].dt.tz_localize("UTC"), "n": table["n"], "ok": table["n"] - table["failed"],
        "blocked": table["failed"], "down": 0, "inconclusive": 0, "network": 0, "local": 0,
        "witnesses": table["witnesses"] if "witnesses" in table else table["n"], "block_type": "", "confirmed": 0,
        **dict.fromkeys(FAILED, 0), "failed_other": table["failed"], "failure_type": "", "standing": "unknown",
        "hellos": "", "struck_hellos": "",
    })
    return cells.assign(**{_VERSION: table["version"]}) if "version" in table else cells


def _write(cells: pd.DataFrame, counts: CountsRows, path: Path) -> None:
    fields = [*SCHEMA, *([pa.field(_VERSION, pa.string())] if _VERSION in cells else [])]
    about = {"step_s": int(counts.step.total_seconds()),
             "names": {str(asn): name for asn, name in counts.names.items()},
             "targets": bool((counts.table["service"] == counts.table["target"]).all()),
             "witnesses_told": "witnesses" in counts.table}
    schema = pa.schema(fields, metadata={ORIGIN_KEY: json.dumps(about).encode()})
    table = pa.Table.from_pandas(cells, schema=schema, preserve_index=False).replace_schema_metadata(schema.metadata)
    with replace_whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
