"""The store: exact round trips of hostile texts, whole files or none, errors that say what to do."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from any_results import HOSTILE, RESULTS
from codebook import write_codebook
from observations import endpoint, replace_flat
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.verdicts.rule_verdict import make_bare_verdict
from probe.store import column_meanings
from probe.store.files.atomic import StoreError, check_writable, remove_stale, try_writable, write_file, write_files
from probe.store.files.csv_files import make_csv, parse_text, read_csv
from probe.store.files.text_cells import decode, encode
from probe.store.flat_observation import list_column_types
from probe.store.layout import csv_path
from probe.store.row_codec import Row, Value, record_from, run_from
from probe.store.runs.run_reader import read_run, read_runs, stored_runs, text_of_today
from probe.store.runs.run_writer import write_run
from probe.store.schema import FRAME, TABLES, Column, Kind, columns_at
from project_root import ROOT
from stored import a_result

# the schema


@pytest.mark.parametrize(("words", "rows"), [
    (column_meanings.OBSERVATIONS, [Observation]), (column_meanings.CONTROLS, [ControlAnswer]),
    (column_meanings.VERDICTS, [Verdict]),
    (column_meanings.SERVICES, [ServiceVerdict]), (column_meanings.RUNS, [Run, Vantage]),
])
def test_every_field_has_words_and_every_word_a_field(words: column_meanings.Words, rows: list[type]) -> None:
    names = [*list_column_types()] if rows == [Observation] else [
        f.name for row in rows for f in fields(row) if f.name != "vantage"] + [
        name for row in rows if row is Verdict for name, found in vars(row).items() if isinstance(found, property)]
    assert len(names) == len(set(names))
    assert set(names) - (set(column_meanings.FRAME) if rows[0] is not Run else set()) == set(words)
    assert all(meaning.endswith((".", "`")) for _, meaning in words.values())


def test_words_that_this_version_does_not_know_are_read_as_they_are() -> None:
    told = {"run_id": "r", "measurement_start_time": "2017-05-04T06:12:00Z", "outcome": "odd",
            "network_type": "balloon"}
    run = run_from(told)
    assert (str(run.outcome), str(run.vantage.network_type), run.trigger) == ("odd", "balloon", "manual")
    answer = record_from({"control_id": "a", "input": "b", "state": "asleep", "tcp": (("192.0.2.1:443", "odd"),),
                          "http_failure": None}, ControlAnswer)
    assert (str(answer.state), answer.http_failure) == ("asleep", None)
    assert [(place, str(word)) for place, word in answer.tcp] == [(Place("192.0.2.1", 443), "odd")]


@pytest.mark.parametrize("row", [{"operation": 3}, {"failure": "eof_error"}], ids=["of another type", "missing"])
def test_what_is_no_row_is_not_read(row: Row) -> None:
    with pytest.raises(msgspec.ValidationError):
        record_from(row, Observation)


@pytest.mark.parametrize(("share", "numbers"), [("1/8", (1, 8)), ("0/3", (0, 3)), ("", (0, 0)), ("9/3", (3, 3)),
                                                ("x/y", (0, 0)), ("9" * 500 + "/3", (0, 0))])
def test_shares_of_older_rows_are_numbers_too(tmp_path: Path, share: str, numbers: tuple[int, int]) -> None:
    table = TABLES["verdicts"]
    told = replace(make_bare_verdict(endpoint(), "ok"), intermittent=share, troubled=share, troubled_beside=share)
    write_run(replace(a_result(), verdicts=(told,)), tmp_path, parquet=False)
    (run,) = stored_runs(tmp_path)
    path = csv_path(tmp_path, "verdicts", run)
    (new,) = read_csv(path, table)
    old = replace(table, columns=columns_at(table, 5))
    path.write_bytes(make_csv(old, [new]))
    (row,) = read_csv(path, table)
    assert "intermittent_k" not in row
    (filled,) = parse_text(path, text_of_today(tmp_path, run, table), table)
    assert dict(filled) == dict(new)
    for name in ("intermittent", "troubled", "troubled_beside"):
        assert (filled[f"{name}_k"], filled[f"{name}_n"]) == numbers


def test_rows_carry_what_the_analysis_relies_on() -> None:
    frame = {column.name for column in FRAME}
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names))
        assert table.name == "runs" or frame <= set(names)
        assert set(table.key) <= set(names)
    assert {"k", "n", "partial"} <= {column.name for column in TABLES["services"].columns}


def test_measurement_uid_joins_observation_and_verdict(tmp_path: Path) -> None:
    write_run(a_result(), tmp_path, parquet=False)
    framed = [table for table in TABLES if table != "runs"]
    uids = {table: [row["measurement_uid"] for row in plain_rows(tmp_path, table)] for table in framed}
    assert uids == {"observations": ["r-1.a.chat.b", "r-1"], "controls": ["r-1"], "verdicts": ["r-1.a.chat.b"],
                    "services": ["r-1.a.chat"]}


def test_codebook_is_current() -> None:
    assert (ROOT / "docs" / "codebook.md").read_text() == write_codebook(), "run make docs"


def plain_rows(directory: Path, table: str) -> list[dict[str, str]]:
    (path,) = directory.glob(f"{table}/date=*/*.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


# round trips


@settings(max_examples=40, deadline=None)
@given(result=RESULTS)
def test_what_is_read_is_what_was_written(result: RunResult, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("results")
    write_run(result, directory, parquet=False)
    assert read_run(directory, "r-1") == result
    for name, rows in (("observations", result.observations), ("verdicts", result.verdicts), ("runs", [result.run])):
        (path,) = directory.glob(f"{name}/*/*.csv")
        assert path.read_bytes().count(b"\n") == len(rows) + 1, "one line per row"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.TEXTS, Kind.PAIRS])
@pytest.mark.parametrize("nullable", [False, True])
def test_no_cell_acts_on_spreadsheet_or_terminal(text: str, kind: Kind, nullable: bool) -> None:
    column = Column(name="x", kind=kind, nullable=nullable and kind is Kind.TEXT, unit="", meaning="")
    values: dict[Kind, Value] = {
        Kind.TEXT: text, Kind.TEXTS: ("a", text, text), Kind.PAIRS: ((text, text), (text, "b")),
    }
    cell = encode(values[kind], column)
    assert decode(cell, column) == values[kind]
    for part in (cell, *cell.split(";")[1:]):
        assert not re.match(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]", part)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", cell)


def test_numbers_stay_numbers_and_none_differs_from_empty(tmp_path: Path) -> None:
    result = a_result()
    result = replace(
        result,
        observations=(replace_flat(result.observations[0], tls_alert=-1, clock_offset_s=-0.25),),
        controls=tuple(replace(result.controls[0], http_failure=word) for word in (None, "", "eof_error")),
    )
    write_run(result, tmp_path, parquet=False)
    (row,) = plain_rows(tmp_path, "observations")
    assert (row["tls_alert"], row["clock_offset_s"], row["authoritative"]) == ("-1", "-0.25", "false")
    assert [row["http_failure"] for row in plain_rows(tmp_path, "controls")] == ["", r"\e", "eof_error"]
    assert read_run(tmp_path, "r-1") == result


def test_runs_come_in_order_of_time(tmp_path: Path) -> None:
    for run_id, time in (("b", "2017-05-05T00:00:00Z"), ("c", "2017-05-04T00:00:00Z"), ("a", "2017-05-05T01:00:00Z")):
        write_run(a_result(run_id, time), tmp_path, parquet=False)
    assert [result.run.run_id for result in read_runs(tmp_path)] == ["c", "a", "b"]


@pytest.mark.parametrize("column", ["control_ids", "owner"])
def test_a_file_of_an_older_schema_reads_with_defaults(tmp_path: Path, column: str) -> None:
    write_run(a_result(), tmp_path, parquet=False)
    (path,) = tmp_path.glob("verdicts/*/*.csv")
    header, row = path.read_text().splitlines()
    at = header.split(",").index(column)
    without = [",".join(cell for i, cell in enumerate(line.split(",")) if i != at) for line in (header, row)]
    path.write_text("\r\n".join([without[0] + ",new_column", without[1] + ",x"]) + "\r\n")
    assert read_run(tmp_path, "r-1") == a_result()


# what must be refused


@pytest.mark.parametrize(("table", "damage", "word"), [
    ("verdicts", lambda text: text[: len(text) - 20], "cells, the header has"),
    ("verdicts", lambda text: text.replace("a.chat.b", r"a\q", 2), "unknown escape"),
    ("verdicts", lambda text: text.replace("false", "maybe"), "neither true nor false"),
    ("verdicts", lambda text: text.replace("outcome", "income"), "outcome"),
    ("observations", lambda text: text.replace(",1,", ",one,", 1), "sequence"),
    ("runs", lambda text: text + text.splitlines()[1] + "\r\n", "2 rows"),
    ("runs", lambda text: text.replace("\nr-1,", "\nr-2,"), "r-2"),
    ("runs", lambda text: text.replace("2017-05-04", "2017-05-05"), "belongs at"),
    ("runs", lambda text: text.replace("2017-05-04", "yesterday"), "isoformat"),
    ("runs", lambda text: "", "header is missing"),
    ("runs", lambda text: "\x00\xff", "header|rows"),
])
def test_a_damaged_file_is_named_not_guessed_at(tmp_path: Path, table: str, damage: Any, word: str) -> None:
    write_run(a_result(), tmp_path, parquet=False)
    (path,) = tmp_path.glob(f"{table}/*/*.csv")
    path.write_text(damage(path.read_bytes().decode()), newline="")
    with pytest.raises(StoreError, match=word) as error:
        read_run(tmp_path, "r-1")
    assert str(path) in str(error.value)


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    write_run(a_result(), tmp_path, parquet=False)
    with pytest.raises(StoreError, match="never overwritten"):
        write_run(a_result(text="other"), tmp_path, parquet=False)
    assert read_run(tmp_path, "r-1") == a_result()


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", ".hidden", "x" * 200, "a\x00"])
def test_a_run_id_cannot_leave_its_folder(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(ValueError, match="name"):
        write_run(a_result(run_id), tmp_path, parquet=False)
    assert list(tmp_path.rglob("*")) == []


def test_an_observation_of_another_run_is_a_bug(tmp_path: Path) -> None:
    foreign = replace(a_result().observations[0], run_id="r-9")
    with pytest.raises(ValueError, match="r-9"):
        write_run(replace(a_result(), observations=(foreign,)), tmp_path, parquet=False)
    assert not list(tmp_path.rglob("*.csv*"))


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no results here"):
        list(stored_runs(tmp_path))
    with pytest.raises(StoreError, match="no run r-1"):
        read_run(tmp_path, "r-1")


# whole or not at all


def test_private_modes_and_no_temporary_names(tmp_path: Path) -> None:
    paths = write_run(a_result(), tmp_path / "results", parquet=False)
    assert [path.parent.parent.name for path in paths] == list(TABLES)
    found = list((tmp_path / "results").rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}
    assert set(paths) == {path for path in found if path.is_file()}


@pytest.mark.parametrize("last", range(1, 5))
def test_a_failure_in_any_rename_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    whole, renamed = os.replace, []

    def fails(source: Path, target: Path) -> None:
        renamed.append(target)
        if len(renamed) > last:
            raise OSError(28, "No space left on device")
        whole(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(StoreError, match="disk is full"):
        write_run(a_result(), tmp_path, parquet=False)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert renamed[-1].parent.parent.name == list(TABLES)[last]


def test_a_full_device_is_reported_and_leaves_no_file(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(StoreError, match="disk is full"):
        write_files([(tmp_path / "a", lambda file: None), (tmp_path / "b", write)])
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys, time
from pathlib import Path
from probe.store.files.atomic import write_files
def stall(file):
    file.write(b"half"); file.flush(); print("ready", flush=True); time.sleep(60)
write_files([(Path(sys.argv[1]) / "a.csv", lambda file: None), (Path(sys.argv[1]) / "b.csv", stall)])
"""


def test_a_killed_writer_leaves_only_what_is_cleaned_later(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        writer.send_signal(signal.SIGKILL)
    left = list(tmp_path.iterdir())
    assert len(left) == 2
    assert not list(tmp_path.glob("*.csv"))
    remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == left, "a writer may still be at work"
    for path in left:
        os.utime(path, (0, 0))
    remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_writing_a_run_cleans_its_day(tmp_path: Path) -> None:
    stale = tmp_path / "verdicts" / "date=2017-05-04" / ".r-0.csv.1.part"
    write_file(stale, b"half")
    os.utime(stale, (0, 0))
    write_run(a_result(), tmp_path, parquet=False)
    assert not stale.exists()


# errors before and instead of writing

IN_MOUNT = """
from pathlib import Path
import sys
from probe.store.files.atomic import StoreError, check_writable
from probe.store.runs.run_writer import write_run
sys.path.insert(0, "tests/helpers")
from stored import a_result
for action in (lambda: check_writable(Path(sys.argv[1])),
               lambda: write_run(a_result(text="x" * 100_000), Path(sys.argv[1]), parquet=False)):
    try:
        action()
        print("no error")
    except StoreError as error:
        print(error)
print(sum(path.is_file() for path in Path(sys.argv[1]).rglob("*")))
"""


@pytest.mark.parametrize(("options", "words"), [
    ("size=96k", ("less than 16 MiB are free", "the disk is full")),
    ("ro", ("the file system is read-only", "the file system is read-only")),
])
def test_small_and_read_only_disks(tmp_path: Path, options: str, words: tuple[str, str]) -> None:
    mount = f'mount -t tmpfs -o {options} none "$0" && exec "$1" -c "$2" "$0"'
    enter = ["unshare", "--user", "--map-root-user", "--mount"]
    command = [*enter, "sh", "-c", mount, str(tmp_path), sys.executable, IN_MOUNT]
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are closed on this machine")
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    check, write, files = done.stdout.splitlines()
    assert words[0] in check
    assert words[1] in write
    assert files == "0"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    for act in (check_writable, lambda path: write_run(a_result(), path, parquet=False)):
        with pytest.raises(StoreError, match="folder is needed"):
            act(tmp_path / "results")


def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    code = ("import os, sys; from pathlib import Path\n"
            "from probe.store.files.atomic import check_writable, StoreError\n"
            "if os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "try: check_writable(Path(sys.argv[1]))\nexcept StoreError as error: print(error)")
    tmp_path.chmod(0o555)
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, cwd=ROOT, check=False)
    tmp_path.chmod(0o700)
    assert "no permission" in done.stdout, done.stderr


def test_a_writable_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_is_tried_is_not_left_behind(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for folder in (tmp_path / "a" / "b", tmp_path / "there", tmp_path / "there" / "c"):
        try_writable(folder)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        try_writable(tmp_path / "file" / "d")
    assert {path.name for path in tmp_path.rglob("*")} == {"there", "file"}
