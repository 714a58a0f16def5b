"""Rules over endpoints that are spoken to in datagrams, QUIC and STUN alike; between them those over QUIC alone."""

from __future__ import annotations

from probe.core.tables.basis_words import OF_DATAGRAMS
from probe.core.tables.evidence_words import Stage
from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.words import Empty
from probe.judge.common.rule import Rule
from probe.judge.path.path_context import PathContext, PathRule, controls_reach, convicts, is_failing_elsewhere
from probe.judge.path.path_evidence import CONNECTION_REFUSED
from probe.judge.udp.quic_rules import QUIC

_KINDS: tuple[Stage, ...] = ("quic", "stun")
LIKE: dict[Stage | Empty, int] = {"quic": 1, "stun": 2}
"""Other services of the same protocol that must answer before one that does not is accused: QUIC is spoken by few."""


def _fails(c: PathContext) -> bool:
    return c.path.stage in _KINDS


def _vanishes(c: PathContext) -> bool:
    """Nothing of what was ever said to this port was answered, under whatever name."""
    return (_fails(c) and c.path.failure in TIMEOUTS and not c.path.udp.responses and not c.path.udp.late
            and c.path.udp.version != "answered" and c.path.innocent != "reached")


def _others_answer(c: PathContext) -> bool:
    return c.path.udp.others_alike >= LIKE.get(c.path.stage, 1)


def _as_a_whole(c: PathContext) -> bool:
    """Not its port for QUIC alone: that falls silent for minutes when a neighbour behind the same address translator
    says a forbidden name to it (the Great Firewall drops by both addresses and this port)."""
    return c.path.stage != "quic" or c.path.udp.lost_beside == "near"


def _singled_out(c: PathContext) -> bool:
    """Controls reach it, and others of its kind are reached from here."""
    return controls_reach(c) and convicts(c) and _others_answer(c)


_FIRST: tuple[PathRule, ...] = (
    Rule(id="stun/answers", outcome="ok", block_type="", confidence=0.9, needs=("nothing",),
         why="the server answers STUN requests, and each answer carries its request's number",
         holds=lambda c: c.path.kind == "stun" and c.path.last_ok and c.path.failed_attempts < 2),
    Rule(id="quic/answers", outcome="ok", block_type="", confidence=0.85, needs=("nothing",),
         why="the QUIC handshake succeeds, and the server answers what the probe sends after it",
         holds=lambda c: c.path.kind == "quic" and c.path.last_ok and c.path.failed_attempts < 2),
    Rule(id="udp/abroad_is_cut_off", outcome="network", block_type="network.national_only", confidence=0.8,
         needs=("ladder",),
         why="this address does not answer, and nothing else outside the country answers: this network reaches only "
             "the country itself",
         holds=lambda c: _fails(c) and c.ladder.national_only),
    Rule(id="udp/controls_refused_too", outcome="down", block_type="server.refused", confidence=0.9,
         needs=("two_helpers",),
         why="the port is closed for two other networks too; nothing shows a block on the way: the server itself "
             "refuses",
         holds=lambda c: _fails(c) and c.path.failure == CONNECTION_REFUSED and is_failing_elsewhere(c)),
    Rule(id="udp/controls_fail_too", outcome="down", block_type="server.unreachable", confidence=0.85,
         needs=("two_helpers",),
         why=("datagrams from two other networks get no answer either; nothing shows a block on the way: the server "
              "itself fails"),
         holds=lambda c: _fails(c) and c.path.failure in TIMEOUTS and is_failing_elsewhere(c)),
    Rule(id="udp/nothing_passes", outcome="local", block_type="local.firewall", confidence=0.7, needs=("ladder",),
         why="no service of any organisation answers over UDP: this network seems to stop all UDP, and not only this "
             "service's",
         holds=lambda c: _vanishes(c) and c.ladder.well and not c.path.udp.others_answering
               and c.path.udp.others_silent >= 2),
)
_LAST: tuple[PathRule, ...] = (
    Rule(id="udp/degraded", outcome="blocked", block_type="udp.degrade", confidence=0.85,
         needs=("helper", "udp", "routers"),
         rests_on=OF_DATAGRAMS,
         why=("many datagrams to this service get lost where those to other services pass through; another network "
              "gets answers: interference"),
         holds=lambda c: c.path.stage == "stun" and c.path.udp.responses > 0 and c.path.udp.lossier
               and _singled_out(c) and c.path.udp.lost == "near"),
    # A box that loses 19 datagrams of 20 in each direction answers none of thirty: drop and degrade look alike.
    Rule(id="udp/vanishes", outcome="blocked", block_type="udp", confidence=0.8, needs=("helper", "udp", "routers"),
         rests_on=OF_DATAGRAMS,
         why=("datagrams to this address get lost where datagrams to other services pass through; another network "
              "gets answers: a block"),
         holds=lambda c: _vanishes(c) and _singled_out(c) and c.path.udp.lost == "near" and _as_a_whole(c)
               and not c.path.udp.lossy),
    Rule(id="udp/lost_close_to_the_service", outcome="inconclusive", block_type="inconclusive.unconfirmed",
         confidence=0.5, needs=("helper", "udp", "routers"),
         why="our datagrams get lost close to the service: its operator may refuse them",
         suspects=lambda c: "udp",
         holds=lambda c: _fails(c) and c.path.failure in TIMEOUTS and _singled_out(c) and c.path.udp.lost == "far"),
    Rule(id="udp/lost_somewhere", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("helper", "udp"),
         why="another network gets this service's answers, we do not; nothing shows whether our network or the "
             "service's operator refuses us",
         suspects=lambda c: "udp",
         holds=lambda c: _fails(c) and c.path.failure in TIMEOUTS and _singled_out(c)),
)
DATAGRAMS = _FIRST + QUIC + _LAST
