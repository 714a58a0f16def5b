"""No innocent is accused in the situations of somebody who had not read the rules."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from probe.catalogue.load import load_catalogue
from probe_lab.format.scenario import read_scenario
from probe_lab.scoring.score_run import add_up_trials, run_trials
from probe_lab.scoring.trial import Trial
from project_root import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.lab, pytest.mark.timeout(1200)]

FOLDER = ROOT / "tests" / "lab" / "strangers"
JOBS = 4 * (os.cpu_count() or 1)
SEED = 4107


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "2026-12"], ids=lambda folder: folder.name)
def test_no_innocent_is_accused(folder: Path) -> None:
    files = sorted(folder.glob("*.toml"))
    scenarios = [scenario for scenario in map(read_scenario, files) if scenario.kind == "innocent"]
    done = add_up_trials(run_trials(
        [Trial(scenario=one, seed=SEED, level="socket", consent_level=(1, 3)[n % 2])
         for n, one in enumerate(scenarios)],
        catalogue=load_catalogue(search=False), jobs=JOBS, progress=lambda _: None))
    assert not done.broken
    assert done.n_innocent >= 4 * len(scenarios)
    assert not done.false_accusations
