"""Submitting: what a collector gets is what may be public, each once, whatever happens on the way."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from collector_world import TARGETS, Fault, a_run, agreed_to, collecting, submit, with_runs
from probe.store.archive.vouched_names import VOUCHED_FILE
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED
from probe.upkeep.commands.run_lock import hold_run_lock
from probe_analysis.submit import collector as collector_module
from probe_analysis.submit.collector import CollectorClient, SubmitOutcome
from probe_analysis.submit.published_runs import RipeRun
from probe_analysis.submit.submit_journal import BEGUN, open_journal
from probe_analysis.submit.submit_send import submit_waiting_runs
from upload_world import Handler, answering, call


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector_module, "FIRST_PAUSE_S", 0.0)


def test_each_run_is_a_report_and_is_sent_once(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    with collecting() as stub:
        first = submit(stub, results)
        again = json.loads(submit(stub, results, "--json").stdout)
    assert (first.exit_code, stub.problems) == (0, []), first.output
    assert "6 measurements" in first.output
    assert stub.asked == ["open", "fill", "fill", "fill", "close"] * 2
    assert stub.closed == ["2026_n1_1", "2026_n1_2"]
    assert len({one.id for one in stub.taken}) == 2 * TARGETS
    assert (again["accepted"], again["left"], again["reports"]) == (0, 0, [])
    log = [json.loads(line) for line in (results / "submit" / "reports.jsonl").read_text().splitlines()]
    assert [(line["run"], line["reports"], line["accepted"]) for line in log] == [
        ("r-a", ["2026_n1_1"], 3), ("r-b", ["2026_n1_2"], 3)]
    assert not list((results / "submit").glob("*-r-*")), "what was under way is done"


def test_names_that_the_collector_gives_are_told(tmp_path: Path) -> None:
    with collecting() as stub:
        told = json.loads(submit(stub, with_runs(tmp_path / "results", "a"), "--json").stdout)
    assert told["reports"] == [["r-a", "2026_n1_1"]]
    assert told["measurement_uids"] == [f"20260801_IR_uid{number}" for number in (1, 2, 3)]


# ---- what is told


def test_country_and_day_are_told_and_more_only_where_the_person_says_so(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for exact, told in ((False, ("AS0", "IR", "2026-08-01 00:00:00", None)),
                        (True, ("AS64500", "IR", "2026-08-01 05:10:00", "linux"))):
        write_run(a_run("ab"[exact], platform="linux"), results, parquet=False)
        with collecting() as stub:
            assert submit(stub, results, *(["--exact"] if exact else [])).exit_code == 0
        assert stub.problems == []
        opened = [(one.probe_asn, one.probe_cc, one.test_start_time) for one in stub.opened]
        assert {(one.probe_asn, one.probe_cc, one.test_start_time) for one in stub.taken} == {*opened} == {told[:3]}
        assert stub.taken[-1].annotations.get("platform") == told[3]


def test_five_probes_of_a_network_hide_each_other(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for day in range(1, 5):
        for name in "abcde":
            write_run(a_run(f"{name}{day}", day=day, probe_id=f"secret{name}"), results, parquet=False)
    (results / VOUCHED_FILE).write_text("probe_id,since,asn,prefix\n" + "".join(
        f"secret{name},2026-08-01,64500,\n" for name in "abcde"))
    with collecting() as stub:
        assert submit(stub, results).exit_code == 0
    assert {(one.probe_asn, one.measurement_start_time) for one in stub.taken} == {
        ("AS0", "2026-08-01 00:00:00"), ("AS0", "2026-08-02 00:00:00"), ("AS0", "2026-08-03 00:00:00"),
        ("AS64500", "2026-08-04 05:00:00")}, "they are known after three days"
    assert stub.problems == []


def test_only_the_days_that_the_person_names_are_sent(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for day in range(1, 5):
        write_run(a_run(f"a{day}", day=day), results, parquet=False)
    with collecting() as stub:
        assert submit(stub, results, "--since", "2026-08-02", "--until", "2026-08-03").exit_code == 0
    assert {one.measurement_start_time for one in stub.taken} == {"2026-08-02 00:00:00", "2026-08-03 00:00:00"}


def test_what_is_in_doubt_of_a_place_is_not_told_even_exactly(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a", vantage_doubt=("country",))
    with collecting() as stub:
        assert submit(stub, results, "--exact").exit_code == 0
    assert {(one.probe_asn, one.probe_cc) for one in stub.taken} == {("AS0", "ZZ")}


@pytest.mark.parametrize("more", [[], ["--exact"]])
def test_what_was_measured_today_is_held_back(tmp_path: Path, more: list[str]) -> None:
    results, young = with_runs(tmp_path / "results", "a"), a_run("b")
    now = datetime.now(UTC) - timedelta(hours=23)
    run = replace(young.run, measurement_start_time=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    write_run(replace(young, run=run), results, parquet=False)
    other = a_run("c")
    write_run(replace(other, run=replace(other.run, engine="ooni")), results, parquet=False)
    with collecting() as stub:
        assert "1 run" in submit(stub, results, *more).output
    assert len(stub.taken) == TARGETS


def test_a_dry_run_prints_what_would_be_sent_and_sends_nothing(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    with collecting() as stub:
        done = call("submit", "ooni", str(results), "--collector", stub.url, "--dry-run", "--config",
                    str(agreed_to(stub.url, tmp_path / "probe.toml")))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert (done.exit_code, stub.asked) == (0, [])
        assert submit(stub, results).exit_code == 0
    assert len(lines) == 2 * TARGETS
    assert [line | {"report_id": one.report_id, "id": one.id} for line, one in zip(lines, stub.taken, strict=True)] == [
        msgspec.to_builtins(one) for one in stub.taken]


# ---- failing and going on


def _error(status: int) -> Fault:
    return lambda handler: handler.reply(status, b"\x1b]0;own your terminal\x07")


def test_what_fails_is_tried_again_with_growing_pauses_and_the_same_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                       rng: random.Random) -> None:
    monkeypatch.setattr(collector_module, "FIRST_PAUSE_S", 2.0)
    results, pauses = with_runs(tmp_path / "results", "a"), list[float]()
    with collecting(open0=_error(503), fill1=_error(500), fill2=_error(429), fill3=_error(502)) as stub:
        ripe = [RipeRun(run=a_run("a").run, cell=None)]
        done = submit_waiting_runs(results,
                                   CollectorClient(stub.url, ends=time.monotonic() + 600, rng=rng, wait=pauses.append),
                                   ripe, at_most=100)
    assert (done.failure, done.accepted, stub.problems) == ("", TARGETS, [])
    assert stub.asked.count("open") == 2
    assert len({one.id for one in stub.tried[1:5]}) == 1, "the second measurement took four tries"
    assert len({one.id for one in stub.taken}) == TARGETS
    assert len(pauses) == 4
    assert all(low <= pause <= 2 * low for low, pause in zip((1, 1, 2, 4), pauses, strict=True))
    assert len(set(pauses)) == 4


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_collector_that_is_down_costs_four_tries_and_a_pause(tmp_path: Path, status: int) -> None:
    results = with_runs(tmp_path / "results", "a")
    faults = {f"open{number}": _error(status) for number in range(9)}
    with collecting(**faults) as stub:
        result = submit(stub, results)
        later = submit(stub, results, "--due")
        assert stub.asked == ["open"] * 4, "the pause lasts"
        stub.faults.clear()
        assert submit(stub, results).exit_code == 0, "a person need not wait"
    assert result.exit_code == EXIT_FAILED
    assert f"HTTP status {status}" in result.output
    assert "\x1b" not in result.output
    assert "next try" in later.output
    assert len(stub.taken) == TARGETS


@pytest.mark.parametrize(("status", "told"), [
    (401, "wants a login"), (403, "takes nothing from here"), (404, "URL of a collector"), (405, "takes no POST"),
    (410, "no reports any more"), (418, "does not take it"),
])
@pytest.mark.parametrize("kind", ["open", "fill"])
def test_an_error_of_ours_ends_it_at_once_and_is_told(tmp_path: Path, kind: str, status: int, told: str) -> None:
    results = with_runs(tmp_path / "results", "a")
    with collecting(**{f"{kind}0": _error(status)}) as stub:
        result = submit(stub, results)
        assert stub.asked[-1] == kind, "nothing was tried after it"
        assert submit(stub, results).exit_code == 0
    assert result.exit_code == EXIT_FAILED
    assert told in result.output
    assert len(stub.taken) == len({one.id for one in stub.taken}) == TARGETS


def test_a_measurement_that_is_not_taken_does_not_stop_the_others(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a")
    with collecting(fill1=_error(413)) as stub:
        result = submit(stub, results)
        again = submit(stub, results)
    assert result.exit_code == again.exit_code == 0
    assert "too large" in result.output
    assert stub.asked == ["open", "fill", "fill", "fill", "close"]
    assert len(stub.taken) == TARGETS - 1


def test_a_collector_that_takes_none_of_ours_is_left_alone(tmp_path: Path) -> None:
    faults = {f"fill{number}": _error(400) for number in range(9)}
    with collecting(**faults) as stub:
        result = submit(stub, with_runs(tmp_path / "results"))
    assert result.exit_code == EXIT_FAILED
    assert "3 measurements" in result.output
    assert stub.asked.count("fill") == 3


def test_what_is_too_large_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_analysis.submit.submit_send.MAX_MEASUREMENT_BYTES", 1000)
    with collecting() as stub:
        assert "larger" in submit(stub, with_runs(tmp_path / "results", "a")).output
    assert stub.asked == ["open", "close"]


def test_a_report_that_cannot_be_closed_is_told_and_no_failure(tmp_path: Path) -> None:
    with collecting(close0=_error(404)) as stub:
        result = submit(stub, with_runs(tmp_path / "results", "a"))
    assert result.exit_code == 0
    assert "2026_n1_1" in result.output


# ---- stopped in between


@pytest.mark.parametrize("arrived", [True, False])
def test_after_a_kill_nothing_is_sent_twice(tmp_path: Path, arrived: bool) -> None:
    results, reached = with_runs(tmp_path / "results", "abc"), threading.Event()
    with collecting() as stub:
        def hold(handler: Handler) -> None:
            if arrived:
                stub.taken.append(stub.tried[-1])
            reached.set()
            stub.stopped.wait(60)

        stub.faults["fill", 4] = hold
        config = agreed_to(stub.url, tmp_path / "probe.toml")
        command = [sys.executable, "-m", "probe", "submit", "ooni", str(results), "--collector", stub.url,
                   "--public-for-ever", "--config", str(config)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            assert reached.wait(60)
            process.kill()
        result = submit(stub, results)
        after = submit(stub, results)
    assert result.exit_code == after.exit_code == 0, result.output
    assert "1 measurement" in result.output
    assert stub.problems == []
    assert len(stub.tried) == len({one.id for one in stub.tried}) == 3 * TARGETS, "each was sent once"
    assert len(stub.taken) == 3 * TARGETS - (not arrived)
    log = [json.loads(line) for line in (results / "submit" / "reports.jsonl").read_text().splitlines()]
    assert [line["reports"] for line in log] == [["2026_n1_1"], ["2026_n1_2", "2026_n1_3"], ["2026_n1_4"]]
    assert [line["unsure"] for line in log] == [0, 1, 0]


def test_a_journal_that_was_cut_anywhere_sends_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "submit").mkdir()
    journal = open_journal(tmp_path, "x", "r-a")
    for key, word in (("k1", "accepted"), ("k2", "failed"), ("k2", "accepted"), ("k3", "refused"), ("k4", "unsure")):
        journal.note(BEGUN, key)
        journal.note(word, key)
    whole = journal.file.read_bytes()
    salt = journal.salt
    for cut in range(len(whole) + 1):
        journal.file.write_bytes(whole[:cut])
        found = open_journal(tmp_path, "x", "r-a")
        begun = [json.loads(line) for line in whole[:cut].splitlines() if line.endswith(b"}")]
        last = {line["about"]: line["word"] for line in begun if line["about"].startswith("k")}
        assert {key for key in last if not found.is_settled(key)} == {k for k, word in last.items() if word == "failed"}
        assert (found.salt == salt) == (len(begun) > 0)


def test_as_many_as_were_asked_for_and_the_rest_later(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    with collecting() as stub:
        first = json.loads(submit(stub, results, "--at-most", "4", "--json").stdout)
        assert (first["accepted"], first["runs"], first["left"], first["failure"]) == (4, 1, 1, "")
        assert len(stub.closed) == 2, "a report that waits for nothing more is closed"
        assert json.loads(submit(stub, results, "--json").stdout)["accepted"] == 2
    assert len({one.id for one in stub.taken}) == 2 * TARGETS


def test_out_of_time_is_no_failure(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    with collecting() as stub:
        ripe = [RipeRun(run=a_run(name).run, cell=None) for name in "ab"]
        done = submit_waiting_runs(results, CollectorClient(stub.url, ends=time.monotonic() + 0.5), ripe, at_most=100)
    assert (done.runs, done.left, done.failure, stub.asked) == (0, 2, "", [])


def test_another_submission_is_left_alone(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a")
    with collecting() as stub, hold_run_lock(results / "submit"):
        assert submit(stub, results).exit_code == EXIT_LOCKED
        assert stub.asked == []


def test_the_state_goes_with_the_rest(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    with collecting() as stub:
        submit(stub, results, "--at-most", "4")
    assert len(list((results / "submit").iterdir())) == 4, "state, lock, log, and a run under way"
    assert call("forget", str(results), "--yes").exit_code == 0
    assert not results.exists()


def test_answers_are_none_of_the_outcome_where_they_name_nothing(tmp_path: Path) -> None:
    for body, uid in ((b"{}", ""), (b'{"measurement_uid": "../x"}', ""), (b'{"measurement_uid": "a_1"}', "a_1")):
        with answering(lambda handler, body=body: handler.reply(200, body)) as server:  # type: ignore[misc]
            one = CollectorClient(server.url, ends=time.monotonic() + 60)
            assert one.submit("r", {}) == SubmitOutcome(word="accepted", uid=uid)
