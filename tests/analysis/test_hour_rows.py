"""Probe-hours are what a plain count of the same verdicts gives, whatever is counted as bits and numbers."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from population_days import BEGIN, Volunteer, judge, list_runs
from probe.core.runs import RunResult
from probe.core.verdicts import Verdict
from probe.store.runs.run_writer import write_run
from probe_analysis.cells.file_names import DAYS_FOLDER
from probe_analysis.population.probe_hours import FAILED, SERVED, SICK, STRUCK

SERVICES = 70
"""More than one number has bits for."""
WORDS = ("ok", "blocked", "blocked", "inconclusive", "inconclusive", "down", "network", "not_attempted")
CAUSES = ("tls.reset.sni", "ip.drop", "not a cause")
PEOPLE = [Volunteer(asn=64500 + n // 2, probe=f"p{n}", address=("", "192.0.2.1", "192.0.2.2")[n % 3]) for n in range(4)]
DAY = f"{BEGIN:%Y-%m-%d}"
Met = Mapping[tuple[int, int, str], Sequence[Verdict]]
"""What a probe, by its place in PEOPLE, met in an hour since 1970 of a target."""


def list_worlds(dice: random.Random, *, renamed: bool) -> Iterator[tuple[int, RunResult]]:
    """Runs of some hours, each with the place of its probe; some have a second run in the hour."""
    for person, volunteer in enumerate(PEOPLE):
        for run in list_runs([volunteer], begin=-12, end=30):
            share = dice.choice((0.05, 0.5, 1.0))
            for again in range(dice.choice((1, 1, 2))):
                run_id = f"{run.run.run_id}.{again}"
                yield person, replace(
                    run, run=replace(run.run, run_id=run_id), verdicts=tuple(list_verdicts(dice, share, renamed)),
                    observations=tuple(replace(seen, run_id=run_id) for seen in run.observations))


def list_verdicts(dice: random.Random, share: float, renamed: bool) -> Iterator[Verdict]:
    """Of one run: so great a share of what it met may have failed."""
    for number in range(SERVICES if dice.random() < 0.9 else 1):
        role: Any = "control" if number % 20 == 7 else "web"
        plain = Verdict(target_id=f"s{number}.x", service=f"s{number}", role=role, input="https://x/", outcome="ok")
        if renamed and dice.random() < 0.5:
            plain = replace(plain, service="other")
        word: Any = dice.choice(WORDS) if dice.random() < share else "ok"
        cause: Any = dice.choice(CAUSES) if word == "blocked" else ""
        left_open: Any = dice.choice(("", *CAUSES)) if word == "inconclusive" else ""
        yield replace(plain, outcome=word, block_type=cause, suspected=left_open,
                      basis=dice.choice(("", "place")) if word == "blocked" else "")


def count_plainly(met: Met) -> Counter[tuple[object, ...]]:
    """Probe-hours by network, hour, target, state, whether nothing else was tried, cause and proven cause."""
    found: Counter[tuple[object, ...]] = Counter()
    lines: dict[tuple[int, int], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (person, hour, _), verdicts in met.items():
        for each in verdicts:
            lines[person, hour][name_part(each)].append(each.outcome)
    for (person, hour, target), verdicts in met.items():
        if verdicts[0].role == "control":
            continue
        others = [words for part, words in lines[person, hour].items() if part != name_part(verdicts[0])]
        well = sum("ok" in words for words in others)
        ill = sum("ok" not in words and bool({*words} & {"blocked", "inconclusive", "network"}) for words in others)
        causes = {each.block_type or each.suspected for each in verdicts} - {""}
        proven = {each.block_type for each in verdicts if each.basis} - {""}
        words = {each.outcome for each in verdicts}
        if bool(causes) + ("ok" in words) + ("down" in words) != 1:
            continue
        state = SERVED if "ok" in words else FAILED if "down" in words else SICK if ill > 2 * well else STRUCK
        cause, shown = (max(some, default=None) for some in (causes, proven))
        if state == STRUCK and " " in str(cause):
            continue
        found[PEOPLE[person].asn, hour, target, state, state == STRUCK and well + ill == 0,
              *(None if " " in str(word) else word for word in (cause, shown))] += 1
    return found


def name_part(verdict: Verdict) -> str:
    """Each control is a service of its own."""
    return f"{verdict.target_id} {verdict.service}" if verdict.role == "control" else verdict.service


def count_kept(out: Path) -> Counter[tuple[object, ...]]:
    """The same of what is kept."""
    rows = [row for path in (out / DAYS_FOLDER / "population").glob("*.hours")
            for row in pq.read_table(path, partitioning=None).to_pylist()]
    return Counter(
        (row["asn"], row["day"] * 24 + hour, f"{row['target_id']} {row['service']}", row["state"], row["alone"],
         row["cause"], row["proven"]) for row in rows for hour in range(24) if row["hours"] >> hour & 1)


@pytest.mark.parametrize(("seed", "renamed", "parquet"), [
    pytest.param(1, False, False, id="lines"), pytest.param(2, True, False, id="targets of two services"),
    pytest.param(3, False, True, id="a day of columns beside days of lines")])
def test_probe_hours_are_those_of_a_plain_count(tmp_path: Path, seed: int, renamed: bool, parquet: bool) -> None:
    dice = random.Random(seed)
    runs = list(list_worlds(dice, renamed=renamed))
    met: dict[tuple[int, int, str], list[Verdict]] = defaultdict(list)
    for person, run in runs:
        hour = int(BEGIN.fromisoformat(run.run.measurement_start_time).timestamp()) // 3600
        for each in run.verdicts:
            if each.outcome != "not_attempted":
                met[person, hour, f"{each.target_id} {each.service}"].append(each)
    first, others = ([run for _, run in runs if (run.run.measurement_start_time < DAY) is early]
                     for early in (True, False))
    for run in first:
        write_run(run, tmp_path / "results", parquet=parquet, known_new=True)
    judge(tmp_path, others)
    wanted = count_plainly(met)
    assert count_kept(tmp_path / "out") == wanted
    assert {state for _, _, _, state, *_ in wanted} == {STRUCK, SERVED, SICK, FAILED}
