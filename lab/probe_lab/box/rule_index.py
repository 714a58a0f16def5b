"""Rules by what sets them off, so that a packet meets those that concern it and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from probe_lab.box.flows import FlowKey
from probe_lab.box.hello_shape import fits_shape
from probe_lab.box.matches import NameIndex, lists_name
from probe_lab.box.rulebook import BoxRule
from probe_lab.box.sighting import PacketSighting
from probe_lab.box.trigger_table import (
    DATAGRAM_QUESTION_TRIGGERS,
    FOREIGN_TRIGGERS,
    HOST_TRIGGERS,
    PLACE_TRIGGERS,
    PROTOCOL_TRIGGERS,
    QUESTION_TRIGGERS,
    QUIC_TRIGGERS,
    SHAPE_TRIGGERS,
    SNI_TRIGGERS,
    STREAM_TRIGGERS,
)
from probe_lab.wire.packet import TCP, UDP

ALONE = "alone"
"""In `wants`: some rule looks at single segments."""
_MAX_REMEMBERED = 4096
_DNS_PORT = 53
_HEARD: Mapping[int, frozenset[str]] = {
    TCP: STREAM_TRIGGERS | FOREIGN_TRIGGERS | SHAPE_TRIGGERS | PROTOCOL_TRIGGERS | {"qname_tcp"},
    UDP: QUIC_TRIGGERS | PROTOCOL_TRIGGERS | DATAGRAM_QUESTION_TRIGGERS,
}
"""Which triggers about what is said each transport can set off."""


class RuleIndex:
    """All rules of one box."""

    def __init__(self, rules: Iterable[BoxRule]) -> None:
        self._rules = tuple(rules)
        self._by_address: dict[str, list[BoxRule]] = {}
        self._by_socket: dict[tuple[str, int], list[BoxRule]] = {}
        self._by_port: dict[tuple[int, int], list[BoxRule]] = {}
        self._by_look: list[BoxRule] = []
        """Place rules that no dictionary finds: for everywhere, networks, places not listed, UDP to port 53."""
        self._spoken = tuple(rule for rule in self._rules if rule.trigger not in PLACE_TRIGGERS | {"udp53"})
        self._looked_at = tuple(rule for rule in self._spoken if rule.trigger in _WORDS)
        self._names = {
            (trigger, reassemble): NameIndex(
                (rule.number, rule.matches) for rule in self._spoken
                if rule.trigger == trigger and rule.reassemble is reassemble
            )
            for trigger in SNI_TRIGGERS | HOST_TRIGGERS for reassemble in (True, False)
        }
        self._wants: dict[tuple[int, int, bool], frozenset[str]] = {}
        for rule in self._rules:
            self._file(rule)

    def _file(self, rule: BoxRule) -> None:
        matches = rule.matches
        if rule.trigger in ("all", "udp53", "not_address") or matches.networks:
            self._by_look.append(rule)
            return
        if rule.trigger == "address":
            for address in matches.exact:
                self._by_address.setdefault(address, []).append(rule)
        for socket in matches.sockets:
            self._by_socket.setdefault(socket, []).append(rule)
        for port in matches.ports:
            self._by_port.setdefault(port, []).append(rule)

    def of_place(self, key: FlowKey) -> tuple[BoxRule, ...]:
        """The rules that concern a flow by where it goes, in their order."""
        found = [
            *self._by_address.get(key.server, ()),
            *self._by_socket.get((key.server, key.sport), ()),
            *(self._by_port.get((0, key.sport), ()) if key.sport else ()),
            *self._by_port.get((key.proto, key.sport), ()),
            *(rule for rule in self._by_look if _LOOKS[rule.trigger](rule, key)),
        ]
        fitting = {rule.number: rule for rule in found if fits(rule, key)}
        return tuple(fitting[number] for number in sorted(fitting))

    def wants(self, key: FlowKey) -> frozenset[str]:
        """The triggers about what is said, of rules that this flow could set off."""
        shape = (key.proto, key.sport, key.cport > key.sport)
        wants = self._wants.get(shape)
        if wants is None:
            if len(self._wants) >= _MAX_REMEMBERED:
                self._wants.clear()
            heard = _HEARD.get(key.proto, frozenset())
            fitting = [rule for rule in self._spoken if rule.trigger in heard and _fits_ports(rule, key)]
            if key.sport != _DNS_PORT:
                fitting = [rule for rule in fitting if rule.trigger not in QUESTION_TRIGGERS]
            words = {rule.trigger for rule in fitting if rule.reassemble}
            wants = frozenset(words | {ALONE for rule in fitting if not rule.reassemble})
            self._wants[shape] = wants
        return wants

    def of_words(self, seen: PacketSighting) -> list[BoxRule]:
        """The rules that what this packet gave away sets off."""
        numbers = self._by_name(seen)
        if seen.alone is not None:
            numbers |= self._by_segment(seen)
        numbers.update(rule.number for rule in self._looked_at if _WORDS[rule.trigger](rule, seen))
        key = seen.flow.key
        return [rule for rule in map(self._rules.__getitem__, sorted(numbers)) if fits(rule, key)]

    def of_question(self, seen: PacketSighting) -> list[BoxRule]:
        """The rules that the DNS question of this packet alone sets off."""
        name = seen.question.name if seen.question else ""
        triggers = ("qname_tcp",) if seen.is_tcp else ("qname", "qname_substring")
        numbers = {number for trigger in triggers for number in self._names[trigger, True].find(name)}
        return [rule for rule in map(self._rules.__getitem__, sorted(numbers)) if fits(rule, seen.flow.key)]

    def _by_name(self, seen: PacketSighting) -> set[int]:
        names = self._names
        found = names["sni", True].find(seen.sni) | names["quic_sni", True].find(seen.quic_name)
        if seen.request is not None:
            found |= names["host", True].find(seen.request.host)
        if seen.encrypted_hello:
            found |= names["ech", True].find(seen.flow.name, nameless=True)
        if seen.question is not None:
            found |= {rule.number for rule in self.of_question(seen)}
        return found

    def _by_segment(self, seen: PacketSighting) -> set[int]:
        alone, names = seen.alone, self._names
        if alone is None:
            return set()
        found = names["sni", False].find(alone.hello.name or "")
        if alone.hello.encrypted:
            found |= names["ech", False].find(alone.hello.name or "", nameless=True)
        if alone.request is not None:
            found |= names["host", False].find(alone.request.host)
        return found


def fits(rule: BoxRule, key: FlowKey) -> bool:
    """Whether the flow's ports, transport and server are such that the rule can concern it."""
    at, not_at = rule.scope.at, rule.scope.not_at
    if (at and not at.holds_address(key.server)) or (not_at and not_at.holds_address(key.server)):
        return False
    return _fits_ports(rule, key)


def _fits_ports(rule: BoxRule, key: FlowKey) -> bool:
    scope = rule.scope
    if scope.ports and key.sport not in scope.ports:
        return False
    if scope.sport_above and key.cport <= key.sport:
        return False
    return not scope.proto or scope.proto == key.proto


_LOOKS: Mapping[str, Callable[[BoxRule, FlowKey], bool]] = {
    "all": lambda rule, key: True,
    "udp53": lambda rule, key: key.proto == UDP and key.sport == 53,
    "address": lambda rule, key: rule.matches.holds_address(key.server),
    "not_address": lambda rule, key: not rule.matches.holds_address(key.server),
}
_WORDS: Mapping[str, Callable[[BoxRule, PacketSighting], bool]] = {
    "protocol": lambda rule, seen: not rule.matches.exact.isdisjoint((seen.protocol, seen.carried)),
    "not_protocol": lambda rule, seen: bool(seen.protocol) and rule.matches.exact.isdisjoint(
        (seen.protocol, seen.carried)),
    "fingerprint": lambda rule, seen: seen.shape is not None and all(
        fits_shape(seen.shape, seen.flow.key.server, feature) for feature in rule.matches.features),
    "not_sni": lambda rule, seen: bool(seen.sni) and not lists_name(seen.sni.lower(), rule.matches),
    "quic_version": lambda rule, seen: seen.quic_version in rule.matches.exact,
}
TRIGGERS_FILED = frozenset((*_LOOKS, *_WORDS, "address_port", "port", *SNI_TRIGGERS, *HOST_TRIGGERS))
"""Every trigger that some look-up finds."""
