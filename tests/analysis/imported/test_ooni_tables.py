"""OONI's table of observations: the same verdicts as of the measurements that it was made of, without a control."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ooni_data import measurement
from ooni_fleet import MESSENGERS, STRIKES, Strike, judge, make_days, page_of
from probe.core.verdicts import Verdict
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.measurement_lines import ReadTrouble, TableNote
from probe_analysis.imported.measurement_stream import read_measurement_stream
from probe_analysis.imported.ooni.observation_tables import MAX_LINE, MET


def flatten(one: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a measurement, a step each."""
    names = ("measurement_uid", "report_id", "input", "measurement_start_time", "probe_asn", "probe_cc", "resolver_asn",
             "resolver_ip", "software_name", "software_version", "test_name", "test_version")
    frame = {name: one[name] for name in names} | one["annotations"]
    keys, rows = one["test_keys"], []
    for q in keys["queries"]:
        asked = {"hostname": q["hostname"], "dns_engine": q["engine"], "dns_query_type": q["query_type"],
                 "dns_failure": q["failure"], "dns_t": q["t"]}
        rows += [asked | {"dns_answer": a.get("ipv4") or a.get("ipv6"), "dns_answer_asn": a["asn"]}
                 for a in q["answers"]] or [asked]
    for c in keys["tcp_connect"]:
        rows.append({"ip": c["ip"], "port": c["port"], "tcp_failure": c["status"]["failure"],
                     "tcp_success": c["status"]["success"], "tcp_t": c["t"]})
    for s in keys["tls_handshakes"]:
        ip, port = s["address"].rsplit(":", 1)
        rows.append({"ip": ip, "port": port, "tls_failure": s["failure"], "tls_server_name": s["server_name"],
                     "tls_version": s["tls_version"], "tls_is_certificate_valid": s["failure"] is None,
                     "tls_t": s["t"]})
    for r in reversed(keys["requests"]):
        ip, port = (r["address"] or ":").rsplit(":", 1)
        rows.append({"ip": ip or None, "port": port or None, "http_request_url": r["request"]["url"],
                     "http_failure": r["failure"], "http_response_status_code": r["response"]["code"],
                     "http_t": r["t"]})
    return [frame | row for row in rows]


def write(rows: list[dict[str, Any]], null: str = "") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), restval=null)
    writer.writeheader()
    writer.writerows([{k: null if v is None else v for k, v in row.items()} for row in rows])
    return text.getvalue().encode()


def read(data: bytes) -> list[Any]:
    found = read_measurement_stream(io.BufferedReader(io.BytesIO(data)))
    return [one for one in found if not isinstance(one, TableNote)]


def judged(data: bytes) -> list[tuple[str, str, str]]:
    found = read(data)
    assert all(isinstance(one, ImportedMeasurement) for one in found)
    return [_essence(v) for result in group_into_runs(found) for v in result.verdicts]


def _essence(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.target_id, verdict.outcome, verdict.suspected


@pytest.mark.parametrize("null", ["", "\\N"])
@pytest.mark.parametrize(("test", "strike"), [(t, s) for t in MESSENGERS for s in ("", *STRIKES)
                                              if s != "http" or t == "telegram"])
def test_a_table_says_what_its_measurements_say(test: str, strike: Strike, null: str) -> None:
    many = [*make_days(MESSENGERS[test](strike), days=0.25)]
    rows = [row for one in many for row in flatten(one)]
    assert judged(write(rows, null)) == [_essence(v) for v in judge(many)]


def test_parquet_is_read_as_csv_is() -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [row for one in make_days(MESSENGERS["signal"]("tls"), days=0.2) for row in flatten(one)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    made = io.BytesIO()
    texts = [{n: None if row.get(n) is None else str(row[n]) for n in names} for row in rows]
    parquet.write_table(arrow.Table.from_pylist(texts), made)
    assert judged(made.getvalue()) == judged(write(rows))
    assert any(isinstance(one, ReadTrouble) for one in read(made.getvalue()[:-20]))


CELLS = st.one_of(st.none(), st.text(max_size=12), st.integers(-(1 << 70), 1 << 70), st.floats(),
                  st.sampled_from(["[scrubbed]", "::1", "1e999", "nan", "\x00", '"', "a,b", "\u202e", "true"]))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_cell_is_read_or_explained(data: st.DataObject) -> None:
    rows = flatten(measurement(measurement_uid="a", test_version="0.5.28"))
    for row in rows:
        for name in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=3)):
            row[name] = data.draw(CELLS)
    found = read(write(rows))
    assert all(isinstance(one, ImportedMeasurement) or str(getattr(one, "reason", one)) for one in found)
    group_into_runs([one for one in found if isinstance(one, ImportedMeasurement)])


@given(st.binary(max_size=300))
def test_whatever_follows_the_header_is_read_or_explained(tail: bytes) -> None:
    header = write(flatten(measurement(measurement_uid="a"))[:1]).split(b"\n")[0]
    read(header + b"\n" + tail)
    read(b"PAR1" + tail)


def test_a_line_without_an_end_is_not_held_in_memory() -> None:
    header = write(flatten(measurement(measurement_uid="a"))[:1]).split(b"\n")[0]
    (found,) = read(header + b"\n" + b"x" * (MAX_LINE + 9))
    assert isinstance(found, ReadTrouble)


def without(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def flatten_web(strike: Strike = "") -> list[dict[str, Any]]:
    """The rows of measurements of one site in two hours."""
    return [row for one in make_days(page_of(strike), days=0.1) for row in flatten(one)]


@pytest.mark.parametrize("missing", [
    ("http_response_status_code",), ("tls_failure",), ("tcp_failure",), ("tcp_success",), ("dns_failure",),
    ("test_name",), ("measurement_uid",), ("test_version", "software_name")])
def test_a_table_without_a_column_still_shows_what_is_well(missing: tuple[str, ...]) -> None:
    found = judged(write(without(flatten_web(), *missing)))
    assert {outcome for _, outcome, _ in found} == {"ok"}


@pytest.mark.parametrize("strike", STRIKES)
@pytest.mark.parametrize("missing", MET)
def test_a_missing_column_makes_no_success_of_a_failure_and_no_block(strike: Strike, missing: str) -> None:
    found = judged(write(without(flatten_web(strike), missing)))
    assert not {outcome for _, outcome, _ in found} & {"ok", "blocked", "down"}


@pytest.mark.parametrize("strike", ["", *STRIKES])
def test_rows_in_any_order_with_columns_that_nobody_knows_say_the_same(strike: Strike) -> None:
    rows = flatten_web(strike)
    mixed = [{"": number, "extra": "x", **row} for number, row in enumerate(sorted(rows, key=lambda row: (
        str(row.get("hostname")), str(row.get("ip")), str(row.get("measurement_uid")))))]
    assert sorted(judged(write(mixed))) == sorted(judged(write(rows)))


def test_rows_of_a_measurement_that_stand_too_far_apart_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_analysis.imported.ooni.table_measurements.MAX_APART", 5)
    rows = flatten_web()
    assert [one.source for one in read(write(rows))] == list(dict.fromkeys(str(r["measurement_uid"]) for r in rows))


@pytest.mark.parametrize("missing", [(), ("http_response_status_code",), ("tls_failure", "http_failure")])
def test_the_columns_that_a_table_lacks_are_named(missing: tuple[str, ...]) -> None:
    data = write(without(flatten_web(), *missing))
    notes = [one for one in read_measurement_stream(io.BufferedReader(io.BytesIO(data)))
             if isinstance(one, TableNote)]
    assert notes == ([TableNote(missing)] if missing else [])


@pytest.mark.parametrize("names", [
    ["measurement_uid", "measurement_start_time", "probe_asn", "probe_cc", "domain", "dns_blocked", "dns_ok"],
    ["measurement_uid", "probe_asn", "probe_cc", "tcp_failure"],
    ["measurement_start_time", "probe_asn", "probe_cc", "tcp_failure"]])
def test_a_table_that_tells_nothing_is_refused_with_one_reason(names: list[str]) -> None:
    (trouble,) = read(write([dict.fromkeys(names, "1")] * 3))
    assert isinstance(trouble, ReadTrouble)
    assert trouble.line == 0


@pytest.mark.parametrize("changes", [
    {"tls_is_certificate_valid": False}, {"tcp_success": False}])
def test_a_row_that_contradicts_itself_shows_nothing(changes: dict[str, Any]) -> None:
    rows = [{**row, **{k: v for k, v in changes.items() if row.get(k) is not None}} for row in flatten_web()]
    merged = [{**rows[at + 1], **rows[at + 2], **rows[at + 3]} for at in range(0, len(rows), 4)]
    found = judged(write([row for at, one in enumerate(merged) for row in (rows[at * 4], {**one, **changes})]))
    assert not {outcome for _, outcome, _ in found} & {"ok", "blocked", "down"}
