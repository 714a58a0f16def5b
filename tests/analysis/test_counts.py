"""Anybody's counts: what is read of them, what is left out and told, and that nothing in them breaks anything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from in_order import in_order
from made_cells import quiet, struck
from probe.cli.main import cli
from probe.store.files.atomic import StoreError
from probe_analysis.cells.file_names import EVENTS_FILE
from probe_analysis.counts import counts_cells, counts_text
from probe_analysis.counts.cells_origin import read_origin
from probe_analysis.counts.counts_cells import make_cells, write_counts
from probe_analysis.counts.counts_rows import NAMED, CountsRows, judge_counts
from probe_analysis.counts.counts_text import read_counts_text

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = "time,network,target,n,failed"
GOOD = "2025-01-01T00:00:00Z,KE-AS1,t,3,1"


def judged(tmp_path: Path, content: str | bytes, name: str = "c.csv") -> CountsRows:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return judge_counts(read_counts_text(path), NOW)


ANALYSIS = ("measurement_uid", "domain", "probe_cc", "probe_asn", "measurement_start_time", "top_dns_failure",
            *(f"{layer}_{word}" for layer in ("dns", "tcp", "tls") for word in ("blocked", "down", "ok")))
OK, BLOCKED, DOWN, OPEN = (0.1, 0.0, 0.9), (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.0, 0.0, 0.0)


def analysis(*measured: tuple[str, str, tuple[tuple[float, float, float], ...]]) -> pd.DataFrame:
    """A table of OONI's analysis: minute, id, scores of three layers."""
    return pd.DataFrame([(uid, "t.example", "KE", 1, f"2025-01-01 00:{minute}:00.000", None,
                          *(score for layer in layers for score in layer)) for minute, uid, layers in measured],
                        columns=list(ANALYSIS))


@pytest.mark.parametrize("parquet", [False, True])
def test_the_scores_of_an_analysis_are_counts(tmp_path: Path, parquet: bool) -> None:
    table = analysis(("01", "a", (OK, OK, OK)), ("02", "b", (OK, OK, BLOCKED)), ("02", "b", (OK, OK, BLOCKED)),
                     ("03", "c", (OK, DOWN, OPEN)), ("04", "d", (BLOCKED, OPEN, OPEN)), ("05", "e", (OPEN,) * 3),
                     ("06", "f", (OK, BLOCKED, DOWN)), ("07", "g", (OK, OPEN, OPEN)))
    path = tmp_path / "a"
    if parquet:
        table["measurement_start_time"] = pd.to_datetime(table["measurement_start_time"])
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    found = judge_counts(read_counts_text(path), NOW)
    assert rows_of(found) == [("KE", 1, "t.example", 5, 3)]
    assert found.table["time"].tolist() == [pd.Timestamp("2025-01-01")]
    assert found.left_out["undecided"].rows == 2
    assert found.left_out["undecided"].first_line == (4 if parquet else 5)


@given(st.lists(st.sampled_from(["", "nan", "inf", "-1", "2", "x", "0.5", "1e400"]), min_size=9, max_size=9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scores_that_are_none_break_nothing(tmp_path: Path, words: list[str]) -> None:
    table = analysis(("01", "a", (OK, OK, OK)), ("02", "b", (OK, OK, OK))).astype(object)
    table.loc[0, list(ANALYSIS[6:])] = words
    table.to_csv(tmp_path / "a.csv", index=False)
    (row,) = rows_of(judge_counts(read_counts_text(tmp_path / "a.csv"), NOW))
    assert row[3] in (1, 2)


def rows_of(counts: CountsRows) -> list[tuple[object, ...]]:
    return [tuple(row) for row in counts.table[["cc", "asn", "target", "n", "failed"]].itertuples(index=False)]


@pytest.mark.parametrize(("row", "reason"), [
    ("2025-01-01T00:00:00Z,KE-AS1,t,-3,1", "numbers"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,3,", "numbers"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,3,4", "numbers"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,3.5,1", "numbers"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,1e3,1", "numbers"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,\u0663,1", "numbers"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,99999999999999999999,1", "numbers"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,0,0", "empty"),
    ("2026-02-01T00:00:00Z,KE-AS1,t,3,1", "future"),
    ("9999-01-01,KE-AS1,t,3,1", "future"),
    ("yesterday,KE-AS1,t,3,1", "time"),
    ("0001-01-01,KE-AS1,t,3,1", "time"),
    (",KE-AS1,t,3,1", "time"),
    ("2025-01-01T00:00:00Z,KE-AS1,,3,1", "target"),
    ("2025-01-01T00:00:00Z,Safaricom,t,3,1", "network"),
    ("2025-01-01T00:00:00Z,AS1,t,3,1", "network"),
    ("2025-01-01T00:00:00Z,ZZ-AS1,t,3,1", "network"),
    ("2025-01-01T00:00:00Z,KE-AS99999999999,t,3,1", "network"),
    ("2025-01-01T00:00:00Z,,t,3,1", "network"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,3", "columns"),
    ("2025-01-01T00:00:00Z,KE-AS1,t,3,1,1", "columns"),
])
def test_a_row_that_cannot_be_right_is_left_out_with_its_line(tmp_path: Path, row: str, reason: str) -> None:
    counts = judged(tmp_path, f"{HEAD}\n{GOOD}\n{row}\n{row}\n")
    assert {word: (told.rows, told.first_line) for word, told in counts.left_out.items()} == {reason: (2, 3)}
    assert rows_of(counts) == [("KE", 1, "t", 3, 1)]
    assert counts.rows == 3


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_encodings_and_ends_of_lines(tmp_path: Path, separator: str, encoding: str, end: str) -> None:
    lines = [HEAD.upper(), "2025-01-01T00:00:00Z,KE-AS1,t\u00e9l\u00e9,3,1", ""]
    content = end.join(line.replace(",", separator) for line in lines)
    assert rows_of(judged(tmp_path, content.encode(encoding))) == [("KE", 1, "t\u00e9l\u00e9", 3, 1)]


@pytest.mark.parametrize(("network", "country", "place"), [
    ("KE-AS33771", "", ("KE", 33771)), ("ke-as33771", "", ("KE", 33771)), ("KE", "", ("KE", 0)),
    ("AS33771", "ke", ("KE", 33771)), ("KE-AS1", "KE", ("KE", 1)),
])
def test_how_a_network_may_be_written(tmp_path: Path, network: str, country: str, place: tuple[str, int]) -> None:
    counts = judged(tmp_path, f"{HEAD},country\n2025-01-01T00:00:00Z,{network},t,3,1,{country}\n")
    assert rows_of(counts) == [(*place, "t", 3, 1)]


def test_a_network_with_a_name_keeps_it_and_its_country(tmp_path: Path) -> None:
    counts = judged(tmp_path, f"{HEAD},country\n2025-01-01,Safaricom,t,3,1,KE\n2025-01-01,Telkom,t,3,1,KE\n"
                              "2025-01-01,Telkom,t,3,1,ZZ\n")
    assert set(counts.names.values()) == {"Safaricom", "Telkom"}
    assert {row[0] for row in rows_of(counts)} == {"KE"}
    assert all(asn >= NAMED for asn in counts.names)
    assert counts.left_out["network"].rows == 1


def test_rows_that_come_again_count_once_and_others_are_added_up(tmp_path: Path) -> None:
    counts = judged(tmp_path, f"{HEAD}\n{GOOD}\n{GOOD}\n2025-01-01T00:20:00Z,KE-AS1,t,5,0\n")
    assert rows_of(counts) == [("KE", 1, "t", 8, 1)]
    assert counts.twice == 1


@pytest.mark.parametrize(("times", "step_h"), [
    (["2025-01-01", "2025-01-02", "2025-01-04"], 24), (["2025-01-01T06:00:00Z", "2025-01-02T06:00:00Z"], 24),
    (["2025-01-01T00:00:00Z", "2025-01-03T05:00:00Z"], 1), (["2025-01-01T00:00:00+03:00"], 1),
])
def test_days_are_told_from_hours(tmp_path: Path, times: list[str], step_h: int) -> None:
    counts = judged(tmp_path, "\n".join([HEAD, *(f"{time},KE-AS1,t,3,1" for time in times)]))
    assert counts.step == timedelta(hours=step_h)


@pytest.mark.parametrize(("content", "words"), [
    (b"", "the file is empty"),
    (b"time,network\n", "line 1 lacks the columns target, n, failed"),
    (b"time,network,target,n,failed,n\n", "line 1 names n twice"),
    (f"{HEAD}\n".encode(), "no row can be used"),
    (f"{HEAD}\n2025-01-01,Safaricom,t,3,1\n".encode(), "1 from line 2 on: a network that names no country"),
    (b"PAR1 and no more", "cannot be read as CSV or Parquet"),
    (b"\0" * 5000, "lacks the columns"),
])
def test_what_holds_no_counts_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(content)
    done = CliRunner().invoke(cli, ["analyse", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert words in done.output


def test_more_series_than_anybody_can_look_at_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts_cells, "MOST_SERIES", 10)
    path = tmp_path / "c.csv"
    path.write_text("\n".join([HEAD, *(f"2025-01-01,KE-AS{number},t,3,1" for number in range(1, 12))]))
    with pytest.raises(StoreError, match="more than 10"):
        write_counts(path, tmp_path, NOW)


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    rows = [f"2025-01-0{day}T0{hour}:00:00Z,KE-AS{asn},t,{3 + hour},1"
            for day in (1, 2) for hour in range(4) for asn in (1, 2)]
    one, other = (judged(tmp_path, "\n".join([HEAD, *some])) for some in (rows, rows[::-1]))
    pd.testing.assert_frame_equal(one.table, other.table)


@pytest.mark.parametrize("line", ["x", "1,2,3,4,5,6,7"])
def test_a_file_of_lines_that_are_no_rows_is_refused_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str,
) -> None:
    """Their numbers are kept, so they must not be as many as somebody likes."""
    monkeypatch.setattr(counts_text, "MOST_TORN", 100)
    path = tmp_path / "c.csv"
    path.write_text("\n".join([HEAD, GOOD, *[line] * 100, ""]))
    assert read_counts_text(path).torn == (100, 3)
    path.write_text("\n".join([HEAD, GOOD, *[line] * 5000, ""]))
    done = CliRunner().invoke(cli, ["analyse", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert in_order(done.output, "100", "line 3")


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame({"time": pd.date_range("2025-01-01", periods=2, freq="h", tz="UTC"), "network": "KE-AS1",
                          "target": "t", "n": [3, 4], "failed": [1.0, 0.0], "witnesses": [2, 2]})
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "c.parquet")
    frame.to_csv(tmp_path / "c.csv", index=False)
    one, other = (judge_counts(read_counts_text(tmp_path / name), NOW) for name in ("c.parquet", "c.csv"))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert len(one.table) == 2


def test_targets_of_a_role_are_cells_of_their_own(tmp_path: Path) -> None:
    head = f"{HEAD},service,role,version"
    counts = judged(tmp_path, f"{head}\n{GOOD},s,chat,1\n{GOOD.replace(',t,', ',u,')},s,chat,2\n")
    cells = make_cells(counts)
    assert cells.groupby("level")["n"].agg(["count", "sum"]).to_dict("index") == {
        "role": {"count": 1, "sum": 6}, "target": {"count": 2, "sum": 6}, "service": {"count": 1, "sum": 6}}
    assert set(cells["target_id"]) == {"", "t", "u"}


ROWS = st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12), st.text(max_size=6), st.text(max_size=6),
                          st.text(max_size=6)) | st.just(tuple(GOOD.split(","))), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, more=st.binary(max_size=60))
def test_no_file_breaks_the_reader(tmp_path: Path, rows: list[tuple[str, ...]], more: bytes) -> None:
    text = "\n".join([HEAD, *(",".join(row) for row in rows), ""])
    (tmp_path / "c.csv").write_bytes(text.encode("utf-8", "replace") + more)
    try:
        counts = judge_counts(read_counts_text(tmp_path / "c.csv"), NOW)
    except StoreError:
        return
    table = counts.table
    assert ((table["failed"] >= 0) & (table["failed"] <= table["n"]) & (table["n"] > 0)).all()
    assert table["cc"].str.fullmatch("[A-Z]{2}").all()


def counts_file(tmp_path: Path, name: str = "counts.csv") -> Path:
    """Counts of networks with names, one of which blocks a service by the clock; and a service that fails anywhere."""
    table = struck(quiet(24 * 40, n=4), range(400, 700), daily=range(4, 14), strength=0.95)
    table = struck(table, range(200, 230), services=("service-c",), asns=(64501, 64502, 64511, 64521, 64531))
    frame = pd.DataFrame({
        "time": table["cell_start"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "network": "net " + table["probe_asn"].astype(str),
        "country": table["probe_cc"], "target": table["service"], "n": table["n"], "failed": table["blocked"]})
    frame.to_csv(tmp_path / name, index=False)
    return tmp_path / name


@pytest.mark.parametrize(("content", "told"), [
    ("", "the file is empty"), (" \n\n", "the file is empty"), ("\ufeff\n", "the file is empty"),
    ("time,network,target,n\n", "lacks the column failed"), ("time,network,target\n", "lacks the columns n, failed"),
])
def test_a_file_that_is_refused_leaves_no_folder(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "c.csv").write_text(content, encoding="utf-8")
    out = tmp_path / "out"
    done = CliRunner().invoke(cli, ["analyse", str(tmp_path / "c.csv"), "--out", str(out)])
    assert done.exit_code == 1
    assert told in done.output
    assert not out.exists()


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "c.csv").touch()
    CliRunner().invoke(cli, ["analyse", str(tmp_path / "c.csv"), "--out", str(tmp_path)])
    (tmp_path / "out").mkdir()
    CliRunner().invoke(cli, ["analyse", str(tmp_path / "c.csv"), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out").is_dir()


def test_a_log_is_named_only_where_there_is_one(tmp_path: Path) -> None:
    path, log = tmp_path / "c.csv", tmp_path / "out" / EVENTS_FILE
    path.write_text("\n".join([HEAD, GOOD]), encoding="utf-8")
    analyse = ["analyse", str(path), "--out", str(log.parent)]
    assert str(log) not in CliRunner().invoke(cli, analyse).output
    assert not log.exists()
    log.touch()
    assert str(log) in CliRunner().invoke(cli, analyse).output


def test_the_command_makes_events_log_and_page_of_anybodys_counts(tmp_path: Path) -> None:
    path, out = counts_file(tmp_path), tmp_path / "out"
    told = json.loads(CliRunner().invoke(cli, ["analyse", str(path), "--out", str(out), "--json"]).stdout)
    (event,) = told["events"]
    assert (event["cc"], event["networks"], event["service"], event["target"]) == (
        "RU", ["net 64501"], "service-a", "service-a")
    assert (event["daily_hours"], event["status"], event["witnesses"]) == ([4, 13], "confirmed", None)
    assert event["onset"][1] == "2025-03-18T04:00:00Z"
    assert {row["explained_by"] for row in told["dismissed"]} == {"service_or_instrument"}
    assert all(row["numbers"] and row["would_change"] for row in told["dismissed"])
    assert len(told["changes"]) == len(told["events"]) + len(told["dismissed"]) + len(told["flaky"])
    assert read_origin(out / "cells.parquet").step == timedelta(hours=1)
    again = json.loads(CliRunner().invoke(cli, ["analyse", str(path), "--out", str(out), "--json"]).stdout)
    assert (again["events"], again["changes"]) == (told["events"], [])
    done = CliRunner().invoke(cli, ["report", str(out), "--out", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.output
    assert "net 64501" in (tmp_path / "page.html").read_text()
