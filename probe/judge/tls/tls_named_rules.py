"""TLS that fails under a name: by the name alone, or where every name of the address fails."""

from __future__ import annotations

from probe.core.tables.basis_words import NEARER, NOT_THE_FRONT, OF_ADDRESSES
from probe.core.tables.evidence_words import NARROW_FAILS, InnocentState
from probe.judge.common.rule import Rule
from probe.judge.path.endings import (
    is_hello_dropped,
    is_hello_muted,
    is_tls_alerted,
    is_tls_closed,
    is_tls_reset,
)
from probe.judge.path.name_conditions import (
    ALONE,
    CONTROLLED,
    ENDED_NEARER,
    FORGED,
    NEARER_ALONE,
    is_ended_nearer,
    is_name_alone,
    no_control_answers,
)
from probe.judge.path.path_context import PathContext, PathRule, acts_nearer, controls_reach, convicts, shows_injection
from probe.judge.path.suspicions import suspect_block

_FAILS: tuple[InnocentState, ...] = ("failed", "tainted")


def _muted_by_name(c: PathContext) -> bool:
    """The innocent name may have drawn a small answer, and this name's be too large for the line."""
    too_large = c.path.tls.shapes.innocent_small and c.path.tls.shapes.narrow not in NARROW_FAILS
    return is_hello_muted(c) and is_name_alone(c) and not too_large


def _every_name_reset(c: PathContext) -> bool:
    return is_tls_reset(c) and convicts(c) and controls_reach(c)


TLS_NAMED: tuple[PathRule, ...] = (
    Rule(id="tls/reset_sni_control", outcome="blocked", block_type="tls.reset.sni", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=CONTROLLED,
         holds=lambda c: is_tls_reset(c) and is_name_alone(c) and controls_reach(c)),
    # What ends a connection is a packet, and may be looked at.
    Rule(id="tls/reset_sni_injected", outcome="blocked", block_type="tls.reset.sni", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=FORGED,
         holds=lambda c: is_tls_reset(c) and is_name_alone(c) and shows_injection(c)),
    Rule(id="tls/reset_sni", outcome="blocked", block_type="tls.reset.sni", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=ALONE,
         holds=lambda c: is_tls_reset(c) and is_name_alone(c) and no_control_answers(c)),
    # Residual blocking that is ended by forged packets lasts 180 s at most; who sets it off again and again at the same
    # address is no neighbour of one moment. Whether the address or a neighbour's name is meant is not shown.
    Rule(id="tls/reset_address_injected", outcome="blocked", block_type="tls.reset", confidence=0.85,
         needs=("helper", "packets", "later_slots"),
         rests_on=NOT_THE_FRONT,
         why=("something on the way ends connections under every name by forged packets; another network reaches "
              "the address: a block"),
         holds=lambda c: _every_name_reset(c) and c.path.innocent == "failed" and shows_injection(c)
         and c.path.place.anatomy.near
               and c.path.place.anatomy.near_slots >= 2),
    # Somebody else behind the same address translator may have set off residual blocking, or the operator refuses.
    Rule(id="tls/reset_address", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.6,
         needs=("innocent", "helper"),
         why=("here connections to this address fail under every name; another network can connect: a block, or the "
              "server refuses us"),
         suspects=suspect_block,
         holds=lambda c: _every_name_reset(c) and c.path.innocent in _FAILS),
    # A front may meet whomever it likes with silence, so it takes packets or a place.
    Rule(id="tls/mute_every_hello", outcome="blocked", block_type="tls.mute", confidence=0.85,
         needs=("innocent", "helper"),
         rests_on=OF_ADDRESSES,
         why=("this address acknowledges TLS hellos of any kind but answers none; from another network handshakes "
              "succeed: a block"),
         holds=lambda c: is_hello_muted(c) and convicts(c) and controls_reach(c) and c.path.innocent == "failed"
               and c.path.tls.shapes.narrow in NARROW_FAILS and not c.path.tls.shapes.passed
               and c.ladder.full_segments),
    Rule(id="tls/close_sni_control", outcome="blocked", block_type="tls.close.sni", confidence=0.97,
         needs=("innocent", "helper", "search"),
         rests_on=NOT_THE_FRONT,
         why=ENDED_NEARER,
         holds=lambda c: is_tls_closed(c) and is_name_alone(c) and is_ended_nearer(c)),
    Rule(id="tls/close_sni_injected", outcome="blocked", block_type="tls.close.sni", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=FORGED,
         holds=lambda c: is_tls_closed(c) and is_name_alone(c) and shows_injection(c)),
    Rule(id="tls/close_sni_nearer", outcome="blocked", block_type="tls.close.sni", confidence=0.85,
         needs=("innocent", "search"),
         rests_on=NEARER,
         why=NEARER_ALONE,
         holds=lambda c: is_tls_closed(c) and is_name_alone(c) and no_control_answers(c) and acts_nearer(c)),
    Rule(id="tls/alert_sni_control", outcome="blocked", block_type="tls.alert.sni", confidence=0.97,
         needs=("innocent", "helper", "search"),
         rests_on=NOT_THE_FRONT,
         why=ENDED_NEARER,
         holds=lambda c: is_tls_alerted(c) and is_name_alone(c) and is_ended_nearer(c)),
    Rule(id="tls/alert_sni_injected", outcome="blocked", block_type="tls.alert.sni", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=FORGED,
         holds=lambda c: is_tls_alerted(c) and is_name_alone(c) and shows_injection(c)),
    Rule(id="tls/alert_sni_nearer", outcome="blocked", block_type="tls.alert.sni", confidence=0.85,
         needs=("innocent", "search"),
         rests_on=NEARER,
         why=NEARER_ALONE,
         holds=lambda c: is_tls_alerted(c) and is_name_alone(c) and no_control_answers(c) and acts_nearer(c)),
    Rule(id="tls/alert_every_name", outcome="blocked", block_type="tls.alert", confidence=0.85,
         needs=("innocent", "helper"),
         rests_on=NEARER,
         why=("here handshakes under every name end by the same alert; another network's succeed at this address: a "
              "block"),
         holds=lambda c: is_tls_alerted(c) and c.path.tls.alerted_alike and convicts(c) and controls_reach(c)),
    Rule(id="tls/drop_sni_control", outcome="blocked", block_type="tls.drop.sni", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=CONTROLLED,
         holds=lambda c: is_hello_dropped(c) and is_name_alone(c) and controls_reach(c)),
    Rule(id="tls/drop_sni", outcome="blocked", block_type="tls.drop.sni", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=ALONE,
         holds=lambda c: is_hello_dropped(c) and is_name_alone(c) and no_control_answers(c)),
    Rule(id="tls/mute_sni_control", outcome="blocked", block_type="tls.mute.sni", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=CONTROLLED,
         holds=lambda c: _muted_by_name(c) and controls_reach(c)),
    Rule(id="tls/mute_sni", outcome="blocked", block_type="tls.mute.sni", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=ALONE,
         holds=lambda c: _muted_by_name(c) and no_control_answers(c)),
)
