"""Uploading and the rest: what was agreed to, what is kept until it is sent, what is told, and the end of a run."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from in_order import in_order
from probe.catalogue.laboratory_marker import Marker
from probe.cli import run as run_module
from probe.config.consent.consent_check import explain_lacking_consent, explain_lacking_upload_consent, make_consent
from probe.config.destination import find_upload_problem, redact_url
from probe.config.settings import (
    Settings,
    SettingsError,
    StoreSettings,
    UploadSettings,
    check_upload_settings,
    load_settings,
)
from probe.core.tables.consent_words import TEXT_NUMBER, TEXTS_IN_FORCE
from probe.store.archive.private_folder import make_private
from probe.store.runs.run_reader import stored_runs
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED
from probe.upkeep.commands.results_bounds import enforce_store_limits
from probe.upkeep.commands.run_lock import hold_run_lock
from probe.upkeep.schedules.systemd import UnitJob, make_service
from probe.upkeep.status.upload_facts import gather_upload_facts
from probe.upkeep.upload import upload_after_run as after_run_module
from probe.upkeep.upload.upload_after_run import _run_bounded, upload_after_run
from probe.upkeep.upload.upload_send import send_waiting_runs
from probe.upkeep.upload.upload_state import (
    UploadState,
    find_state_file,
    list_stored_runs,
    note_failure,
    write_state,
)
from stored import a_result
from upload_world import SECRET, agreed, answering, call, with_runs

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


@pytest.fixture
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(in_folder / "home"))
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    monkeypatch.setattr("probe.cli.status._device", lambda: [])  # it asks the routing table
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ("$XDG_CONFIG_HOME/probe/probe.toml",))
    return in_folder


class Taking:
    """A place that takes everything."""

    def put(self, name: str, content: bytes, *, timeout_s: float) -> str:
        """Take it."""
        return "taken"


# ---- which places there can be


@pytest.mark.parametrize(("url", "why"), [
    ("https://a.example/in", ""), ("http://127.0.0.1:8080/x", ""), ("http://10.0.0.7/", ""), ("http://nas.local/", ""),
    ("http://[::1]:80/", ""), ("http://xyz.onion/in", ""), ("s3://bucket/folder", ""), ("file:///media/stick", ""),
    ("https://me:pw@a.example/in", ""),
    ("http://a.example/in", "unencrypted"), ("http://8.8.8.8/", "unencrypted"), ("http://localhost.example/", "unenc"),
    ("ftp://a.example/", "must begin"), ("", "must begin"), ("https:///x", "no host"), ("file://host/x", "whole path"),
    ("file:///", "whole path"), ("https://a.example/?sig=x", "nothing after"), ("s3://b/#x", "nothing after"),
    ("s3://key:pw@bucket", "keys"), ("https://a.example/../x", "go up"), ("https://a.example/%2e%2e/x", "go up"),
    ("https://a.example:99999/", "no URL"), ("https://a.example/\n", "no URL"), ("https://[::1/", "no URL"),
])
def test_only_what_can_be_a_place_is_one(url: str, why: str) -> None:
    assert why in find_upload_problem(url)
    assert bool(find_upload_problem(url)) is bool(why)


@given(st.text(max_size=40), st.text("abc:@/?#%[]é\n", max_size=30))
def test_no_url_breaks_anything_and_none_shows_its_login(password: str, rest: str) -> None:
    for url in (password, f"https://{rest}", f"https://me:{SECRET}@{rest}", f"s3://{rest}?{SECRET}"):
        find_upload_problem(url)
        if not find_upload_problem(url):
            assert SECRET not in redact_url(url)


@pytest.mark.parametrize(("upload", "why"), [
    (UploadSettings(to="s3://b", endpoint="https://e.example"), ""), (UploadSettings(to="az://c", account="me"), ""),
    (UploadSettings(endpoint="nonsense"), ""),
    (UploadSettings(to="s3://b", endpoint="http://e.example"), "endpoint"), (UploadSettings(to="az://c"), "account"),
    (UploadSettings(to="https://a.example", account="me"), "account"),
    (UploadSettings(to="https://a.example", endpoint="https://b.example"), "endpoint"),
    (UploadSettings(to="https://a.example", proxy="nonsense"), "proxy"),
    (UploadSettings(to="s3://b", region="x.evil.example/"), "region"),
    (UploadSettings(to=f"https://me:{SECRET}@a.example/?{SECRET}"), "upload.to"),
])
def test_settings_that_cannot_be_are_told_without_keys(tmp_path: Path, upload: UploadSettings, why: str) -> None:
    assert why in check_upload_settings(upload)
    assert bool(check_upload_settings(upload)) is bool(why)
    if why:
        file = agreed(upload, tmp_path / "p.toml")
        with pytest.raises(SettingsError, match=why) as told:
            load_settings(str(file))
        assert SECRET not in str(told.value)


# ---- consent


def test_a_place_must_be_agreed_to_but_runs_do_not_wait_for_it() -> None:
    plain = Settings()
    before = msgspec.structs.replace(plain, consent=make_consent(plain, level=1, today=date(2026, 11, 25)))
    after = msgspec.structs.replace(before, upload=UploadSettings(to="https://me:pw@a.example/in/"))
    assert explain_lacking_consent(after) == ""
    assert "https://a.example/in" in explain_lacking_upload_consent(after)
    right = msgspec.structs.replace(after, consent=make_consent(after, level=1, today=date(2026, 11, 25)))
    assert right.consent
    assert right.consent.to == ("https://a.example/in",)
    assert explain_lacking_upload_consent(right) == ""
    elsewhere = msgspec.structs.replace(right.upload, to="s3://in", endpoint="https://other.example")
    assert "s3://in at https://other.example" in explain_lacking_upload_consent(
        msgspec.structs.replace(right, upload=elsewhere))
    old = msgspec.structs.replace(right, consent=msgspec.structs.replace(right.consent, text=min(TEXTS_IN_FORCE) - 1))
    assert "now number" in explain_lacking_upload_consent(old)


def test_setup_names_the_place_and_takes_it_away_again(home: Path) -> None:
    url = f"https://me:{SECRET}@a.example/in"
    told = call("setup", "--show", "--upload-to", url).output
    assert "all results: https://a.example/in" in told
    assert SECRET not in told
    result = call("setup", "--agree", str(TEXT_NUMBER), "--upload-to", url)
    assert result.exit_code == 0, result.output
    assert "sent to https://a.example/in" in result.output
    assert SECRET not in result.output
    settings = load_settings()
    assert settings.consent
    assert (settings.upload.to, settings.consent.to) == (url, ("https://a.example/in",))
    assert Path(settings.path).stat().st_mode & 0o777 == 0o600
    assert call("setup", "--agree", str(TEXT_NUMBER)).exit_code == 0
    assert load_settings().upload.to == url, "what is not said stays"
    assert call("setup", "--agree", str(TEXT_NUMBER), "--upload-to", "none").exit_code == 0
    settings = load_settings()
    assert settings.consent
    assert (settings.upload.to, settings.consent.to) == ("", ())


def test_a_wrong_place_is_told_and_nothing_is_written(home: Path) -> None:
    result = call("setup", "--agree", str(TEXT_NUMBER), "--upload-to", "http://a.example/in")
    assert result.exit_code == EXIT_FAILED
    assert "use https://" in result.output
    assert not list(home.rglob("*.toml"))


def test_without_a_place_the_command_says_how_to_name_one(home: Path) -> None:
    result = call("upload")
    assert result.exit_code == EXIT_FAILED
    assert "probe setup --upload-to" in result.output


# ---- keeping and forgetting


def configured(tmp_path: Path, **store: int) -> Settings:
    upload = UploadSettings(to="https://a.example/in")
    return load_settings(str(agreed(upload, tmp_path / "p.toml", store=StoreSettings(**store))))


def test_what_is_not_sent_outlasts_its_time_and_goes_once_it_is(tmp_path: Path) -> None:
    results, settings = tmp_path / "results", configured(tmp_path, keep_days=2)
    for day in range(1, 8):
        with_runs(results, f"{day}", day=day)
    assert "not uploaded" in enforce_store_limits(results, settings)[0]
    assert len(list(stored_runs(results))) == 7
    send_waiting_runs(results, settings.upload.place, Taking(), for_s=60)
    assert "Removed" in enforce_store_limits(results, settings)[0]
    assert [run.run_id for run in stored_runs(results)] == ["r-6", "r-7"]
    assert (results / "not-uploaded.txt").read_text() == ""
    elsewhere = msgspec.structs.replace(settings, upload=UploadSettings())
    enforce_store_limits(results, elsewhere)
    assert not (results / "not-uploaded.txt").exists(), "without an upload nothing waits"


def test_what_the_quota_takes_unsent_is_told_and_shown_by_status(home: Path) -> None:
    results, settings = home / "results", configured(home, quota_mb=1)
    for day in range(1, 8):
        with_runs(results, f"{day}", day=day)
    for path in results.glob("observations/*/*.csv"):
        path.write_bytes(path.read_bytes() + b"x" * 300_000)  # more than fits
    lines = enforce_store_limits(results, settings)
    assert any("NOT uploaded" in line for line in lines)
    known = gather_upload_facts(settings, results, now=datetime.now(UTC))
    assert known
    assert known.lost == 7 - len(list(list_stored_runs(results))) > 0
    told = call("status", "--config", settings.path, "--results", str(results)).output
    assert f"BAD   lost: {known.lost} runs" in told


def test_forget_takes_the_state_too(home: Path) -> None:
    results, settings = with_runs(home / "results"), configured(home)
    send_waiting_runs(results, settings.upload.place, Taking(), for_s=60)
    enforce_store_limits(results, settings)
    (results / "upload" / "letter.json").write_text("{}")
    assert (results / "not-uploaded.txt").exists()
    with hold_run_lock(results / "upload"):
        assert call("forget", str(results), "--yes", "--config", settings.path).exit_code == EXIT_LOCKED
    assert call("forget", str(results), "--yes", "--config", settings.path).exit_code == 0
    assert [path.name for path in results.rglob("*") if path.is_file()] == ["letter.json"], "not ours"


def test_a_folder_with_uploads_is_still_one_of_results_alone(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    send_waiting_runs(results, "x", Taking(), for_s=60)
    results.chmod(0o755)
    assert make_private(results)
    modes = {path.stat().st_mode & 0o777 for path in (results / "upload").iterdir()}
    assert modes == {0o600}


# ---- what status says


@pytest.mark.parametrize(("state", "overdue"), [
    (UploadState(to=""), True),
    (UploadState(to="", last_success=NOW - timedelta(days=6)), False),
    (UploadState(to="", last_success=NOW - timedelta(days=8)), True),
    (UploadState(to="", last_success=NOW - timedelta(days=8), done={"2017-05-04": ("r-a", "r-b", "r-c")}), False),
])
def test_a_week_without_success_is_overdue_where_something_waits(tmp_path: Path, state: UploadState,
                                                                 overdue: bool) -> None:
    results, settings = with_runs(tmp_path / "results"), configured(tmp_path)
    write_state(results, msgspec.structs.replace(state, to=settings.upload.place))
    known = gather_upload_facts(settings, results, now=NOW)
    assert known
    assert known.overdue is overdue


def test_status_tells_queue_failure_and_what_to_do(home: Path, seed: int) -> None:
    results, settings = with_runs(home / "results"), configured(home)
    state = note_failure(UploadState(to=settings.upload.place), "it is\x1b[2J down", at=NOW, rng=random.Random(seed))
    write_state(results, state)
    result = call("status", "--config", settings.path, "--results", str(results))
    assert in_order(result.output, "BAD", "upload: ", "https://a.example/in", "3 runs", "never", "1 failure",
                    "probe upload")
    assert "\x1b" not in result.output
    told = json.loads(call("status", "--json", "--config", settings.path, "--results", str(results)).output)
    assert (told["upload"]["waiting"], told["upload"]["last_success"]) == (3, None)
    find_state_file(results, settings.upload.place).write_text("{")
    assert "remove it" in call("status", "--config", settings.path, "--results", str(results)).output


# ---- at the end of a run


def test_a_scheduled_run_uploads_in_a_process_of_its_own(home: Path, root: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.upkeep.upload.upload_after_run.make_own_command",
                        lambda: (sys.executable, "-m", "probe"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])]))
    results = with_runs(home / "results")
    with answering(lambda handler: handler.reply(201)) as server:
        settings = load_settings(str(agreed(UploadSettings(to=f"{server.url}/in"), home / "p.toml")))
        upload_after_run(settings, results, run_ends=time.monotonic())
        assert len(server.asked) == 3
        upload_after_run(settings, results, run_ends=time.monotonic())
        assert len(server.asked) == 3


def test_an_upload_ends_in_time_whatever_it_does(capfd: pytest.CaptureFixture[str]) -> None:
    _run_bounded([sys.executable, "-c", "import time; time.sleep(600)"], 0.5)
    assert "stopped" in capfd.readouterr().err
    _run_bounded([sys.executable, "-c", "bytearray(3 << 30)"], 60)
    assert "MemoryError" in capfd.readouterr().err


def test_no_upload_is_begun_that_could_meet_the_next_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[float] = []
    monkeypatch.setattr(after_run_module, "_run_bounded", lambda command, for_s: begun.append(for_s))
    results, settings = with_runs(home / "results"), configured(home)
    for early_s in (900, 0, -40, -76, -10_000):
        upload_after_run(settings, results, run_ends=time.monotonic() + early_s)
    assert [round(for_s) for for_s in begun] == [60, 60, 40]
    monkeypatch.setattr(after_run_module, "read_marker", lambda: Marker(lab=True))
    upload_after_run(settings, results, run_ends=time.monotonic())
    assert len(begun) == 3, "nothing leaves the laboratory"


def test_a_run_without_consent_for_its_upload_sends_nothing(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(after_run_module, "_run_bounded", lambda *_: pytest.fail("it was sent"))
    settings = msgspec.structs.replace(configured(home), upload=UploadSettings(to="https://b.example/"))
    upload_after_run(settings, with_runs(home / "results"), run_ends=time.monotonic())
    assert "https://b.example" in capsys.readouterr().err


def test_the_end_of_a_timed_run_is_where_it_happens(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[Path] = []
    monkeypatch.setattr(after_run_module, "upload_after_run", lambda settings, folder, *,
                        run_ends: ended.append(folder))
    settings = configured(home)
    results = home / "results"
    for number, more in enumerate((["--fast"], ["--timed"])):
        monkeypatch.setattr(run_module, "_measure",
                            lambda *_, n=number: a_result(f"r-{n}", "2026-11-25T12:30:00Z"))
        result = call("run", *more, "--config", settings.path, "--results", str(results))
        assert result.exit_code == 0, result.output
    assert ended == [results]


def test_a_unit_may_write_where_uploads_go() -> None:
    job = UnitJob(command=("probe",), deadline_s=60, results="/r", upload="/media/my stick")
    assert 'ReadWritePaths=/r "-/media/my stick"' in make_service(job)
