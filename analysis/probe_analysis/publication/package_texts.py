"""The files of a package that people read, and those that Zenodo and reference managers do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe.core.visible_text import visible
from probe.store.schema import Table
from probe_analysis.exports.release import MIN_PROBES, WINDOW_DAYS
from probe_analysis.publication.package_facts import KEYWORDS, LICENCES, PackageFacts
from probe_analysis.tables.plain_csv import make_plain_csv


def write_readme(facts: PackageFacts, *, parquet: bool) -> str:
    """What is in the package, and what must be known before anything is counted."""
    tables = "\n".join(f"| `data/{name}.csv` | {table.rows} | {len(table.days)} |"
                       for name, table in facts.tables.items())
    others = " Parquet files of the same names hold the same rows with lists, times and nulls." if parquet else ""
    return f"""# {visible(facts.title)}

Version {visible(facts.order.version)} of {facts.made:%Y-%m-%d}. {facts.description}

| file | rows | days |
|---|---|---|
{tables}

CSV is UTF-8 with a header. Only the empty cell means none; lists are joined by `;`.{others}

- `codebook.csv`: every column in words, with type and unit; `datapackage.json` (Frictionless) and `croissant.json`
  (Croissant) say the same to programs.
- `provenance.json`: how the package was made. `CHANGES.md` and `revisions.json`: what changed since earlier ones.
- `SHA256SUMS`: check the files with `sha256sum -c SHA256SUMS`.
- `CITATION.cff` and `.zenodo.json`: for citation and for the deposit. Licence: {facts.order.licence} (`LICENSE`).

## Before you count

- Rows with `lab` = true were made in a laboratory and say nothing of the world.
- `inconclusive` and `not_attempted` are neither ok nor blocked. A share is k of n, and n counts
  only what was decided: endpoints in the table `services`, runs where runs are counted.
- One `blocked` row is one network at one time. Nothing follows for a country or an operator until independent lines
  agree.
- The time is that of the hour and the network is told where at least {MIN_PROBES} probes measured from it within
  {WINDOW_DAYS} days, each known for {ESTABLISHED_DAYS} days, else only day and country (`probe_asn` = 0).
- Names of runs are new in every release.
- A change together with a new `rules_version`, `software_version` or `catalogue_version` is first of all a change of
  the instrument.

## Cite

{visible(facts.cite_as)}
"""


def write_licence(facts: PackageFacts) -> str:
    """The licence by name and address."""
    title, url = LICENCES[facts.order.licence]
    return (f"SPDX-License-Identifier: {facts.order.licence}\n\nThe data of this package are published under:\n"
            f"{title}\n{url}\n\nCopyright holders: {visible(', '.join(facts.order.named_creators))}\n")


def write_codebook_csv(tables: Iterable[Table]) -> str:
    """Every column: table, name, type, unit, meaning."""
    return make_plain_csv(("table", "column", "type", "unit", "meaning"), (
        (table.name, each.name, f"{each.kind}{' or none' if each.nullable else ''}", each.unit, each.meaning)
        for table in tables for each in table.columns)).decode()


def make_zenodo(facts: PackageFacts) -> dict[str, object]:
    """`.zenodo.json`: the metadata of a deposit, as Zenodo reads it."""
    return {
        "title": facts.title, "upload_type": "dataset", "description": facts.description,
        "version": facts.order.version, "publication_date": f"{facts.made:%Y-%m-%d}", "access_right": "open",
        "license": facts.order.licence.lower(), "creators": [{"name": name} for name in facts.order.named_creators],
        "keywords": list(KEYWORDS),
    }


def write_citation(facts: PackageFacts) -> str:
    """`CITATION.cff` (1.2.0). Texts are written as JSON, which YAML reads as the same texts."""
    said: Sequence[tuple[str, object]] = (
        ("cff-version", "1.2.0"), ("type", "dataset"), ("message", "Cite these data as below."),
        ("title", facts.title), ("version", facts.order.version), ("date-released", f"{facts.made:%Y-%m-%d}"),
        ("license", facts.order.licence), ("authors", [{"name": name} for name in facts.order.named_creators]),
        ("keywords", list(KEYWORDS)),
    )
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in said)
