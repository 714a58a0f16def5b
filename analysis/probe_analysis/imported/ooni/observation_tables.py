"""OONI's table of observations (`obs_web`), CSV or Parquet: rows of one measurement become that measurement again.

A row is one endpoint of a measurement, with what DNS, TCP, TLS and HTTP met there. What the test helper said stands in
another table, so nothing here has a control. The rows are written as the measurement that they came from and read as
any other, so that the same bounds hold.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import IO, Any

from probe_analysis.imported.ooni.table_measurements import ENVELOPE, NOTES, Row

FRAME = ("measurement_uid", "measurement_start_time", "probe_asn", "probe_cc")
"""A CSV file whose header has two of these is a table of OONI's."""
NEEDED = ("measurement_start_time", "probe_asn", "probe_cc")
MET = ("dns_failure", "dns_answer", "tcp_success", "tcp_failure", "tls_failure", "tls_is_certificate_valid",
       "http_request_url", "http_failure", "http_response_status_code")
"""What DNS, TCP, TLS and HTTP met. A table may lack some of these, and is of no use without any."""
PARQUET = b"PAR1"
MAX_LINE = 1 << 20
BATCH = 2000
MAX_GROUP_BYTES = 128 << 20
"""Of a row group of a Parquet file, unpacked: a page of it may be all of it, and pages are unpacked whole."""
MAX_TEXT = 4000
"""Letters of a cell. Rows of a Parquet file share their texts, which JSON would write out once a row."""
_NULLS = ("", "\\N", "NULL", "None")
_COLUMNS = (
    "hostname", "ip", "port", "dns_engine", "dns_query_type", "dns_engine_resolver_address", "dns_failure", "dns_t",
    "dns_answer", "dns_answer_type", "dns_answer_asn", "tcp_success", "tcp_failure", "tcp_t", "tls_failure",
    "tls_server_name", "tls_version", "tls_cipher_suite", "tls_echconfig", "tls_is_certificate_valid", "tls_t",
    "http_request_url", "http_failure", "http_response_status_code", "http_response_header_location",
    "http_response_header_server", "http_t",
)
_KNOWN = frozenset((*ENVELOPE, *NOTES, *_COLUMNS))
_LACKING = "lacking"
"""Stands, as this one object, where a line of a CSV file has no cell."""


def is_table_header(line: bytes) -> bool:
    """Whether a file that begins with this line is such a table, as CSV."""
    if line[:1] in (b"{", b"["):
        return False
    names = {name.strip(' "\r\n\ufeff') for name in line.decode("utf-8", "replace").split(",")}
    return len(names.intersection(FRAME)) > 1


def list_missing(names: Iterable[str]) -> tuple[str, ...]:
    """The columns among `MET` that a table lacks. Raises ValueError where it lacks too much to be read."""
    found = set(names)
    if missing := [name for name in NEEDED if name not in found]:
        raise ValueError(f"it has no column {', '.join(missing)}")
    if not found.intersection(("measurement_uid", "input")):
        raise ValueError("it has neither of the columns measurement_uid and input")
    if not found.intersection(MET):
        raise ValueError(f"it is no table of observations: it has none of the columns {', '.join(MET)}")
    return tuple(name for name in MET if name not in found)


def open_csv(file: IO[bytes]) -> tuple[list[str], Iterator[Row]]:
    """The columns of a CSV file, and its rows; a line with fewer cells ends as a row that lacks some. Raises csv.Error,
    and ValueError for a line that is too long."""
    table = csv.DictReader(_read_lines(file), restval=_LACKING)
    return list(table.fieldnames or ()), map(_read_csv_row, table)


def _read_csv_row(row: dict[str, str]) -> Row:
    return {name: None if value in _NULLS else value for name, value in row.items()
            if name in _KNOWN and value is not _LACKING}


def _read_lines(file: IO[bytes]) -> Iterator[str]:
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise ValueError(f"a line is longer than {MAX_LINE >> 20} MiB")
        yield line.decode("utf-8", "replace").removeprefix("\ufeff")


def open_parquet(file: IO[bytes]) -> tuple[list[str], Iterator[Row]]:
    """The columns of a Parquet file, and its rows, batch by batch. Raises Arrow's errors, and ValueError for a row
    group that is too large."""
    import pyarrow.parquet as parquet

    table = parquet.ParquetFile(file)
    wanted = [name for name in table.schema_arrow.names if name in _KNOWN]
    _check_groups(table.metadata, frozenset(wanted))
    texts = [name for name in wanted if str(table.schema_arrow.field(name).type) in ("string", "binary")]
    return wanted, _read_batches(parquet.ParquetFile(file, read_dictionary=texts), wanted)


def _read_batches(table: Any, wanted: list[str]) -> Iterator[Row]:
    for batch in table.iter_batches(batch_size=BATCH, columns=wanted):
        columns = [_read_cells(batch.column(name)) for name in batch.schema.names]
        yield from (dict(zip(batch.schema.names, cells, strict=True)) for cells in zip(*columns, strict=True))


def _check_groups(metadata: Any, wanted: frozenset[str]) -> None:
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(place) for place in range(group.num_columns))
        size = sum(c.total_uncompressed_size for c in columns if c.path_in_schema.partition(".")[0] in wanted)
        if size > MAX_GROUP_BYTES:
            raise ValueError(f"row group {number + 1} takes more than {MAX_GROUP_BYTES >> 20} MiB unpacked: write it "
                             "with at most 100,000 rows a group")


def _read_cells(column: Any) -> list[Any]:
    """The values of a column; equal texts are one object, however many rows have them."""
    if not hasattr(column, "dictionary"):
        return list(column.to_pylist())
    texts = [_cut(text) for text in column.dictionary.to_pylist()]
    return [None if place is None else texts[place] for place in column.indices.to_pylist()]


def _cut(text: str | bytes | None) -> str | bytes | None:
    return None if text is None else text[:MAX_TEXT]
