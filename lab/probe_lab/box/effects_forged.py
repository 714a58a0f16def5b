"""Effects that speak: resets, endings, pages, DNS answers and ICMP errors in another's name, and redirection."""

from __future__ import annotations

from probe_lab.box.dissect import QTYPES
from probe_lab.box.flows import ActiveEffect
from probe_lab.box.forge import (
    EffectContext,
    ForgedSender,
    choose_window,
    forge_as_client,
    forge_as_server,
    forge_data,
    forge_dns_answer,
    forge_segment,
    forge_server_reset,
)
from probe_lab.box.rulebook import BoxRule
from probe_lab.box.sighting import InjectedPacket, PacketFate, PacketSighting
from probe_lab.scoring.trial_outcome import ACTED, MISSED, Outcome
from probe_lab.wire.icmp_errors import UNREACHABLE, make_icmp_error
from probe_lab.wire.packet import ACK, FIN, PSH, RST, SYN, UDP, flag_bits, normalise_address

_FATAL_ALERT = b"\x15\x03\x01\x00\x02\x02"
_TRAIN = (0, 1460, 4380)
"""How far the copies of a train of resets lie ahead: none, one and three full segments."""


def send_resets(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> bool:
    """Resets in answer to a client's segment; False for anything else, and for an RST."""
    if not seen.to_server or not seen.is_tcp or seen.packet.flags & RST:
        return False
    swallow = rule.params.flag("swallow")
    direction = rule.params.item("direction")
    if direction != "server":
        _resets_to_client(box, rule, seen, passage)
    if direction != "client" and not (swallow and seen.packet.flags & SYN):
        _resets_to_server(box, rule, seen, passage, delivered=not swallow)
    if swallow:
        passage.forward = None
    return True


def _resets_to_client(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> None:
    # A client that has only sent its SYN heeds no RST that does not acknowledge it (RFC 9293 3.10.7.3).
    flags = RST | ACK if seen.packet.flags & SYN else flag_bits(rule.params.item("flags"))
    _resets(rule, seen, passage, forge_as_server(rule.params, seen, box), flags=flags, to_client=True)


def _resets_to_server(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate, *,
                      delivered: bool) -> None:
    flags = RST if seen.packet.flags & SYN else flag_bits(rule.params.item("flags"))
    voice = forge_as_client(rule.params, seen, box, delivered=delivered)
    _resets(rule, seen, passage, voice, flags=flags, to_client=False)


def _resets(
    rule: BoxRule, seen: PacketSighting, passage: PacketFate, voice: ForgedSender, *, flags: int, to_client: bool
) -> None:
    """All copies for one side."""
    params = rule.params
    payload = bytes.fromhex(params.item("payload"))
    for copy in range(params.whole("copies")):
        size = choose_window(params, voice.header.ttl, client=seen.packet.window, copy=copy)
        skip = {"zero": -voice.seq, "train": _TRAIN[copy % len(_TRAIN)]}.get(params.item("seq"), 0)
        packet = forge_segment(voice, flags=flags, window=size, payload=payload, skip=skip)
        _inject(passage, packet, to_client=to_client, delay_ms=params.number("delay_ms"))


def refuse_syn(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> None:
    """Answer a SYN as a closed port would."""
    voice = forge_as_server(rule.params, seen, box)
    size = choose_window(rule.params, voice.header.ttl, client=seen.packet.window)
    _inject(passage, forge_segment(voice, flags=RST | ACK, window=size), to_client=True)


def _inject(passage: PacketFate, packet: bytes, *, to_client: bool, delay_ms: float = 0.0) -> None:
    passage.injected.append(InjectedPacket(packet=packet, to_client=to_client, delay_s=delay_ms / 1000))


def _speak_and_cut(
    box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate, *, data: bytes = b"", last_flags: int
) -> Outcome:
    """Say something to the client in the server's name, then keep the two apart."""
    if not seen.to_server or not seen.is_tcp or not seen.packet.payload:
        return MISSED
    voice = forge_as_server(rule.params, seen, box)
    size = choose_window(rule.params, voice.header.ttl, client=seen.packet.window)
    for packet in forge_data(voice, data, window=size, last_flags=last_flags):
        _inject(passage, packet, to_client=True)
    if rule.params.flag("reset_server"):
        _inject(passage, forge_server_reset(rule.params, seen, box, delivered=True), to_client=False)
    _cut(rule, seen)
    return ACTED


def _cut(rule: BoxRule, seen: PacketSighting) -> None:
    seen.flow.standing.append(ActiveEffect(rule, "drop", felt=True))


def fin(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    """A FIN in the server's name."""
    return _speak_and_cut(box, rule, seen, passage, last_flags=FIN | ACK)


def alert(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    """A TLS alert in the server's name."""
    data = _FATAL_ALERT + bytes((rule.params.whole("description"),))
    return _speak_and_cut(box, rule, seen, passage, data=data, last_flags=FIN | PSH | ACK)


def http_response(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    """An HTTP answer in the server's name."""
    methods = rule.params.items("methods")
    request = seen.request or (seen.alone.request if seen.alone else None)
    if request is None or not request.method or (methods and request.method not in methods):
        return MISSED
    flags = flag_bits(rule.params.item("flags"))
    return _speak_and_cut(box, rule, seen, passage, data=_http_answer(rule, request.method), last_flags=flags)


def _http_answer(rule: BoxRule, method: str) -> bytes:
    body = rule.params.item("body").encode()
    lines = [rule.params.item("status"), *rule.params.items("headers")]
    if not any(line.lower().startswith("content-length:") for line in lines):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + (b"" if method == "HEAD" else body)


def inject_dns(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    """DNS answers in the resolver's name."""
    question = seen.question
    if question is None or QTYPES.get(question.kind) not in rule.params.items("qtypes"):
        return MISSED
    for copy in range(rule.params.whole("copies")):
        packet = forge_dns_answer(rule.params, seen, question, box, copy=copy)
        _inject(passage, packet, to_client=True, delay_ms=rule.params.number("delay_ms", copy))
    if rule.params.flag("suppress"):
        passage.forward = None
        if seen.is_tcp:  # the resolver's numbers no longer agree with what the client has read
            _cut(rule, seen)
    return ACTED


def icmp(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    """An ICMP error from the box's own router."""
    passage.forward = None
    if seen.to_server:
        is6 = seen.packet.version == 6
        sender = box.address6 if is6 else box.address4
        kind = UNREACHABLE[6] if is6 else rule.params.whole("type")
        code = rule.params.whole("code6" if is6 else "code")
        error = make_icmp_error(seen.packet, sender=sender, kind=kind, code=code)
        if error is not None:
            _inject(passage, error, to_client=True)
    return ACTED


def redirect(box: EffectContext, rule: BoxRule, seen: PacketSighting, passage: PacketFate) -> Outcome:
    """Lead the client's packet elsewhere, and its flow where that is one."""
    key = seen.flow.key
    to = rule.params.item("to6" if seen.packet.version == 6 else "to")
    to = normalise_address(to) if to else ""
    if not seen.to_server or not to:
        return MISSED
    to_port = rule.params.whole("to_port") or key.sport
    if (to, to_port) == (key.server, key.sport):
        return MISSED
    opened = box.translations.open(key, to=to, to_port=to_port)
    passage.redirected = True
    # Every datagram is a question of its own; a connection is one act.
    return ACTED if opened or key.proto == UDP else MISSED
