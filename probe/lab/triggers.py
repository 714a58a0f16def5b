"""When a rule fires: one small test per trigger, and for rules about places the stage of the flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from probe.lab.actions import PLACE_TRIGGERS
from probe.lab.packet import ACK, SYN, TCP, UDP
from probe.lab.rulebook import BoxRule, Matches
from probe.lab.sighting import Sighting


def name_matches(name: str, matches: Matches) -> bool:
    """Whether a name is listed: itself, or by `*.x` as one below x, or by `*`."""
    if not name:
        return False
    return name in matches.exact or any(name.endswith(ending) for ending in matches.endings)


def _address(seen: Sighting, matches: Matches) -> bool:
    return seen.flow.key.server in matches.exact


def _address_port(seen: Sighting, matches: Matches) -> bool:
    return (seen.flow.key.server, seen.flow.key.sport) in matches.sockets


def _sni(seen: Sighting, matches: Matches) -> bool:
    return name_matches(seen.sni, matches)


def _host(seen: Sighting, matches: Matches) -> bool:
    return seen.request is not None and name_matches(seen.request.host, matches)


def _qname(seen: Sighting, matches: Matches) -> bool:
    return seen.question is not None and name_matches(seen.question.name, matches)


def _qname_substring(seen: Sighting, matches: Matches) -> bool:
    question = seen.question
    return question is not None and any(part in question.name for part in matches.parts)


def _udp53(seen: Sighting, matches: Matches) -> bool:
    return seen.to_server and seen.packet.proto == UDP and seen.packet.dport == 53


TESTS: Mapping[str, Callable[[Sighting, Matches], bool]] = {
    "all": lambda seen, matches: True,
    "address": _address,
    "address_port": _address_port,
    "sni": _sni,
    "host": _host,
    "qname": _qname,
    "qname_substring": _qname_substring,
    "udp53": _udp53,
}


def _syn(seen: Sighting) -> bool:
    return seen.to_server and seen.is_tcp and seen.packet.flags & (SYN | ACK) == SYN


def _data(seen: Sighting) -> bool:
    return seen.to_server and seen.packet.proto in (TCP, UDP) and bool(seen.packet.payload)


STAGES: Mapping[str, Callable[[Sighting], bool]] = {"any": lambda seen: True, "syn": _syn, "data": _data}


def fires(rule: BoxRule, seen: Sighting) -> bool:
    """Whether this packet sets the rule off; dice for its probability are thrown elsewhere."""
    if not TESTS[rule.trigger](seen, rule.matches):
        return False
    return rule.trigger not in PLACE_TRIGGERS or STAGES[rule.stage](seen)
