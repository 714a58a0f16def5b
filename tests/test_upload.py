"""Uploading: what arrives is what was stored, each once, whatever happens on the way, and nowhere else."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from stored import a_result
from upload_world import NGINX, Handler, agreed, answering, await_that, drip, flood, nginx, with_runs

from probe.archive.collect import collect
from probe.archive.compact import compact
from probe.cli.lock import run_lock
from probe.cli.main import EXIT_FAILED, EXIT_LOCKED, EXIT_NO_CONSENT, cli
from probe.model import RunResult
from probe.settings import UploadSettings
from probe.store.read import read_runs
from probe.store.write import write_run
from probe.upload.send import send_all
from probe.upload.sender import UploadError
from probe.upload.state import (
    LONGEST_PAUSE,
    State,
    failed,
    is_due,
    read_state,
    state_file,
    waiting,
    write_state,
)

needs_nginx = pytest.mark.skipif(not NGINX, reason="nginx is not installed")
NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
SECRET = "geheim-5af3"


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.cli.status._device", lambda: [])  # it asks the routing table
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def upload(config: Path, results: Path, *more: str) -> Result:
    return call("upload", "--config", str(config), "--results", str(results), *more)


def to(url: str, tmp_path: Path, **others: str) -> Path:
    return agreed(UploadSettings(to=url, **others), tmp_path / "probe.toml")


def seen_by(result: RunResult, **others: object) -> RunResult:
    vantage = replace(result.run.vantage, **others)  # type: ignore[arg-type]
    return replace(result, run=replace(result.run, vantage=vantage))


def collected(source: Path, out: Path) -> dict[str, object]:
    done = collect([source], out)
    assert (done.refused, done.conflicts) == ([], {})
    return {result.run.run_id: result for result in read_runs(out)}


# ---- arriving


@needs_nginx
@pytest.mark.parametrize("full", ["on", "off"])
def test_what_nginx_got_is_what_was_stored(tmp_path: Path, full: str) -> None:
    results = with_runs(tmp_path / "results")
    compact(results, today=date(2017, 5, 9))
    with_runs(results, "de", day=8)
    with nginx(tmp_path / "server", full=full) as (url, folder):
        config = to(f"{url}/in", tmp_path)
        if full == "off":
            (folder / "in").mkdir()
        first = upload(config, results)
        assert first.exit_code == 0, first.output
        assert "5 runs sent" in first.output
        again = json.loads(upload(config, results, "--json").output)
        assert (again["runs"], again["bytes"], again["left"]) == (0, 0, 0)
    assert len((tmp_path / "server" / "access").read_text().splitlines()) >= 5 * 6
    there = folder / "in" / "nameless"
    assert collected(folder / "in", tmp_path / "out") == {r.run.run_id: r for r in read_runs(results)}
    own = results / "runs" / "date=2017-05-08" / "r-d.csv"
    assert (there / "runs" / "date=2017-05-08" / "r-d.csv").read_bytes() == own.read_bytes()
    if shutil.which("sha256sum"):
        sums = [str(path.relative_to(there)) for path in there.glob("sums/*/*.sha256")]
        assert len(sums) == 5
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", *sums], cwd=there, check=True)


def test_a_merged_day_is_sent_byte_for_byte_as_before(tmp_path: Path) -> None:
    one, two = with_runs(tmp_path / "one"), with_runs(tmp_path / "two")
    compact(two, today=date(2017, 5, 9))
    for name in ("one", "two"):
        (tmp_path / f"to-{name}").mkdir()
        assert upload(to(f"file://{tmp_path}/to-{name}", tmp_path), tmp_path / name).exit_code == 0
    sent = [{path.relative_to(tmp_path / f"to-{name}"): path.read_bytes()
             for path in (tmp_path / f"to-{name}").rglob("*") if path.is_file()} for name in ("one", "two")]
    assert sent[0] == sent[1]
    assert len(sent[0]) == 18
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
    assert not list((tmp_path / "there").rglob("*.pcapng"))
    assert not (tmp_path / "etc").exists()


def test_runs_of_the_laboratory_are_never_sent(tmp_path: Path) -> None:
    write_run(seen_by(a_result("r-lab"), lab=True), with_runs(tmp_path / "results", "a"), parquet=False)
    (tmp_path / "there").mkdir()
    assert "1 runs sent" in upload(to(f"file://{tmp_path}/there", tmp_path), tmp_path / "results").output
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
    file = tmp_path / "there" / "nameless" / table / "date=2017-05-04" / "r-b.csv"
    file.write_bytes(file.read_bytes().replace(b"64500", b"64501"))
    done = collect([tmp_path / "there"], tmp_path / "out")
    assert done.taken == 2
    assert [told in refused.reason for refused in done.refused] == [True]


@pytest.mark.parametrize("text", [b"nonsense\n", b"", b"\xff" * 70_000, b"0" * 64 + b"  ../../../etc/passwd\n"])
def test_spoiled_checksums_spoil_the_run(tmp_path: Path, text: bytes) -> None:
    results = with_runs(tmp_path / "results")
    sums = results / "sums" / "date=2017-05-04"
    sums.mkdir(parents=True)
    (sums / "r-b.sha256").write_bytes(text)
    done = collect([results], tmp_path / "out")
    assert done.taken == 2
    assert len(done.refused) == 1


def test_checksums_behind_a_link_are_not_followed(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a")
    sums = results / "sums" / "date=2017-05-04"
    sums.mkdir(parents=True)
    (sums / "r-a.sha256").symlink_to("/dev/zero")
    done = collect([results], tmp_path / "out")
    assert done.taken == 0
    assert any("link" in refused.reason for refused in done.refused)


# ---- failing


def no_patience(handler: Handler) -> None:
    handler.reply(500, b"\x1b]0;own your terminal\x07" + SECRET.encode())


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
    assert told in result.output
    assert "next try is at" in later.output
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
    state, pauses = State(to="x"), []
    for _ in range(40):
        state = failed(state, "down", at=NOW, rng=rng)
        assert state.next_try
        pauses.append(state.next_try - NOW)
        assert not is_due(state, NOW)
        assert is_due(state, state.next_try)
    assert all(timedelta(minutes=2) < pause <= LONGEST_PAUSE for pause in pauses)
    assert pauses[8] > 8 * pauses[0] / 2
    assert len(set(pauses)) > 20
    assert is_due(state, NOW - timedelta(days=400))
    write_state(tmp_path, state)
    assert read_state(tmp_path, "x") == state


def test_after_a_failure_only_what_is_missing_is_sent(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")

    class Weak:
        def __init__(self) -> None:
            self.names: list[str] = []
            self.left = 8

        def put(self, name: str, content: bytes, *, timeout_s: float) -> None:
            if not self.left:
                raise UploadError("enough")
            self.left -= 1
            self.names.append(name)

    weak = Weak()
    done = send_all(results, "x", weak, for_s=60)
    assert (done.runs, done.failure, done.left) == (1, "enough", 2)
    weak.left = 100
    done = send_all(results, "x", weak, for_s=60)
    assert (done.runs, done.failure, done.left) == (2, "", 0)
    assert len(weak.names) == len(set(weak.names)) == 18
    runs = [number for number, name in enumerate(weak.names) if "/runs/" in name]
    assert runs == [5, 11, 17], "a run's own row comes last"
    assert (done.state.failures, done.state.next_try, done.state.part) == (0, None, ())


def test_a_process_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "abcdefgh")
    stored: dict[str, bytes] = {}
    hold = 20

    def keep(handler: Handler) -> None:
        _, path, _, body = handler.server.asked[-1]
        if len(handler.server.asked) == hold:
            handler.server.stopped.wait(60)
            return
        assert stored.setdefault(path, body) == body, "the same name, the same content"
        handler.reply(201)

    with answering(keep) as server:
        config = to(f"{server.url}/in", tmp_path)
        command = [sys.executable, "-m", "probe", "upload", "--config", str(config), "--results", str(results)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            await_that(lambda: len(server.asked) == hold)
            process.kill()
        assert waiting(results, read_state(results, server.url + "/in")), "nothing is lost by it"
        result = upload(config, results)
        assert result.exit_code == 0, result.output
    assert len(stored) == 8 * 6
    assert waiting(results, read_state(results, server.url + "/in")) == []


def test_out_of_time_is_no_failure(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    (tmp_path / "there").mkdir()
    done = send_all(results, "x", _Never(), for_s=0.5)
    assert (done.runs, done.failure, done.left, done.state.failures) == (0, "", 3, 0)


class _Never:
    def put(self, name: str, content: bytes, *, timeout_s: float) -> None:
        raise AssertionError("there is no time for it")


def test_a_damaged_state_is_told_and_another_upload_at_work_is_left_alone(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    (tmp_path / "there").mkdir()
    config = to(f"file://{tmp_path}/there", tmp_path)
    file = state_file(results, f"file://{tmp_path}/there")
    file.parent.mkdir()
    file.write_bytes(b'{"to": ')
    result = upload(config, results)
    assert result.exit_code == EXIT_FAILED
    assert "remove it" in result.output
    file.unlink()
    with run_lock(results / "upload"):
        assert upload(config, results).exit_code == EXIT_LOCKED
    assert upload(config, results).exit_code == 0


# ---- ways and places


def test_a_proxy_carries_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = with_runs(tmp_path / "results", "a")
    with answering(lambda handler: handler.reply(201)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert upload(to("http://nas.local/in", tmp_path), results).exit_code == 0
        monkeypatch.delenv("http_proxy")
        login = proxy.url.replace("//", f"//me:{SECRET}@")
        assert upload(to("http://box.local/in", tmp_path, proxy=login), results).exit_code == 0
    paths = [path for _, path, _, _ in proxy.asked]
    assert [sum(path.startswith(f"http://{host}.local/in/nameless/") for path in paths) for host in ("nas", "box")] == [
        6, 6]


def test_a_refusing_proxy_is_told_without_its_password(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a")
    proxy = f"http://me:{SECRET}@127.0.0.1:1"
    result = upload(to("https://results.example/in", tmp_path, proxy=proxy), results)
    assert result.exit_code == EXIT_FAILED
    assert "the proxy" in result.output
    assert SECRET not in result.output


def test_an_object_store_gets_signed_files(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    keys = tmp_path / "keys.toml"
    keys.write_text(f'access_key_id = "AK"\nsecret_access_key = "{SECRET}"\n')
    keys.chmod(0o600)
    results = with_runs(tmp_path / "results")
    with answering(lambda handler: handler.reply(200, ETag='"x"')) as server:
        config = to("s3://bucket/in", tmp_path, endpoint=server.url, credentials=str(keys))
        result = upload(config, results)
        assert result.exit_code == 0, result.output
        assert f"s3://bucket/in at {server.url}" in result.output
    for method, path, headers, body in server.asked:
        assert (method, path.startswith("/bucket/in/nameless/")) == ("PUT", True)
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AK/")
        assert SECRET.encode() not in body
    assert len(server.asked) == 18


@pytest.mark.parametrize(("answer", "told"), [
    (no_patience, "HTTP status 500"), (drip, "no answer in time"), (lambda handler: handler.reply(403), "keys"),
    (lambda handler: handler.reply(307, Location="http://127.0.0.1:1/"), "points elsewhere"),
])
def test_a_failing_object_store_costs_one_try(tmp_path: Path, answer: object, told: str,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    results = with_runs(tmp_path / "results")
    with answering(answer) as server:  # type: ignore[arg-type]
        result = upload(to("s3://bucket/in", tmp_path, endpoint=server.url), results, "--for-s", "3")
    assert result.exit_code == EXIT_FAILED, result.output
    assert told in result.output
    assert len(server.asked) == 1
    assert SECRET not in result.output
    assert "\x1b" not in result.output


@pytest.mark.parametrize(("environment", "told"), [
    ({}, "needs keys (access_key_id and secret_access_key)"),
    ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "elsewhere"),
    ({"AWS_ACCESS_KEY_ID": "a", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, "elsewhere"),
])
def test_keys_are_never_asked_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                             environment: dict[str, str], told: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = upload(to("s3://bucket/in", tmp_path), with_runs(tmp_path / "results"))
    assert result.exit_code == EXIT_FAILED
    assert told in result.output


@pytest.mark.parametrize(("text", "mode", "told"), [
    ('user = "a"\n', 0o644, "chmod 600"), (f'user = "{SECRET}\n', 0o600, "is no TOML"),
    ("user = 1\n", 0o600, "in quotes"), ('access_key_id = "a"\n', 0o600, "is no key for http://"),
])
def test_a_file_of_keys_that_will_not_do_is_told_without_them(tmp_path: Path, text: str, mode: int, told: str) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(text)
    keys.chmod(mode)
    result = upload(to("http://127.0.0.1:1/", tmp_path, credentials=str(keys)), with_runs(tmp_path / "results"))
    assert result.exit_code == EXIT_FAILED
    assert told in result.output
    assert SECRET not in result.output


def test_nothing_goes_where_nobody_agreed_to(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    with answering(lambda handler: handler.reply(201)) as server:
        config = to(f"{server.url}/in", tmp_path)
        config.write_text(config.read_text().replace(f'to = "{server.url}/in"', f'to = "{server.url}/other"'))
        result = upload(config, results)
        assert result.exit_code == EXIT_NO_CONSENT
        assert f"would be uploaded to {server.url}/other" in result.output
        assert server.asked == []
    told = call("status", "--config", str(config), "--results", str(results)).output
    assert "Nothing is sent." in told
