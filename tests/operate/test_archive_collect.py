"""Many volunteers' folders as one data set: every sound run once, whatever else people send."""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from in_order import in_order
from probe.cli.main import cli
from probe.core.observations import KeptPacket
from probe.core.runs import RunResult, Vantage
from probe.store.archive.compaction import compact_days
from probe.store.runs.run_reader import read_runs, stored_runs
from probe.store.runs.run_writer import write_run
from probe.store.schema import TABLES
from probe.upkeep.commands.exit_codes import EXIT_LOCKED, EXIT_USAGE
from probe.upkeep.commands.run_lock import hold_run_lock
from probe_analysis.exports.export_formats import FORMATS
from probe_analysis.exports.run_choice import RunFilter
from probe_analysis.exports.table_export import export_table
from probe_operate.collect.collecting import CollectResult, collect_runs
from stored import a_result

HOSTILE = "=HYPERLINK(\"http://a\")\n\x1b[2J\u202e<script>alert(1)</script>[bold]"


def run_of(name: str, *, text: str = "plain", lab: bool = False, schema: str = "1", day: int = 4) -> RunResult:
    result = a_result(f"r-{name}", f"2017-05-{day:02}T06:12:00Z", text=text)
    return replace(result, run=replace(result.run, schema_version=schema,
                                       vantage=Vantage(probe_cc="RU", probe_asn=64500, lab=lab)))


def send(folder: Path, names: str, **named: object) -> Path:
    for name in names:
        write_run(run_of(name, **named), folder, parquet=False)  # type: ignore[arg-type]
    return folder


def content(directory: Path) -> dict[str, RunResult]:
    if not list(directory.glob("runs/*/*.csv")):
        return {}
    return {result.run.run_id: result for result in read_runs(directory)}


def reasons(done: CollectResult) -> list[tuple[str, str]]:
    return sorted((refused.path.name, refused.reason) for refused in done.refused)


@pytest.mark.parametrize("planted", [
    "archives/date=2017-05-04/x.tgz", "runs/date=2017-05-04/x.csv", "parquet/runs/x.parquet", "checksums/x",
    "runs/runs/date=2017-05-04/x.csv",
])
def test_nobody_hides_the_others_by_what_lies_in_the_inbox_itself(tmp_path: Path, planted: str) -> None:
    for name in "ab":
        send(tmp_path / "inbox" / f"of-{name}", name)
    path = tmp_path / "inbox" / planted
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing")
    collect_runs([tmp_path / "inbox"], tmp_path / "out", lab=False)
    assert sorted(content(tmp_path / "out")) == ["r-a", "r-b"]


def test_a_lake_below_a_data_set_is_not_taken_again(tmp_path: Path) -> None:
    send(tmp_path / "set", "a")
    lake = tmp_path / "set" / "lake" / "runs" / "country=RU" / "month=2017-05"
    lake.mkdir(parents=True)
    (lake / "part.parquet").write_bytes(b"")
    done = collect_runs([tmp_path / "set"], tmp_path / "out", lab=False)
    assert (sorted(content(tmp_path / "out")), len(done.refused)) == (["r-a"], 1)


def test_folders_become_one_and_nothing_is_left_out(tmp_path: Path) -> None:
    sources = [send(tmp_path / "a", "ab", text=HOSTILE), send(tmp_path / "b", "cd"), send(tmp_path / "c", "ef", day=5)]
    compact_days(tmp_path / "b", today=date(2017, 5, 9))
    done = collect_runs(sources, tmp_path / "out")
    assert (done.folders, done.taken, done.duplicates, done.refused) == (3, 6, 0, [])
    assert dict(done.schemas) == {"1": 6}
    assert content(tmp_path / "out") == content(tmp_path / "a") | content(tmp_path / "b") | content(tmp_path / "c")


def test_a_place_may_hold_several_folders(tmp_path: Path) -> None:
    send(tmp_path / "in" / "a", "a")
    send(tmp_path / "in" / "b", "b")
    (tmp_path / "in" / "photos").mkdir()
    assert collect_runs([tmp_path / "in"], tmp_path / "out").taken == 2


def test_collecting_again_adds_what_is_new(tmp_path: Path) -> None:
    source = send(tmp_path / "a", "ab")
    collect_runs([source], tmp_path / "out")
    compact_days(tmp_path / "out", today=date(2017, 5, 9))
    send(source, "c")
    done = collect_runs([source], tmp_path / "out")
    assert (done.taken, done.present, done.duplicates) == (1, 2, 0)
    assert sorted(content(tmp_path / "out")) == ["r-a", "r-b", "r-c"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_the_folders_says_nothing(tmp_path: Path, order: tuple[int, ...]) -> None:
    """r-a comes twice alike; of r-b there are two versions, and one of them twice. Where one folder is taken after the
    other, the version that came first stays."""
    sources = [send(tmp_path / "0", "abc"), send(tmp_path / "1", "a"), send(tmp_path / "2", "b", text="other"),
               send(tmp_path / "3", "b")]
    done = collect_runs([sources[i] for i in order], tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == ["r-a", "r-c"]
    assert list(done.conflicts) == ["r-b"]
    assert len(done.conflicts["r-b"]) == 3
    assert done.taken == 2
    assert not list((tmp_path / "out").rglob("r-b*"))
    again = collect_runs([sources[0]], tmp_path / "out")
    assert list(again.conflicts) == ["r-b"]
    contested = 0
    for source in (sources[i] for i in order):  # one after the other
        contested += len(collect_runs([source], tmp_path / "out2").contested)
    first = next(content(sources[i])["r-b"] for i in order if i != 1)
    assert content(tmp_path / "out2") == content(tmp_path / "out") | {"r-b": first}
    assert contested == (1 if first != content(sources[2])["r-b"] else 2)


def test_the_same_name_on_two_days_is_a_conflict(tmp_path: Path) -> None:
    source = send(tmp_path / "a", "ab")
    send(tmp_path / "elsewhere", "a", day=5)
    shutil.copytree(tmp_path / "elsewhere", source, dirs_exist_ok=True)
    done = collect_runs([source], tmp_path / "out")
    assert (sorted(content(tmp_path / "out")), list(done.conflicts)) == (["r-b"], ["r-a"])


@pytest.mark.parametrize("merged", [False, True])
def test_who_has_read_the_name_of_a_run_cannot_strike_it(tmp_path: Path, merged: bool) -> None:
    collect_runs([send(tmp_path / "a", "ab")], tmp_path / "out")
    if merged:
        compact_days(tmp_path / "out", today=date(2017, 5, 9))
    before = content(tmp_path / "out")
    liar = send(tmp_path / "b", "a", text="other")
    for _ in range(2):
        done = collect_runs([liar], tmp_path / "out")
        assert done.contested == {"r-a": {liar}}
        assert (done.taken, done.conflicts, done.problems) == (0, {}, [])
        assert content(tmp_path / "out") == before
    assert collect_runs([tmp_path / "a"], tmp_path / "out").present == 2


def test_laboratory_runs_and_others_are_kept_apart(tmp_path: Path) -> None:
    sources = [send(tmp_path / "a", "ab"), send(tmp_path / "b", "cde", lab=True)]
    assert (done := collect_runs(sources, tmp_path / "out")).taken == 2
    assert done.lab == 3
    assert collect_runs(sources, tmp_path / "lab", lab=True).taken == 3


@pytest.mark.parametrize("schema", ["3", "99", "", "x", "9" * 300, "-1"])
def test_another_schema_is_left_out_and_told(tmp_path: Path, schema: str) -> None:
    done = collect_runs([send(tmp_path / "a", "a", schema=schema), send(tmp_path / "b", "b")], tmp_path / "out")
    assert done.taken == 1
    assert "schema version" in done.refused[0].reason


def test_torn_and_foreign_files_are_listed_and_the_rest_is_taken(tmp_path: Path) -> None:
    source = send(tmp_path / "a", "abcdef")
    day = "date=2017-05-04"
    (source / "runs" / day / "r-a.csv").unlink()
    cut = source / "verdicts" / day / "r-b.csv"
    cut.write_bytes(cut.read_bytes()[:-40])
    (source / "observations" / day / "r-c.csv").unlink()
    (source / "runs" / day / "r-d.csv").write_bytes(os.urandom(300))
    (source / "services" / day / ".r-x.csv.12.part").write_bytes(b"half")
    (source / "thesis.tex").write_text("")
    (source / "verdicts" / day / "odd").mkdir()
    (source / "verdicts" / day / "odd" / "r-e.csv").write_text("")
    (source / "report.html").write_text("")
    done = collect_runs([source], tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == ["r-e", "r-f"]
    found = reasons(done)
    assert [reason for name, reason in found if name == "thesis.tex"] == ["not a file of a results folder"]
    assert (".r-x.csv.12.part", "half written when the probe was stopped") in found
    assert ("r-e.csv", "not a file of a results folder") in found
    assert sum(name == "r-a.csv" and "not finished" in reason for name, reason in found) == 4
    assert sum(name == "r-b.csv" for name, _ in found) == 1
    assert sum(name == "r-c.csv" for name, _ in found) == 1
    assert not [name for name, _ in found if name == "report.html"]


def test_links_pipes_and_deep_folders_are_not_followed(tmp_path: Path) -> None:
    source = send(tmp_path / "a", "abcde")
    (tmp_path / "secret.csv").write_bytes((source / "verdicts" / "date=2017-05-04" / "r-a.csv").read_bytes())
    day = source / "verdicts" / "date=2017-05-04"
    (day / "r-a.csv").unlink()
    (day / "r-a.csv").symlink_to(tmp_path / "secret.csv")
    (day / "r-b.csv").unlink()
    os.mkfifo(day / "r-b.csv")
    (source / "runs" / "date=2017-05-04" / "r-c.csv").unlink()
    os.mkfifo(source / "runs" / "date=2017-05-04" / "r-c.csv")
    (source / "packets").symlink_to("/etc")
    (source / "runs" / "date=2017-05-05").symlink_to(source / "runs" / "date=2017-05-04")
    deep = source
    for _ in range(40):
        deep = deep / "d"
    deep.mkdir(parents=True)
    done = collect_runs([source], tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == ["r-d", "r-e"]
    assert any("link" in reason for _, reason in reasons(done))
    assert any("deeper" in reason for _, reason in reasons(done))


@pytest.mark.parametrize("value", ["9" * 30, "-9223372036854775809", "9" * 5_000, "0x10", "nan", "1e999", ""])
@pytest.mark.parametrize(("table", "column"), [("runs", "probe_asn"), ("verdicts", "attempts"), ("runs", "seed"),
                                               ("verdicts", "confidence"), ("observations", "clock_offset_s")])
def test_numbers_that_are_none_stop_nobody_later(tmp_path: Path, table: str, column: str, value: str) -> None:
    """Whatever a cell holds: the run is refused, or what is made of it can be written in every form."""
    source = send(tmp_path / "a", "ab")
    (path,) = source.glob(f"{table}/*/r-a.csv")
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    for row in rows:
        row[header.index(column)] = value
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    collect_runs([source], tmp_path / "out")
    assert "r-b" in content(tmp_path / "out")
    for form in FORMATS:
        for release in (False, True):
            export_table(tmp_path / "out", tmp_path / "x", RunFilter(), table=table, form=form, release=release,
                         now=datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("time", [
    "2017-05-04 or so", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2017-05-04T99",
])
def test_times_that_are_none_are_refused(tmp_path: Path, time: str) -> None:
    result = a_result("r-a", time)
    write_run(replace(result, run=replace(result.run, schema_version="1")), tmp_path / "a", parquet=False)
    assert collect_runs([send(tmp_path / "a", "b")], tmp_path / "out").taken == 1
    assert list(content(tmp_path / "out")) == ["r-b"]


def test_rows_of_another_run_do_not_slip_in(tmp_path: Path) -> None:
    source = send(tmp_path / "a", "ab")
    path = source / "observations" / "date=2017-05-04" / "r-a.csv"
    path.write_bytes(path.read_bytes().replace(b"\nr-a,", b"\nr-z,"))
    done = collect_runs([source], tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == ["r-b"]
    assert "name another run" in done.refused[0].reason


def test_a_merged_day_that_was_cut_is_refused_run_by_run(tmp_path: Path) -> None:
    source = send(tmp_path / "a", "abc")
    compact_days(source, today=date(2017, 5, 9))
    (path,) = source.glob("verdicts/*/day@*.csv")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    done = collect_runs([source], tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == ["r-a", "r-b"]
    assert any("r-c" in reason for _, reason in reasons(done))


def test_cells_that_were_not_neutralised_are_so_afterwards(tmp_path: Path) -> None:
    source = send(tmp_path / "a", "a")
    for path in source.glob("verdicts/*/*.csv"):
        path.write_bytes(path.read_bytes().replace(b"https://a/", b"=cmd|' /C calc'!A0\x1b[2J"))
    collect_runs([source], tmp_path / "out")
    (path,) = (tmp_path / "out").glob("verdicts/*/*.csv")
    assert b",'=cmd|' /C calc'!A0\\x1b[2J," in path.read_bytes()
    assert b"\x1b" not in path.read_bytes()


def test_packets_come_along_and_damaged_ones_do_not(tmp_path: Path) -> None:
    kept = KeptPacket(observation_id="r-a.1", at_s=1.0, outbound=True, length=4, data=b"\x45\x00\x00\x04")
    for name in "ab":
        write_run(replace(run_of(name), packets=(kept,)), tmp_path / "a", parquet=False)
    damaged = tmp_path / "a" / "packets" / "date=2017-05-04" / "r-b.pcapng"
    damaged.write_bytes(damaged.read_bytes()[:-6])
    done = collect_runs([tmp_path / "a"], tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == ["r-a"]
    assert [path.name for path in (tmp_path / "out").rglob("*.pcapng")] == ["r-a.pcapng"]
    assert len(done.refused) >= 1


# the command


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ("collect", *arguments))


def test_the_command_tells_what_it_found_without_letting_names_act(in_folder: Path) -> None:
    send(Path("a"), "ab")
    send(Path("b"), "b", text="other")
    (Path("a") / "\x1b[2J\n[red]=1.csv").write_text("")
    result = call("a", "b", "-o", "out")
    assert result.exit_code == 0, result.output
    assert in_order(result.output, "out: 1 run", "2 folders", "schema 1: 1")
    assert in_order(result.output, "Conflict", "r-b", "a, b")
    assert "Left out 1: " in result.output
    assert not re.search("[\x00-\x09\x0b-\x1f]", result.output)
    found = json.loads(call("a", "b", "-o", "out", "--json").output)
    assert (found["taken"], found["present"], found["conflicts"]) == (0, 1, {"r-b": ["a", "b"]})
    assert {table for table in TABLES if list(Path("out").glob(f"{table}/*/*.csv"))} == set(TABLES)


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (("a",), EXIT_USAGE, "--output"), (("-o", "out"), EXIT_USAGE, "DIR"), (("none", "-o", "out"), EXIT_USAGE, "none"),
    (("a", "-o", "a"), EXIT_USAGE, "within each other"), (("a", "-o", "a/out"), EXIT_USAGE, "within each other"),
    ((".", "-o", "out"), EXIT_USAGE, "within each other"), (("a", "-o", "file/x"), 1, "a file stands"),
])
def test_mistakes_are_told(in_folder: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    send(Path("a"), "a")
    Path("file").write_text("")
    result = call(*arguments)
    assert (result.exit_code, type(result.exception)) == (code, SystemExit), result.output
    assert told in result.output


def test_two_collections_at_once(in_folder: Path) -> None:
    send(Path("a"), "a")
    with hold_run_lock(Path("out")):
        assert call("a", "-o", "out").exit_code == EXIT_LOCKED
    assert call("a", "-o", "out").exit_code == 0
    assert [run.run_id for run in stored_runs(Path("out"))] == ["r-a"]
