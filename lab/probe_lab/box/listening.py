"""What a client's packet gives away: names, protocols and questions, read once per flow where that is enough."""

from __future__ import annotations

from probe_lab.box.dissect import HttpRequest, dns_question, http_request
from probe_lab.box.flows import Flow
from probe_lab.box.hello_shape import hello_shape
from probe_lab.box.protocols import guess_protocol, read_carried, read_quic_version
from probe_lab.box.quic_initial import initial_crypto
from probe_lab.box.rule_index import ALONE
from probe_lab.box.sighting import PacketSighting, SegmentSighting
from probe_lab.box.tls_hello import MAX_STREAM_BYTES, Hello, client_hello, hello_of_message
from probe_lab.box.trigger_table import PROTOCOL_TRIGGERS
from probe_lab.wire.packet import TCP, UDP

_DNS_PORT = 53
_MAX_QUESTION_BYTES = 4096


def fill_sighting(flow: Flow, seen: PacketSighting) -> None:
    """Fill in what a packet of the client gives away to the rules that may concern its flow."""
    packet = seen.packet
    if not packet.payload:
        return
    if packet.proto == UDP:
        _hear_datagram(flow, seen)
    elif packet.proto == TCP and flow.wants:
        _hear_segment(flow, seen)


def _hear_datagram(flow: Flow, seen: PacketSighting) -> None:
    payload, wants = seen.packet.payload, flow.wants
    if seen.packet.dport == _DNS_PORT:
        seen.question = dns_question(payload)
        seen.speaks = seen.question is not None
    if "quic_version" in wants and (version := read_quic_version(payload)) is not None:
        seen.quic_version = f"{version:08x}"
        seen.speaks = True
    if flow.decided and not awaits_dtls(flow):
        return
    first, flow.decided = not flow.decided, True
    if not first:
        if guess_protocol(payload, proto=UDP, port=flow.key.sport) == "dtls":
            _hear_protocol(flow, seen, payload)
        return
    _hear_protocol(flow, seen, payload)
    if "quic_sni" in wants:
        crypto = initial_crypto(payload)
        flow.name = seen.quic_name = (hello_of_message(crypto).name or "") if crypto else ""
        seen.speaks = seen.speaks or bool(seen.quic_name)


def awaits_dtls(flow: Flow) -> bool:
    """Whether the keys of a call may still be exchanged, as they are in the flow in which STUN found the way."""
    return flow.protocol == "stun" and not flow.wants.isdisjoint(PROTOCOL_TRIGGERS)


def _hear_protocol(flow: Flow, seen: PacketSighting, data: bytes) -> None:
    key = flow.key
    flow.protocol = seen.protocol = guess_protocol(data, proto=key.proto, port=key.sport)
    seen.carried = read_carried(data) if flow.protocol == "http" else ""
    seen.speaks = seen.speaks or not flow.wants.isdisjoint(PROTOCOL_TRIGGERS)


def _hear_segment(flow: Flow, seen: PacketSighting) -> None:
    """Add a segment to what the client has said, and judge it as soon as there is enough."""
    packet = seen.packet
    if flow.decided and flow.speaks_http:  # the next request on the same connection
        flow.stream.restart(packet.seq)
        flow.decided, flow.reported = False, frozenset()
    if flow.decided:
        return
    if ALONE in flow.wants:
        request = http_request(packet.payload)
        seen.alone = SegmentSighting(client_hello(packet.payload), request if request and request.method else None)
        seen.speaks = True
    if not flow.stream.add(packet.seq, packet.payload):
        return
    seen.in_order = True
    if not flow.protocol:
        _hear_protocol(flow, seen, bytes(flow.stream.data))
    if flow.protocol == "dns" and "qname_tcp" in flow.wants:
        _hear_questions(flow, seen)
    else:
        _hear_names(flow, seen)


def _hear_questions(flow: Flow, seen: PacketSighting) -> None:
    """Every question that is whole now; each follows its length in two bytes (RFC 1035 4.2.2)."""
    data, questions = flow.stream.data, []
    while len(data) >= 2:
        end = 2 + int.from_bytes(data[:2])
        if end > _MAX_QUESTION_BYTES:
            flow.decided = True
            break
        if len(data) < end:
            break
        questions.append(dns_question(bytes(data[2:end])))
        flow.stream.consume(end)
    heard = [question for question in questions if question is not None]
    if heard:
        seen.question, *seen.more_questions = heard
        seen.speaks = True


def _hear_names(flow: Flow, seen: PacketSighting) -> None:
    data = bytes(flow.stream.data)
    hello, request = client_hello(data), http_request(data)
    shaped = "fingerprint" in flow.wants and flow.protocol == "tls"
    shape = hello_shape(data) if shaped else None
    awaited = shaped and shape is None
    flow.decided = (_is_all(flow, hello, request) and not awaited) or len(data) >= MAX_STREAM_BYTES
    if shape is not None and "fingerprint" not in flow.reported:
        flow.reported |= {"fingerprint"}
        seen.shape = shape
    if hello.name and "sni" not in flow.reported:
        flow.reported |= {"sni"}
        flow.name = seen.sni = hello.name
    elif request and request.method:
        seen.request = request
        flow.name = request.host
        flow.speaks_http = True
    if hello.encrypted and hello.name is not None and "ech" not in flow.reported:
        flow.reported |= {"ech"}
        seen.encrypted_hello = True
    if flow.decided:
        flow.stream.release()
    seen.speaks = seen.speaks or bool(seen.sni or seen.request or seen.encrypted_hello or seen.shape)


def _is_all(flow: Flow, hello: Hello, request: HttpRequest | None) -> bool:
    """Whether more bytes could tell nothing new that a rule asks for."""
    if hello.name is None or request is None:
        return False
    return hello.encrypted is not None or "ech" not in flow.wants
