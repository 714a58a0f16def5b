"""Trials that went wrong once: what is kept of them, and that each is right today."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab_judged import FRIEND, TARGET, judged, verdicts
from probe.catalogue.load import load_catalogue
from probe_lab.format.toml_table import ScenarioError
from probe_lab.scoring.expect import Judgement
from probe_lab.scoring.failing_seeds import FailingSeed, format_seed, make_failing_seed, read_failing, write_failing
from probe_lab.scoring.trial import Line, TrialResult, run_trial
from project_root import ROOT

KEPT = sorted((ROOT / "tests" / "lab" / "failing_seeds").glob("*.toml"))


@pytest.mark.slow
@pytest.mark.lab
@pytest.mark.skipif(not KEPT, reason="no seed that failed is kept in tests/lab/failing_seeds")
@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_seed_that_failed_is_right_today(path: Path) -> None:
    result = run_trial(read_failing(path).trial, catalogue=load_catalogue(search=False))
    if result.skipped:
        pytest.skip(result.skipped)
    again = make_failing_seed(result)
    assert again is None, again


def result(judgement: Judgement | None, *, name: str = "sni-fin", note: str = "") -> TrialResult:
    return TrialResult(scenario=name, seed=3, level="socket", consent_level=2, judgement=judgement, note=note,
                       wall_s=1.0)


RIGHT = judged(verdicts())
WRONG = judged(verdicts("ok", **{FRIEND: "blocked ip.blackhole"}))
VOID = judged(verdicts(), log=())


def test_what_was_wrong_is_kept_and_nothing_else(tmp_path: Path) -> None:
    made = [
        result(RIGHT), result(WRONG), result(WRONG), result(None, name="clean", note="the laboratory failed: why"),
        result(VOID, name="tspu"), result(WRONG, name="of-ones-own"),
        replace(result(None, name="dns-gfw-3"), skipped="it needs suricata"),
    ]
    paths = write_failing(made, tmp_path / "new")
    assert sorted(paths) == sorted((tmp_path / "new").iterdir())
    kept = {seed.scenario: seed for seed in map(read_failing, paths)}
    assert set(kept) == {"sni-fin", "clean", "tspu"}
    assert set(kept["sni-fin"].wrong) == {
        f"{FRIEND}: expected ok, got blocked ip.blackhole", f"{TARGET}: expected blocked tls.reset.sni, got ok"}
    assert kept["clean"].wrong == ("the laboratory failed: why",)
    assert kept["sni-fin"].trial.level == "socket"
    assert kept["sni-fin"].trial.consent_level == 2


@pytest.mark.parametrize(("consent_level", "got", "fails"), [
    (3, "inconclusive inconclusive.unexplained", True),
    (2, "inconclusive inconclusive.unexplained", False),
    (1, "not_attempted inconclusive.not_attempted", False),
    (1, "ok", True),
    (1, "blocked ip.blackhole", True),
    (1, "blocked tls.reset.sni", False),
])
def test_with_less_consent_a_verdict_may_claim_nothing(consent_level: int, got: str, fails: bool) -> None:
    made = replace(result(judged(verdicts(got))), consent_level=consent_level)
    assert (make_failing_seed(made) is not None) is fails


def test_a_file_holds_what_makes_the_trial_the_same(tmp_path: Path) -> None:
    worse = replace(result(WRONG), helpers=False, line=Line(loss=0.05, rtt_ms=300, cc="ES", spread=True))
    plain, other = (read_failing(*write_failing([each], tmp_path)) for each in (result(WRONG), worse))
    assert len(list(tmp_path.iterdir())) == 2
    assert (other.helpers, other.trial.line) == (False, worse.line)
    assert (plain.helpers, plain.trial.line) == (True, Line())
    assert other.trial.scenario.name == "sni-fin"


def test_any_text_can_be_kept(tmp_path: Path) -> None:
    seed = FailingSeed(scenario="clean", seed=1, evidence_level="packet", consent_level=1,
                       wrong=('"quoted" \\ and\nbroken \x00\x7f', "\u0442\u0435\u043a\u0441\u0442"))
    (tmp_path / seed.file_name).write_text(format_seed(seed), encoding="utf-8")
    assert read_failing(tmp_path / seed.file_name) == seed


GOOD = 'scenario = "clean"\nseed = 1\nevidence_level = "socket"\nconsent_level = 3\n'


@pytest.mark.parametrize(("text", "named"), [
    (GOOD.replace("seed = 1\n", ""), "seed"),
    (GOOD.replace("= 3", "= 4"), "consent_level"),
    (GOOD.replace("socket", "kernel"), "evidence_level"),
    (GOOD.replace("seed = 1", "seed = -1"), "seed"),
    (f"{GOOD}loss = 2\n", "loss"),
    (f"{GOOD}colour = 2\n", "colour"),
    ("scenario", "trial.toml"),
    (f"{GOOD}wrong = ['{'x' * 70_000}']\n", "65536"),
])
def test_a_file_that_is_wrong_is_refused_with_its_key(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "trial.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=named) as refused:
        read_failing(path)
    assert "trial.toml" in str(refused.value)


def test_a_scenario_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trial.toml"
    path.write_text(GOOD.replace("clean", "no-such-scenario"), encoding="utf-8")
    with pytest.raises(ScenarioError, match="no-such-scenario"):
        _ = read_failing(path).trial
