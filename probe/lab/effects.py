"""What each action does to a packet that set its rule off, and what goes on happening to the flow.

An effect changes the passage of the packet, may leave a standing measure on the flow, and says whether it acted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from probe.lab.actions import STREAM_TRIGGERS
from probe.lab.dissect import TYPE_A, TYPE_AAAA
from probe.lab.flows import Standing
from probe.lab.forge import Box, Voice, as_client, as_server, dns_forgery, segment, server_reset, speech, window
from probe.lab.icmp_errors import UNREACHABLE, error_about
from probe.lab.packet import ACK, FIN, PSH, RST, SYN, UDP, flag_bits, plain
from probe.lab.rulebook import BoxRule
from probe.lab.sighting import Injection, Passage, Sighting

Effect = Callable[[Box, BoxRule, Sighting, Passage], bool]

_FLIGHT_S = 0.1
"""What follows sooner belongs to the same flight: Linux repeats nothing within 200 ms (RFC 6298 wants a second)."""
_FATAL_ALERT = b"\x15\x03\x01\x00\x02\x02"
_QTYPES = {TYPE_A: "A", TYPE_AAAA: "AAAA"}


def _lasts(rule: BoxRule) -> bool:
    """Whether the rule condemns a flow rather than each packet by itself."""
    return rule.trigger in STREAM_TRIGGERS or rule.stage == "data"


def _drop(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    allowance = rule.params.whole("pass_packets")
    if _lasts(rule) or allowance:
        seen.flow.standing.append(Standing(rule, "drop", allowance))
    if not allowance:
        passage.forward = None
    return True


def _drop_to_client(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    if seen.to_server:
        if not _lasts(rule):
            return False
        seen.flow.standing.append(Standing(rule, "drop_to_client"))
        return True
    return _withhold(rule, seen, passage)


def _withhold(rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    """Drop a packet for the client, unless it only acknowledges and such may pass."""
    bare = seen.is_tcp and not seen.packet.payload and not seen.packet.flags & (SYN | FIN | RST)
    if seen.to_server or (bare and rule.params.flag("pass_acks")):
        return False
    passage.forward = None
    return True


def _reset(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    if not _send_resets(box, rule, seen, passage):
        return False
    if _lasts(rule):
        seen.flow.standing.append(Standing(rule, "reset", acted_s=seen.now_s))
    return True


def _send_resets(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
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


def _resets_to_client(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> None:
    # A client that has only sent its SYN heeds no RST that does not acknowledge it (RFC 9293 3.10.7.3).
    flags = RST | ACK if seen.packet.flags & SYN else flag_bits(rule.params.item("flags"))
    _resets(rule, passage, as_server(rule.params, seen, box), flags=flags, to_client=True)


def _resets_to_server(box: Box, rule: BoxRule, seen: Sighting, passage: Passage, *, delivered: bool) -> None:
    flags = RST if seen.packet.flags & SYN else flag_bits(rule.params.item("flags"))
    voice = as_client(rule.params, seen, box, delivered=delivered)
    _resets(rule, passage, voice, flags=flags, to_client=False)


def _resets(rule: BoxRule, passage: Passage, voice: Voice, *, flags: int, to_client: bool) -> None:
    """All copies for one side."""
    skip = -voice.seq if rule.params.item("seq") == "zero" else 0
    payload = bytes.fromhex(rule.params.item("payload"))
    for copy in range(rule.params.whole("copies")):
        size = window(rule.params, voice.header.ttl, copy=copy)
        packet = segment(voice, flags=flags, window=size, payload=payload, skip=skip)
        _inject(passage, packet, to_client=to_client, delay_ms=rule.params.number("delay_ms"))


def _inject(passage: Passage, packet: bytes, *, to_client: bool, delay_ms: float = 0.0) -> None:
    passage.injected.append(Injection(packet=packet, to_client=to_client, delay_s=delay_ms / 1000))


def _speak_and_cut(
    box: Box, rule: BoxRule, seen: Sighting, passage: Passage, *, data: bytes = b"", last_flags: int
) -> bool:
    """Say something to the client in the server's name, then keep the two apart."""
    if not seen.to_server or not seen.is_tcp or not seen.packet.payload:
        return False
    voice = as_server(rule.params, seen, box)
    for packet in speech(voice, data, window=window(rule.params, voice.header.ttl), last_flags=last_flags):
        _inject(passage, packet, to_client=True)
    if rule.params.flag("reset_server"):
        _inject(passage, server_reset(rule.params, seen, box, delivered=True), to_client=False)
    seen.flow.standing.append(Standing(rule, "cut"))
    return True


def _fin(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    return _speak_and_cut(box, rule, seen, passage, last_flags=FIN | ACK)


def _alert(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    data = _FATAL_ALERT + bytes((rule.params.whole("description"),))
    return _speak_and_cut(box, rule, seen, passage, data=data, last_flags=FIN | PSH | ACK)


def _http_response(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    methods = rule.params.items("methods")
    request = seen.request
    if request is None or not request.method or (methods and request.method not in methods):
        return False
    flags = flag_bits(rule.params.item("flags"))
    return _speak_and_cut(box, rule, seen, passage, data=_http_answer(rule, request.method), last_flags=flags)


def _http_answer(rule: BoxRule, method: str) -> bytes:
    body = rule.params.item("body").encode()
    lines = [rule.params.item("status"), *rule.params.items("headers")]
    if not any(line.lower().startswith("content-length:") for line in lines):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + (b"" if method == "HEAD" else body)


def _inject_dns(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    question = seen.question
    if question is None or _QTYPES.get(question.kind) not in rule.params.items("qtypes"):
        return False
    for copy in range(rule.params.whole("copies")):
        packet = dns_forgery(rule.params, seen, question, box, copy=copy)
        _inject(passage, packet, to_client=True, delay_ms=rule.params.number("delay_ms", copy))
    if rule.params.flag("suppress"):
        passage.forward = None
    return True


def _icmp(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    passage.forward = None
    if seen.to_server:
        is6 = seen.packet.version == 6
        sender = box.address6 if is6 else box.address4
        kind = UNREACHABLE[6] if is6 else rule.params.whole("type")
        code = rule.params.whole("code6" if is6 else "code")
        error = error_about(seen.packet, sender=sender, kind=kind, code=code)
        if error is not None:
            _inject(passage, error, to_client=True)
    return True


def _redirect(box: Box, rule: BoxRule, seen: Sighting, passage: Passage) -> bool:
    key = seen.flow.key
    to = rule.params.item("to6" if seen.packet.version == 6 else "to")
    to = plain(to) if to else ""
    if not seen.to_server or not to or rule.params.whole("port") not in (0, key.sport):
        return False
    to_port = rule.params.whole("to_port") or key.sport
    if (to, to_port) == (key.server, key.sport):
        return False
    opened = box.translations.open(key, to=to, to_port=to_port)
    passage.redirected = True
    # Every datagram is a question of its own; a connection is one act.
    return opened or key.proto == UDP


EFFECTS: Mapping[str, Effect] = {
    "drop": _drop,
    "drop_to_client": _drop_to_client,
    "reset": _reset,
    "fin": _fin,
    "alert": _alert,
    "http_response": _http_response,
    "inject_dns": _inject_dns,
    "icmp": _icmp,
    "redirect": _redirect,
}


def stand(box: Box, standing: Standing, seen: Sighting, passage: Passage) -> bool:
    """Apply a standing measure to a later packet; True when it sent something, which is an act of its own."""
    if standing.kind == "reset":
        if standing.rule.params.flag("swallow"):
            passage.forward = None
        if not seen.packet.payload or seen.now_s - standing.acted_s < _FLIGHT_S:
            return False
        standing.acted_s = seen.now_s
        return _send_resets(box, standing.rule, seen, passage)
    if standing.kind == "drop_to_client":
        _withhold(standing.rule, seen, passage)
    elif standing.allowance > 0:
        standing.allowance -= 1
    else:
        passage.forward = None
    return False
