"""Uploading: what arrives is what was stored, each once, whatever happens on the way, and nowhere else."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from probe.core.runs import RunResult
from probe.store.archive.compaction import compact_days
from probe.store.archive.run_archive import pack_files
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED
from probe.upkeep.commands.run_lock import hold_run_lock
from probe.upkeep.upload.sender import UploadError
from probe.upkeep.upload.upload_send import send_waiting_runs
from probe.upkeep.upload.upload_state import (
    LONGEST_PAUSE,
    UploadState,
    find_state_file,
    is_upload_due,
    list_waiting_runs,
    note_failure,
    read_state,
    write_state,
)
from probe_operate.collect.collecting import collect_runs
from stored import a_result
from upload_world import (
    NGINX,
    SECRET,
    Handler,
    answering,
    call,
    drip,
    flood,
    nginx,
    no_patience,
    no_proxies,
    to,
    unpacked,
    upload,
    with_runs,
)

needs_nginx = pytest.mark.skipif(not NGINX, reason="nginx is not installed")
NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)


def seen_by(result: RunResult, **others: object) -> RunResult:
    vantage = replace(result.run.vantage, **others)  # type: ignore[arg-type]
    return replace(result, run=replace(result.run, vantage=vantage))


def collected(source: Path, out: Path) -> dict[str, object]:
    done = collect_runs([source], out)
    assert (done.refused, done.conflicts) == ([], {})
    return {result.run.run_id: result for result in read_runs(out)}


# ---- arriving


@needs_nginx
@pytest.mark.parametrize("full", ["on", "off"])
def test_what_nginx_got_is_what_was_stored(tmp_path: Path, full: str) -> None:
    results = with_runs(tmp_path / "results")
    compact_days(results, today=date(2017, 5, 9))
    with_runs(results, "de", day=8)
    with nginx(tmp_path / "server", full=full) as (url, folder):
        config = to(f"{url}/in", tmp_path)
        if full == "off":
            (folder / "in").mkdir()
        first = upload(config, results)
        assert first.exit_code == 0, first.output
        assert "5 runs sent" in first.output
        assert re.search(r"compressed from \d", first.output)
        again = json.loads(upload(config, results, "--json").output)
        assert (again["runs"], again["bytes"], again["left"]) == (0, 0, 0)
        told = call("status", "--json", "--config", str(config), "--results", str(results)).output
        receipt = json.loads(told)["upload"]
        assert (receipt["there"], receipt["waiting"]) == (5, 0)
        assert receipt["last_answer"] in ("HTTP status 201", "HTTP status 204")
    assert len((tmp_path / "server" / "access").read_text().splitlines()) >= 5
    there = folder / "in" / "nameless"
    assert collected(folder / "in", tmp_path / "out") == {r.run.run_id: r for r in read_runs(results)}
    own = results / "runs" / "date=2017-05-08" / "r-d.csv"
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    for archive in there.glob("archives/*/*.tgz"):
        subprocess.run(["tar", "-xzf", str(archive)], cwd=by_hand, check=True)
    assert (by_hand / "runs" / "date=2017-05-08" / "r-d.csv").read_bytes() == own.read_bytes()
    if shutil.which("sha256sum"):
        sums = [str(path.relative_to(by_hand)) for path in by_hand.glob("sums/*/*.sha256")]
        assert len(sums) == 5
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", *sums], cwd=by_hand, check=True)


def test_a_merged_day_is_sent_byte_for_byte_as_before(tmp_path: Path) -> None:
    one, two = with_runs(tmp_path / "one"), with_runs(tmp_path / "two")
    compact_days(two, today=date(2017, 5, 9))
    for name in ("one", "two"):
        (tmp_path / f"to-{name}").mkdir()
        assert upload(to(f"file://{tmp_path}/to-{name}", tmp_path), tmp_path / name).exit_code == 0
    sent = [{path.relative_to(tmp_path / f"to-{name}"): path.read_bytes()
             for path in (tmp_path / f"to-{name}").rglob("*") if path.is_file()} for name in ("one", "two")]
    assert sent[0] == sent[1]
    assert len(sent[0]) == 3
    assert one != two


def test_each_monthly_name_has_a_folder_and_packets_stay_here(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for number, name in enumerate(("abc123", "../../etc", "")):
        write_run(seen_by(a_result(f"r-{number}"), probe_id=name), results, parquet=False)
    (results / "packets" / "date=2017-05-04").mkdir(parents=True)
    (results / "packets" / "date=2017-05-04" / "r-0.pcapng").write_bytes(b"\n\r\r\n")
    (tmp_path / "there").mkdir()
    assert upload(to(f"file://{tmp_path}/there", tmp_path), results).exit_code == 0
    assert {path.name for path in (tmp_path / "there").iterdir()} == {"abc123", "nameless"}
    assert not [name for path in (tmp_path / "there").rglob("*.tgz") for name in unpacked(path) if "packets" in name]
    assert not (tmp_path / "etc").exists()


def test_runs_of_the_laboratory_are_never_sent(tmp_path: Path) -> None:
    write_run(seen_by(a_result("r-lab"), lab=True), with_runs(tmp_path / "results", "a"), parquet=False)
    (tmp_path / "there").mkdir()
    assert "1 run sent" in upload(to(f"file://{tmp_path}/there", tmp_path), tmp_path / "results").output
    assert not list((tmp_path / "there").rglob("*lab*"))


def test_a_stick_that_is_not_there_is_not_replaced_by_the_disk(tmp_path: Path) -> None:
    result = upload(to(f"file://{tmp_path}/stick", tmp_path), with_runs(tmp_path / "results"))
    assert result.exit_code == EXIT_FAILED
    assert "connect that disk" in result.output
    assert not (tmp_path / "stick").exists()


def test_a_damaged_run_does_not_stop_the_others(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    torn = results / "verdicts" / "date=2017-05-04" / "r-a.csv"
    torn.write_bytes(torn.read_bytes()[:-40] + b"\x1b[2J\r\n")
    (tmp_path / "there").mkdir()
    result = upload(to(f"file://{tmp_path}/there", tmp_path), results)
    assert "2 runs sent" in result.output
    assert "cannot be read" in result.output
    assert "\x1b" not in result.output


# ---- what is checked at the other end


@pytest.mark.parametrize(("table", "told"), [("verdicts", "verdicts of this run is not what was sent"),
                                             ("runs", "runs of this run is not what was sent")])
def test_collect_leaves_a_run_with_a_wrong_checksum(tmp_path: Path, table: str, told: str) -> None:
    results = with_runs(tmp_path / "results")
    (tmp_path / "there").mkdir()
    upload(to(f"file://{tmp_path}/there", tmp_path), results)
    archive = tmp_path / "there" / "nameless" / "archives" / "date=2017-05-04" / "r-b.tgz"
    files = unpacked(archive)
    files[f"{table}/date=2017-05-04/r-b.csv"] = files[f"{table}/date=2017-05-04/r-b.csv"].replace(b"64500", b"64501")
    archive.write_bytes(pack_files(files))
    done = collect_runs([tmp_path / "there"], tmp_path / "out")
    assert done.taken == 2
    assert [told in refused.reason for refused in done.refused] == [True]


@pytest.mark.parametrize("text", [b"nonsense\n", b"", b"\xff" * 70_000, b"0" * 64 + b"  ../../../etc/passwd\n"])
def test_spoiled_checksums_spoil_the_run(tmp_path: Path, text: bytes) -> None:
    results = with_runs(tmp_path / "results")
    sums = results / "sums" / "date=2017-05-04"
    sums.mkdir(parents=True)
    (sums / "r-b.sha256").write_bytes(text)
    done = collect_runs([results], tmp_path / "out")
    assert done.taken == 2
    assert len(done.refused) == 1


def test_checksums_behind_a_link_are_not_followed(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a")
    sums = results / "sums" / "date=2017-05-04"
    sums.mkdir(parents=True)
    (sums / "r-a.sha256").symlink_to("/dev/zero")
    done = collect_runs([results], tmp_path / "out")
    assert done.taken == 0
    assert any("link" in refused.reason for refused in done.refused)


# ---- failing


@pytest.mark.parametrize(("answer", "told"), [
    (no_patience, "HTTP status 500"), (drip, "no answer within"), (flood, "HTTP status 500"),
    (lambda handler: handler.reply(307, Location="http://127.0.0.1:1/"), "points elsewhere"),
    (lambda handler: handler.reply(401), "wants other keys"), (lambda handler: handler.reply(507), "is full"),
    (lambda handler: handler.connection.shutdown(2), "no connection, or it was cut"),
    (lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n\x1b[2J"), ""),
])
def test_a_failing_server_costs_one_try_and_is_told_in_our_words(tmp_path: Path, answer: object, told: str) -> None:
    results = with_runs(tmp_path / "results")
    with answering(answer) as server:  # type: ignore[arg-type]
        config = to(f"{server.url.replace('//', f'//me:{SECRET}@')}/in", tmp_path)
        result = upload(config, results, "--for-s", "3")
        asked = len([1 for method, *_ in server.asked if method == "PUT"])
        later = upload(config, results, "--due")
        assert len([1 for method, *_ in server.asked if method == "PUT"]) == asked, "the pause lasts"
    assert (result.exit_code, later.exit_code) == (EXIT_FAILED, 0), result.output
    assert asked == 1
    assert server.flooded < 64 << 20, "no more is read than an answer needs"
    assert told in result.output
    assert "next try" in later.output
    shown = [result.output, later.output, call("status", "--config", str(config), "--results", str(results)).output]
    shown += [path.read_text() for path in results.rglob("*") if path.is_file()]
    assert not [text for text in shown if SECRET in text or "\x1b" in text]
    assert any("Upload failed" in text for text in shown)
    assert (server.asked[0][2].get("Authorization") or "").startswith("Basic ")


def test_nobody_at_home_is_told(tmp_path: Path) -> None:
    with answering(no_patience) as server:
        url = server.url
    result = upload(to(url, tmp_path), with_runs(tmp_path / "results"))
    assert result.exit_code == EXIT_FAILED
    assert "no connection" in result.output


def test_pauses_grow_and_end_and_survive_a_clock_that_was_set_back(tmp_path: Path, rng: random.Random) -> None:
    state, pauses = UploadState(to="x"), []
    for _ in range(40):
        state = note_failure(state, "down", at=NOW, rng=rng)
        assert state.next_try
        pauses.append(state.next_try - NOW)
        assert not is_upload_due(state, NOW)
        assert is_upload_due(state, state.next_try)
    assert all(timedelta(minutes=2) < pause <= LONGEST_PAUSE for pause in pauses)
    assert pauses[8] > 8 * pauses[0] / 2
    assert len(set(pauses)) > 20
    assert is_upload_due(state, NOW - timedelta(days=400))
    write_state(tmp_path, state)
    assert read_state(tmp_path, "x") == state


def test_after_a_failure_only_what_is_missing_is_sent(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")

    class Weak:
        def __init__(self) -> None:
            self.names: list[str] = []
            self.left = 1

        def put(self, name: str, content: bytes, *, timeout_s: float) -> str:
            if not self.left:
                raise UploadError("enough")
            self.left -= 1
            self.names.append(name)
            return "taken"

    weak = Weak()
    done = send_waiting_runs(results, "x", weak, for_s=60)
    assert (done.runs, done.failure, done.left) == (1, "enough", 2)
    weak.left = 100
    done = send_waiting_runs(results, "x", weak, for_s=60)
    assert (done.runs, done.failure, done.left) == (2, "", 0)
    assert len(weak.names) == len(set(weak.names)) == 3
    assert (done.state.failures, done.state.next_try) == (0, None)


def test_a_process_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "abcdefgh")
    stored: dict[str, bytes] = {}
    hold, reached = 4, threading.Event()

    def keep(handler: Handler) -> None:
        _, path, _, body = handler.server.asked[-1]
        if len(handler.server.asked) == hold:
            reached.set()
            handler.server.stopped.wait(60)
            return
        assert stored.setdefault(path, body) == body, "the same name, the same content"
        handler.reply(201)

    with answering(keep) as server:
        config = to(f"{server.url}/in", tmp_path)
        command = [sys.executable, "-m", "probe", "upload", "--config", str(config), "--results", str(results)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            assert reached.wait(60)
            process.kill()
        assert list_waiting_runs(results, read_state(results, server.url + "/in")), "nothing is lost by it"
        result = upload(config, results)
        assert result.exit_code == 0, result.output
    assert len(stored) == 8
    assert list_waiting_runs(results, read_state(results, server.url + "/in")) == []


def test_out_of_time_is_no_failure(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    (tmp_path / "there").mkdir()
    done = send_waiting_runs(results, "x", _Never(), for_s=0.5)
    assert (done.runs, done.failure, done.left, done.state.failures) == (0, "", 3, 0)


class _Never:
    def put(self, name: str, content: bytes, *, timeout_s: float) -> str:
        raise AssertionError("there is no time for it")


def test_a_damaged_state_is_told_and_another_upload_at_work_is_left_alone(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    (tmp_path / "there").mkdir()
    config = to(f"file://{tmp_path}/there", tmp_path)
    file = find_state_file(results, f"file://{tmp_path}/there")
    file.parent.mkdir()
    file.write_bytes(b'{"to": ')
    result = upload(config, results)
    assert result.exit_code == EXIT_FAILED
    assert "remove it" in result.output
    file.unlink()
    with hold_run_lock(results / "upload"):
        assert upload(config, results).exit_code == EXIT_LOCKED
    assert upload(config, results).exit_code == 0


def test_what_would_be_sent_is_told_with_sizes_and_nothing_is(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    write_run(seen_by(a_result("r-lab"), lab=True), results, parquet=False)
    (tmp_path / "there").mkdir()
    config = to(f"file://{tmp_path}/there", tmp_path)
    told = json.loads(upload(config, results, "--dry-run", "--json").output)
    assert "laboratory" in upload(config, results, "--dry-run").output
    assert list((tmp_path / "there").iterdir()) == []
    assert not find_state_file(results, f"file://{tmp_path}/there").exists()
    sent = json.loads(upload(config, results, "--json").output)
    assert told["runs"] == 3
    assert {name: told[name] for name in ("runs", "bytes", "unpacked_bytes")} == {
        name: sent[name] for name in ("runs", "bytes", "unpacked_bytes")}
    assert sum(path.stat().st_size for path in (tmp_path / "there").rglob("*.tgz")) == sent["bytes"]
    assert sent["bytes"] < sent["unpacked_bytes"]
