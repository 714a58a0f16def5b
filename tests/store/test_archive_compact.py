"""Merging days: every run exactly once for every reader, wherever it was stopped; nothing foreign touched."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from unittest.mock import patch

import pytest

from archive_days import ROWS, TODAY, check, fill, rows_by_glob
from probe.store.archive import compaction as compact_module
from probe.store.archive.compaction import compact_days
from probe.store.files.atomic import StoreError
from probe.store.files.parquet_rows import read_parquet
from probe.store.runs import merged_days
from probe.store.runs.run_reader import read_run, read_runs, stored_runs
from probe.store.runs.run_writer import write_run
from probe.store.schema import TABLES
from project_root import ROOT
from stored import a_result


def row_lines(directory: Path) -> list[bytes]:
    found = directory.glob("observations/*/*.csv")
    return sorted(line for path in found for line in path.read_bytes().splitlines()[1:])


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_day_becomes_one_file_a_table_and_reads_the_same(tmp_path: Path) -> None:
    fill(tmp_path)
    fill(tmp_path, "xy", day=5)
    before = list(read_runs(tmp_path))
    lines = row_lines(tmp_path)
    done = compact_days(tmp_path, today=TODAY)
    assert (done.days, done.runs, done.files, done.kept) == (("2017-05-04", "2017-05-05"), 5, 25, ())
    assert list(read_runs(tmp_path)) == before
    assert [read_run(tmp_path, result.run.run_id) for result in before] == before
    for table in TABLES:
        assert len(list(tmp_path.glob(f"{table}/*/*.csv"))) == 2
    assert row_lines(tmp_path) == lines, "the bytes of every row are as they were"
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o600}
    again = files(tmp_path)
    assert compact_days(tmp_path, today=TODAY).days == ()
    assert files(tmp_path) == again


def test_days_that_may_still_grow_are_left_alone(tmp_path: Path) -> None:
    fill(tmp_path, day=4)
    before = files(tmp_path)
    for today in (date(2017, 5, 4), date(2017, 5, 5), date(2016, 5, 5)):
        assert compact_days(tmp_path, today=today).days == ()
    assert files(tmp_path) == before
    assert compact_days(tmp_path, today=date(2017, 5, 6)).days == ("2017-05-04",)


def test_a_late_run_joins_its_day_and_a_merged_one_is_never_written_again(tmp_path: Path) -> None:
    fill(tmp_path, "ab")
    compact_days(tmp_path, today=TODAY)
    with pytest.raises(StoreError, match="r-a is stored"):
        fill(tmp_path, "a")
    fill(tmp_path, "c")  # the clock was set back
    assert [run.run_id for run in stored_runs(tmp_path)] == ["r-a", "r-b", "r-c"]
    assert compact_days(tmp_path, today=TODAY).runs == 1
    assert [result.run.run_id for result in read_runs(tmp_path)] == ["r-a", "r-b", "r-c"]
    assert rows_by_glob(tmp_path, "observations") == {"r-a": 2, "r-b": 2, "r-c": 2}


def test_files_of_another_schema_are_not_mixed(tmp_path: Path) -> None:
    fill(tmp_path, "ab")
    path = tmp_path / "verdicts" / "date=2017-05-04" / "r-b.csv"
    header, row, _ = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"%s,of_tomorrow\r\n%s,7\r\n" % (header, row))
    before = list(read_runs(tmp_path))
    assert compact_days(tmp_path, today=TODAY).kept == ()
    assert len(list(tmp_path.glob("verdicts/*/*.csv"))) == 2
    assert list(read_runs(tmp_path)) == before
    assert any(b",7\r\n" in p.read_bytes() for p in tmp_path.glob("verdicts/*/day@*.csv"))


def test_a_merged_file_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "abcdef")
    before = list(read_runs(tmp_path))
    size = max(path.stat().st_size for path in tmp_path.rglob("*.csv"))
    monkeypatch.setattr(compact_module, "MAX_MERGED_BYTES", size * 2)
    compact_days(tmp_path, today=TODAY)
    fill(tmp_path, "g")
    compact_days(tmp_path, today=TODAY)
    merged = list(tmp_path.glob("observations/*/*.csv"))
    assert 2 < len(merged) < 7
    assert list(read_runs(tmp_path))[:6] == before
    assert rows_by_glob(tmp_path, "runs") == {f"r-{name}": 1 for name in "abcdefg"}


@pytest.mark.parametrize("one_file", [False, True])
def test_a_run_of_a_big_day_is_not_looked_for_in_all_of_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                  one_file: bool) -> None:
    names = "abcdefghijklmnopqrst"
    fill(tmp_path, names)
    if not one_file:
        size = max(path.stat().st_size for path in tmp_path.rglob("*.csv"))
        monkeypatch.setattr(compact_module, "MAX_MERGED_BYTES", size * 4)
    compact_days(tmp_path, today=TODAY)
    (day,) = (tmp_path / "observations").iterdir()
    files = len(list(day.glob("*.csv")))
    with patch.object(merged_days, "merged_runs", wraps=merged_days.merged_runs) as looked:
        texts = [merged_days.merged_text(day, f"r-{name}") for name in names]
    assert all(texts)
    assert len(set(texts)) == len(names)
    assert (files == 1) == one_file
    assert looked.call_count <= 3 * len(names) + files * (files + 1) / 2  # each file is found once, not once a run
    assert merged_days.merged_text(day, "r-none") is None


@pytest.mark.parametrize("odd", [b"01", b"+1", b" 1", b"1_0"])
def test_a_number_in_a_way_of_its_own_comes_into_parquet_as_it_is_read(tmp_path: Path, odd: bytes) -> None:
    pytest.importorskip("pyarrow")
    fill(tmp_path, "abc")
    (path,) = tmp_path.glob("observations/*/r-b.csv")
    header, first, *others = path.read_bytes().split(b"\r\n")
    cells = first.split(b",")
    cells[header.split(b",").index(b"sequence")] = odd
    path.write_bytes(b"\r\n".join((header, b",".join(cells), *others)))
    wanted = [seen.sequence for result in read_runs(tmp_path) for seen in result.observations]
    assert compact_days(tmp_path, today=TODAY, parquet=True).kept == ()
    (merged,) = tmp_path.glob("parquet/observations/*/*.parquet")
    assert [row["sequence"] for row in read_parquet(merged, TABLES["observations"])] == wanted


def test_a_day_that_was_merged_again_is_read_where_it_is_now(tmp_path: Path) -> None:
    fill(tmp_path, "bc")
    compact_days(tmp_path, today=TODAY)
    assert read_run(tmp_path, "r-b").run.run_id == "r-b"
    fill(tmp_path, "a")
    compact_days(tmp_path, today=TODAY)
    check(tmp_path, "abc")


def test_a_parquet_day_may_be_larger_than_a_csv_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound of CSV files is here that of 30,000 runs: they would all be called damaged."""
    pytest.importorskip("pyarrow")
    fill(tmp_path, "ab", parquet=True)
    compact_days(tmp_path, today=TODAY)
    (path,) = tmp_path.glob("parquet/runs/*/*.parquet")
    monkeypatch.setattr("probe.store.files.csv_files.MAX_FILE_BYTES", 1)
    monkeypatch.setattr("probe.store.files.parquet_rows.MAX_FILE_BYTES", 1, raising=False)
    assert [row["run_id"] for row in read_parquet(path, TABLES["runs"])] == ["r-a", "r-b"]


def test_runs_without_rows_differ_from_missing_ones(tmp_path: Path) -> None:
    from dataclasses import replace

    write_run(replace(a_result("r-a"), controls=(), verdicts=()), tmp_path, parquet=False)
    fill(tmp_path, "b")
    before = list(read_runs(tmp_path))
    compact_days(tmp_path, today=TODAY)
    assert list(read_runs(tmp_path)) == before
    (merged,) = tmp_path.glob("verdicts/*/day@*.csv")
    merged.write_bytes(b"".join(merged.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(StoreError, match=r"0 rows .*r-b.* 1"):
        list(read_runs(tmp_path))


@pytest.mark.parametrize("damage", [
    lambda day: (day / "r-b.csv").write_text("nothing\r\n"),
    lambda day: (day / "r-b.csv").write_bytes((day / "r-b.csv").read_bytes()[:-9]),
    lambda day: (day / "r-b.csv").write_bytes((day / "r-b.csv").read_bytes().replace(b"\nr-b", b"\nr-a")),
    lambda day: (day / "r-b.csv").write_bytes(b""),
    lambda day: (day / "r-b.csv").unlink(),
])
@pytest.mark.parametrize("table", list(TABLES))
def test_a_run_that_is_not_whole_stays_as_it_is(tmp_path: Path, table: str, damage: object) -> None:
    fill(tmp_path)
    day = tmp_path / table / "date=2017-05-04"
    damage(day)  # type: ignore[operator]
    before = {name: text for name, text in files(tmp_path).items() if "r-b" in name}
    done = compact_days(tmp_path, today=TODAY)
    assert done.runs == 2
    assert len(done.kept) == 1
    assert "r-b.csv" in done.kept[0]
    assert {name: text for name, text in files(tmp_path).items() if "r-b" in name} == before


def test_foreign_things_in_the_folders_stay(tmp_path: Path) -> None:
    fill(tmp_path)
    day = tmp_path / "verdicts" / "date=2017-05-04"
    (day / "notes.txt").write_text("mine")
    (day / "sub").mkdir()
    (day / "sub" / "r-z.csv").write_text("mine too")
    (day / "link.csv").symlink_to(ROOT / "README.md")
    (tmp_path / "verdicts" / "elsewhere").mkdir()
    assert compact_days(tmp_path, today=TODAY).runs == 3
    assert (day / "notes.txt").read_text() == "mine"
    assert (day / "sub" / "r-z.csv").read_text() == "mine too"
    assert (day / "link.csv").is_symlink()
    assert len(list(day.glob("day@*.csv"))) == 1
    assert not list(day.glob("r-*"))


def test_another_run_of_a_merged_name_is_kept_and_told(tmp_path: Path) -> None:
    fill(tmp_path)
    fill(tmp_path / "copy", "a")
    copied = files(tmp_path / "copy")
    compact_days(tmp_path, today=TODAY)
    for name, text in copied.items():  # the same run, as from a backup: goes
        (tmp_path / name).write_bytes(text)
    assert compact_days(tmp_path, today=TODAY).kept == ()
    assert rows_by_glob(tmp_path, "verdicts") == dict.fromkeys(("r-a", "r-b", "r-c"), 1)
    for name, text in copied.items():
        (tmp_path / name).write_bytes(text.replace(b"a.chat.b", b"b.chat.c"))
    assert "another run" in compact_days(tmp_path, today=TODAY).kept[0]
    assert len(list(tmp_path.glob("*/date=2017-05-04/r-a.csv"))) == len(TABLES)
    assert [run.run_id for run in stored_runs(tmp_path)] == ["r-a", "r-b", "r-c"]


def test_parquet_days_are_made_of_the_same_runs(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    fill(tmp_path, "ab", parquet=True)
    fill(tmp_path, "c")  # a timed run writes none
    fill(tmp_path, "xy", day=5)
    compact_days(tmp_path, today=TODAY)
    for table, rows in ROWS.items():
        (path,) = tmp_path.glob(f"parquet/{table}/*/*.parquet")
        assert Counter(pq.ParquetFile(path).read()["run_id"].to_pylist()) == dict.fromkeys(("r-a", "r-b", "r-c"), rows)
    fill(tmp_path, "d")
    assert compact_days(tmp_path, today=TODAY, parquet=True).days == ("2017-05-04", "2017-05-05")
    found = [name for path in sorted(tmp_path.glob("parquet/runs/*/*")) for name in
             pq.ParquetFile(path).read()["run_id"].to_pylist()]
    assert found == ["r-a", "r-b", "r-c", "r-d", "r-x", "r-y"]
    again = files(tmp_path)
    assert compact_days(tmp_path, today=TODAY, parquet=True).days == ()
    assert files(tmp_path) == again


# what the disk and others do

SMALL = """
import sys
from pathlib import Path
from unittest.mock import patch
from datetime import date
sys.path.insert(0, "tests/helpers")
from archive_days import ROWS, TODAY, check, fill, rows_by_glob
from stored import a_result
from probe.store.archive.compaction import compact_days
from probe.store.files.atomic import StoreError
from probe.store.files.parquet_rows import read_parquet
from probe.store.runs import merged_days
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
directory, number = Path(sys.argv[1]), 0
while True:
    try:
        write_run(a_result(f"r-{number}", text="x" * 20_000), directory, parquet=False)
    except StoreError:
        break
    number += 1
before = list(read_runs(directory))
try:
    compact_days(directory, today=date(2017, 5, 10))
    print("merged")
except StoreError as error:
    print(error)
print(number, len(before), list(read_runs(directory)) == before)
print(sum(1 for path in directory.rglob("*") if ".compact" in path.parts and path.is_file()))
"""


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=1200k none "$0" && exec "$1" -c "$2" "$0"'
    enter = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are closed on this machine")
    command = [*enter, "sh", "-c", mount, str(tmp_path), sys.executable, SMALL]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    said, counts, left = done.stdout.splitlines()
    number, stored, same = counts.split()
    assert "disk is full" in said
    assert int(number) == int(stored) > 5
    assert (same, left) == ("True", "0")


def test_a_file_system_that_cannot_swap_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from probe.store.archive import folder_swap

    fill(tmp_path)
    before = files(tmp_path)
    monkeypatch.setattr(folder_swap, "_RENAME_EXCHANGE", 1 << 20)  # a flag that no file system knows
    with pytest.raises(StoreError, match="cannot swap folders"):
        compact_days(tmp_path, today=TODAY)
    assert files(tmp_path) == before


def test_a_reader_that_listed_before_a_merge_reads_on(tmp_path: Path) -> None:
    fill(tmp_path, "abcd")
    fill(tmp_path, "xy", day=5)
    expected = list(read_runs(tmp_path))
    reading = read_runs(tmp_path)
    found = [next(reading)]
    compact_days(tmp_path, today=TODAY)
    assert found + list(reading) == expected
