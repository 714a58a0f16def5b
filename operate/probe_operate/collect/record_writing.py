"""Writes the collector's records of names, as a whole or not at all; `probe.store.archive` reads them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

from probe.core.tables.origin_words import ORIGIN_WORDS
from probe.store.archive.name_origins import COLUMNS as ORIGIN_COLUMNS
from probe.store.archive.name_origins import DaySpan, NameOrigins
from probe.store.archive.vouched_names import COLUMNS, VouchedName
from probe.store.files.atomic import replace_file


def write_record(path: Path, names: Mapping[tuple[str, int], VouchedName]) -> None:
    """Writes such a file, as a whole or not at all. Raises StoreError."""
    _write_rows(path, COLUMNS, (
        (name, entry.since.isoformat(), asn, entry.prefix) for (name, asn), entry in sorted(names.items())))


def write_name_origins(path: Path, names: Mapping[tuple[str, int], NameOrigins]) -> None:
    """Writes the file, as a whole or not at all. Raises StoreError."""
    _write_rows(path, ORIGIN_COLUMNS, (
        (name, asn, *(origins.counts[word] for word in ORIGIN_WORDS), _format_spans(origins.elsewhere))
        for (name, asn), origins in sorted(names.items())))


def _format_spans(spans: Sequence[DaySpan]) -> str:
    return " ".join(f"{span.begin.isoformat()}/{span.end.isoformat() if span.end else ''}" for span in spans)


def _write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes such a file, as a whole or not at all. Raises StoreError."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    replace_file(path, text.getvalue().encode())
