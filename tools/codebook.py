"""The codebook: every column of the results in words. `make docs > docs/codebook.md`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES
from probe.store.batches.batch_files import BATCH_TABLES
from probe.store.schema import FRAME, SCHEMA_VERSION, TABLES, Column, Kind, Table

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

This page describes every column of the results. `make docs` generates it from the schema
(version {SCHEMA_VERSION}).

## Files

A run of the probe writes one file for each table of the results, and never changes it afterwards:

```
results/TABLE/date=YYYY-MM-DD/RUN_ID.csv
results/parquet/TABLE/date=YYYY-MM-DD/RUN_ID.parquet    (where the `parquet` extra is installed)
```

`TABLE` is one of {", ".join(f"`{name}`" for name in TABLES)}. `date` is the UTC day on which the run began. The probe
writes the file of the table `runs` last. If a run has no such file, it ended too early, and none of its rows count.

`probe compact` merges the files of a day into one file, `day@HASH.csv`, with the same rows under one header. A second
file, `day@HASH.runs`, then says which rows are from which run. One of these lines reads a whole table, before and after
that:

```python
pandas.concat(pandas.read_csv(f, keep_default_na=False, na_values="") for f in glob.glob("results/verdicts/*/*.csv"))
pandas.read_parquet("results/parquet/verdicts")
duckdb.sql("FROM read_csv('results/verdicts/*/*.csv', union_by_name = true)")
duckdb.sql("FROM 'results/parquet/verdicts/*/*.parquet'")
```

Only an empty cell means "no value". By default pandas also reads `NA`, the code of Namibia, as "no value", and so does
R without `na.strings = ""`. The options in the first line prevent this.

Parquet files may be missing for some runs, because a run writes them only where the `parquet` extra is installed.
`probe compact --format parquet` writes them for the days that it merges. In Python,
`probe.store.runs.run_reader.read_runs` returns exactly the values that were measured.

## Cells of the CSV files

The CSV files follow RFC 4180, in UTF-8, with a header line and one line for each row. Numbers have no quotation marks,
truth values are `true` and `false`, and an empty cell means "no value". For texts, these rules hold:

- `\\` begins an escape: `\\\\`, `\\n`, `\\r`, `\\t`, `\\xNN`, `\\uNNNN`. The probe always escapes control characters,
  marks that reorder text, and lone surrogates. So no cell can move a terminal's cursor or reverse a line.
- `;` separates the items of a list, and `=` the two parts of a pair. Inside an item these two characters are written
  `\\x3b` and `\\x3d`. `\\e` is an empty item. It is also the empty text, in columns in which an empty cell means "no
  value".
- A spreadsheet would take a text that begins with `=`, `+`, `-` or `@` for a formula. So the probe writes an
  apostrophe before such a text, and before one that begins with an apostrophe. Remove one apostrophe when you read the
  text. If an item after a `;` begins with such a character, the probe writes the character as `\\xNN`.

The Parquet files need none of these rules, because Parquet has types for lists, times, truth values and missing values.

## Signatures

The probe signs each run with a key that it changes every month (Ed25519, RFC 8032), so that every change of a row is
noticed. The secret half of the key never leaves the probe. `probe verify` checks the signatures. The rest of this
section is for people who write a program that checks them.

A probe's name (`probe_id`) is computed from its key, so nobody can use another probe's name. The name is `k` and the
first 15 characters of base64url(SHA-256("reachability-probe name 1\\n" + the public key's 32 bytes)).

The row of a run in the table `runs` holds what is needed to check the run's signature:

- The row holds the public key, and the version of the columns (`columns_version`).
- The column `digests` holds, for every other table, the number of the run's rows and their SHA-256.
- The column `signature` signs the text "reachability-probe run 1\\n", followed by the canonical form of the run's table
  `runs`. In this form the cell `signature` is empty.

Signatures and digests are computed from the **canonical form** of a run's table. CSV files, Parquet files, merged days
and collected data sets all give the same canonical form. It is the CSV file that the probe writes for the run: the
header, then one line for each row, with cells as above. These rules make it unique:

- Lines are sorted as bytes, and each line ends with CR LF.
- The columns are those of the run's `columns_version`, in the order of the tables below. Columns that later versions
  added are left out.
- A cell is in quotation marks only if it contains a comma, a quotation mark or a line end.
- A time is `YYYY-MM-DDTHH:MM:SS`, then six decimals if the microseconds are not 0, then `Z`.
- A number is the shortest decimal that reads as the same binary64, with `.0` if it is whole. An integer has no `.0`.
- "No value" is an empty cell. In columns that can have no value, the empty text is `\\e`.
- Text is UTF-8. Half of a surrogate pair is the six characters `\\udNNN`, and their backslash is escaped too.

A run is in one of four states:

- A run is `signed` if every table is as its probe signed it.
- A run is `unsigned` if an older version of the probe made it, if it is from the laboratory, or if the device can keep
  no key. Such runs count, and commands list them separately.
- A run is `damaged` if one of its tables, or its signature, was changed after it was signed. It is also damaged if its
  signature is missing although the probe's name begins with `k`, as names from keys do.
- A run is `foreign` if the key that signed it does not belong to the name of the probe in its rows.

Commands leave out runs that are damaged or foreign, and say so. `probe verify` reports the state of each table. If a
run is in a data set already, `probe collect` refuses other versions of it.

## Before you count

- Rows with `lab` = true were made in a laboratory. Never mix them with others.
- `inconclusive` and `not_attempted` mean neither ok nor blocked. When you compute a share, leave such rows out of the
  total.
- A `blocked` row is about one network at one time. It says nothing about a country or a network operator until the
  rows of several independent lines agree. See also the columns `scope` and `confirmed`.
- A volunteer's laptop travels, so compare rows over time only if they have the same network (`probe_asn`). Leave out
  runs with `vantage_doubt`, because it is not sure in which network they were made.
- Country and network were stated by the volunteer, or looked up in a table of the date `geo_db_date`. The columns
  `cc_source` and `asn_source` in `runs` say which of the two.
- If results change together with `software_version`, `rules_version` or `catalogue_version`, first suspect the new
  version as the cause.

"""


_BATCHES = """
## Tables of `probe stores`

`probe stores` asks application stores which messengers they offer. Each call writes one file into these tables,
`results/TABLE/date=YYYY-MM-DD/BATCH_ID.csv`, and never changes it. The program does not upload or release these files.
`probe export --table` makes one file of them."""


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
