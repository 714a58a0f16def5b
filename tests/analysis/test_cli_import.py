"""`probe import ooni` and `probe compare` as a person uses them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from in_order import in_order
from ooni_data import RESET, lines, measurement, shake, web
from probe.cli.main import cli
from probe.store.runs.run_reader import read_run, read_runs
from probe.store.runs.run_writer import write_run
from probe_analysis.bulk.bulk_writer import Bulk
from probe_analysis.imported.agreement import compare_verdicts
from stored import a_result

RESET_KEYS = web(tls_handshakes=[shake(failure=RESET)], requests=[], blocking="http-failure", accessible=False)


def run(*arguments: object, status: int = 0, given: bytes | None = None) -> Result:
    result = CliRunner().invoke(cli, [str(a) for a in arguments], input=given, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl.gz"
    bad = b'{"test_name": "web_connectivity"\n'
    path.write_bytes(gzip.compress(lines(measurement(measurement_uid="good")) + bad
                                   + lines(measurement(measurement_uid="bad", keys=RESET_KEYS, probe_asn="AS64999"),
                                           measurement(test="ndt", keys={}))))
    return path


def test_files_become_results_that_the_other_commands_read(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    done = run("import", "ooni", data, "--out", out)
    assert f"{data}:2: " in done.output
    assert in_order(done.output, "1 measurement", "ndt")
    assert in_order(done.output, "2 measurements", "2 runs")
    found = {r.run.vantage.probe_asn: r for r in read_runs(out)}
    assert found[64500].verdicts[0].outcome == "ok"
    assert found[64500].verdicts[0].sources == ("good",)
    assert found[64999].run.engine == "ooni"
    assert "2 verdicts unchanged" in run("classify", out).output
    assert run("classify", out, "--json").stdout == ""
    told = [json.loads(line) for line in run("classify", out, "--all", "--json").stdout.splitlines()]
    assert {line["run_id"] for line in told} == {result.run.run_id for result in found.values()}
    one = run("classify", out, "--all", "--json", "--run", told[0]["run_id"]).stdout
    assert [json.loads(line) for line in one.splitlines()] == told[:1]
    run("report", out)
    assert "web_connectivity" in run("export", out, "--format", "jsonl").output


def test_what_was_imported_stays_and_is_not_doubled(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    run("import", "ooni", data, "--out", out)
    before = sorted(p.name for p in out.rglob("*"))
    again = json.loads(run("import", "ooni", data, "--out", out, "--json").stdout)
    assert (again["runs"], again["known_runs"], again["not_read"]) == (0, 2, 1)
    assert again["problems"][0]["line"] == 2
    assert sorted(p.name for p in out.rglob("*")) == before


def test_standard_input_is_read_too(tmp_path: Path) -> None:
    done = run("import", "ooni", "-", "--out", tmp_path / "out", given=lines(measurement()))
    assert "1 measurement" in done.output


def test_nothing_to_import_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    done = run("import", "ooni", tmp_path / "empty.jsonl", tmp_path / "missing", "--out", tmp_path / "out", status=1)
    assert "missing: " in done.output
    assert "empty.jsonl: " in done.output
    assert "?" not in done.output
    assert "Traceback" not in done.output


def test_lines_that_are_no_measurements_are_asked_about(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n" * 30 + "1\n")
    told = run("import", "ooni", tmp_path / "notes.txt", "--out", tmp_path / "out", status=1).output
    assert in_order(told, "notes.txt:1: ", "30", "notes.txt:31: ", "?")
    assert told.count("notes.txt") == 2


def test_a_probes_own_results_are_not_mixed_with_others(tmp_path: Path, data: Path) -> None:
    write_run(a_result(), tmp_path / "mine", parquet=False)
    done = run("import", "ooni", data, "--out", tmp_path / "mine", status=1)
    assert "another folder" in done.output


def test_verdicts_are_held_against_theirs(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    run("import", "ooni", data, "--out", out)
    told = run("compare", out).output
    assert in_order(told, "of 1", "1 agree")
    assert in_order(told, "http-failure", "inconclusive", "inconclusive.unconfirmed", "path/too_few")
    found = json.loads(run("compare", out, "--json").stdout)
    matrix = found["tests"]["web_connectivity"]["matrix"]
    assert matrix == {"ok": {"ok": 1, "inconclusive": 0}, "http-failure": {"ok": 0, "inconclusive": 1}}
    (difference,) = found["differences"]
    assert difference["source"] == "bad"
    row = {o.observation_id: o for o in read_run(out, difference["run_id"]).observations}[difference["evidence"][-1]]
    assert row.failure == RESET


def test_a_folder_without_others_verdicts_says_so(tmp_path: Path) -> None:
    write_run(a_result(), tmp_path / "mine", parquet=False)
    assert "Import first" in run("compare", tmp_path / "mine", status=1).output


@pytest.mark.parametrize(("theirs", "ours", "relation"), [
    ("ok", "ok", "agree"), ("dns", "blocked", "agree"), ("down", "down", "agree"), ("ok", "blocked", "opposite"),
    ("tcp_ip", "ok", "opposite"), ("dns", "inconclusive", "we_abstain"), ("none", "ok", "they_abstain"),
    ("none", "local", "both_abstain"),
])
def test_how_two_verdicts_stand_to_each_other(theirs: str, ours: str, relation: str) -> None:
    assert compare_verdicts(theirs, ours) == relation


def test_many_runs_go_into_few_files_and_come_back_as_they_were(tmp_path: Path) -> None:
    results = [a_result(f"r-{n}", text="=1+1; \n\\" if n % 2 else "plain") for n in range(30)]
    with Bulk(tmp_path) as bulk:
        for result in results:
            bulk.add(result)
    assert len(list(tmp_path.rglob("*.csv"))) == 5
    assert list(read_runs(tmp_path)) == sorted(results, key=lambda r: f"{r.run.run_id}.csv")
    with Bulk(tmp_path) as bulk:
        bulk.add(results[3])
    assert (bulk.written, bulk.known) == (0, 1)


def test_bulk_rows_are_written_as_single_runs_are(tmp_path: Path) -> None:
    write_run(a_result(text="a;b"), tmp_path / "one", parquet=False)
    with Bulk(tmp_path / "many") as bulk:
        bulk.add(a_result(text="a;b"))
    for path in (tmp_path / "one").rglob("*.csv"):
        folder = tmp_path / "many" / path.parent.relative_to(tmp_path / "one")
        (merged,) = folder.glob("*.csv")
        assert merged.read_bytes() == path.read_bytes()


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> None:
        with Bulk(tmp_path) as bulk:
            bulk.add(a_result())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_full_files_and_many_days_are_closed_and_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_analysis.bulk.bulk_writer.MAX_RUNS", 2)
    monkeypatch.setattr("probe_analysis.bulk.bulk_writer.MAX_DAYS", 2)
    with Bulk(tmp_path) as bulk:
        for day in (4, 5, 6, 4, 5, 6, 4, 5, 6):
            bulk.add(a_result(f"r-{day}-{bulk.written}", f"2017-05-0{day}T06:12:00Z"))
    assert len(list(read_runs(tmp_path))) == 9
    assert not list(tmp_path.rglob(".*"))


def test_an_imported_verdict_is_explained_too(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    run("import", "ooni", data, "--out", out)
    (result,) = (r for r in read_runs(out) if r.run.vantage.probe_asn == 64500)
    (row,) = result.verdicts
    told = json.loads(run("explain", result.run.run_id, row.target_id, "--results", out, "--json").output)
    assert (told["rule"]["id"], told["judged_otherwise"]) == (row.rule_id, False)
    assert told["fields"]
    assert [o["observation_id"] for o in told["observations"]] == list(row.evidence)
