"""What was collected is not read again, and whatever becomes of the memory of it, the data set is the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe.core.runs import RunResult
from probe.store.archive.own_files import KNOWN_FILE, list_top_files
from probe.store.archive.run_archive import pack_files
from probe.store.runs.checksums import sums_text
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import make_texts, write_run
from probe.store.schema import TABLES
from probe_operate.collect import file_marks, submission_check
from probe_operate.collect.collecting import CollectResult, collect_runs
from project_root import ROOT
from stored import a_result

DAY = "2017-05-04"


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are as they will stay, however lately they were written."""
    monkeypatch.setattr(file_marks, "_SETTLED_NS", -(1 << 62))


def a_run(run_id: str, text: str) -> RunResult:
    result = a_result(run_id, f"{DAY}T06:12:00Z", text=text)
    return replace(result, run=replace(result.run, schema_version="1"))


def pack(folder: Path, result: RunResult) -> Path:
    """A run as an upload puts it there."""
    run_id = result.run.run_id
    files = {f"{table}/date={DAY}/{run_id}.csv": text for table, text in make_texts(result).items()}
    path = folder / "archives" / f"date={DAY}" / f"{run_id}.tgz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack_files(files | {f"sums/date={DAY}/{run_id}.sha256": sums_text(files)}))
    return path


def fill(inbox: Path, count: int) -> dict[str, RunResult]:
    """Half of the runs in archives, half as they are, of five volunteers."""
    made = {}
    for number in range(count):
        result = a_run(f"r-{number:04}", f"page {number}")
        folder = inbox / f"v{number % 5}"
        if number % 2:
            pack(folder, result)
        else:
            write_run(result, folder, parquet=False)
        made[result.run.run_id] = result
    return made


def content(directory: Path) -> dict[str, RunResult]:
    return {result.run.run_id: result for result in read_runs(directory)}


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("was read again")

    for name in ("_read_plain", "_read_archive", "_take_run", "_take_archive"):
        monkeypatch.setattr(submission_check, name, fail)


def numbers(done: CollectResult) -> tuple[int, int, int, int, int]:
    return done.taken, done.present, done.duplicates, done.lab, len(done.refused)


def test_what_is_known_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fill(tmp_path / "in", 10)
    pack(tmp_path / "in" / "v0", made["r-0001"])  # comes twice
    (tmp_path / "in" / "v1" / "archives" / f"date={DAY}" / "r-x.tgz").write_bytes(b"\x1f\x8bno")
    first = collect_runs([tmp_path / "in"], tmp_path / "out")
    assert numbers(first) == (10, 0, 1, 0, 1)
    forbid_reading(monkeypatch)
    again = collect_runs([tmp_path / "in"], tmp_path / "out")
    assert numbers(again) == (0, 10, 1, 0, 1)
    assert again.refused[0].reason == first.refused[0].reason
    assert again.refused[0].path == first.refused[0].path
    assert str(tmp_path).encode() not in (tmp_path / "out" / KNOWN_FILE).read_bytes(), "folders are volunteers' names"
    assert content(tmp_path / "out") == made


def test_what_changed_is_read_again_and_what_was_taken_first_stays(tmp_path: Path) -> None:
    made = fill(tmp_path / "in", 4)
    collect_runs([tmp_path / "in"], tmp_path / "out")
    path = pack(tmp_path / "in" / "v1", a_run("r-0001", "page X"))
    os.utime(path, ns=(0, 0))
    for _ in range(2):  # what was refused is never remembered as held
        done = collect_runs([tmp_path / "in"], tmp_path / "out")
        assert (list(done.contested), done.conflicts, numbers(done)) == (["r-0001"], {}, (0, 3, 0, 0, 0))
        assert content(tmp_path / "out") == made


def test_two_versions_that_come_at_once_stay_out(tmp_path: Path) -> None:
    made = fill(tmp_path / "in", 4)
    pack(tmp_path / "in" / "v3", a_run("r-0001", "page X"))
    for taken in (3, 0):
        done = collect_runs([tmp_path / "in"], tmp_path / "out")
        assert (list(done.conflicts), done.taken, done.present) == (["r-0001"], taken, 3 - taken)
        assert content(tmp_path / "out") == {name: made[name] for name in made if name != "r-0001"}


def test_a_run_that_left_the_data_set_is_taken_again(tmp_path: Path) -> None:
    made = fill(tmp_path / "in", 4)
    collect_runs([tmp_path / "in"], tmp_path / "out")
    for table in TABLES:
        (tmp_path / "out" / table / f"date={DAY}" / "r-0002.csv").unlink()
    assert numbers(collect_runs([tmp_path / "in"], tmp_path / "out"))[:2] == (1, 3)
    assert content(tmp_path / "out") == made


def test_the_laboratory_is_known_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "in", 3)
    assert numbers(collect_runs([tmp_path / "in"], tmp_path / "out", lab=True)) == (0, 0, 0, 3, 0)
    with monkeypatch.context() as patched:
        forbid_reading(patched)
        assert collect_runs([tmp_path / "in"], tmp_path / "out", lab=True).lab == 3
    assert collect_runs([tmp_path / "in"], tmp_path / "out").taken == 3


@pytest.mark.parametrize("damage", [
    lambda path: path.unlink(), lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"no database" * 999),
    lambda path: path.write_bytes(path.read_bytes()[:4096]),
])
def test_without_the_memory_the_data_set_is_the_same(tmp_path: Path, damage: object) -> None:
    made = fill(tmp_path / "in", 6)
    collect_runs([tmp_path / "in"], tmp_path / "out")
    assert tmp_path / "out" / KNOWN_FILE in set(list_top_files(tmp_path / "out"))
    damage(tmp_path / "out" / KNOWN_FILE)  # type: ignore[operator]
    for _ in range(2):
        done = collect_runs([tmp_path / "in"], tmp_path / "out")
        assert (done.taken, done.present) == (0, 6)
    assert content(tmp_path / "out") == made


def test_a_database_of_another_version_is_made_anew(tmp_path: Path) -> None:
    fill(tmp_path / "in", 2)
    collect_runs([tmp_path / "in"], tmp_path / "out")
    with closing(sqlite3.connect(tmp_path / "out" / KNOWN_FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    assert collect_runs([tmp_path / "in"], tmp_path / "out").present == 2


COLLECT = """
import sys
from pathlib import Path
from probe_operate.collect import file_marks
from probe_operate.collect.collecting import collect_runs
file_marks._SETTLED_NS = -(1 << 62)
print("begin", flush=True)
collect_runs([Path(sys.argv[1])], Path(sys.argv[2]))
"""


def kill_at_random(inbox: Path, out: Path, rng: random.Random, kills: int) -> int:
    """Collects again and again, each process killed some milliseconds after it began; returns how many were."""
    killed = 0
    for _ in range(kills):
        with subprocess.Popen([sys.executable, "-c", COLLECT, str(inbox), str(out)], cwd=ROOT,
                              stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"begin\n"
            time.sleep(rng.uniform(0, 0.15))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
    return killed


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.long])])
def test_killed_at_random_moments_nothing_is_lost_or_doubled(tmp_path: Path, kills: int) -> None:
    made = fill(tmp_path / "in", kills * 6)
    assert kill_at_random(tmp_path / "in", tmp_path / "out", random.Random(28), kills) > kills // 2
    done = collect_runs([tmp_path / "in"], tmp_path / "out")
    assert (done.taken + done.present, done.duplicates, done.conflicts) == (len(made), 0, {})
    assert content(tmp_path / "out") == made
    for table in TABLES:
        rows = [line.partition(b",")[0] for path in (tmp_path / "out" / table).rglob("[!.]*.csv")
                for line in path.read_bytes().splitlines()[1:]]
        assert len(rows) == len(made) * (2 if table == "observations" else 1), "a glob sees each row once"
    shutil.rmtree(tmp_path / "in")


def test_what_kills_left_in_any_day_goes(tmp_path: Path) -> None:
    fill(tmp_path / "in", 2)
    left = [tmp_path / "out" / table / f"date=2017-0{month}-01" / ".r-x.csv.12.part"
            for month, table in enumerate(TABLES, start=1)]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
        os.utime(path, (0, 0))
    collect_runs([tmp_path / "in"], tmp_path / "out")
    assert not [path for path in left if path.exists()]


# early words


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ("collect", *arguments))
    return result.exit_code, result.output


def test_where_nothing_can_be_taken_the_command_fails_and_says_why(in_folder: Path) -> None:
    fill(Path("in"), 2)
    Path("photos/2017").mkdir(parents=True)
    code, told = call("photos", "-o", "out")
    assert (code, "photos" in told) == (1, True), told
    assert not Path("out").exists()
    code, told = call("in", "photos", "-o", "both")
    assert code == 0
    assert "photos" in told, "a volunteer who has not sent anything yet stops nobody"
    code, told = call("in", "-o", "lab", "--lab")
    assert (code, "--lab" in told) == (1, True), told
    assert call("in", "-o", "out")[0] == 0
    assert call("in", "-o", "out")[0] == 0, "nothing new is no mistake"
    write_run(a_run("r-z", "z"), Path("newer"), parquet=False)
    (path,) = Path("newer").glob("runs/*/*.csv")
    head, row = path.read_bytes().splitlines()
    cells = dict(zip(head.split(b","), row.split(b","), strict=True)) | {b"schema_version": b"99"}
    path.write_bytes(head + b"\r\n" + b",".join(cells.values()) + b"\r\n")
    code, told = call("newer", "-o", "out")
    assert (code, "schema version" in told) == (1, True), told
