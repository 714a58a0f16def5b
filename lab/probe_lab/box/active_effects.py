"""What goes on happening to a flow after a rule has taken hold of it, packet by packet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from probe_lab.box.effects_forged import send_resets
from probe_lab.box.flows import ActiveEffect, FlowKey
from probe_lab.box.forge import EffectContext
from probe_lab.box.residuals import TUPLES
from probe_lab.box.rulebook import BoxRule
from probe_lab.box.sighting import InjectedPacket, PacketFate, PacketSighting
from probe_lab.wire.packet import FIN, RST, SYN, TCP, UDP, IpHeader, build_tcp
from probe_lab.wire.packet_edit import make_reset

Measure = Callable[[EffectContext, ActiveEffect, PacketSighting, PacketFate], bool]
"""Acts on a later packet; True when that is an act of its own, to be written down."""

_FLIGHT_S = 0.1
"""What follows sooner belongs to the same flight: Linux repeats nothing within 200 ms (RFC 6298 wants a second)."""


def apply_active_effect(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    """Apply a standing measure to a packet; True when it acted anew."""
    if seen.now_s < standing.begins_s or not standing.rule.awake(seen.moment):
        return False
    return _MEASURES[standing.kind](box, standing, seen, passage)


def withhold_packet(rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> bool:
    """Drop a packet for the client, unless it only acknowledges and such may pass."""
    only_acknowledges = seen.is_tcp and not seen.packet.payload and not seen.packet.flags & (SYN | FIN | RST)
    if seen.to_server or (only_acknowledges and rule.params.flag("pass_acks")):
        return False
    passage.forward = None
    return True


def _drop(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    if standing.allowance > 0:
        standing.allowance -= 1
        return False
    passage.forward = None
    return _felt_first(standing)


def _drop_to_client(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    withhold_packet(standing.rule, seen, passage)
    return False


def _drop_to_server(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    if not seen.to_server:
        return False
    passage.forward = None
    return _felt_first(standing)


def _felt_first(standing: ActiveEffect) -> bool:
    first, standing.felt = not standing.felt, True
    return first


def _reset(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    if standing.rule.params.flag("swallow"):
        passage.forward = None
    if not seen.packet.payload or seen.now_s - standing.acted_s < _FLIGHT_S:
        return False
    standing.acted_s = seen.now_s
    return send_resets(box, standing.rule, seen, passage)


def _reset_next(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    if not send_resets(box, standing.rule, seen, passage):
        return False
    standing.kind, standing.acted_s = "reset", seen.now_s
    return True


def _concerns(standing: ActiveEffect, seen: PacketSighting) -> bool:
    """Whether the packet goes in the direction that the rule acts on."""
    return standing.rule.params.item("direction") != ("client" if seen.to_server else "server")


def _throttle(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    if passage.forward is None or not _concerns(standing, seen):
        return False
    params = standing.rule.params
    wait_s = box.buckets.wait_s(
        _whose(standing.rule, seen), len(passage.forward), bytes_per_s=params.number("rate_bps") / 8,
        capacity=params.whole("bucket_bytes"), now_s=seen.now_s,
        longest_s=params.number("queue_ms") / 1000 if params.flag("shape") else 0.0,
    )
    if wait_s is None:
        passage.forward = None
        return True
    passage.forward_delay_s += wait_s
    return wait_s > 0


def _whose(rule: BoxRule, seen: PacketSighting) -> tuple[object, ...]:
    """Whose bucket a packet draws on; a rule and what it leaves behind share theirs."""
    per = rule.params.item("per")
    shape = {"flow": "4", "tuple": rule.residual_tuple}.get(per)
    return rule.number, seen.to_server, *(TUPLES[shape](seen.flow.key) if shape else ())


def _freeze(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    params = standing.rule.params
    most_bytes, most_packets = params.whole("after_bytes"), params.whole("after_packets")
    full = 0 < most_bytes <= standing.passed_bytes or 0 < most_packets <= standing.passed_packets
    if full and _concerns(standing, seen):
        passage.forward = None
        return True
    if passage.forward is not None:
        standing.passed_packets += 1
        if params.item("counted") != ("client" if seen.to_server else "server") and seen.packet.proto in (TCP, UDP):
            standing.passed_bytes += len(seen.packet.payload)
    return False


def _degrade(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    if passage.forward is None or not _concerns(standing, seen):
        return False
    if not _is_lost(box, standing):
        return False
    passage.forward = None
    return True


def _is_lost(box: EffectContext, standing: ActiveEffect) -> bool:
    """One step of a Gilbert channel: losses come in bursts, and their share stays what the rule says."""
    loss, burst = standing.rule.params.number("loss"), standing.rule.params.whole("burst_packets")
    if burst == 1 or loss >= 1:
        return box.rng.random() < loss
    ends, begins = 1 / burst, min(1.0, loss / (1 - loss) / burst)
    chance = 1 - ends if standing.losing else begins
    standing.losing = box.rng.random() < chance
    return standing.losing


def _delay(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    if passage.forward is None or not _concerns(standing, seen):
        return False
    params = standing.rule.params
    wait_s = (params.number("wait_ms") + box.rng.uniform(0, params.number("jitter_ms"))) / 1000
    leaves_s = max(standing.left_s.get(seen.to_server, 0.0), seen.now_s + passage.forward_delay_s + wait_s)
    standing.left_s[seen.to_server] = leaves_s
    passage.forward_delay_s = leaves_s - seen.now_s
    return _felt_first(standing)


def _rewrite(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    packet = seen.packet
    if seen.to_server or passage.forward is None or not (standing.felt or packet.payload):
        return False
    params = standing.rule.params
    passage.forward = make_reset(packet, window=params.whole("window"))
    if not standing.felt and params.flag("reset_server"):
        header = IpHeader(src=packet.dst, dst=packet.src, ip_id=box.rng.randrange(65_536))
        reset = build_tcp(header, sport=packet.dport, dport=packet.sport, seq=packet.ack, flags=RST)
        passage.injected.append(InjectedPacket(packet=reset, to_client=False))
    standing.felt = True
    return True


def whose_limit(rule: BoxRule, key: FlowKey) -> tuple[int, str]:
    """With whom a connection is counted together."""
    return rule.number, key.server if rule.params.item("per") == "address" else ""


def _open(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    if seen.packet.flags & FIN:
        standing.ended_by.add(seen.to_server)
    ended = bool(seen.packet.flags & RST) or len(standing.ended_by) == 2
    key = seen.flow.key
    box.open_connections.note(whose_limit(standing.rule, key), key, seen.now_s, ended=ended)
    return False


def _await_silence(box: EffectContext, standing: ActiveEffect, seen: PacketSighting, passage: PacketFate) -> bool:
    """Nothing, until the flow goes on after it was silent for long enough: then the rule's own measure stands."""
    silent_s, standing.acted_s = seen.now_s - standing.acted_s, seen.now_s
    if silent_s < standing.rule.params.seconds("idle_s"):
        return False
    standing.kind = "reset_next" if standing.rule.action == "reset" else standing.rule.action
    return _MEASURES[standing.kind](box, standing, seen, passage)


_MEASURES: Mapping[str, Measure] = {
    "drop": _drop,
    "drop_to_client": _drop_to_client,
    "drop_to_server": _drop_to_server,
    "reset": _reset,
    "reset_next": _reset_next,
    "throttle": _throttle,
    "freeze": _freeze,
    "degrade": _degrade,
    "delay": _delay,
    "await_silence": _await_silence,
    "open": _open,
    "rewrite": _rewrite,
}
