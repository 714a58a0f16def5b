"""OONI's table of observations (`obs_web`), CSV or Parquet: rows of one measurement become that measurement again.

A row is one endpoint of a measurement, with what DNS, TCP, TLS and HTTP met there. What the test helper said stands in
another table, so nothing here has a control. The rows are written as the measurement that they came from and read as
any other, so that the same bounds hold.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import IO, Any

import msgspec

from probe.core.addresses import bracket_host

Row = Mapping[str, Any]
"""Column -> text, number, flag or None."""
NEEDED = frozenset(("measurement_uid", "test_name", "measurement_start_time", "probe_asn", "probe_cc"))
"""By these columns such a table is known."""
PARQUET = b"PAR1"
MAX_LINE = 1 << 20
MAX_ROWS = 2000
"""Of one measurement; the rest is left out."""
BATCH = 2000
MAX_GROUP_BYTES = 128 << 20
"""Of a row group of a Parquet file, unpacked: a page of it may be all of it, and pages are unpacked whole."""
MAX_TEXT = 4000
"""Letters of a cell. Rows of a Parquet file share their texts, which JSON would write out once a row."""
_NULLS = ("", "\\N", "NULL", "None")
_ENVELOPE = ("measurement_uid", "report_id", "input", "measurement_start_time", "probe_asn", "probe_cc", "resolver_asn",
             "resolver_ip", "software_name", "software_version", "test_name", "test_version")
_NOTES = ("engine_name", "engine_version", "network_type", "platform")
_COLUMNS = (
    "hostname", "ip", "port", "dns_engine", "dns_query_type", "dns_engine_resolver_address", "dns_failure", "dns_t",
    "dns_answer", "dns_answer_type", "dns_answer_asn", "tcp_success", "tcp_failure", "tcp_t", "tls_failure",
    "tls_server_name", "tls_version", "tls_cipher_suite", "tls_echconfig", "tls_is_certificate_valid", "tls_t",
    "http_request_url", "http_failure", "http_response_status_code", "http_response_header_location",
    "http_response_header_server", "http_t",
)


def is_table_header(line: bytes) -> bool:
    """Whether a file that begins with this line is such a table, as CSV."""
    if line[:1] in (b"{", b"["):
        return False
    names = {name.strip(' "\r\n') for name in line.decode("utf-8", "replace").split(",")}
    return names >= NEEDED


def read_csv_rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows of a CSV file; a line with another number of cells ends as a row that lacks some. Raises csv.Error, and
    ValueError for a line that is too long."""
    for row in csv.DictReader(_read_lines(file)):
        yield {str(name): None if value in _NULLS else value for name, value in row.items() if name is not None}


def _read_lines(file: IO[bytes]) -> Iterator[str]:
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise ValueError(f"a line is longer than {MAX_LINE >> 20} MiB")
        yield line.decode("utf-8", "replace")


def read_parquet_rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows of a Parquet file, batch by batch. Raises Arrow's errors, and ValueError for a row
    group that is too large."""
    import pyarrow.parquet as parquet

    table = parquet.ParquetFile(file)
    known = {*_ENVELOPE, *_NOTES, *_COLUMNS}
    wanted = [name for name in table.schema_arrow.names if name in known]
    _check_groups(table.metadata, frozenset(wanted))
    texts = [name for name in wanted if str(table.schema_arrow.field(name).type) in ("string", "binary")]
    table = parquet.ParquetFile(file, read_dictionary=texts)
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


def make_measurements(rows: Iterable[Row]) -> Iterator[bytes]:
    """The JSON of each measurement of which rows stand together."""
    for _, found in groupby(rows, key=lambda row: row.get("measurement_uid")):
        yield msgspec.json.encode(_make_measurement(list(islice(found, MAX_ROWS))), enc_hook=str)


def _make_measurement(rows: list[Row]) -> dict[str, Any]:
    first = rows[0]
    return {
        **{name: None if (value := first.get(name)) is None else str(value) for name in _ENVELOPE},
        "test_start_time": str(first.get("measurement_start_time")),
        "annotations": {name: str(first[name]) for name in _NOTES if first.get(name) is not None},
        "test_keys": {
            "queries": list(_queries(rows)), "tcp_connect": [c for c in map(_connect, rows) if c],
            "tls_handshakes": [s for s in map(_handshake, rows) if s],
            "requests": [r for r in map(_request, reversed(rows)) if r],
        },
    }


def _queries(rows: list[Row]) -> Iterator[dict[str, Any]]:
    """A question has a row for each answer."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        if row.get("dns_engine") is None and row.get("dns_failure") is None and row.get("dns_answer") is None:
            continue
        names = ("hostname", "dns_engine", "dns_query_type", "dns_engine_resolver_address", "dns_failure")
        one = found.setdefault(tuple(str(row.get(name)) for name in names), {
            "hostname": row.get("hostname"), "engine": row.get("dns_engine"), "query_type": row.get("dns_query_type"),
            "resolver_address": row.get("dns_engine_resolver_address"), "failure": row.get("dns_failure"),
            "t": _number(row.get("dns_t")), "answers": []})
        if (answer := row.get("dns_answer")) is not None:
            kind = str(row.get("dns_answer_type") or ("AAAA" if ":" in str(answer) else "A"))
            place = {"A": "ipv4", "AAAA": "ipv6"}.get(kind, "hostname")
            one["answers"].append({"answer_type": kind, place: str(answer),
                                   "asn": _whole(row.get("dns_answer_asn"))})
    yield from found.values()


def _connect(row: Row) -> dict[str, Any] | None:
    if row.get("tcp_success") is None and row.get("tcp_failure") is None:
        return None
    failure = row.get("tcp_failure")
    return {"ip": row.get("ip"), "port": _whole(row.get("port")), "t": _number(row.get("tcp_t")),
            "status": {"failure": failure, "success": failure is None}}


def _handshake(row: Row) -> dict[str, Any] | None:
    values = [row.get(name) for name in ("tls_failure", "tls_version", "tls_cipher_suite", "tls_is_certificate_valid")]
    if all(value is None for value in values):
        return None
    return {"address": _place(row), "failure": row.get("tls_failure"), "server_name": row.get("tls_server_name"),
            "tls_version": row.get("tls_version"), "cipher_suite": row.get("tls_cipher_suite"),
            "echconfig": row.get("tls_echconfig"), "t": _number(row.get("tls_t")),
            "no_tls_verify": row.get("tls_is_certificate_valid") is None and row.get("tls_failure") is None}


def _request(row: Row) -> dict[str, Any] | None:
    if row.get("http_request_url") is None:
        return None
    headers = {name: str(row[column]) for name, column in (("Location", "http_response_header_location"),
                                                           ("Server", "http_response_header_server"))
               if row.get(column) is not None}
    failure = row.get("http_failure")
    return {"address": _place(row), "failure": failure, "t": _number(row.get("http_t")),
            "request": {"url": row.get("http_request_url"), "method": "GET"},
            "response": {"code": _whole(row.get("http_response_status_code")) or 0, "headers": headers}}


def _place(row: Row) -> str | None:
    ip, port = row.get("ip"), _whole(row.get("port"))
    if ip is None or port is None:
        return None
    return f"{bracket_host(str(ip))}:{port}"


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and abs(number) < 1 << 53 else None


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
