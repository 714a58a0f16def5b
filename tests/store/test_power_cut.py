"""A power cut at any moment: what has its name has its content, and what a run or a log said is there stays there."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.instruments.device.vantage import make_probe_id
from probe.store.files import atomic
from probe.store.files.atomic import StoreError, replace_whole, write_file
from probe.store.runs.run_writer import write_run
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event
from soaking.power import Call, dangers, parse_trace, recorded_calls, traced_calls
from stored import a_result

RUN = """
import sys
from pathlib import Path
sys.path[:0] = [".", "tools", "tests/helpers"]
from soaking.machine import Machine, one_catalogue
from soaking.recorded import Network, recorded
machine = Machine(home=Path({home!r}), results=Path({results!r}))
machine.configure(quota_mb=64)
with recorded(Network(blocked=True)), one_catalogue():
    for _ in range(2):
        result = machine.run()
        assert result.exit_code == 0, result.output
"""


def is_runs_file(path: str) -> bool:
    return "/runs/" in path and path.endswith(".csv")


def may_be_lost(path: str) -> bool:
    """The lock's content says since when, no more; the check of the folder leaves nothing."""
    return path.endswith((".lock", ".writable", ".toml", ".txt")) or ".writable." in path


def found(calls: list[Call], below: Path) -> list[str]:
    return dangers(calls, below=below, last=is_runs_file, careless=may_be_lost)


@pytest.mark.parametrize("parquet", [False, True])
def test_a_run_is_safe_before_the_file_that_makes_it_exist(tmp_path: Path, parquet: bool) -> None:
    if parquet:
        pytest.importorskip("pyarrow")
    calls = recorded_calls(lambda: write_run(a_result(), tmp_path / "a" / "results", parquet=parquet))
    named = [call.path for call in calls if call.kind == "name"]
    assert len(named) == (10 if parquet else 5)
    assert is_runs_file(named[-1])
    assert not found(calls, tmp_path)


def test_a_line_of_the_log_and_the_name_of_its_first_file_are_safe(tmp_path: Path) -> None:
    for minute in (1, 2):
        at = datetime(2017, 5, 4, 6, minute, tzinfo=UTC)
        calls = recorded_calls(lambda at=at: append_event(tmp_path, ScheduleEvent(at=at, kind="started")))  # type: ignore[misc]
        kinds = [call.kind for call in calls if call.path.endswith((".jsonl", "schedule"))]
        assert kinds == (["mkdir", "create", "write", "sync", "sync"] if minute == 1 else ["write", "sync"])
        assert not found(calls, tmp_path)


def test_the_key_of_the_name_is_safe(tmp_path: Path) -> None:
    calls = recorded_calls(lambda: make_probe_id("2017-05", folder=tmp_path))
    assert [call.path for call in calls if call.kind == "name"] == [str(tmp_path / "identity.key")]
    assert not found(calls, tmp_path)


@pytest.mark.parametrize("forgotten", ["file", "folder"])
def test_a_sync_that_is_forgotten_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: str) -> None:
    """The proof can fail."""
    if forgotten == "file":
        monkeypatch.setattr(atomic, "_write_synced", lambda path, write: os.close(os.open(path, 0o101)))
    else:
        monkeypatch.setattr(atomic, "sync_folder", lambda folder: None)
    assert found(recorded_calls(lambda: write_file(tmp_path / "x", b"y")), tmp_path)


def test_a_run_that_is_named_too_early_is_found() -> None:
    calls = [Call("create", "/r/v"), Call("write", "/r/v"), Call("create", "/r/runs/.t"), Call("sync", "/r/runs/.t"),
             Call("name", "/r/runs/x.csv", "/r/runs/.t"), Call("sync", "/r/v"), Call("sync", "/r"),
             Call("sync", "/r/runs")]
    assert found(calls, Path("/r")) == ["/r/runs/x.csv gets its name while these are not safe: /r/v"]


def test_a_call_that_another_thread_cuts_in_two_is_read() -> None:
    lines = ["7 write(4</r/a>, \"\"..., 47 <unfinished ...>", "8 fsync(5</r/b> <unfinished ...>",
             "9 +++ exited with 0 +++", "7 <... write resumed>) = 47", "8 <... fsync resumed>)              = 0",
             "7 fsync(4</r/a> <unfinished ...>", "7 <... fsync resumed>) = -1 EIO (Input/output error)"]
    assert list(parse_trace(lines)) == [Call("write", "/r/a"), Call("sync", "/r/b")]


def test_the_kernel_sees_the_same_order(tmp_path: Path, root: Path) -> None:
    """Two whole runs under strace, every write of theirs below the results."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    home, results = tmp_path / "home", tmp_path / "results"
    code = RUN.format(home=str(home), results=str(results))
    try:
        calls = traced_calls(code, cwd=root, log=tmp_path / "trace.log", timeout_s=120)
    except subprocess.CalledProcessError as error:
        if b"ptrace" in error.stderr:
            pytest.skip(f"strace may not trace here: {error.stderr.decode()[:200]}")
        raise
    named = [call.path for call in calls if call.kind == "name" and call.path.startswith(str(results))]
    assert sum(map(is_runs_file, named)) == 2
    assert any(call.kind == "write" and call.path.endswith(".jsonl") for call in calls)
    ours = [call for call in calls if call.path.startswith(str(results)) or call.path == str(tmp_path)]
    assert not found(ours, tmp_path)


@pytest.mark.parametrize(("error", "told"), [(OSError(errno.ENOSPC, "full"), StoreError), (KeyError(), KeyError)])
def test_what_fails_under_a_temporary_name_changes_nothing(
    tmp_path: Path, error: Exception, told: type[Exception],
) -> None:
    path = tmp_path / "folder" / "table"
    for content in ("one", "two"):
        with replace_whole(path) as temporary:
            temporary.write_text(content)

    def fail() -> None:
        with replace_whole(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(told):
        fail()
    assert [(found.name, found.read_text()) for found in path.parent.iterdir()] == [("table", "two")]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
@pytest.mark.parametrize("anew", [False, True], ids=["written to", "put in its place"])
def test_a_file_that_a_library_writes_is_private_too(tmp_path: Path, anew: bool) -> None:
    path = tmp_path / "table"
    with replace_whole(path) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600, "nobody else may read it half made either"
        if anew:
            temporary.unlink()
        temporary.write_text("two")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (0o600, "two")
