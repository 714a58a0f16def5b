"""`datapackage.json`: describes a results folder to Frictionless tools (Data Package 2.0)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from probe import __version__
from probe.store.files.atomic import write_file
from probe.store.runs.run_files import run_files
from probe.store.schema import SCHEMA_VERSION, TABLES, Column, Kind, Table
from probe_analysis.batches.batch_files import BATCH_TABLES

Json = str | int | bool | list["Json"] | dict[str, "Json"]

NAME = "reachability-results"
"""What programs call the data set."""
PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
_LIST: Mapping[str, Json] = {"type": "list", "delimiter": ";"}
_TYPES: Mapping[Kind, Mapping[str, Json]] = {
    Kind.TEXT: {"type": "string"},
    Kind.TIME: {"type": "datetime"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.BOOLEAN: {"type": "boolean", "trueValues": ["true"], "falseValues": ["false"]},
    Kind.TEXTS: _LIST,
    Kind.INTEGERS: {**_LIST, "itemType": "integer"},
    Kind.PAIRS: _LIST,
}


def make_data_package(directory: Path) -> dict[str, Json]:
    """The descriptor of the CSV files that a results folder holds now; a table without files is left out."""
    resources: list[Json] = [
        describe_table(table, paths)
        for table in (*TABLES.values(), *BATCH_TABLES.values())
        if (paths := [path.relative_to(directory).as_posix() for path in run_files(directory, table.name)])
    ]
    return {
        "$schema": PROFILE,
        "name": NAME,
        "title": "Reachability of messaging services, measured from volunteers' networks",
        "version": SCHEMA_VERSION,
        "description": f"Written by probe {__version__}. Rows with lab = true were made in a laboratory.",
        "resources": resources,
    }


def write_package(directory: Path) -> Path:
    """Writes `datapackage.json` for the files that are there now; later runs are not in it until it is made anew."""
    path = directory / "datapackage.json"
    write_file(path, json.dumps(make_data_package(directory), indent=1, ensure_ascii=False).encode() + b"\n")
    return path


def describe_table(table: Table, paths: list[str]) -> dict[str, Json]:
    """The resource of one table: its CSV files, the meaning of its columns, and what their rows refer to."""
    schema: dict[str, Json] = {"fields": [_field(column) for column in table.columns], "missingValues": [""]}
    if table.key:
        schema["primaryKey"] = list(table.key)
    if table.name in TABLES and table.name != "runs":
        reference: Json = {"resource": "runs", "fields": ["run_id"]}
        schema["foreignKeys"] = [{"fields": ["run_id"], "reference": reference}]
    return {
        "name": table.name,
        "type": "table",
        "title": table.title,
        "path": list(paths),
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": schema,
    }


def _field(column: Column) -> Json:
    unit: dict[str, Json] = {"unit": column.unit} if column.unit else {}
    return {"name": column.name, **_TYPES[column.kind], "description": column.meaning, **unit}
