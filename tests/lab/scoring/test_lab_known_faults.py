"""Situations that today's rules are known to judge wrongly: each is expected to fail until a rule makes it right.

A file of `tests/lab/known_faults` is an ordinary scenario with an honest expectation. When its test passes, the file
belongs among the scenarios of the laboratory.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.catalogue.load import load_catalogue
from probe_lab.format.scenario import read_scenario
from probe_lab.scoring.trial import Trial, run_trial
from project_root import ROOT

SEED = 4
KNOWN = sorted((ROOT / "tests" / "lab" / "known_faults").glob("*.toml"))


class WrongVerdictError(Exception):
    """The program says what is not so; anything else that goes wrong here is no known fault."""


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.xfail(raises=WrongVerdictError, strict=True, reason="rules that are right about it are not written yet")
@pytest.mark.parametrize("path", KNOWN, ids=lambda path: path.stem)
def test_what_the_rules_are_known_to_get_wrong(path: Path) -> None:
    result = run_trial(Trial(scenario=read_scenario(path), seed=SEED, level="socket"),
                       catalogue=load_catalogue(search=False))
    assert result.judgement is not None, result.note or result.skipped
    assert not result.judgement.invalid, result.judgement.invalid
    wrong = [f"{row.subject}: expected {row.expected}, got {row.got}" for row in result.judgement.rows if not row.met]
    if wrong:
        raise WrongVerdictError("; ".join(wrong))
