"""One file from many runs: nothing left out, nothing mixed; and what may be published tells of nobody."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from in_order import in_order
from observations import observation
from probe.cli.main import cli
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.purposes import FOREIGN_NAMES, Purpose
from probe.core.tables.resolvers import DnsEngine, ResolverRole
from probe.core.tables.run_words import CatalogueSource
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty, read_word
from probe.store.archive.compaction import compact_days
from probe.store.archive.vouched_names import VouchedName, VouchedNames
from probe.store.files.atomic import StoreError
from probe.store.files.text_cells import decode
from probe.store.row_codec import rows_of
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from probe.store.schema import TABLES
from probe.upkeep.commands.exit_codes import EXIT_USAGE
from probe_analysis.exports.release import RELEASED, make_released_table, select_releasable_runs
from probe_analysis.exports.run_choice import RunFilter
from probe_analysis.exports.table_export import export_table
from stored import a_result

NOW = datetime(2017, 6, 1, tzinfo=UTC)


def made(run_id: str, time: str, *, cc: str = "RU", asn: int = 64500, probe: str = "p", lab: bool = False,
         text: str = "plain", service: str = "a") -> RunResult:
    result = a_result(run_id, time, text=text)
    vantage = Vantage(probe_id=probe, probe_cc=cc, probe_asn=asn, lab=lab)
    verdicts = tuple(replace(v, service=service, target_id=f"{service}.chat.b", evidence=(f"{run_id}.1",))
                     for v in result.verdicts)
    observations = (replace(result.observations[0], target_id=f"{service}.chat.b"), result.observations[1])
    return replace(result, run=replace(result.run, vantage=vantage), verdicts=verdicts, observations=observations)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for number, (cc, service) in enumerate((("RU", "a"), ("RU", "signal"), ("IR", "a"), ("IR", "signal"))):
        write_run(made(f"r-{number}", f"2017-05-0{number + 1}T06:12:00Z", cc=cc, service=service), tmp_path,
                  parquet=False)
    return tmp_path


def exported(directory: Path, choice: RunFilter = RunFilter(), **named: object) -> list[dict[str, str]]:  # noqa: B008
    out = directory.parent / "out.csv"
    export_table(directory, out, choice, now=NOW, **named)  # type: ignore[arg-type]
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize("table", list(TABLES))
@pytest.mark.parametrize("merged", [False, True])
def test_all_rows_come_as_they_were(results: Path, table: str, merged: bool) -> None:
    write_run(a_result("r-x", "2017-05-04T08:00:00Z", text="=1;\n\x1b\u202e\ud800"), results, parquet=False)
    wanted = [dict(row) for result in read_runs(results) for row in rows_of(result, TABLES[table])]
    if merged:
        compact_days(results, today=date(2017, 5, 10))
    columns = {column.name: column for column in TABLES[table].columns}
    found = [{name: decode(cell, columns[name]) for name, cell in row.items()}
             for row in exported(results, table=table)]
    assert found == wanted


@pytest.mark.parametrize(("choice", "runs"), [
    (RunFilter(), "0123"), (RunFilter(since=date(2017, 5, 2)), "123"), (RunFilter(until=date(2017, 5, 2)), "01"),
    (RunFilter(since=date(2017, 5, 2), until=date(2017, 5, 2)), "1"), (RunFilter(countries=frozenset({"IR"})), "23"),
    (RunFilter(services=frozenset({"signal"})), "13"), (RunFilter(services=frozenset({"a", "signal"})), "0123"),
    (RunFilter(services=frozenset({"signal"}), countries=frozenset({"IR"}), since=date(2017, 5, 1)), "3"),
    (RunFilter(countries=frozenset({"XX"})), ""), (RunFilter(lab=True), ""),
])
def test_conditions_narrow_what_comes(results: Path, choice: RunFilter, runs: str) -> None:
    assert "".join(row["run_id"].removeprefix("r-") for row in exported(results, choice)) == runs


def test_a_service_has_observations_controls_and_service_rows_as_well(results: Path) -> None:
    choice = RunFilter(services=frozenset({"signal"}))
    assert {row["target_id"] for row in exported(results, choice, table="observations")} == {"signal.chat.b"}
    assert len(exported(results, choice, table="controls")) == 2
    assert exported(results, choice, table="services") == []  # their rows speak of service a


def test_the_laboratory_and_the_world_are_never_mixed(results: Path) -> None:
    write_run(made("r-lab", "2017-05-04T00:00:00Z", lab=True), results, parquet=False)
    with pytest.raises(StoreError, match="--lab or --no-lab"):
        exported(results)
    assert [row["run_id"] for row in exported(results, RunFilter(lab=True))] == ["r-lab"]
    assert len(exported(results, RunFilter(lab=False))) == 4


def test_json_lines_and_parquet_hold_the_same(results: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    export_table(results, tmp_path / "o.jsonl", RunFilter(), form="jsonl", table="observations", now=NOW)
    export_table(results, tmp_path / "o.parquet", RunFilter(), form="parquet", table="observations", now=NOW)
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text("ascii").splitlines()]
    frame = pandas.read_parquet(tmp_path / "o.parquet")
    assert [line["observation_id"] for line in lines] == list(frame["observation_id"])
    assert [line["answers"] for line in lines] == [list(cell) for cell in frame["answers"]]


# the command


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ("export", *arguments))


def test_the_command_writes_to_standard_output_or_a_file(results: Path, tmp_path: Path) -> None:
    result = call(str(results), "--country", "ir", "--service", "signal")
    assert result.exit_code == 0
    assert [row["run_id"] for row in csv.DictReader(io.StringIO(result.stdout))] == ["r-3"]
    assert in_order(result.stderr, "1 row", "2 runs")
    assert call(str(results), "-o", str(tmp_path / "a" / "x.jsonl")).exit_code == 0
    assert json.loads((tmp_path / "a" / "x.jsonl").read_text().splitlines()[0])["run_id"] == "r-0"
    assert "Nothing matches" in call(str(results), "--country", "XX").stderr


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (("--table", "runs", "--service", "a"), EXIT_USAGE, "leave out --service"),
    (("--since", "yesterday"), EXIT_USAGE, "yesterday"), (("--format", "parquet"), EXIT_USAGE, "-o FILE"),
    (("--format", "xml"), EXIT_USAGE, "xml"), (("-o", "/proc/none/x.csv"), 1, "/proc/none"),
])
def test_mistakes_are_told(results: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = call(str(results), *arguments)
    assert (result.exit_code, type(result.exception)) == (code, SystemExit)
    assert told in result.output


def test_an_empty_and_a_damaged_folder_are_told(results: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no results here" in call(str(tmp_path / "empty")).output
    next(results.glob("verdicts/*/r-2.csv")).write_bytes(b"\xff")
    result = call(str(results), "-o", str(tmp_path / "x.csv"))
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "r-2.csv" in result.output
    assert not (tmp_path / "x.csv").exists(), "whole or not at all"


# what may be published


def released(directory: Path, table: str = "verdicts", now: datetime = NOW) -> list[dict[str, str]]:
    export_table(directory, directory / "out.csv", RunFilter(), table=table, release=True, now=now)
    with (directory / "out.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


RECORD = "probe_id,since,asn,prefix\r\n"


def volunteers(directory: Path, probes: Iterable[str], *, asn: int = 64500, day: int = 4) -> None:
    for number, probe in enumerate(probes):
        write_run(made(f"20170504T06120{number}Z_{probe}{day}", f"2017-05-{day:02}T06:12:0{number}Z", asn=asn,
                       probe=probe), directory, parquet=False)


def test_four_probes_are_a_country_and_a_day(tmp_path: Path) -> None:
    volunteers(tmp_path, "abcd")
    assert {(r["measurement_start_time"], r["probe_cc"], r["probe_asn"]) for r in released(tmp_path)} == {
        ("2017-05-04T00:00:00Z", "RU", "0")}


def of_day(rows: Iterable[dict[str, str]], day: int) -> list[tuple[str, str]]:
    """Time and network of the rows of a day of May."""
    return [(row["measurement_start_time"], row["probe_asn"]) for row in rows
            if row["measurement_start_time"].startswith(f"2017-05-{day:02}")]


def vouch(directory: Path, names: Iterable[str], since: str = "2017-05-01") -> None:
    """The collector's record: it knows names since a day, wherever they measure."""
    (directory / "vouched.csv").write_text(RECORD + "\r\n".join(f"{name},{since},," for name in names))


def test_five_probes_are_a_network_and_an_hour(tmp_path: Path) -> None:
    vouch(tmp_path, "abcdefghi")
    for day in range(1, 6):
        volunteers(tmp_path, "abcde", day=day)
        volunteers(tmp_path, "fghi", asn=64501, day=day)
    rows = released(tmp_path)
    assert of_day(rows, 4) == [("2017-05-04T00:00:00Z", "0")] * 4 + [("2017-05-04T06:00:00Z", "64500")] * 5
    assert of_day(rows, 3) == [("2017-05-03T00:00:00Z", "0")] * 9, "nobody is known yet"


@pytest.mark.parametrize("days", [range(4, 5), range(1, 5)], ids=["as they are", "of days that were never measured"])
def test_four_folders_do_not_buy_the_fifth_persons_network_and_hour(tmp_path: Path, days: range) -> None:
    for day in range(1, 5):
        volunteers(tmp_path, "a", day=day)
    for day in days:
        volunteers(tmp_path, "bcde", day=day)
    assert of_day(released(tmp_path), 4) == [("2017-05-04T00:00:00Z", "0")] * 5


@pytest.mark.parametrize(("rows", "asn"), [
    ([f"{name},2017-05-01,64500,{name}" for name in "abcde"], "64500"),
    ([f"{name},2017-05-01,," for name in "abcde"], "64500"),
    # sent all at once, with times of days before: what counts is when they came
    ([f"{name},2017-05-0{1 if name == 'a' else 4},64500,{name}" for name in "abcde"], "0"),
    ([f"{name},2017-05-01,64500,{'x' if name in 'cde' else name}" for name in "abcde"], "0"),  # three of one prefix
    ([f"{name},2017-05-01,64499,{name}" for name in "abcde"], "0"),  # from another network than they said
    ([f"{name},2017-05-01,64500,{name}" for name in "abcd"], "0"),
])
def test_the_collectors_record_says_who_is_known(tmp_path: Path, rows: list[str], asn: str) -> None:
    (tmp_path / "vouched.csv").write_text(RECORD + "\r\n".join(rows))
    for day in range(1, 5):
        volunteers(tmp_path, "abcde", day=day)
    assert {told for _, told in of_day(released(tmp_path), 4)} == {asn}


@pytest.mark.parametrize("content", [
    "probe_id,since\r\na,2017-05-01\r\n", RECORD + "a,yesterday,1,x\r\n", RECORD + "a,2017-05-01,one,x\r\n",
    RECORD + "=a,2017-05-01,1,x\r\n", RECORD + "a,2017-05-01\r\n", "\0",
])
def test_a_record_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "vouched.csv").write_text(content)
    volunteers(tmp_path, "a")
    with pytest.raises(StoreError, match=r"vouched\.csv"):
        released(tmp_path)


@pytest.mark.parametrize(("doubt", "cc"), [("network", "RU"), ("country", "ZZ"), ("several", "ZZ"), ("moved", "ZZ")])
def test_a_place_in_doubt_is_not_told_and_counts_for_no_network(tmp_path: Path, doubt: str, cc: str) -> None:
    volunteers(tmp_path, "abcd")
    fifth = made("20170504T061209Z_e4", "2017-05-04T06:12:09Z", asn=64500, probe="e")
    vantage = replace(fifth.run.vantage, vantage_doubt=(doubt,))
    write_run(replace(fifth, run=replace(fifth.run, vantage=vantage)), tmp_path, parquet=False)
    found = sorted((r["probe_cc"], r["probe_asn"]) for r in released(tmp_path))
    assert found == sorted([("RU", "0")] * 4 + [(cc, "0")])


def test_five_runs_of_one_probe_are_one_probe_and_unknown_networks_none(tmp_path: Path) -> None:
    volunteers(tmp_path, "aaaaa")
    volunteers(tmp_path, "abcdef", asn=0, day=5)
    assert {r["probe_asn"] for r in released(tmp_path)} == {"0"}


def test_ids_that_changed_with_the_month_are_not_counted_twice() -> None:
    days = ("05-28", "05-28", "05-28", "06-05", "06-05", "06-05")
    runs = [made(f"r-{n}-{before}", f"2017-{day[:3]}{int(day[3:]) - before:02}T00:00:00Z", probe=f"p{n}").run
            for n, day in enumerate(days) for before in range(4)]
    ready = select_releasable_runs(runs, runs, now=NOW + timedelta(days=60), vouched=SIX)
    assert {cell.probe_asn for _, cell, _ in ready} == {0}


SIX = VouchedNames(names={(f"p{n}", 0): VouchedName(since=date(2017, 4, 1), prefix="") for n in range(6)},
                   begin=date(2017, 4, 1))
"""A record that knows all of them."""


def test_thirty_days_and_not_one_more() -> None:
    def network(last: str) -> set[int]:
        runs = [made(f"r-{n}-{day}", f"2017-05-0{day}T00:00:00Z", probe=f"p{n}").run
                for n in range(5) for day in (1, 2, 3)]
        runs.append(made("r-5", f"{last}T00:00:00Z", probe="p5").run)
        ready = select_releasable_runs(runs, runs, now=NOW + timedelta(days=60), vouched=SIX)
        return {cell.probe_asn for run, cell, _ in ready if run.run_id == "r-5"}

    assert network("2017-06-01") == {64500}
    assert network("2017-06-02") == {0}, "the last day on which they measured is forgotten"


@pytest.mark.parametrize(("hours", "rows"), [(0, 0), (17, 0), (41, 0), (42, 1), (100, 1)])
def test_a_cell_is_released_a_day_after_its_end(tmp_path: Path, hours: int, rows: int) -> None:
    volunteers(tmp_path, "a")  # at 06:12; its day ends at 24:00
    now = datetime(2017, 5, 4, 6, tzinfo=UTC) + timedelta(hours=hours)
    assert len(released(tmp_path, now=now)) == rows


SECRETS = ("SECRET", "203.0.113.77")


@given(resolver=st.sampled_from(["system", "network"]),
       purpose=st.sampled_from(["target", "ladder", "locate", *sorted(FOREIGN_NAMES)]),
       trust=st.sampled_from(["unknown_issuer", "invalid", ""]))
def test_nothing_that_names_person_place_or_installation_is_released(
    tmp_path_factory: pytest.TempPathFactory, resolver: ResolverRole, purpose: Purpose, trust: TrustFinding | Empty,
) -> None:
    """Every text that somebody on the way, or this machine, may have written holds a mark; none may come out."""
    directory = tmp_path_factory.mktemp("results")
    result = made("20170504T061205Z_1a2b3c4d", "2017-05-04T06:12:05Z", probe="SECRET")
    marked = observation(
        observation_id="20170504T061205Z_1a2b3c4d.1", operation="dns_round_trip", resolver=resolver, purpose=purpose,
        trust=trust, tainted_by="20170504T061205Z_1a2b3c4d.0", resolver_address=SECRETS[1], address=SECRETS[1],
        replies=("SECRET",), icmp="3/13 SECRET", ja4="SECRET",
        packets=("1.00|in|64|1|1|SECRET|0|0|0|0",), chain=("SECRET",), ede=("SECRET",),
        issuer="SECRET", subject="SECRET", title="SECRET", location="SECRET", server="SECRET", url="SECRET",
        body_excerpt="SECRET", mismatch="SECRET", reason="SECRET", reply_head="SECRET",
    )
    source: CatalogueSource = read_word("SECRET", get_args(CatalogueSource))
    run = replace(result.run, catalogue_path=source, ladder=("SECRET",), seed=7, clock_offset_s=1.25,
                  measurement_end_time="2017-05-04T06:13:44Z",
                  vantage=replace(result.run.vantage, nat64_prefix="SECRET", platform="SECRET", python_version="SECRET",
                                  openssl_version="SECRET", requests_version="SECRET"))
    controls = tuple(replace(c, control_id="SECRET", reason="SECRET", http_title="SECRET") for c in result.controls)
    verdicts = tuple(replace(v, reason="SECRET", hop="SECRET", control_ids=("SECRET",)) for v in result.verdicts)
    write_run(replace(result, run=run, observations=(marked,), controls=controls, verdicts=verdicts), directory,
              parquet=False)
    for table in TABLES:
        rows = released(directory, table)
        text = repr(rows)
        assert not [mark for mark in (*SECRETS, "06:12", "06:13", "T0612", "1a2b3c4d") if mark in text], table
        assert len(rows) == (0 if table == "observations" and purpose != "target" else 1)


@pytest.mark.parametrize(("resolver", "engine", "told"), [
    ("network", "udp", False), ("network", "tcp", False), ("system", "system", False), ("of tomorrow", "udp", False),
    ("public", "udp", True), ("dark", "udp", True), ("cloudflare", "doh", True), ("adguard", "dot", True),
])
def test_only_resolvers_that_the_probe_chose_are_told(tmp_path: Path, resolver: ResolverRole, engine: DnsEngine,
                                                      told: bool) -> None:
    asked = observation(observation_id="r-1.1", operation="dns_round_trip", resolver=resolver, dns_engine=engine,
                        resolver_address="198.51.100.7")
    write_run(replace(made("r-1", "2017-05-04T06:12:05Z"), observations=(asked,)), tmp_path, parquet=False)
    (row,) = released(tmp_path, "observations")
    assert (row["resolver_address"] == "198.51.100.7") is told


def test_rows_of_one_run_still_belong_together_and_runs_get_new_names(tmp_path: Path) -> None:
    volunteers(tmp_path, "ab")
    verdicts, observations = released(tmp_path), released(tmp_path, "observations")
    first = {row["run_id"] for row in verdicts}
    assert len(first) == 2
    assert not first & {row["run_id"] for row in observations}, "each release has names of its own"
    for row in verdicts:
        assert row["evidence"] == f"{row['run_id']}.1"
        assert row["measurement_uid"] == f"{row['run_id']}.a.chat.b"


def test_every_released_column_is_one_of_the_results() -> None:
    for name, table in TABLES.items():
        assert {column.name for column in make_released_table(table).columns} == set(RELEASED[name])
    never = {f.name for f in fields(Vantage)} - {"probe_cc", "probe_asn", "network_type", "tunnel", "lab"}
    never |= {"hop", "icmp", "packets", "replies", "body_excerpt", "control_id", "catalogue_path", "seed"}
    assert not [name for columns in RELEASED.values() for name in columns if name in never]


def test_a_run_without_a_proper_time_is_told(tmp_path: Path) -> None:
    write_run(RunResult(run=Run(run_id="r", measurement_start_time="2017-05-04 or so"), observations=(), controls=(),
                        verdicts=(), services=()), tmp_path, parquet=False)
    with pytest.raises(StoreError, match="no proper time"):
        released(tmp_path)
