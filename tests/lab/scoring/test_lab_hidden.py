"""Throttling that a line hides, by the line's delay and loss and the throttle's rate."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lab_judged import FRIEND, TARGET, judged, met, scene, verdicts
from probe_lab.lab_types import DrawnScenario, Expect, Rule
from probe_lab.scoring.hidden import is_hidden, line_bps
from probe_lab.truth import TruthEntry

SLOW = Expect(of="@t", outcomes=("blocked",), block_types=("flow.throttle.sni",), min_depth=2)
FIRED = (TruthEntry(time_s=1.0, actor="middlebox", action="throttle", block_type="flow.throttle.sni", alias="t",
                    name="t.example"),)


def throttle(rate_bps: float) -> Rule:
    return Rule(trigger="sni", match=("t.example",), action="throttle", params={"rate_bps": rate_bps},
                block_type="flow.throttle.sni", alias="t")


def on_line(*rules: Rule, loss: float, rtt_ms: float) -> DrawnScenario:
    drawn = scene(SLOW)
    return replace(drawn, rules=rules, world=replace(drawn.world, loss=loss, client_delay_ms=rtt_ms / 2))


def test_a_line_without_loss_has_no_limit_of_its_own() -> None:
    assert math.isinf(line_bps(on_line(loss=0.0, rtt_ms=300).world))


def test_loss_and_delay_limit_a_line_by_the_published_model() -> None:
    """1400 bytes each 300 ms are 37 kbit/s; 1.22 over the root of 0.05 is 5.5."""
    assert line_bps(on_line(loss=0.05, rtt_ms=300).world) == pytest.approx(203_700, rel=0.01)


RESET = Rule(trigger="sni", match=("t.example",), action="reset", block_type="tls.reset.sni", alias="t")


@pytest.mark.parametrize(("rules", "loss", "rtt_ms", "hidden"), [
    ((throttle(130_000),), 0.05, 300, True),
    ((throttle(5_000),), 0.05, 300, False),
    ((throttle(130_000),), 0.005, 100, False),
    ((throttle(130_000),), 0.0, 300, False),
    ((throttle(130_000), throttle(5_000)), 0.05, 300, False),
    ((throttle(130_000), RESET), 0.05, 300, False),
    ((RESET,), 0.05, 300, False),
    ((), 0.05, 300, False),
])
def test_a_throttle_is_hidden_where_all_that_acts_hardly_slows_the_line(
    rules: tuple[Rule, ...], loss: float, rtt_ms: float, hidden: bool
) -> None:
    drawn = on_line(*rules, loss=loss, rtt_ms=rtt_ms)
    assert is_hidden(drawn, TARGET) == hidden
    assert not is_hidden(drawn, FRIEND)


@pytest.mark.parametrize(("rate_bps", "said", "right"), [
    (130_000, "ok", True), (130_000, "blocked flow.throttle.sni", True), (130_000, "down", False),
    (5_000, "ok", False), (5_000, "blocked flow.throttle.sni", True),
])
def test_ok_is_right_of_a_throttle_that_the_line_hides(rate_bps: float, said: str, right: bool) -> None:
    drawn = on_line(throttle(rate_bps), loss=0.05, rtt_ms=300)
    judgement = judged(verdicts(said), drawn=drawn, log=FIRED)
    assert met(judgement)[TARGET] == right
    assert not judgement.invalid
