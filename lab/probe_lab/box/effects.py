"""What each action does to a packet that set its rule off, and what it leaves standing on the flow.

An effect changes the passage of the packet, may leave a standing measure (`probe_lab.box.active_effects`), and says how
far it got. Forged packets are made in `probe_lab.box.effects_forged`.
"""

from __future__ import annotations

from collections.abc import Mapping

from probe_lab.box.active_effects import apply_active_effect, whose_limit, withhold_packet
from probe_lab.box.dissect import QTYPES
from probe_lab.box.effects_forged import alert, fin, http_response, icmp, inject_dns, redirect, refuse_syn, send_resets
from probe_lab.box.flows import ActiveEffect
from probe_lab.box.forge import EffectContext
from probe_lab.box.rulebook import BoxRule
from probe_lab.box.sighting import PacketFate, PacketSighting
from probe_lab.box.trigger_table import FLOW_TRIGGERS
from probe_lab.scoring.trial_outcome import ACTED, HELD, MISSED, Effect, Outcome


def _lasts(rule: BoxRule) -> bool:
    """Whether the rule condemns a flow rather than each packet by itself."""
    return rule.trigger in FLOW_TRIGGERS or rule.stage == "data"


def _leave(rule: BoxRule, seen: PacketSighting, kind: str) -> ActiveEffect:
    standing = ActiveEffect(rule, kind, begins_s=seen.now_s + rule.delay_s)
    seen.flow.standing.append(standing)
    return standing


def _leave_for_silence(rule: BoxRule, seen: PacketSighting) -> Outcome:
    _leave(rule, seen, "await_silence").acted_s = seen.now_s
    return HELD


def _drop(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    wanted, question = rule.params.items("qtypes"), seen.question
    if wanted and (question is None or QTYPES.get(question.kind) not in wanted):
        return MISSED
    if rule.params.seconds("idle_s"):
        return _leave_for_silence(rule, seen)
    allowance = rule.params.whole("pass_packets")
    if rule.delay_s:
        _leave(rule, seen, "drop").allowance = allowance
        return HELD
    if _lasts(rule) or allowance:
        standing = _leave(rule, seen, "drop")
        standing.allowance, standing.felt = allowance, True
    if not allowance:
        passage.forward = None
    return ACTED


def _drop_to_client(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    if not seen.to_server:
        return ACTED if withhold_packet(rule, seen, passage) else MISSED
    if not _lasts(rule):
        return MISSED
    _leave(rule, seen, "drop_to_client")
    return ACTED


def _drop_to_server(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    if not seen.to_server:
        return MISSED
    if rule.delay_s:
        _leave(rule, seen, "drop_to_server")
        return HELD
    if _lasts(rule):
        _leave(rule, seen, "drop_to_server").felt = True
    passage.forward = None
    return ACTED


def _reset(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    if rule.params.seconds("idle_s"):
        return _leave_for_silence(rule, seen)
    if rule.params.flag("on_next"):
        return _await_next(rule, seen, passage)
    if rule.delay_s:
        _leave(rule, seen, "reset_next")
        return HELD
    if not send_resets(box, rule, seen, passage):
        return MISSED
    if _lasts(rule) or rule.trigger == "qname_tcp":
        _leave(rule, seen, "reset").acted_s = seen.now_s
    return ACTED


def _await_next(rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    if not seen.to_server or not seen.is_tcp:
        return MISSED
    _leave(rule, seen, "reset_next")
    passage.forward = None
    return ACTED


def _limit(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    params, flow = rule.params, seen.flow
    new = rule.number not in flow.counted
    flow.counted.add(rule.number)
    whose = whose_limit(rule, flow.key)
    if params.whole("open_at_once"):
        return _limit_open(box, rule, seen, passage)
    refuses = box.limits.refuses(
        whose, new=new, most=params.whole("connections"), window_s=params.number("window_s"),
        cooldown_s=params.number("cooldown_s"), now_s=seen.now_s,
    )
    return _refuse(box, rule, seen, passage) if refuses else MISSED


def _limit_open(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    key, most = seen.flow.key, rule.params.whole("open_at_once")
    if not box.open_connections.admits(whose_limit(rule, key), key, most=most, now_s=seen.now_s):
        return _refuse(box, rule, seen, passage)
    _leave(rule, seen, "open")
    return MISSED


def _refuse(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    passage.forward = None
    if rule.params.item("refusal") == "reset":
        refuse_syn(box, rule, seen, passage)
    return ACTED


def _ban(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    flow = seen.flow
    if not seen.to_server or rule.number in flow.counted:
        return MISSED
    flow.counted.add(rule.number)
    enough = box.limits.refuses(
        (rule.number, flow.key.client), new=True, most=rule.params.whole("after") - 1,
        window_s=rule.params.number("window_s"), cooldown_s=0.0, now_s=seen.now_s,
    )
    return HELD if enough else MISSED


def _stands(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    """A measure on the whole flow, which begins with this packet and is an act when it is first felt."""
    return ACTED if apply_active_effect(box, _leave(rule, seen, rule.action), seen, passage) else HELD


def _rewrite(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    if not seen.to_server or not seen.is_tcp:
        return MISSED
    _leave(rule, seen, "rewrite")
    return HELD


EFFECTS: Mapping[str, Effect] = {
    "drop": _drop,
    "drop_to_client": _drop_to_client,
    "drop_to_server": _drop_to_server,
    "throttle": _stands,
    "freeze": _stands,
    "degrade": _stands,
    "delay": _stands,
    "limit": _limit,
    "ban": _ban,
    "rewrite": _rewrite,
    "reset": _reset,
    "fin": fin,
    "alert": alert,
    "http_response": http_response,
    "inject_dns": inject_dns,
    "icmp": icmp,
    "redirect": redirect,
}
