"""`croissant.json`: the package described to tools of machine learning (Croissant 1.0, of MLCommons)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probe.store.schema import Column, Kind, Table
from probe_analysis.publication.datapackage import NAME, Json
from probe_analysis.publication.package_facts import KEYWORDS, LICENCES, PackageFacts

_CONTEXT: Mapping[str, Json] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "sc": "https://schema.org/",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}
_TYPES: Mapping[Kind, str] = {
    Kind.TEXT: "sc:Text", Kind.TIME: "sc:DateTime", Kind.INTEGER: "sc:Integer", Kind.NUMBER: "sc:Float",
    Kind.BOOLEAN: "sc:Boolean", Kind.TEXTS: "sc:Text", Kind.INTEGERS: "sc:Text", Kind.PAIRS: "sc:Text",
}
"""Lists are one text a cell, as the CSV file has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedFile:
    """One file of the package."""

    path: str
    sha256: str
    size_bytes: int


def make_croissant(facts: PackageFacts, tables: Sequence[tuple[Table, PackagedFile]]) -> dict[str, Json]:
    """The description of the CSV files of a package."""
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "name": NAME,
        "description": facts.description,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "citeAs": facts.cite_as,
        "creator": [{"@type": "sc:Organization" if not facts.order.creators else "sc:Person", "name": name}
                    for name in facts.order.named_creators],
        "datePublished": f"{facts.made:%Y-%m-%d}",
        "keywords": list(KEYWORDS),
        "license": LICENCES[facts.order.licence][1],
        "url": "https://zenodo.org/",
        "version": facts.order.version,
        "distribution": [_file(table, file) for table, file in tables],
        "recordSet": [_records(table) for table, _ in tables],
    }


def _file(table: Table, file: PackagedFile) -> Json:
    return {"@type": "cr:FileObject", "@id": f"{table.name}.csv", "name": f"{table.name}.csv",
            "description": table.title, "contentUrl": file.path, "contentSize": f"{file.size_bytes} B",
            "encodingFormat": "text/csv", "sha256": file.sha256}


def _records(table: Table) -> Json:
    return {"@type": "cr:RecordSet", "@id": table.name, "name": table.name, "description": table.title,
            **({"key": [{"@id": f"{table.name}/{name}"} for name in table.key]} if table.key else {}),
            "field": [_field(table, column) for column in table.columns]}


def _field(table: Table, column: Column) -> Json:
    return {"@type": "cr:Field", "@id": f"{table.name}/{column.name}", "name": column.name,
            "description": column.meaning, "dataType": _TYPES[column.kind],
            "source": {"fileObject": {"@id": f"{table.name}.csv"}, "extract": {"column": column.name}}}
