"""Throttling that a bad line hides: what hardly slows anything cannot be told from the line itself. Pure."""

from __future__ import annotations

import math

from probe_lab.lab_types import DrawnScenario, Rule, World

PLAIN = 4.0
"""A line that would be this many times as fast without the throttle shows it plainly; below, `ok` is no wrong word."""
_SEGMENT_BITS = 1400 * 8
_RENO = 1.22


def line_bps(world: World) -> float:
    """What one TCP connection can carry on the client's line, in bits a second; without loss there is no such limit.

    The macroscopic model of Mathis et al. (The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm, 1997):
    a segment each round trip, times 1.22 over the square root of the loss.
    """
    rtt_s = 2 * world.client_delay_ms / 1000
    return _RENO * _SEGMENT_BITS / (rtt_s * math.sqrt(world.loss)) if rtt_s and world.loss else math.inf


def is_hidden(drawn: DrawnScenario, subject: str) -> bool:
    """Whether all that acts on this target is throttling, and none of it slows the line plainly."""
    acting = [rule for rule in drawn.rules if rule.block_type and subject in drawn.aliases.get(rule.alias, ())]
    return bool(acting) and all(_hardly_slows(rule, drawn.world) for rule in acting)


def _hardly_slows(rule: Rule, world: World) -> bool:
    rate = rule.params.get("rate_bps")
    return rule.action == "throttle" and isinstance(rate, (int, float)) and PLAIN * rate >= line_bps(world)
