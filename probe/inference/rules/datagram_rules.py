"""Rules over endpoints that are spoken to in datagrams, QUIC and STUN alike; between them those over QUIC alone."""

from __future__ import annotations

from probe.core.tables.evidence_words import Stage
from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.protocols import DatagramKind
from probe.core.tables.words import Empty
from probe.inference.evidence.path_evidence import REFUSED
from probe.inference.rules.path_context import PathRule, Scene, contrary, convicts
from probe.inference.rules.quic_rules import QUIC
from probe.inference.rules.rule import Rule

_KINDS: tuple[DatagramKind, ...] = ("quic", "stun")
LIKE: dict[Stage | Empty, int] = {"quic": 1, "stun": 2}
"""Other services of the same protocol that must answer before one that does not is accused: QUIC is spoken by few."""


def _fails(s: Scene) -> bool:
    return s.path.stage in _KINDS


def _vanishes(s: Scene) -> bool:
    """Nothing of what was ever said to this port was answered, under whatever name."""
    return (_fails(s) and s.path.failure in TIMEOUTS and not s.path.udp.responses and not s.path.udp.late
            and s.path.udp.version != "answered" and s.path.innocent != "reached")


def _others_answer(s: Scene) -> bool:
    return s.path.udp.others_alike >= LIKE.get(s.path.stage, 1)


def _as_a_whole(s: Scene) -> bool:
    """Not its port for QUIC alone: that falls silent for minutes when a neighbour behind the same address translator
    says a forbidden name to it (the Great Firewall drops by both addresses and this port)."""
    return s.path.stage != "quic" or s.path.udp.lost_beside == "near"


def _singled_out(s: Scene) -> bool:
    """Controls reach it, and others of its kind are reached from here."""
    return contrary(s) and convicts(s) and _others_answer(s)


_FIRST: tuple[PathRule, ...] = (
    Rule("stun/answers", "ok", "", 0.9, ("nothing",), "requests are answered, each under its own number",
         lambda s: s.path.kind == "stun" and s.path.last_ok and s.path.failed_attempts < 2),
    Rule("quic/answers", "ok", "", 0.85, ("nothing",), "the handshake is done, and what follows it is answered",
         lambda s: s.path.kind == "quic" and s.path.last_ok and s.path.failed_attempts < 2),
    Rule("udp/abroad_is_cut_off", "network", "network.national_only", 0.8, ("ladder",),
         "the address does not answer, and nothing outside the country does",
         lambda s: _fails(s) and s.ladder.national_only),
    Rule("udp/controls_refused_too", "down", "server.refused", 0.9, ("two_helpers",),
         "controls in two networks find the port closed as well",
         lambda s: _fails(s) and s.path.failure == REFUSED and s.path.control_failed >= 2 and not s.path.control_ok),
    Rule("udp/controls_fail_too", "down", "server.unreachable", 0.85, ("two_helpers",),
         "controls in two networks get no answer on this port either",
         lambda s: _fails(s) and s.path.failure in TIMEOUTS and s.path.control_failed >= 2 and not s.path.control_ok),
    Rule("udp/nothing_passes", "local", "local.firewall", 0.7, ("ladder",),
         "no service is reached over UDP, whoever runs it: nobody is singled out",
         lambda s: _vanishes(s) and s.ladder.well and not s.path.udp.others_answering
         and s.path.udp.others_silent >= 2),
)
_LAST: tuple[PathRule, ...] = (
    Rule("udp/degraded", "blocked", "udp.degrade", 0.85, ("helper", "udp", "routers"),
         "far more datagrams are lost than with other services, at a place that theirs pass, and controls lose few",
         lambda s: s.path.stage == "stun" and s.path.udp.responses > 0 and s.path.udp.lossier and _singled_out(s)
         and s.path.udp.lost == "near"),
    # A box that loses 19 datagrams of 20 in each direction answers none of thirty: drop and degrade look alike.
    Rule("udp/vanishes", "blocked", "udp", 0.8, ("helper", "udp", "routers"),
         "every datagram to the address is lost where those for others pass, and controls are answered",
         lambda s: _vanishes(s) and _singled_out(s) and s.path.udp.lost == "near" and _as_a_whole(s)
         and not s.path.udp.lossy),
    Rule("udp/lost_close_to_the_service", "inconclusive", "inconclusive.unconfirmed", 0.5, ("helper", "udp", "routers"),
         "datagrams pass everything that others' pass from here: the operator itself may refuse them",
         lambda s: _fails(s) and s.path.failure in TIMEOUTS and _singled_out(s) and s.path.udp.lost == "far"),
    Rule("udp/lost_somewhere", "inconclusive", "inconclusive.unconfirmed", 0.5, ("helper", "udp"),
         "controls are answered; whether this network, a neighbour in it or the operator is the cause is not shown",
         lambda s: _fails(s) and s.path.failure in TIMEOUTS and _singled_out(s)),
)
DATAGRAMS = _FIRST + QUIC + _LAST
