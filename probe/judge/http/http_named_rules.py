"""Requests that fail under a Host: by the name alone, here or at a server that has nothing to do with it."""

from __future__ import annotations

from probe.core.tables.basis_words import NEARER, NOT_THE_FRONT
from probe.judge.common.rule import Rule
from probe.judge.path.endings import is_http_closed, is_http_dropped, is_http_muted, is_http_reset
from probe.judge.path.name_conditions import (
    ALONE,
    CONTROLLED,
    ENDED_NEARER,
    FORGED,
    NEARER_ALONE,
    WHEREVER,
    fails_there_too,
    is_ended_nearer,
    is_name_alone,
    no_control_answers,
)
from probe.judge.path.path_context import PathContext, PathRule, acts_nearer, controls_reach, shows_injection


def _host_alone(c: PathContext) -> bool:
    """Inside TLS no box on the way reads the Host, and an innocent name was not asked for one."""
    return not c.path.secure and is_name_alone(c)


HTTP_NAMED: tuple[PathRule, ...] = (
    Rule(id="http/reset_host_elsewhere", outcome="blocked", block_type="http.reset.host", confidence=0.95,
         needs=("agreed", "ladder"),
         rests_on=NOT_THE_FRONT,
         why=WHEREVER,
         holds=lambda c: is_http_reset(c) and not c.path.secure and fails_there_too(c)),
    Rule(id="http/reset_host_control", outcome="blocked", block_type="http.reset.host", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=CONTROLLED,
         holds=lambda c: is_http_reset(c) and _host_alone(c) and controls_reach(c)),
    Rule(id="http/reset_host_injected", outcome="blocked", block_type="http.reset.host", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=FORGED,
         holds=lambda c: is_http_reset(c) and _host_alone(c) and shows_injection(c)),
    Rule(id="http/reset_host", outcome="blocked", block_type="http.reset.host", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=ALONE,
         holds=lambda c: is_http_reset(c) and _host_alone(c) and no_control_answers(c)),
    Rule(id="http/close_host_control", outcome="blocked", block_type="http.close.host", confidence=0.97,
         needs=("innocent", "helper", "search"),
         rests_on=NOT_THE_FRONT,
         why=ENDED_NEARER,
         holds=lambda c: is_http_closed(c) and _host_alone(c) and is_ended_nearer(c)),
    Rule(id="http/close_host_injected", outcome="blocked", block_type="http.close.host", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=FORGED,
         holds=lambda c: is_http_closed(c) and _host_alone(c) and shows_injection(c)),
    Rule(id="http/close_host_nearer", outcome="blocked", block_type="http.close.host", confidence=0.85,
         needs=("innocent", "search"),
         rests_on=NEARER,
         why=NEARER_ALONE,
         holds=lambda c: is_http_closed(c) and _host_alone(c) and no_control_answers(c) and acts_nearer(c)),
    Rule(id="http/drop_host_control", outcome="blocked", block_type="http.drop.host", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=CONTROLLED,
         holds=lambda c: is_http_dropped(c) and _host_alone(c) and controls_reach(c)),
    Rule(id="http/drop_host", outcome="blocked", block_type="http.drop.host", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=ALONE,
         holds=lambda c: is_http_dropped(c) and _host_alone(c) and no_control_answers(c)),
    Rule(id="http/mute_host_control", outcome="blocked", block_type="http.mute.host", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=CONTROLLED,
         holds=lambda c: is_http_muted(c) and _host_alone(c) and controls_reach(c)),
    Rule(id="http/mute_host", outcome="blocked", block_type="http.mute.host", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=ALONE,
         holds=lambda c: is_http_muted(c) and _host_alone(c) and no_control_answers(c)),
)
