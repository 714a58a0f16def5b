"""A rollout compared with the rest: the same is found alike, another is found, and who was not drawn counts nowhere."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli.main import cli
from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.runs.run_writer import write_run
from probe.upkeep.updates.list_document import (
    StagedTargets,
    load_listed_catalogue,
    load_staged_catalogue,
    read_document,
)
from probe.upkeep.updates.stage_draw import is_drawn
from probe_analysis.rollout.rollout_compare import (
    MIN_PROBES,
    GroupDifference,
    ProbeShare,
    compare_groups,
    find_t_quantile,
)
from probe_operate.lists.list_making import write_document
from signed import DAY, targets

# ---- groups


def shares(rng: random.Random, count: int, effect: float, *, first: int) -> Iterator[ProbeShare]:
    """Probes with a habit of their own, on days that differ for everybody, in two countries."""
    days = [rng.uniform(0.3, 0.9) for _ in range(4)]
    for number in range(count):
        group, own = "first" if number < first else "rest", rng.gauss(0, 0.1)
        for day, level in enumerate(days):
            share = level + own + rng.gauss(0, 0.05) + (effect if group == "first" else 0)
            yield ProbeShare(probe_id=f"p{number}", group=group,  # type: ignore[arg-type]
                             stratum=("RU" if number % 2 else "IR", f"d{day}", "a"), share=min(1.0, max(0.0, share)))


def compare(seed: int, effect: float, *, count: int = 80, first: int = 10) -> GroupDifference:
    return compare_groups(list(shares(random.Random(seed), count, effect, first=first)))


@pytest.mark.parametrize(("first", "most"), [(5, 14), (10, 14)])
def test_where_nothing_changed_one_of_twenty_differs(first: int, most: int) -> None:
    assert sum(compare(seed, 0.0, first=first).differs for seed in range(120)) <= most


def test_a_fall_that_is_no_chance_is_found_and_measured() -> None:
    found = [compare(seed, -0.2) for seed in range(30)]
    assert sum(one.differs for one in found) >= 28
    assert sum(one.low <= -0.2 <= one.high for one in found if one.low is not None and one.high is not None) >= 25


def test_days_and_countries_that_differ_for_all_are_no_difference() -> None:
    """All of the first are in the country where it is blocked; none can be compared but there."""
    rows = [ProbeShare(probe_id=f"p{n}", group="first" if n < 6 else "rest",
                       stratum=("RU" if n < 12 else "DE", "d", "a"), share=0.0 if n < 12 else 1.0) for n in range(40)]
    found = compare_groups(rows)
    assert (found.first_probes, found.rest_probes, found.difference, found.differs) == (6, 6, 0.0, False)


def test_who_measures_often_counts_once_and_few_probes_get_no_interval() -> None:
    assert compare(1, -0.9, first=MIN_PROBES - 1).low is None
    assert compare_groups([]).difference is None
    alone = [ProbeShare(probe_id="p", group="first", stratum=("RU", "d", "a"), share=1.0)]
    assert compare_groups(alone).difference is None


def test_all_alike_is_no_certainty() -> None:
    rows = [ProbeShare(probe_id=f"p{n}", group="first" if n < 10 else "rest", stratum=("RU", "d", "a"), share=1.0)
            for n in range(40)]
    found = compare_groups(rows)
    assert (found.difference, found.low, found.high) == (0.0, -0.3, 0.3)


@pytest.mark.parametrize(("degrees", "known"), [(4, 2.776), (9, 2.262), (30, 2.042), (10**6, 1.960)])
def test_quantiles_are_those_of_tables(degrees: int, known: float) -> None:
    assert math.isclose(find_t_quantile(0.975, degrees), known, rel_tol=0.01)


# ---- the command

SAME, ADDED = "telegram.web.main", "telegram.web.new"
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def next_targets(**more: str) -> str:
    return targets({"notes": "later"}, {"target_id": ADDED, "input": "https://web.telegram.org/", **more})


RAW = write_document(serial=7, date=DAY, targets=targets(), policy={},
                     stage=StagedTargets(percent=30, targets=next_targets()))
DOCUMENT = read_document(RAW)
OLD, NEW = load_listed_catalogue(DOCUMENT).version, load_staged_catalogue(DOCUMENT).version


def drawn(name: str) -> bool:
    assert DOCUMENT.stage
    return is_drawn(DOCUMENT.stage, name)


def send(folder: Path, name: str, version: str, outcome: str, *, days: int = 1, **more: object) -> None:
    for back in range(1, days + 1):
        at = NOW - timedelta(days=back)
        verdicts = [Verdict(target_id=target, service="telegram", role="web", input="https://telegram.org/",
                            outcome=outcome, attempts=1, control="not_needed")  # type: ignore[arg-type]
                    for target in (SAME, ADDED) if target == SAME or version == NEW]
        vantage = Vantage(probe_id=name, probe_cc="RU", probe_asn=64500, lab=True, families=(4,))
        run = Run(run_id=f"{at:%Y%m%dT%H%M%SZ}-{name}", measurement_start_time=format_time(at),
                  measurement_end_time=format_time(at), n_targets=1, n_attempted=1, catalogue_version=version,
                  rules_version=version, vantage=replace(vantage, **more))  # type: ignore[arg-type]
        write_run(RunResult(run=run, observations=(), controls=(), verdicts=tuple(verdicts), services=(
            ServiceVerdict(service="telegram", role="web", outcome="ok", k=0, n=1),)), folder, parquet=False,
            known_new=True)


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, ("fleet", "rollout", "out", "--lab", *words), catch_exceptions=False)


@pytest.fixture
def world(in_folder: Path) -> Path:
    """A folder with a list that stages targets."""
    Path("list.json").write_bytes(RAW)
    return in_folder


def fill(outcome: Callable[[str, int], str]) -> tuple[int, int]:
    names = [f"name{n:02}" for n in range(90)]
    for was, count in ((True, 7), (False, 12)):
        for number, name in enumerate([name for name in names if drawn(name) is was][:count]):
            send(Path("out"), name, NEW if was else OLD, outcome(name, number))
    return 7, 12


def test_a_catalogue_that_finds_blocks_that_others_do_not_is_told(world: Path) -> None:
    first, rest = fill(lambda name, number: "blocked" if drawn(name) and number % 8 else "ok")
    done = call("--list", "list.json", "-o", "rollout.json", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["first"], found["rest"], found["differs"]) == (NEW, OLD, True)
    assert (found["whole"]["ok"]["first_probes"], found["whole"]["ok"]["rest_probes"]) == (first, rest)
    assert found["whole"]["blocked"]["low"] > 0 > found["whole"]["ok"]["high"]
    assert [(one["target_id"], one["probes"]) for one in found["added"]] == [(ADDED, first)]
    assert json.loads(Path("rollout.json").read_bytes()) == found
    assert "DIFFERS" in call("--list", "list.json").output


def test_a_catalogue_that_finds_the_same_is_not(world: Path) -> None:
    fill(lambda _, number: "ok" if number % 5 else "inconclusive")
    found = json.loads(call("--list", "list.json", "--json").output)
    assert (found["differs"], found["whole"]["ok"]["low"] < 0 < found["whole"]["ok"]["high"]) == (False, True)
    assert "DIFFERS" not in call("--list", "list.json").output


def test_who_was_not_drawn_is_believed_nothing_and_who_is_late_is_told(world: Path) -> None:
    fill(lambda _, number: "ok")
    others = [f"other{n}" for n in range(40)]
    odd, late = ([name for name in others if drawn(name) is was][:3] for was in (False, True))
    for name in odd:
        send(Path("out"), name, NEW, "blocked")
    for name in late:
        send(Path("out"), name, OLD, "blocked")
    send(Path("out"), "", NEW, "blocked")
    send(Path("out"), "behind-a-tunnel", NEW, "blocked", tunnel="default")
    found = json.loads(call("--list", "list.json", "--json").output)
    assert (found["odd_probes"], found["waiting_probes"], found["whole"]["blocked"]["difference"]) == (3, 3, 0.0)


def test_versions_of_rules_are_compared_without_a_draw(world: Path) -> None:
    fill(lambda name, number: "blocked" if drawn(name) and number % 8 else "ok")
    found = json.loads(call("--rules", NEW, "--json").output)
    assert (found["drawn"], found["whole"]["blocked"]["low"] > 0) == (False, True)


def test_without_a_stage_or_a_question_it_is_told(world: Path) -> None:
    send(Path("out"), "name", OLD, "ok")
    Path("list.json").write_bytes(write_document(serial=8, date=DAY, targets=targets(), policy={}))
    assert json.loads(call("--list", "list.json", "--json").output) == {"first": "", "differs": False}
    assert CliRunner().invoke(cli, ("fleet", "rollout", "out")).exit_code == 2
    Path("list.json").write_bytes(b"[")
    assert call("--list", "list.json").exit_code == 1
