"""What another user of the machine, or a stick from somebody, makes commands do: nothing, and they say why."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from probe.store.archive.own_files import HELD_FILE, REMOVED_FILE, UPLOAD_FOLDER
from probe.store.runs.run_writer import write_run
from project_root import ROOT
from stored import a_result

STRANGER = 4000
COMMAND_S = 60
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")


@pytest.fixture
def results(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder with two runs, in a home with nothing else in it."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(in_folder / name.lower()))
    for run_id in ("r-a", "r-b"):
        write_run(a_result(run_id), in_folder / "results", parquet=False)
    return in_folder / "results"


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of ours, which must end by itself."""
    return subprocess.run([sys.executable, "-m", "probe", *arguments], capture_output=True, text=True, check=False,
                          timeout=COMMAND_S, env={**os.environ, "PYTHONPATH": os.pathsep.join(
                              [str(ROOT), *(str(ROOT / house) for house in ("analysis", "operate", "lab"))])})


@pytest.mark.parametrize("opened", [False, True])
def test_a_lock_that_is_a_link_writes_over_nobodys_file(results: Path, opened: bool) -> None:
    precious = results.with_name("precious")
    precious.write_bytes(b"precious")
    (results / ".lock").symlink_to(precious)
    results.chmod(0o777 if opened else 0o700)
    done = call("compact", str(results))
    assert done.returncode == 1
    assert str(results) in done.stderr
    assert "Traceback" not in done.stderr
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize("place", ["results", "xdg_state_home/probe"])
def test_nothing_is_written_where_others_may_write(results: Path, place: str) -> None:
    folder = results.parent / place
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    before = sorted(folder.rglob("*"))
    done = call("compact", str(results))
    assert done.returncode == 1
    assert "chmod go-w" in done.stderr
    assert sorted(folder.rglob("*")) == before


@needs_root
@pytest.mark.parametrize("named", [False, True])
def test_a_list_of_somebody_else_counts_only_where_it_is_named(results: Path, named: bool) -> None:
    own = results.parent / "targets.csv"
    own.write_bytes((ROOT / "targets.csv").read_bytes())
    os.chown(own, STRANGER, STRANGER)
    done = call("targets", "check", *(["targets.csv"] if named else []))
    assert (done.returncode == 0) is named, done.stderr
    os.chown(own, 0, 0)
    assert call("targets", "check").returncode == 0


@pytest.mark.parametrize("mode", [0o602, 0o622])
def test_a_configuration_that_others_may_change_is_not_read(results: Path, mode: int) -> None:
    file = results.with_name("probe.toml")
    file.write_text("")
    assert call("show", "--config", str(file), "--results", str(results)).returncode == 0
    file.chmod(mode)
    done = call("show", "--config", str(file), "--results", str(results))
    assert done.returncode == 1
    assert "chmod go-w" in done.stderr


LAID = ("runs/date=2017-05-04/r-c.csv", "verdicts/date=2017-05-04/r-d.csv", "runs/date=2017-05-05/r-e.csv",
        "parquet/runs/date=2017-05-04/r-a.parquet", "parquet/runs/date=2017-05-04/r-f.parquet",
        "verdicts/date=2017-05-04/day@0123456789ab.csv", f"{UPLOAD_FOLDER}/0123456789ab.json", HELD_FILE,
        REMOVED_FILE, "schedule/2017-05.jsonl", ".lock")


@pytest.mark.parametrize("arguments", [
    ("export", "-o", "out.csv", "--results"), ("verify",), ("report", "-o", "out.html"), ("show", "--results"),
    ("show", "--page", "out.html", "--results"), ("status", "--results"), ("analyse", "-o", "analysis"),
    ("collect", "-o", "collected"), ("compact",), ("upload", "--dry-run", "--results"),
], ids=" ".join)
def test_no_pipe_holds_a_command_up(results: Path, arguments: tuple[str, ...]) -> None:
    """Each is named once where it is met, and the runs beside it count."""
    for name in LAID:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(results / name)
    (results / LAID[0]).with_name("r-l.csv").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("s")
        Path("s").rename((results / LAID[0]).with_name("r-s.csv"))
    done = call(*arguments, str(results))
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count(f"{LAID[0]}'") <= 1, done.stderr


def test_no_example_leads_into_a_folder_of_all(root: Path) -> None:
    """Commands in the manual, which is made of their help, and in the pages that people write."""
    pages = [root / "share" / "man" / "man1" / "probe.1", root / "README.md", *(root / "docs").glob("*.md")]
    named = [(page.name, line) for page in pages for line in page.read_text(encoding="utf-8").splitlines()
             if re.search(r"(?:^|[\s=\"'])(?:/var)?/tmp/", line)]
    assert named == []
