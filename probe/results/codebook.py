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

`TABLE` is one of {", ".join(f"`{name}`" for name in TABLES)}. `date` is the UTC day on which the run began. The probe
writes the `runs` file last: a run without this file is not complete and does not count.

`probe compact` replaces a day's files by one file, `day@HASH.csv`, with the same rows under one header. `day@HASH.runs`
then lists the day's runs and their rows. These lines read a whole table:

```python
pandas.concat(pandas.read_csv(f, keep_default_na=False, na_values="") for f in glob.glob("results/verdicts/*/*.csv"))
pandas.read_parquet("results/parquet/verdicts")
duckdb.sql("FROM read_csv('results/verdicts/*/*.csv', union_by_name = true)")
duckdb.sql("FROM 'results/parquet/verdicts/*/*.parquet'")
```

Only an empty cell means "no value". By default pandas, and R without `na.strings = ""`, also read `NA` (the code of
Namibia) as "no value".

The Parquet files are complete if every run wrote them, and for days that `probe compact --format parquet` merged. The
function `probe.results.runs.run_reader.read_runs` returns exactly the values that were measured.

## Cells of the CSV files

The files are CSV as in RFC 4180, in UTF-8, with a header line and one line per row. Numbers have no quotation marks,
booleans are `true` and `false`, and an empty cell means "no value". Texts have these rules:

- `\\` begins an escape: `\\\\`, `\\n`, `\\r`, `\\t`, `\\xNN`, `\\uNNNN`. Control characters, marks that reorder text,
  and lone surrogates are always escaped, so no cell can move a terminal's cursor or reverse a line.
- `;` separates the items of a list, and `=` the two parts of a pair. Inside an item these two characters are written
  `\\x3b` and `\\x3d`. `\\e` is an empty item. It is also the empty text, in columns in which an empty cell means "no
  value".
- A text that begins with `=`, `+`, `-` or `@` would be a formula in a spreadsheet, so the probe writes an apostrophe
  before it. It does the same with a text that begins with an apostrophe. Remove one apostrophe when you read the
  text. After a `;` the probe writes the first character of a formula as `\\xNN`.

The Parquet files need none of these rules: they hold the same values as lists, times, booleans and nulls.

## Signatures

The probe signs each run with a key of its month (Ed25519, RFC 8032), so every change of a row is noticed. The secret
key never leaves the probe. Nobody can use another probe's name, because the name (`probe_id`) comes from the key. It is
`k` and the first 15 characters of base64url(SHA-256("reachability-probe name 1\\n" + the public key's 32 bytes)).

The `runs` table of a run holds what is needed to check the signature:

- The row holds the public key and `columns_version`.
- The column `digests` holds the number of rows and the SHA-256 of every other table.
- The column `signature` signs the text "reachability-probe run 1\\n", followed by the canonical form of the run's
  `runs` table with an empty cell `signature`.

The canonical form of a run's table is the CSV file that the probe writes: the header, then one line per row, with cells
as above. CSV, Parquet, merged days (the lines that begin with the `run_id`) and collected data sets all give the same
canonical form:

- Lines are sorted as bytes, and each line ends with CR LF. Columns are those of `columns_version`, in the order of the
  tables below, without columns that were added later.
- A cell is in quotation marks only if it contains a comma, a quotation mark or a line end.
- A time is `YYYY-MM-DDTHH:MM:SS`, six decimals if the microseconds are not 0, and `Z`. No time is an empty cell.
- A number is the shortest decimal that reads as the same binary64, with `.0` if it is whole. Integers have no `.0`.
- "No value" is an empty cell. In columns that can have no value, the empty text is `\\e`.
- Text is UTF-8. Half of a surrogate pair is the six characters `\\udNNN`, and their backslash is escaped too.

A run is in one of four states:

- A run is `signed` if every table is as its probe signed it.
- A run is `unsigned` if it was made before runs were signed, in the laboratory, or where no key can be kept. Such runs
  count, and commands list them separately.
- A run is `damaged` if a table or the signature is not what was signed. It is also damaged if its name begins with `k`
  and it has no signature.
- A run is `foreign` if the key that signed it does not belong to the run's name.

Commands leave damaged and foreign runs out and say so; `probe verify` reports each table. A run in a data set stays as
it is: `probe collect` refuses other versions of it.

## Before you count

- Rows with `lab` = true were made in a laboratory. Never mix them with others.
- `inconclusive` and `not_attempted` are neither ok nor blocked. Leave them out of the whole when you compute a share:
  count only decided endpoints (table `services`) or decided runs.
- One `blocked` row is about one network at one time. It says nothing about a country or an operator until independent
  lines agree; see `scope` and `confirmed`.
- Compare over time only within one `probe_asn`, because a volunteer's laptop travels. A run with `vantage_doubt`
  cannot be assigned to one network.
- Country and network come from the volunteer, or from a table of the date `geo_db_date`. The columns `cc_source` and
  `asn_source` in `runs` say from which of the two.
- If results change together with `software_version`, `rules_version` or `catalogue_version`, first suspect the new
  version as the cause.

"""


_BATCHES = """
## Tables of `probe stores`

These tables hold batches of lookups in application stores: `results/TABLE/date=YYYY-MM-DD/BATCH_ID.csv`. The program
writes each file once and never changes it. It does not merge, upload or release these files; `probe export --table`
makes one file of them."""


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
