"""Who counts on a day: by names that were there before, by the collector's record, and through to the cells."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_days import START, a_run, write_runs
from probe.core.runs import RunResult
from probe.core.tables.name_ages import ESTABLISHED_DAYS, HISTORY_DAYS, MOST_OF_PREFIX
from probe.store.archive.vouched_names import VouchedName, VouchedNames
from probe_analysis.cells.known_names import KnownNames
from probe_analysis.cells.name_standing import (
    NO_NAMES,
    DayNames,
    DayStanding,
    judge_days,
    number_names,
    number_vouched,
)
from probe_analysis.exports.established_probes import count_established
from test_cells import counted

FIRST = date(2026, 3, 1)
NAMES = "abcd"
HISTORY = st.dictionaries(st.integers(0, 50), st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from((1, 2)))),
                          min_size=1)


def day_of(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


def numbered(names: set[tuple[str, int]]) -> DayNames:
    told = sorted(names)
    return number_names([name for name, _ in told], ["RU"] * len(told), [asn for _, asn in told])


def judged(history: dict[int, set[tuple[str, int]]], vouched: VouchedNames | None = None) -> dict[str, DayStanding]:
    days = {day_of(number): numbered(names) for number, names in history.items()}
    return judge_days(sorted(days), days.__getitem__, number_vouched(vouched))


def who(standing: DayStanding, asn: int = 1) -> set[str]:
    counts = standing.who_counts(NAMES, ["RU"] * len(NAMES), [asn] * len(NAMES))
    return {name for name, known in zip(NAMES, counts, strict=True) if known}


@given(HISTORY)
def test_names_are_established_by_days_before_in_the_same_network(history: dict[int, set[tuple[str, int]]]) -> None:
    told = judged(history)
    for number in history:
        standing = told[day_of(number)]
        past = [names for day, names in history.items() if number - HISTORY_DAYS <= day < number]
        for asn in (1, 2):
            assert who(standing, asn) == {name for name, at in history[number] if at == asn
                                          and sum((name, asn) in names for names in past) >= ESTABLISHED_DAYS}
        assert not standing.vouched
        named = [day for day, names in history.items() if names]
        assert standing.unknown == (not named or number < min(named) + ESTABLISHED_DAYS)


@given(HISTORY, st.integers(1, 50))
def test_what_comes_later_changes_no_day(history: dict[int, set[tuple[str, int]]], until: int) -> None:
    before = {number: names for number, names in history.items() if number < until}
    if before:
        every = judged(history)
        assert {day: told.digest for day, told in judged(before).items()} == {
            day_of(number): every[day_of(number)].digest for number in before}


def record(**since: int | tuple[int, str]) -> VouchedNames:
    told = {name: day if isinstance(day, tuple) else (day, "") for name, day in since.items()}
    names = {(name, 1): VouchedName(since=FIRST + timedelta(days=day), prefix=prefix)
             for name, (day, prefix) in told.items()}
    return VouchedNames(names=names, begin=min(one.since for one in names.values()))


EVERY_DAY: dict[int, set[tuple[str, int]]] = {number: {(name, 1) for name in NAMES} for number in range(12)}


@pytest.mark.parametrize(("vouched", "day", "wanted"), [
    (record(a=0, b=3, c=9), 8, "ab"),
    (record(a=0, b=7), 9, "a"),  # has sent days before, and came two days ago
    (record(a=6, b=6), 8, "abcd"),  # the record is younger than the data set: what the names themselves show
    (record(a=0, b=(1, "x"), c=(2, "x"), d=(3, "x")), 8, "abc"),
    (record(a=(0, "x"), b=(1, "x"), c=(2, "x"), d=(3, "x")), 8, "ab"),
    (record(a=(0, "x"), b=(1, "y"), c=(2, "x"), d=(3, "y")), 8, "abcd"),
])
def test_the_collectors_record_goes_before_what_names_show(vouched: VouchedNames, day: int, wanted: str) -> None:
    assert who(judged(EVERY_DAY, vouched)[day_of(day)]) == set(wanted)
    assert MOST_OF_PREFIX == 2


def test_a_name_counts_in_the_network_that_the_collector_saw() -> None:
    names = {("a", 7): VouchedName(since=FIRST, prefix=""), ("b", 0): VouchedName(since=FIRST, prefix="")}
    assert who(judged(EVERY_DAY, VouchedNames(names=names, begin=FIRST))[day_of(8)]) == {"b"}


def test_nobody_is_known_where_runs_have_no_names() -> None:
    assert number_names(["", ""], ["RU", "RU"], [1, 2]).tolist() == NO_NAMES.tolist()
    assert judged({0: set(), 9: set()})[day_of(9)].unknown


RECORDS = st.none() | st.builds(
    lambda since, begin: VouchedNames(
        names={(name, 1): VouchedName(since=FIRST + timedelta(days=day), prefix=prefix)
               for name, (day, prefix) in since.items()}, begin=FIRST + timedelta(days=begin)),
    st.dictionaries(st.sampled_from(NAMES), st.tuples(st.integers(0, 45), st.sampled_from(("", "x")))),
    st.integers(0, 20))


@given(HISTORY, st.integers(0, 50), RECORDS)
def test_known_names_of_a_network_are_those_of_a_release(
        history: dict[int, set[tuple[str, int]]], until: int, vouched: VouchedNames | None) -> None:
    days = {FIRST + timedelta(days=number): {name for name, asn in names if asn == 1}
            for number, names in history.items()}
    kept = {day_of(number): numbered(names) for number, names in history.items()}
    known = KnownNames(lambda day: kept.get(day, NO_NAMES), number_vouched(vouched))
    day = FIRST + timedelta(days=until)
    assert known.count("RU", 1, day) == count_established(days, day, 1, vouched)


# ---- through to the cells


def measured(name: str, days: Sequence[int], *, runs: int = 1) -> list[RunResult]:
    """Runs of a name in one network, some in one hour of each day; all find everything blocked."""
    made = []
    for day in days:
        for number in range(runs):
            one = a_run(0, START + timedelta(days=day, hours=5, minutes=number), random.Random(1))
            vantage = replace(one.run.vantage, probe_id=name, probe_cc="RU", probe_asn=64500)
            made.append(replace(
                one, run=replace(one.run, run_id=f"{name}-{day}-{number}", vantage=vantage),
                verdicts=tuple(replace(told, outcome="blocked", block_type="tls.reset.sni") for told in one.verdicts)))
    return made


def test_fresh_names_count_for_nothing_beside_established_ones(tmp_path: Path) -> None:
    """Four forged folders, one of them with many runs, on the day on which they are needed."""
    write_runs(tmp_path / "in", measured("honest", range(6)), parquet=False)
    for name in ("f1", "f2", "f3"):
        write_runs(tmp_path / "in", measured(name, [5]), parquet=False)
    write_runs(tmp_path / "in", measured("f4", [5], runs=5), parquet=False)
    found, done = counted(tmp_path / "in", tmp_path / "out")
    target = found[(found["level"] == "target") & (found["target_id"] == "a.chat.one")]
    assert target["standing"].tolist() == ["unknown"] * 6, "no record says that the times are true"
    assert target["n"].tolist() == [1] * 6
    assert target["witnesses"].tolist() == [1] * 6
    assert (done.bad_runs["fresh"], done.runs) == (8, 6)
    assert done.rejected["fresh"] == 8 * 5 + 8 * 4


def test_where_nobody_is_established_all_count_once_each_and_it_is_said(tmp_path: Path) -> None:
    write_runs(tmp_path / "in", measured("old", [0]), parquet=False)
    for name in ("f1", "f2"):
        write_runs(tmp_path / "in", measured(name, [5, 6], runs=3), parquet=False)
    found, _ = counted(tmp_path / "in", tmp_path / "out")
    target = found[(found["level"] == "target") & (found["target_id"] == "a.chat.one")]
    assert target["standing"].tolist() == ["unknown", "fresh", "fresh"]
    assert target["blocked"].tolist() == [1, 2, 2]
    assert target["witnesses"].tolist() == [1, 2, 2]


def test_a_record_beside_the_data_counts_and_one_in_a_volunteers_folder_does_not(tmp_path: Path) -> None:
    """All have sent runs with times of six days; the collector knows one of them for so long."""
    text = "probe_id,since,asn,prefix\r\nhonest,2026-03-01,64500,a\r\nforged,2026-03-06,64500,b\r\n"
    for name in ("honest", "forged"):
        write_runs(tmp_path / "in" / name, measured(name, range(6)), parquet=False)
    (tmp_path / "in" / "forged" / "vouched.csv").write_text(text.replace("03-06", "03-01"))
    witnesses, standing = [], []
    for record_is_there in (False, True):
        if record_is_there:
            (tmp_path / "in" / "vouched.csv").write_text(text)
        found, _ = counted(tmp_path / "in", tmp_path / "out")
        target = found[found["target_id"] == "a.chat.one"]
        witnesses.append(target["witnesses"].tolist())
        standing.append(target["standing"].tolist())
    assert witnesses == [[2] * 6, [2, 2, 2, 1, 1, 1]]
    assert standing == [["unknown"] * 6, ["unknown"] * 3 + ["established"] * 3]
