"""Which rules a packet sets off: those of its flow's place at the right stage, and those of what it gives away."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from probe_lab.box.rule_index import RuleIndex
from probe_lab.box.rulebook import BoxRule
from probe_lab.box.sighting import PacketSighting
from probe_lab.wire.packet import ACK, SYN, TCP, UDP


def _syn(seen: PacketSighting) -> bool:
    return seen.to_server and seen.is_tcp and seen.packet.flags & (SYN | ACK) == SYN


def _data(seen: PacketSighting) -> bool:
    return seen.to_server and seen.packet.proto in (TCP, UDP) and bool(seen.packet.payload)


STAGES: Mapping[str, Callable[[PacketSighting], bool]] = {"any": lambda seen: True, "syn": _syn, "data": _data}


def find_candidates(index: RuleIndex, seen: PacketSighting) -> list[BoxRule]:
    """The rules that this packet sets off, in their order, if they are awake and take notice of the flow."""
    found = [rule for rule in seen.flow.places or () if _at_place(rule, seen)]
    if seen.speaks:
        found += index.of_words(seen)
        found.sort(key=lambda rule: rule.number)
    return found


def _at_place(rule: BoxRule, seen: PacketSighting) -> bool:
    if rule.trigger == "udp53":
        return seen.to_server
    return STAGES[rule.stage](seen)


def is_set_off(rule: BoxRule, seen: PacketSighting) -> bool:
    """Whether the rule is awake, heeds this kind of header, and has not condemned the flow already."""
    if not rule.awake(seen.moment):
        return False
    if rule.bare_header and (not seen.is_tcp or seen.packet.options):
        return False
    return not any(standing.rule is rule for standing in seen.flow.standing)
