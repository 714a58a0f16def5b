"""How deep each action is told: by the name alone, and where every name of the address fails.

A server may refuse a name, or visitors, by an alert or an orderly end, so these convict only where they come from
nearer than the server, or with packets. What is not here, nobody has seen a censor do: it stays unexplained.
"""

from __future__ import annotations

from probe.core.tables.basis_words import NEARER, NOT_THE_FRONT, OF_ADDRESSES
from probe.core.tables.evidence_words import NARROW_FAILS, InnocentState
from probe.judge.rules.endings import (
    is_hello_dropped,
    is_hello_muted,
    is_http_closed,
    is_http_dropped,
    is_http_muted,
    is_http_reset,
    is_tls_alerted,
    is_tls_closed,
    is_tls_reset,
)
from probe.judge.rules.path_context import (
    PathContext,
    PathRule,
    acts_nearer,
    controls_reach,
    convicts,
    shows_injection,
)
from probe.judge.rules.rule import Rule

_FAILS: tuple[InnocentState, ...] = ("failed", "tainted")

_CONTROLLED = ("at this address a harmless name works, this name fails; another network reaches the service: the "
               "name is blocked here")
_ENDED_NEARER = ("something on the way ends connections under this name; a harmless name works; another network "
                 "reaches the service: a block")
_FORGED = ("at this address a harmless name works; forged packets end connections under this name: the name is blocked "
           "here")
_NEARER_ALONE = ("at this address a harmless name works; something on the way ends connections under this name: "
                 "a block")
_ALONE = "at this address a harmless name works and this name never does: the name seems to be blocked here"


def _name_alone(c: PathContext) -> bool:
    """An innocent name is answered there. Where another server is reached by this name
    (`probe.judge.rules.elsewhere_rules`), it is not the name alone."""
    return c.path.innocent == "reached" and convicts(c) and c.path.shapes.elsewhere != "passes"


def _host_alone(c: PathContext) -> bool:
    """Inside TLS no box on the way reads the Host, and an innocent name was not asked for one."""
    return not c.path.secure and _name_alone(c)


def _nearer(c: PathContext) -> bool:
    """A server ends connections, too, that takes no visitors from here: for one name alone where it serves many."""
    return controls_reach(c) and acts_nearer(c)


def _unanswered(c: PathContext) -> bool:
    return not c.path.controls_answered


def _muted_by_name(c: PathContext) -> bool:
    """The innocent name may have drawn a small answer, and this name's be too large for the line."""
    too_large = c.path.shapes.innocent_small and c.path.shapes.narrow not in NARROW_FAILS
    return is_hello_muted(c) and _name_alone(c) and not too_large


def _every_name_reset(c: PathContext) -> bool:
    return is_tls_reset(c) and convicts(c) and controls_reach(c)


TLS_NAMED: tuple[PathRule, ...] = (
    Rule(id="tls/reset_sni_control", outcome="blocked", block_type="tls.reset.sni", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=_CONTROLLED,
         holds=lambda c: is_tls_reset(c) and _name_alone(c) and controls_reach(c)),
    # What ends a connection is a packet, and may be looked at.
    Rule(id="tls/reset_sni_injected", outcome="blocked", block_type="tls.reset.sni", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=_FORGED,
         holds=lambda c: is_tls_reset(c) and _name_alone(c) and shows_injection(c)),
    Rule(id="tls/reset_sni", outcome="blocked", block_type="tls.reset.sni", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=_ALONE,
         holds=lambda c: is_tls_reset(c) and _name_alone(c) and _unanswered(c)),
    # Residual blocking that is ended by forged packets lasts 180 s at most; who sets it off again and again at the same
    # address is no neighbour of one moment. Whether the address or a neighbour's name is meant is not shown.
    Rule(id="tls/reset_address_injected", outcome="blocked", block_type="tls.reset", confidence=0.85,
         needs=("helper", "packets", "later_slots"),
         rests_on=NOT_THE_FRONT,
         why=("something on the way ends connections under every name by forged packets; another network reaches "
              "the address: a block"),
         holds=lambda c: _every_name_reset(c) and c.path.innocent == "failed" and shows_injection(c)
         and c.path.anatomy.near
               and c.path.anatomy.near_slots >= 2),
    # Somebody else behind the same address translator may have set off residual blocking, or the operator refuses.
    Rule(id="tls/reset_address", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.6,
         needs=("innocent", "helper"),
         why=("here connections to this address fail under every name; another network can connect: a block, or the "
              "server refuses us"),
         holds=lambda c: _every_name_reset(c) and c.path.innocent in _FAILS),
    # A front may meet whomever it likes with silence, so it takes packets or a place.
    Rule(id="tls/mute_every_hello", outcome="blocked", block_type="tls.mute", confidence=0.85,
         needs=("innocent", "helper"),
         rests_on=OF_ADDRESSES,
         why=("this address acknowledges TLS hellos of any kind but answers none; from another network handshakes "
              "succeed: a block"),
         holds=lambda c: is_hello_muted(c) and convicts(c) and controls_reach(c) and c.path.innocent == "failed"
               and c.path.shapes.narrow in NARROW_FAILS and not c.path.shapes.passed and c.ladder.full_segments),
    Rule(id="tls/close_sni_control", outcome="blocked", block_type="tls.close.sni", confidence=0.97,
         needs=("innocent", "helper", "search"),
         rests_on=NOT_THE_FRONT,
         why=_ENDED_NEARER,
         holds=lambda c: is_tls_closed(c) and _name_alone(c) and _nearer(c)),
    Rule(id="tls/close_sni_injected", outcome="blocked", block_type="tls.close.sni", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=_FORGED,
         holds=lambda c: is_tls_closed(c) and _name_alone(c) and shows_injection(c)),
    Rule(id="tls/close_sni_nearer", outcome="blocked", block_type="tls.close.sni", confidence=0.85,
         needs=("innocent", "search"),
         rests_on=NEARER,
         why=_NEARER_ALONE,
         holds=lambda c: is_tls_closed(c) and _name_alone(c) and _unanswered(c) and acts_nearer(c)),
    Rule(id="tls/alert_sni_control", outcome="blocked", block_type="tls.alert.sni", confidence=0.97,
         needs=("innocent", "helper", "search"),
         rests_on=NOT_THE_FRONT,
         why=_ENDED_NEARER,
         holds=lambda c: is_tls_alerted(c) and _name_alone(c) and _nearer(c)),
    Rule(id="tls/alert_sni_injected", outcome="blocked", block_type="tls.alert.sni", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=_FORGED,
         holds=lambda c: is_tls_alerted(c) and _name_alone(c) and shows_injection(c)),
    Rule(id="tls/alert_sni_nearer", outcome="blocked", block_type="tls.alert.sni", confidence=0.85,
         needs=("innocent", "search"),
         rests_on=NEARER,
         why=_NEARER_ALONE,
         holds=lambda c: is_tls_alerted(c) and _name_alone(c) and _unanswered(c) and acts_nearer(c)),
    Rule(id="tls/drop_sni_control", outcome="blocked", block_type="tls.drop.sni", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=_CONTROLLED,
         holds=lambda c: is_hello_dropped(c) and _name_alone(c) and controls_reach(c)),
    Rule(id="tls/drop_sni", outcome="blocked", block_type="tls.drop.sni", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=_ALONE,
         holds=lambda c: is_hello_dropped(c) and _name_alone(c) and _unanswered(c)),
    Rule(id="tls/mute_sni_control", outcome="blocked", block_type="tls.mute.sni", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=_CONTROLLED,
         holds=lambda c: _muted_by_name(c) and controls_reach(c)),
    Rule(id="tls/mute_sni", outcome="blocked", block_type="tls.mute.sni", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=_ALONE,
         holds=lambda c: _muted_by_name(c) and _unanswered(c)),
)

HTTP_NAMED: tuple[PathRule, ...] = (
    Rule(id="http/reset_host_control", outcome="blocked", block_type="http.reset.host", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=_CONTROLLED,
         holds=lambda c: is_http_reset(c) and _host_alone(c) and controls_reach(c)),
    Rule(id="http/reset_host_injected", outcome="blocked", block_type="http.reset.host", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=_FORGED,
         holds=lambda c: is_http_reset(c) and _host_alone(c) and shows_injection(c)),
    Rule(id="http/reset_host", outcome="blocked", block_type="http.reset.host", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=_ALONE,
         holds=lambda c: is_http_reset(c) and _host_alone(c) and _unanswered(c)),
    Rule(id="http/close_host_control", outcome="blocked", block_type="http.close.host", confidence=0.97,
         needs=("innocent", "helper", "search"),
         rests_on=NOT_THE_FRONT,
         why=_ENDED_NEARER,
         holds=lambda c: is_http_closed(c) and _host_alone(c) and _nearer(c)),
    Rule(id="http/close_host_injected", outcome="blocked", block_type="http.close.host", confidence=0.95,
         needs=("innocent", "packets"),
         rests_on=NOT_THE_FRONT,
         why=_FORGED,
         holds=lambda c: is_http_closed(c) and _host_alone(c) and shows_injection(c)),
    Rule(id="http/close_host_nearer", outcome="blocked", block_type="http.close.host", confidence=0.85,
         needs=("innocent", "search"),
         rests_on=NEARER,
         why=_NEARER_ALONE,
         holds=lambda c: is_http_closed(c) and _host_alone(c) and _unanswered(c) and acts_nearer(c)),
    Rule(id="http/drop_host_control", outcome="blocked", block_type="http.drop.host", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=_CONTROLLED,
         holds=lambda c: is_http_dropped(c) and _host_alone(c) and controls_reach(c)),
    Rule(id="http/drop_host", outcome="blocked", block_type="http.drop.host", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=_ALONE,
         holds=lambda c: is_http_dropped(c) and _host_alone(c) and _unanswered(c)),
    Rule(id="http/mute_host_control", outcome="blocked", block_type="http.mute.host", confidence=0.97,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=_CONTROLLED,
         holds=lambda c: is_http_muted(c) and _host_alone(c) and controls_reach(c)),
    Rule(id="http/mute_host", outcome="blocked", block_type="http.mute.host", confidence=0.85, needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why=_ALONE,
         holds=lambda c: is_http_muted(c) and _host_alone(c) and _unanswered(c)),
)
