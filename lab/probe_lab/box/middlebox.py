"""The middlebox on the client's path: it watches flows, applies its rules, and writes down each act.

A box "on the path" sees copies and can only add packets; one "in the path" can also hold packets back. Which one
a rule plays follows from its action and parameters (`probe_lab.box.actions`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from probe_lab.box.active_effects import apply_active_effect
from probe_lab.box.defragment import Fragments, WholePacket, fragment_packet, parse_fragment
from probe_lab.box.effects import EFFECTS
from probe_lab.box.flows import Flow, FlowTable
from probe_lab.box.forge import EffectContext
from probe_lab.box.listening import awaits_dtls, fill_sighting
from probe_lab.box.progress import Progress
from probe_lab.box.quiet import QuietFlows, header_key
from probe_lab.box.rule_index import RuleIndex
from probe_lab.box.rulebook import BoxRule, make_ready
from probe_lab.box.sighting import PacketFate, PacketSighting
from probe_lab.box.triggers import STAGES, find_candidates, is_set_off
from probe_lab.lab_types import Rule
from probe_lab.scoring.trial_outcome import ACTED, MISSED
from probe_lab.truth import TruthEntry, TruthLog
from probe_lab.wire.packet import SYN, TCP, UDP, Packet, parse_packet

MAX_ENTRIES_PER_FLOW = 200
"""Entries in the truth log per rule and flow: a flood of acts of one kind proves no more."""


class Middlebox:
    """All rules of one box. Raises ValueError for rules that `probe_lab.box.actions` does not allow."""

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        truth: TruthLog,
        seed: int,
        address4: str,
        address6: str,
        server_ttl: int = 64,
        started_s: float | None = None,
        actor: str = "middlebox",
    ) -> None:
        """`address4` and `address6` are the box's router's; `server_ttl` is what servers' packets arrive with.

        Schedules run from `started_s`; without it, from the first packet. `actor` is who acts by the truth log.
        """
        self._index = RuleIndex(make_ready(rules))
        self._truth = truth
        self._flows = FlowTable()
        self._fragments = Fragments()
        self._quiet = QuietFlows()
        self._box = EffectContext(rng=random.Random(seed), address4=address4, address6=address6, server_ttl=server_ttl)
        self._progress = Progress()
        self._started_s = started_s
        self._actor = actor

    def handle(self, raw: bytes, *, to_server: bool, now_s: float) -> PacketFate:
        """Let one packet by: what goes on, and what the box sends. Bytes that are no packet go on as they are."""
        key = header_key(raw)
        if key is not None:
            if self._quiet.passes(key, raw, now_s):
                return PacketFate(raw)
        elif (part := parse_fragment(raw)) is not None:
            whole = self._fragments.take(part, raw, now_s)
            return PacketFate(None) if whole is None else self._handle_whole(whole, to_server=to_server, now_s=now_s)
        return self._judge(raw, key, to_server=to_server, now_s=now_s)

    def _handle_whole(self, whole: WholePacket, *, to_server: bool, now_s: float) -> PacketFate:
        """Judge a packet that came in fragments; what passes leaves in fragments again."""
        passage = self._judge(whole.raw, None, to_server=to_server, now_s=now_s)
        if passage.forward is not None:
            parts = whole.parts
            if passage.forward != whole.raw:
                mtu, identification = max(map(len, parts)), self._box.rng.getrandbits(16)
                parts = fragment_packet(passage.forward, mtu=mtu, identification=identification)
            *earlier, passage.forward = parts
            passage.earlier = tuple(earlier)
        return passage

    def _judge(self, raw: bytes, key: bytes | None, *, to_server: bool, now_s: float) -> PacketFate:
        packet = parse_packet(raw)
        if packet is None:
            return PacketFate(raw)
        if not to_server:
            packet = self._box.translations.inward(packet)
        seen = self._sight(packet, to_server=to_server, now_s=now_s)
        passage = PacketFate(packet.raw)
        self._meet_standing(seen, passage)
        if passage.forward is not None:
            self._meet_residuals(seen, passage)
        if passage.forward is not None:
            self._meet_rules(seen, passage)
        if passage.forward is not None and to_server and (passage.redirected or packet.proto == TCP):
            passage.forward = self._box.translations.outward(packet, seen.flow.key) or passage.forward
        if key is None:
            if packet.flags & SYN:  # it may begin anew a flow that is at rest under the headers of others
                self._quiet.wake()
        elif self._is_quiet(seen.flow):
            self._quiet.rest(key, seen.flow)
        return passage

    def _sight(self, packet: Packet, *, to_server: bool, now_s: float) -> PacketSighting:
        if self._started_s is None:
            self._started_s = now_s
        flow = self._flows.find(packet, to_server=to_server, now_s=now_s)
        if flow.places is None:
            self._look_up(flow)
            if flow.opened_by >= 0:
                self._progress.count(flow.key.server)
        moment = self._progress.at(now_s - self._started_s)
        seen = PacketSighting(packet=packet, flow=flow, to_server=to_server, now_s=now_s, moment=moment)
        if to_server:
            fill_sighting(flow, seen)
        return seen

    def _look_up(self, flow: Flow) -> None:
        """Find, once for each flow, which rules can concern it."""
        flow.places = self._index.of_place(flow.key)
        flow.wants = self._index.wants(flow.key)
        if any(rule.action == "http_response" for rule in flow.places):
            flow.wants |= {"host"}

    def _meet_standing(self, seen: PacketSighting, passage: PacketFate) -> None:
        for standing in seen.flow.standing:
            if apply_active_effect(self._box, standing, seen, passage):
                self._log(standing.rule, seen)

    def _meet_residuals(self, seen: PacketSighting, passage: PacketFate) -> None:
        taken = {standing.rule.number for standing in seen.flow.standing} | seen.flow.counted
        for rule in self._box.residuals.sequels(seen.flow.key, seen.now_s):
            if rule.number not in taken and rule.awake(seen.moment) and STAGES[rule.stage](seen):
                self._act(rule, seen, passage)
                if rule.residual_renews:
                    self._box.residuals.renew(rule, seen.flow.key, seen.now_s)

    def _meet_rules(self, seen: PacketSighting, passage: PacketFate) -> None:
        self._meet_each(find_candidates(self._index, seen), seen, passage)
        for question in seen.more_questions:
            seen.question = question
            self._meet_each(self._index.of_question(seen), seen, passage)

    def _meet_each(self, rules: Iterable[BoxRule], seen: PacketSighting, passage: PacketFate) -> None:
        for rule in rules:
            if is_set_off(rule, seen) and self._takes_notice(rule, seen.flow):
                self._act(rule, seen, passage)

    def _act(self, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> None:
        outcome = EFFECTS[rule.action](self._box, rule, seen, passage)
        if outcome is ACTED:
            self._log(rule, seen)
        if outcome is not MISSED and rule.sequel:
            self._box.residuals.arm(rule, seen.flow.key, seen.now_s)
            self._quiet.wake()

    def _takes_notice(self, rule: BoxRule, flow: Flow) -> bool:
        if rule.probability >= 1:
            return True
        if rule.number not in flow.rolls:
            flow.rolls[rule.number] = self._box.rng.random() < rule.probability
        return flow.rolls[rule.number]

    def _is_quiet(self, flow: Flow) -> bool:
        """Whether no rule has or will have anything to do with the flow, whatever is said in it from now on."""
        if flow.standing or not (flow.decided or not flow.wants):
            return False
        if any(rule.stage != "syn" and flow.rolls.get(rule.number, True) for rule in flow.places or ()):
            return False
        if not _is_over(flow):
            return False
        key = flow.key
        return not self._box.residuals.may_hit(key) and not self._box.translations.has(key)

    def _log(self, rule: BoxRule, seen: PacketSighting) -> None:
        entries = seen.flow.logged.get(rule.number, 0)
        if entries >= MAX_ENTRIES_PER_FLOW:
            return
        seen.flow.logged[rule.number] = entries + 1
        self._truth.write(
            TruthEntry(
                time_s=seen.now_s,
                actor=self._actor,
                action=f"residual:{rule.action}" if rule.is_sequel else rule.action,
                block_type=rule.block_type,
                alias=rule.alias,
                name=seen.name,
                address=seen.flow.key.server,
                port=seen.flow.key.sport,
                direction="to_server" if seen.to_server else "to_client",
            )
        )


def _is_over(flow: Flow) -> bool:
    """Whether a flow that has been judged says nothing more that is judged anew."""
    if flow.key.proto == UDP:
        return flow.key.sport != 53 and "quic_version" not in flow.wants and not awaits_dtls(flow)
    return "host" not in flow.wants or not flow.speaks_http
