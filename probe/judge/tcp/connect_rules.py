"""Rules over attempts to connect that fail."""

from __future__ import annotations

from probe.core.tables.basis_words import OF_ADDRESSES
from probe.core.tables.evidence_words import OtherPort
from probe.core.tables.failures import TIMEOUTS
from probe.judge.common.rule import Rule
from probe.judge.path.path_context import (
    PathContext,
    PathRule,
    controls_reach,
    convicts,
    is_failing_elsewhere,
    is_lost_here,
    is_prohibited,
    shows_injection,
)
from probe.judge.path.path_evidence import CONNECTION_REFUSED, CONNECTION_RESET
from probe.judge.path.suspicions import suspect_address

LIVES: tuple[OtherPort, ...] = ("open", "closed")
"""The host answers at another port."""


def _shut(c: PathContext) -> bool:
    """Lost here, from the first connection on: an address that took some and then no more may count them, and who does
    is not shown."""
    return is_lost_here(c) and not c.path.tcp.opened_before


def _fails_far_and_elsewhere(c: PathContext) -> bool:
    """Attempts to connect end beyond what other traffic from here passes, and no control connects either."""
    return (c.path.stage == "connect" and c.path.controls.failed > 0 and not c.path.controls.ok
            and c.path.tcp.lost == "far")


CONNECT: tuple[PathRule, ...] = (
    Rule(id="ip/controls_refused_too", outcome="down", block_type="server.refused", confidence=0.92,
         needs=("two_helpers",),
         why=("connections from two other networks are refused too; nothing shows a block on the way: the server "
              "itself refuses"),
         holds=lambda c: c.path.stage == "connect" and c.path.failure == CONNECTION_REFUSED
               and is_failing_elsewhere(c)),
    Rule(id="ip/controls_fail_too", outcome="down", block_type="server.unreachable", confidence=0.92,
         needs=("two_helpers",),
         why="connections from two other networks fail too; nothing shows a block on the way: the server itself fails",
         holds=lambda c: c.path.stage == "connect" and is_failing_elsewhere(c)),
    Rule(id="ip/control_fails_and_lost_far", outcome="down", block_type="server.unreachable", confidence=0.7,
         needs=("helper", "routers"),
         why=("our attempts get lost close to the service; another network cannot connect either: the server "
              "probably fails"),
         holds=lambda c: _fails_far_and_elsewhere(c) and c.path.failure in TIMEOUTS),
    Rule(id="ip/control_fails_and_refused_far", outcome="down", block_type="server.refused", confidence=0.7,
         needs=("helper", "routers"),
         why=("our attempts are refused close to the service; another network cannot connect either: the server "
              "probably refuses"),
         holds=lambda c: _fails_far_and_elsewhere(c) and c.path.failure == CONNECTION_REFUSED),
    Rule(id="ip/lost_here_and_elsewhere", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("two_helpers", "routers"),
         why=("attempts get lost where packets to other services pass through; other networks cannot connect "
              "either: an outage, block, or both"),
         holds=lambda c: c.path.stage == "connect" and c.path.controls.failed >= 2 and not c.path.controls.ok),
    # A firewall at the operator's own door says "prohibited" as well, and in the service's name.
    Rule(id="ip/prohibited", outcome="blocked", block_type="ip.unreachable", confidence=0.92,
         needs=("helper", "routers"),
         rests_on=OF_ADDRESSES,
         why=("a router that also forwards packets to other services prohibits this address; another network "
              "reaches it: a block"),
         holds=lambda c: c.path.stage == "connect" and is_prohibited(c) and controls_reach(c)
               and is_lost_here(c)),
    Rule(id="ip/unreachable_here_only", outcome="blocked", block_type="ip.unreachable", confidence=0.75,
         needs=("helper", "routers"),
         rests_on=OF_ADDRESSES,
         why="a router that also forwards packets to other services cannot reach this address; another network "
             "reaches it: a block",
         holds=lambda c: c.path.stage == "connect" and bool(c.path.tcp.icmp) and controls_reach(c) and is_lost_here(c)),
    Rule(id="ip/reset_on_the_way", outcome="blocked", block_type="ip.reset", confidence=0.95,
         needs=("helper", "routers"),
         rests_on=OF_ADDRESSES,
         why=("attempts to connect are reset where packets to other services pass through; another network can "
              "connect: a block"),
         holds=lambda c: c.path.stage == "connect" and c.path.failure in (CONNECTION_REFUSED, CONNECTION_RESET)
         and controls_reach(c) and _shut(c)),
    Rule(id="ip/reset_injected", outcome="blocked", block_type="ip.reset", confidence=0.9, needs=("helper", "packets"),
         rests_on=OF_ADDRESSES,
         why=("attempts to connect are reset, but not by the server or its firewall; another network can connect: a "
              "block"),
         holds=lambda c: c.path.stage == "connect" and c.path.failure in (CONNECTION_REFUSED, CONNECTION_RESET)
         and controls_reach(c)
               and convicts(c) and shows_injection(c) and c.path.place.anatomy.device and not (is_lost_here(c)
               and c.path.tcp.opened_before)),
    Rule(id="tcp/port_vanishes", outcome="blocked", block_type="tcp.drop.port", confidence=0.9,
         needs=("helper", "routers"),
         rests_on=OF_ADDRESSES,
         why=("attempts on this port get lost where packets to other ports pass through; another network can "
              "connect: a block"),
         holds=lambda c: c.path.stage == "connect" and c.path.failure in TIMEOUTS and controls_reach(c) and _shut(c)
               and c.path.tcp.other_port in LIVES),
    Rule(id="ip/vanishes", outcome="blocked", block_type="ip.blackhole", confidence=0.9, needs=("helper", "routers"),
         rests_on=OF_ADDRESSES,
         why=("packets to this address get lost where packets to other services pass through; another network can "
              "connect: a block"),
         holds=lambda c: c.path.stage == "connect" and c.path.failure in TIMEOUTS and controls_reach(c) and _shut(c)
               and c.path.tcp.other_port == "silent"),
    Rule(id="ip/lost_close_to_the_service", outcome="inconclusive", block_type="inconclusive.unconfirmed",
         confidence=0.5, needs=("helper", "routers"),
         why=("our attempts to connect get lost close to the service: its operator may refuse them"),
         suspects=suspect_address,
         holds=lambda c: c.path.stage == "connect" and controls_reach(c) and convicts(c) and c.path.tcp.lost == "far"),
    Rule(id="ip/lost_somewhere", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("helper",),
         why="another network can connect to this address, we cannot; nothing shows whether our network or the "
             "service's operator refuses us",
         suspects=suspect_address,
         holds=lambda c: c.path.stage == "connect" and controls_reach(c) and convicts(c)),
)
