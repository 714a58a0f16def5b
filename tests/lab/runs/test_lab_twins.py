"""Twins: the same trace on the client's side with the opposite control must give the opposite verdict.

Runs of real laboratories are recorded once, with the censor or with the service out of order. Then what the
controls said is changed, and nothing else, and the stored run is judged again.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from lab_twins import (
    REFUSED,
    RESET,
    TIMEOUT,
    Twin,
    cannot_connect,
    cannot_shake_hands,
    gets_no_page,
    reaches,
    sees_our_key,
    sees_our_page,
    trusted_say,
)
from probe.catalogue.load import load_catalogue
from probe.core.runs import RunResult
from probe.core.verdicts import Verdict
from probe.session.run_verdicts import judge_stored_run
from probe.store.runs.run_reader import read_runs
from probe_lab.draw import draw_scenario
from probe_lab.format.ranges import Literal
from probe_lab.format.scenario import Filter, Scenario, load_scenario, read_scenario
from probe_lab.scoring.score_run import run_trials
from probe_lab.scoring.trial import Trial

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(570)]

JOBS = 4 * (os.cpu_count() or 1)
COMPANY = 3

REFUSAL_IN_CLEAR = """
title = "A request in the clear is answered with a refusal that nobody else gets"
kind = "censorship"

[draw.t]
protocol = "http"
tls = false
rejects = [403]

[[rule]]
trigger = "host"
match = ["@t"]
action = "http_response"
block_type = "http.blockpage"

[rule.params]
status = "HTTP/1.1 403 Forbidden"
body = "<html><head><title>Refused</title></head><body>You may not see this.</body></html>"
reset_server = true

[[expect]]
of = "@t"
outcome = "blocked"
block_type = "http.blockpage"
"""

NOT_BLOCKED = ("down", "inconclusive")
NOT_DOWN = ("blocked", "inconclusive")
NX: Final = "dns_nxdomain_error"

TWINS = (
    # Something on the way, and then controls that fare no better: the service itself must be out of order.
    Twin(scenario="ip-drop", before="blocked", change=cannot_connect(TIMEOUT), after=NOT_BLOCKED),
    Twin(scenario="ip-rst-syn", before="blocked", change=cannot_connect(REFUSED), after=NOT_BLOCKED),
    Twin(scenario="port-block", before="blocked", change=cannot_connect(TIMEOUT), after=NOT_BLOCKED),
    Twin(scenario="sni-gfw2", before="blocked", change=cannot_shake_hands(RESET), after=NOT_BLOCKED),
    Twin(scenario="sni-tspu4", before="blocked", change=cannot_shake_hands(TIMEOUT), after=NOT_BLOCKED),
    Twin(scenario="tls-mitm", before="blocked", change=sees_our_key, after=NOT_BLOCKED),
    Twin(scenario="http-rst", before="blocked", change=gets_no_page(RESET), after=NOT_BLOCKED),
    Twin(scenario="refusal-in-clear", before="", change=sees_our_page, after=NOT_BLOCKED),
    Twin(scenario="dns-nx", before="blocked", change=trusted_say((), NX), after=NOT_BLOCKED),
    # A service out of order, and then controls that reach it: it cannot be the service.
    Twin(scenario="server-down", before="down", change=reaches, after=NOT_DOWN),
    Twin(scenario="host-off", before="down", change=reaches, after=NOT_DOWN),
    Twin(scenario="cert-self-signed", before="down", change=reaches, after=NOT_DOWN),
    Twin(scenario="nx-real", before="down", change=trusted_say(("93.184.216.34",)), after=NOT_DOWN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One run, and the target that it is about."""

    result: RunResult
    inputs: frozenset[str]
    target_id: str

    def judged(self, result: RunResult) -> Verdict:
        """Today's verdict of the target."""
        verdicts, _ = judge_stored_run(result, load_catalogue(search=False))
        return next(verdict for verdict in verdicts if verdict.target_id == self.target_id)


def _scenario(name: str, folder: Path) -> Scenario:
    if name == "refusal-in-clear":
        path = folder / f"{name}.toml"
        path.write_text(REFUSAL_IN_CLEAR)
        found = read_scenario(path)
    else:
        found = load_scenario(name)
    return replace(found, company=Filter(count=Literal(value=COMPANY)))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """Scenario -> its run, made with helpers."""
    folder = tmp_path_factory.mktemp("twins")
    seed = random.Random(f"twins {os.environ['PROBE_TEST_SEED']}").randrange(1, 100_000)
    print(f"seed {seed} (to repeat: PROBE_TEST_SEED={os.environ['PROBE_TEST_SEED']})")
    catalogue = load_catalogue(search=False)
    scenarios = [_scenario(twin.scenario, folder) for twin in TWINS]
    trials = [Trial(scenario=scenario, seed=seed, level="socket", keep=folder) for scenario in scenarios]
    for made in run_trials(trials, catalogue=catalogue, jobs=JOBS, progress=lambda _: None):
        assert made.judgement is not None, f"{made.scenario}: {made.note}"
    target_of = {endpoint.input: endpoint.target_id for endpoint in catalogue.endpoints}
    found = {}
    for trial in trials:
        drawn = draw_scenario(trial.scenario, seed=seed, endpoints=catalogue.endpoints)
        (result,) = read_runs(folder / f"{drawn.name}-{seed}-socket" / "results")
        inputs = drawn.aliases["t"]
        found[drawn.name] = Recorded(result=result, inputs=frozenset(inputs), target_id=target_of[inputs[0]])
    return found


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.id)
def test_the_opposite_control_turns_the_verdict(recorded: dict[str, Recorded], twin: Twin) -> None:
    run = recorded[twin.scenario]
    before = run.judged(run.result)
    suspected = twin.before == "blocked" and before.suspected  # whether it has a place, too, is drawn with the path
    assert before.outcome == twin.before or suspected or not twin.before, f"nothing to turn: {before}"
    changed = twin.change(run.result, run.inputs)
    assert changed != run.result, "no control was asked: there is no twin"
    after = run.judged(changed)
    assert not (suspected and after.suspected)
    assert after.outcome in twin.after, f"{before.outcome} {before.block_type} by {before.rule_id} became {after}"


@pytest.mark.parametrize("twin", [t for t in TWINS if t.before == "blocked"], ids=lambda twin: twin.id)
def test_without_any_control_nobody_is_called_down(recorded: dict[str, Recorded], twin: Twin) -> None:
    run = recorded[twin.scenario]
    after = run.judged(replace(run.result, controls=()))
    assert after.outcome in ("blocked", "inconclusive"), after
