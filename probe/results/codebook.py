"""The codebook: every column of the results in words. `python -m probe.results.codebook > docs/codebook.md`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES
from probe.results.batches.batch_files import BATCH_TABLES
from probe.results.schema import FRAME, SCHEMA_VERSION, TABLES, Column, Kind, Table

_CSV_FORMS: Mapping[Kind, str] = {
    Kind.TEXT: "text",
    Kind.TIME: "time",
    Kind.INTEGER: "integer",
    Kind.NUMBER: "number",
    Kind.BOOLEAN: "true/false",
    Kind.TEXTS: "texts, `a;b`",
    Kind.INTEGERS: "integers, `4;6`",
    Kind.PAIRS: "pairs, `a=b;c=d`",
}

_HEAD = f"""# Codebook

Every column of the results, generated from the schema (version {SCHEMA_VERSION}) by `python -m probe.results.codebook`.

## Files

One run writes one file per table and never changes it:

```
results/TABLE/date=YYYY-MM-DD/RUN_ID.csv
results/parquet/TABLE/date=YYYY-MM-DD/RUN_ID.parquet    (where the `research` extra is installed)
```

`TABLE` is one of {", ".join(f"`{name}`" for name in TABLES)}. The `runs` file is written last: a run without one is not
whole and does not count. `date` is the UTC day on which the run began. `probe compact` puts `day@HASH.csv` in the place
of a day's files: the same rows under one header, with a list of its runs and their rows in `day@HASH.runs`. Reading all
of a table:

```python
pandas.concat(pandas.read_csv(f, keep_default_na=False, na_values="") for f in glob.glob("results/verdicts/*/*.csv"))
pandas.read_parquet("results/parquet/verdicts")
duckdb.sql("FROM read_csv('results/verdicts/*/*.csv', union_by_name = true)")
duckdb.sql("FROM 'results/parquet/verdicts/*/*.parquet'")
```

Only the empty cell means none: by default pandas, and R without `na.strings = ""`, lose Namibia (`NA`). The Parquet
files are complete where every run wrote them, and for the days that `probe compact --format parquet` merged.
`probe.results.runs.run_reader.read_runs` gives back exactly the values that were measured.

## Cells of the CSV files

UTF-8, RFC 4180, a header line, and one line per row. Numbers are bare, booleans are `true` and `false`, nothing is the
empty cell. In texts:

- `\\` begins an escape: `\\\\`, `\\n`, `\\r`, `\\t`, `\\xNN`, `\\uNNNN`. Control characters, marks that reorder text,
  and lone surrogates are always escaped: no cell can move a terminal's cursor or turn a line around.
- A list is joined by `;`; a pair by `=`. Inside an item these are `\\x3b` and `\\x3d`. `\\e` is an empty item, and the
  empty text in a column where the empty cell means none.
- A text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-` or `@`) has an apostrophe before it,
  as has one that begins with an apostrophe itself: take one off. After a `;` the first character of a formula is
  written `\\xNN`.

The Parquet files hold the same values without any of this: real lists, times, booleans and nulls.

## Signatures

Each run is signed with a key of its month (Ed25519, RFC 8032) that never leaves the probe; `probe_id` is `k` and
the first 15 characters of base64url(SHA-256("reachability-probe name 1\\n" + the key's 32 bytes)). So nobody can
speak under the name of another, and nobody can change a row unseen. The row of `runs` holds the key,
`columns_version`, and in `digests` the rows and the SHA-256 of every other table; `signature` is over
"reachability-probe run 1\\n" and the canonical form of the `runs` table of that run, its cell `signature` empty.

The canonical form of a run's table is the CSV file that the probe writes: the header, then a line a row, cells as
above, quoted only where a comma, a quotation mark or a line end is in them, each line ended by CR LF. It is the
same from CSV, Parquet, merged days (the lines that begin with the `run_id`) and collected data sets:

- Order: lines are sorted as bytes. Columns are those of `columns_version`, in the order of the tables below;
  columns that came later are left out.
- Times: `YYYY-MM-DDTHH:MM:SS`, six decimals where microseconds are not 0, `Z`; empty where there is no time.
- Numbers: the shortest decimal that reads as the same binary64, with `.0` where it is whole; integers bare.
- None is the empty cell; the empty text, where none is possible, is `\\e`.
- Text: UTF-8; a half of a surrogate pair is the six characters `\\udNNN`, of which the backslash is escaped in
  turn.

A run is `signed`; `unsigned` (made before runs were signed, in the laboratory, or where no key can be kept:
counted, and told apart); `damaged` (a table, or the signature, is not what was signed, or a signature is missing
under a name that begins with `k`); or `foreign` (signed by another key than that of its name). Commands leave
damaged and foreign runs out and say so; `probe verify` tells all, table by table. What a data set holds stays:
`probe collect` refuses other versions of it.

## Before you count

- Rows with `lab` = true were made in a laboratory. Never mix them with others.
- `inconclusive` and `not_attempted` are neither ok nor blocked. A share is k of n, and n counts
  only what was decided: endpoints in the table `services`, runs where runs are counted.
- One `blocked` row is one network at one time. Nothing follows for a country or an operator until independent lines
  agree; see `scope` and `confirmed`.
- Compare over time only within one `probe_asn`: a volunteer's laptop travels. Runs with `vantage_doubt` belong to no
  one network. Country and network are as good as what was stated, or as a table of `geo_db_date`: `cc_source` and
  `asn_source` in `runs` tell which.
- A change that coincides with a new `software_version`, `rules_version` or `catalogue_version` is first of all a
  change of the instrument.

"""


_BATCHES = """
## Tables of `probe stores`

Batches of lookups in application stores, beside the runs: `results/TABLE/date=YYYY-MM-DD/BATCH_ID.csv`, each file
written once and never changed. They are not merged, not uploaded and not released; `probe export --table` makes one
file of them."""


def write_codebook() -> str:
    """The whole codebook as Markdown."""
    outcomes = OUTCOMES | {NOT_ATTEMPTED: "the target was never tried in this run; counted in no share"}
    sections = [
        _HEAD + "## Outcomes\n\n| outcome | meaning |\n|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in outcomes.items()),
        "\n## Columns that every table but `runs` begins with\n",
        _grid(FRAME),
        *(_section(table) for table in TABLES.values()),
        _BATCHES,
        *(_section(table) for table in BATCH_TABLES.values()),
    ]
    return "\n".join(sections) + "\n"


def _section(table: Table) -> str:
    framed = table.name in TABLES and table.name != "runs"
    own = table.columns[len(FRAME) :] if framed else table.columns
    key = f"\n\nUnique: {', '.join(f'`{name}`' for name in table.key)}." if table.key else ""
    return f"\n## `{table.name}`\n\n{table.title}.{key}\n\n{_grid(own)}"


def _grid(columns: tuple[Column, ...]) -> str:
    return "\n".join(["| column | type | unit | meaning |", "|---|---|---|---|", *map(_line, columns)])


def _line(column: Column) -> str:
    form = _CSV_FORMS[column.kind] + (" or none" if column.nullable else "")
    meaning = column.meaning.replace("|", r"\|")
    return f"| `{column.name}` | {form} | {column.unit} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(write_codebook())
