"""Our runs as OONI's table of observations (`obs_web`): a row for each step of a measurement.

A row of OONI's merges DNS, TCP, TLS and HTTP of one endpoint where one visit made them; here each step has its own row,
which the same queries count alike, since empty columns are null.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from probe.core.runs import RunResult
from probe.store.files.text_cells import encode
from probe.store.schema import Column, Kind
from probe_analysis.imported.ooni.exported_by_us import export_measurements
from probe_analysis.imported.words.translated_words import make_digest

Cell = str | int | float | bool | None
_TEXT = Column(name="cell", kind=Kind.TEXT, nullable=False, unit="", meaning="any text")
OBS_WEB: tuple[str, ...] = (
    "measurement_uid", "input", "report_id", "measurement_start_time", "software_name", "software_version", "test_name",
    "test_version", "probe_asn", "probe_cc", "network_type", "platform", "engine_name", "engine_version",
    "observation_idx", "target_id", "hostname", "ip", "port",
    "dns_query_type", "dns_failure", "dns_engine", "dns_engine_resolver_address", "dns_answer_type", "dns_answer",
    "dns_t", "tcp_failure", "tcp_success", "tcp_t",
    "tls_failure", "tls_server_name", "tls_version", "tls_cipher_suite", "tls_is_certificate_valid", "tls_t",
    "http_request_url", "http_network", "http_alpn", "http_failure", "http_response_status_code", "http_t",
)
"""The columns that are written, as OONI names them. What no row of ours says is left out."""


def write_observation_table(runs: Iterable[RunResult], file: BinaryIO) -> int:
    """Writes the table of some runs, as CSV; returns the number of its rows."""
    file.write(make_csv_line(OBS_WEB))
    rows = (row for result in runs for one in export_measurements(result)
            for row in list_observation_rows(one, result.run.run_id))
    count = 0
    for row in rows:
        file.write(make_csv_line(row.values()))
        count += 1
    return count


def list_observation_rows(measurement: Mapping[str, Any], run_id: str) -> Iterator[dict[str, Cell]]:
    """The rows of one exported measurement (`probe_analysis.imported.ooni.exported_by_us`)."""
    target = str(measurement["test_keys"]["x_verdict"]["target_id"])
    common = {name: measurement.get(name) for name in OBS_WEB if name in measurement}
    common |= {name: value for name, value in measurement["annotations"].items() if name in OBS_WEB}
    common |= {"measurement_uid": make_digest(run_id, target), "target_id": target,
               "probe_asn": int(str(measurement["probe_asn"]).removeprefix("AS") or 0)}
    for number, step in enumerate(_list_steps(measurement["test_keys"])):
        yield {name: (common | {"observation_idx": number} | step).get(name) for name in OBS_WEB}


def make_csv_line(cells: Iterable[Cell]) -> bytes:
    """One line of CSV (RFC 4180). What a terminal or a spreadsheet would act on is neutralised; null is empty."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_write_cell(cell) for cell in cells])
    return text.getvalue().encode()


def _write_cell(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else encode(cell, _TEXT) if isinstance(cell, str) else str(cell)


def _list_steps(keys: Mapping[str, Any]) -> Iterator[dict[str, Cell]]:
    for query in keys.get("queries", ()):
        asked = {"hostname": query["hostname"], "dns_query_type": query["query_type"], "dns_failure": query["failure"],
                 "dns_engine": query["engine"], "dns_engine_resolver_address": query["resolver_address"],
                 "dns_t": query["t"]}
        answers: list[dict[str, Any]] = query["answers"] or [{}]
        for answer in answers:
            yield asked | {"dns_answer_type": answer.get("answer_type"),
                           "dns_answer": answer.get("ipv4") or answer.get("ipv6") or answer.get("hostname")}
    for one in keys.get("tcp_connect", ()):
        yield {"ip": one["ip"], "port": one["port"], "tcp_failure": one["status"]["failure"],
               "tcp_success": one["status"]["success"], "tcp_t": one["t"]}
    for one in keys.get("tls_handshakes", ()):
        yield _split_place(one["address"]) | {
            "tls_failure": one["failure"], "tls_server_name": one["server_name"], "tls_version": one["tls_version"],
            "tls_cipher_suite": one["cipher_suite"], "tls_t": one["t"],
            "tls_is_certificate_valid": None if one["no_tls_verify"] else one["failure"] is None}
    for one in reversed(keys.get("requests", ())):
        yield _split_place(one["address"]) | {
            "http_request_url": one["request"]["url"], "http_network": one["network"], "http_alpn": one["alpn"],
            "http_failure": one["failure"], "http_response_status_code": one["response"]["code"], "http_t": one["t"]}


def _split_place(text: str) -> dict[str, Cell]:
    ip, _, port = text.rpartition(":")
    return {"ip": ip.strip("[]") or None, "port": int(port) if port.isdigit() else None}
