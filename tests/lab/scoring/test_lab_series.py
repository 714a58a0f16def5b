"""A third of the connections fails, by name or by a broken server: what twenty runs of one laboratory say together."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from probe.catalogue.load import load_catalogue
from probe.core.planned_shares import read_share
from probe.judge.verdicts.share_series import RunShare, SeriesWord, judge_series
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import Laboratory
from probe_lab.scoring.judged import Row
from probe_lab.scoring.trial import Trial, read_rows, run_probe_in

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.lab, pytest.mark.timeout(3600)]

RUNS = 20


def read_run(row: Row) -> RunShare:
    failed, made = read_share(row["intermittent"])
    troubled, _ = read_share(row["troubled"])
    beside_troubled, beside = read_share(row["troubled_beside"])
    return RunShare(made=made, failed=failed, troubled=troubled, beside=beside, beside_troubled=beside_troubled)


def run_often(name: str, seed: int) -> list[SeriesWord]:
    """What the series of each target that something happens to says."""
    catalogue, scenario = load_catalogue(), load_scenario(name)
    drawn = draw_scenario(scenario, seed=seed, endpoints=catalogue.endpoints)
    series: defaultdict[str, list[RunShare]] = defaultdict(list)
    with Laboratory(drawn, level="socket", helpers=True) as laboratory:
        for number in range(RUNS):
            trial = Trial(scenario=scenario, seed=1000 * seed + number, level="socket", consent_level=1)
            assert run_probe_in(laboratory, trial, drawn, catalogue) == ""
        for row in read_rows(Path(laboratory.directory) / "results", "verdicts"):
            if row["input"] in drawn.aliases["t"] and row["outcome"] != "not_attempted":
                series[row["target_id"]].append(read_run(row))
    assert series
    print(name, seed, {target: (judge_series(shares), len(shares)) for target, shares in series.items()})
    return [judge_series(shares).word for shares in series.values()]


def test_a_third_by_name_is_found() -> None:
    words = [word for seed in (1, 2) for word in run_often("op-balancer-third-box", seed)]
    assert words.count("by_name") >= 0.9 * len(words)


def test_a_broken_server_of_three_is_no_block() -> None:
    assert "by_name" not in run_often("op-balancer-third", 1)
