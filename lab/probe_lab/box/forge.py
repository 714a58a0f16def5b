"""Packets that the box sends in another's name, with the header values that its rule gives."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, field

from probe_lab.box.buckets import Buckets
from probe_lab.box.dissect import TYPE_AAAA, Question, dns_answer
from probe_lab.box.limits import Limits
from probe_lab.box.open_connections import OpenConnections
from probe_lab.box.parameters import RCODES
from probe_lab.box.residuals import Residuals
from probe_lab.box.rulebook import Params
from probe_lab.box.sighting import PacketSighting
from probe_lab.path.nat import Translations
from probe_lab.wire.packet import ACK, PSH, RST, IpHeader, build_tcp, build_udp

SEGMENT_BYTES = 1200
"""Longest payload of a forged segment; fits any path."""
_DNS_WINDOW = 65_535
"""TCP window of forged DNS answers; no censor's is known to differ from a server's."""


@dataclass(slots=True, kw_only=True)
class EffectContext:
    """What all effects of one middlebox share."""

    rng: random.Random
    address4: str
    """The router's that the box sits at, for ICMP."""
    address6: str
    server_ttl: int
    """TTL of a server's packets at the box while none was seen."""
    residuals: Residuals = field(default_factory=Residuals)
    translations: Translations = field(default_factory=Translations)
    buckets: Buckets = field(default_factory=Buckets)
    limits: Limits = field(default_factory=Limits)
    open_connections: OpenConnections = field(default_factory=OpenConnections)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgedSender:
    """Whom the box pretends to be, to whom, and what the receiver expects next."""

    header: IpHeader
    sport: int
    dport: int
    seq: int
    ack: int


def header_fields(params: Params, seen: PacketSighting, box: EffectContext, *, copy: int = 0) -> tuple[int, int, bool]:
    """TTL, IP ID and DF of a forged packet."""
    ttl = params.item("ttl", copy)
    ttls = {"copy": seen.packet.ttl, "server": seen.flow.server_ttl or box.server_ttl}
    return ttls[ttl] if ttl in ttls else int(ttl), _ip_id(params, seen, box, copy=copy), params.flag("df", copy)


def _ip_id(params: Params, seen: PacketSighting, box: EffectContext, *, copy: int) -> int:
    word = params.item("ip_id", copy)
    if word == "random":
        return box.rng.randrange(65_536)
    if word == "client+1":
        return (seen.flow.client_ip_id + 1) & 0xFFFF
    return 0 if word == "zero" else int(word)


def choose_window(params: Params, ttl: int, *, client: int, copy: int = 0) -> int:
    """The TCP window, perhaps tied to the TTL; `client` is the one in the packet acted upon."""
    text = params.item("window", copy)
    if text == "client":
        return client
    return (int(text[4:]) + ttl) & 0xFFFF if text.startswith("ttl+") else int(text)


def forge_as_server(params: Params, seen: PacketSighting, box: EffectContext, *, copy: int = 0) -> ForgedSender:
    """The box speaks to the client in the server's name, answering a packet of the client."""
    ttl, ip_id, df = header_fields(params, seen, box, copy=copy)
    key = seen.flow.key
    seq = seen.packet.ack if seen.packet.flags & ACK else 0
    header = IpHeader(src=key.server, dst=key.client, ttl=ttl, ip_id=ip_id, df=df)
    return ForgedSender(header=header, sport=key.sport, dport=key.cport, seq=seq, ack=seen.client_next)


def forge_as_client(params: Params, seen: PacketSighting, box: EffectContext, *, delivered: bool) -> ForgedSender:
    """The box speaks to the server in the client's name; `delivered`: the client's packet is let through."""
    ttl, ip_id, df = header_fields(params, seen, box)
    key = seen.flow.key
    seq = seen.client_next if delivered else seen.packet.seq
    header = IpHeader(src=key.client, dst=key.server, ttl=ttl, ip_id=ip_id, df=df)
    return ForgedSender(header=header, sport=key.cport, dport=key.sport, seq=seq, ack=seen.packet.ack)


def forge_segment(voice: ForgedSender, *, flags: int, window: int, payload: bytes = b"", skip: int = 0) -> bytes:
    """One forged segment, `skip` bytes after what the receiver expects next."""
    ack = voice.ack if flags & ACK else 0
    return build_tcp(
        voice.header, sport=voice.sport, dport=voice.dport, seq=voice.seq + skip, ack=ack, flags=flags,
        window=window, payload=payload,
    )


def forge_data(voice: ForgedSender, data: bytes, *, window: int, last_flags: int) -> list[bytes]:
    """Forged data in as many segments as it takes; the last has `last_flags`, the others ACK alone."""
    starts = range(0, max(len(data), 1), SEGMENT_BYTES)
    return [
        forge_segment(
            voice, flags=last_flags if at == starts[-1] else ACK, window=window,
            payload=data[at : at + SEGMENT_BYTES], skip=at,
        )
        for at in starts
    ]


def forge_server_reset(params: Params, seen: PacketSighting, box: EffectContext, *, delivered: bool) -> bytes:
    """One RST to the server in the client's name, to free it of a connection that is cut off."""
    return forge_segment(forge_as_client(params, seen, box, delivered=delivered), flags=RST, window=0)


def forge_dns_answer(params: Params, seen: PacketSighting, question: Question, box: EffectContext, *,
                     copy: int) -> bytes:
    """One forged answer in the name of the resolver that was asked, over the transport of the question."""
    answer = dns_answer(
        question,
        addresses=_address(params, question, box, copy=copy),
        cname=params.item("cname"),
        rcode=RCODES[params.item("rcode")],
        ttl_s=params.whole("answer_ttl", copy),
        authoritative=params.flag("aa", copy),
        classless=params.flag("malformed"),
    )
    voice = forge_as_server(params, seen, box, copy=copy)
    if seen.is_tcp:
        return forge_segment(voice, flags=PSH | ACK, window=_DNS_WINDOW, payload=len(answer).to_bytes(2) + answer)
    return build_udp(voice.header, sport=voice.sport, dport=voice.dport, payload=answer)


def _address(params: Params, question: Question, box: EffectContext, *, copy: int) -> tuple[str, ...]:
    wants6 = question.kind == TYPE_AAAA
    fitting = [text for text in params.items("answers") if text == "fresh" or (":" in text) == wants6]
    if not fitting:
        return ()
    chosen = fitting[copy % len(fitting)]
    return (_fresh_address(box.rng, wants6=wants6) if chosen == "fresh" else chosen,)


def _fresh_address(rng: random.Random, *, wants6: bool) -> str:
    if wants6:
        return str(ipaddress.IPv6Address((0x2A00 << 112) | rng.getrandbits(112)))
    while True:
        address = ipaddress.IPv4Address(rng.getrandbits(32))
        if address.is_global and not address.is_multicast:
            return str(address)
