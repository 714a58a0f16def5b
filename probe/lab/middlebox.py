"""The middlebox on the client's path: it watches flows, applies its rules, and writes down each act.

A box "on the path" sees copies and can only add packets; one "in the path" can also hold packets back. Which one
a rule plays follows from its action and parameters (`probe.lab.actions`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from probe.lab.actions import STREAM_TRIGGERS
from probe.lab.dissect import MAX_STREAM_BYTES, dns_question, http_request, server_name
from probe.lab.effects import EFFECTS, stand
from probe.lab.flows import Flow, FlowTable
from probe.lab.forge import Box
from probe.lab.packet import TCP, UDP, Packet, parse
from probe.lab.rulebook import BoxRule, make_ready
from probe.lab.sighting import Passage, Sighting
from probe.lab.triggers import STAGES, fires
from probe.lab.truth import TruthEntry, TruthLog
from probe.lab.types import Rule

MAX_ENTRIES_PER_FLOW = 200
"""Entries in the truth log per rule and flow: a flood of acts of one kind proves no more."""


class Middlebox:
    """All rules of one box. Raises ValueError for rules that `probe.lab.actions` does not allow."""

    def __init__(
        self, rules: Iterable[Rule], *, truth: TruthLog, seed: int, address4: str, address6: str, server_ttl: int = 64
    ) -> None:
        """`address4` and `address6` are the box's router's; `server_ttl` is what servers' packets arrive with."""
        self._rules = make_ready(rules)
        self._truth = truth
        self._flows = FlowTable()
        self._box = Box(rng=random.Random(seed), address4=address4, address6=address6, server_ttl=server_ttl)
        self._reads_streams = any(
            rule.trigger in STREAM_TRIGGERS or rule.action == "http_response" for rule in self._rules
        )

    def handle(self, raw: bytes, *, to_server: bool, now_s: float) -> Passage:
        """Let one packet by: what goes on, and what the box sends. Bytes that are no packet go on as they are."""
        packet = parse(raw)
        if packet is None:
            return Passage(forward=raw)
        if not to_server:
            packet = self._box.translations.inward(packet)
        seen = self._sight(packet, to_server=to_server, now_s=now_s)
        passage = Passage(forward=packet.raw)
        self._meet_standing(seen, passage)
        if passage.forward is not None:
            self._meet_residuals(seen, passage)
        if passage.forward is not None:
            self._meet_rules(seen, passage)
        if passage.forward is not None and to_server and (passage.redirected or packet.proto == TCP):
            passage.forward = self._box.translations.outward(packet, seen.flow.key) or passage.forward
        return passage

    def _sight(self, packet: Packet, *, to_server: bool, now_s: float) -> Sighting:
        flow = self._flows.find(packet, to_server=to_server, now_s=now_s)
        seen = Sighting(packet=packet, flow=flow, to_server=to_server, now_s=now_s)
        if to_server and packet.payload:
            if packet.proto == UDP and packet.dport == 53:
                seen.question = dns_question(packet.payload)
            elif packet.proto == TCP and self._reads_streams:
                _read_stream(flow, seen)
        return seen

    def _meet_standing(self, seen: Sighting, passage: Passage) -> None:
        for standing in seen.flow.standing:
            if stand(self._box, standing, seen, passage):
                self._log(standing.rule, seen, standing.rule.action)

    def _meet_residuals(self, seen: Sighting, passage: Passage) -> None:
        if seen.flow.standing:  # this flow is being dealt with already
            return
        for rule in self._box.residuals.sequels(seen.flow.key, seen.now_s):
            if STAGES[rule.stage](seen) and EFFECTS[rule.action](self._box, rule, seen, passage):
                self._log(rule, seen, f"residual:{rule.action}")

    def _meet_rules(self, seen: Sighting, passage: Passage) -> None:
        for rule in self._rules:
            if _stands(rule, seen.flow) or not fires(rule, seen) or not self._takes_notice(rule, seen.flow):
                continue
            if EFFECTS[rule.action](self._box, rule, seen, passage):
                self._log(rule, seen, rule.action)
                if rule.sequel:
                    self._box.residuals.arm(rule, seen.flow.key, seen.now_s)

    def _takes_notice(self, rule: BoxRule, flow: Flow) -> bool:
        if rule.probability >= 1:
            return True
        if rule.number not in flow.rolls:
            flow.rolls[rule.number] = self._box.rng.random() < rule.probability
        return flow.rolls[rule.number]

    def _log(self, rule: BoxRule, seen: Sighting, action: str) -> None:
        entries = seen.flow.logged.get(rule.number, 0)
        if entries >= MAX_ENTRIES_PER_FLOW:
            return
        seen.flow.logged[rule.number] = entries + 1
        self._truth.write(
            TruthEntry(
                time_s=seen.now_s,
                actor="middlebox",
                action=action,
                block_type=rule.block_type,
                alias=rule.alias,
                name=seen.name,
                address=seen.flow.key.server,
                port=seen.flow.key.sport,
                direction="to_server" if seen.to_server else "to_client",
            )
        )


def _stands(rule: BoxRule, flow: Flow) -> bool:
    """Whether the rule has condemned the flow already."""
    return any(standing.rule is rule for standing in flow.standing)


def _read_stream(flow: Flow, seen: Sighting) -> None:
    """Add a segment to what the client has said, and judge it as soon as there is enough."""
    packet = seen.packet
    if flow.decided and flow.speaks_http:  # the next request on the same connection
        flow.stream.restart(packet.seq)
        flow.decided = False
    if flow.decided or not flow.stream.add(packet.seq, packet.payload):
        return
    data = bytes(flow.stream.data)
    name = server_name(data)
    request = http_request(data)
    flow.decided = (name is not None and request is not None) or len(data) >= MAX_STREAM_BYTES
    if name:
        seen.sni = name
    elif request and request.method:
        seen.request = request
        flow.speaks_http = True
