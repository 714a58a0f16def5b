"""Rules over attempts to connect that fail."""

from __future__ import annotations

from probe.core.tables.evidence_words import OtherPort
from probe.core.tables.failures import TIMEOUTS
from probe.inference.evidence.path_evidence import REFUSED, RESET
from probe.inference.rules.path_context import ADMINISTRATIVE, PathRule, Scene, contrary, convicts, injected, lost_here
from probe.inference.rules.rule import Rule

_LIVES: tuple[OtherPort, ...] = ("open", "closed")
"""The host answers at another port."""


def _shut(s: Scene) -> bool:
    """Lost here, from the first connection on: an address that took some and then no more may count them, and who does
    is not shown."""
    return lost_here(s) and not s.path.opened_before


CONNECT: tuple[PathRule, ...] = (
    Rule("ip/controls_refused_too", "down", "server.refused", 0.92, ("two_helpers",),
         "controls in two networks are refused as well",
         lambda s: s.path.stage == "connect" and s.path.failure == REFUSED and s.path.control_failed >= 2
         and not s.path.control_ok),
    Rule("ip/controls_fail_too", "down", "server.unreachable", 0.92, ("two_helpers",),
         "controls in two networks cannot reach it either",
         lambda s: s.path.stage == "connect" and s.path.control_failed >= 2 and not s.path.control_ok),
    # A firewall at the operator's own door says "prohibited" as well, and in the service's name.
    Rule("ip/prohibited", "blocked", "ip.unreachable", 0.92, ("helper", "routers"),
         "a router says that the address is prohibited where other packets pass, and controls reach it",
         lambda s: s.path.stage == "connect" and s.path.icmp.startswith(ADMINISTRATIVE) and contrary(s)
         and lost_here(s)),
    Rule("ip/unreachable_here_only", "blocked", "ip.unreachable", 0.75, ("helper", "routers"),
         "a router that other packets pass cannot or will not reach the address, and controls do",
         lambda s: s.path.stage == "connect" and bool(s.path.icmp) and contrary(s) and lost_here(s)),
    Rule("ip/reset_on_the_way", "blocked", "ip.reset", 0.95, ("helper", "routers"),
         "the SYN is reset where packets for other addresses are still under way, and controls connect",
         lambda s: s.path.stage == "connect" and s.path.failure in (REFUSED, RESET) and contrary(s)
         and _shut(s)),
    Rule("ip/reset_injected", "blocked", "ip.reset", 0.9, ("helper", "packets"),
         "the SYN is answered by resets that neither the host nor its operator's firewall sends, and controls connect",
         lambda s: s.path.stage == "connect" and s.path.failure in (REFUSED, RESET) and contrary(s) and convicts(s)
         and injected(s) and s.path.anatomy.device and not (lost_here(s) and s.path.opened_before)),
    Rule("tcp/port_vanishes", "blocked", "tcp.drop.port", 0.9, ("helper", "routers"),
         "attempts on this port are lost where other packets pass, another port of the address answers, and controls "
         "connect to this one",
         lambda s: s.path.stage == "connect" and s.path.failure in TIMEOUTS and contrary(s) and _shut(s)
         and s.path.other_port in _LIVES),
    Rule("ip/vanishes", "blocked", "ip.blackhole", 0.9, ("helper", "routers"),
         "packets to the address are lost where others pass, and controls connect to it",
         lambda s: s.path.stage == "connect" and s.path.failure in TIMEOUTS and contrary(s) and _shut(s)
         and s.path.other_port == "silent"),
    Rule("ip/lost_close_to_the_service", "inconclusive", "inconclusive.unconfirmed", 0.5, ("helper", "routers"),
         "attempts to connect pass everything that other traffic from here passes: the operator itself may refuse them",
         lambda s: s.path.stage == "connect" and contrary(s) and convicts(s) and s.path.lost == "far"),
    Rule("ip/lost_somewhere", "inconclusive", "inconclusive.unconfirmed", 0.5, ("helper",),
         "controls connect to the address; whether this network or the operator itself refuses us is not shown",
         lambda s: s.path.stage == "connect" and contrary(s) and convicts(s)),
)
