"""The translator between the families: every header checked against an implementation that shares no code with it."""

from __future__ import annotations

import random
from pathlib import Path

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, TCPerror, UDPerror
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPerror6,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrRouting,
)
from scapy.packet import Packet, Raw

from lab_net import HOPS, VANTAGE, VANTAGE6, WORLD, Net
from lab_traffic import CLIENT, CLIENT6, SERVER, SERVER6, rule
from probe_lab.lab_types import Fault
from probe_lab.path.line import draw_line
from probe_lab.path.nat64_router import Nat64
from probe_lab.wire.fragments import fragments6

THERE = "64:ff9b::9765:10a"
"""SERVER (151.101.1.10) behind the well-known prefix."""
NAT64 = (Fault(kind="nat64"),)


def out(packet: Packet) -> Packet | None:
    """A packet of the client, translated, if its sums are right."""
    raw = Nat64(WORLD).outward(bytes(packet))
    return None if raw is None else checked(raw)


def back(packet: Packet) -> list[Packet]:
    """What the client gets of a packet of the IPv4 side."""
    return [checked(raw) for raw in Nat64(WORLD).inward(bytes(packet))]


def checked(raw: bytes) -> Packet:
    """The packet as scapy reads it; filling in its sums and lengths anew must give the same bytes."""
    kind = IP if raw[0] >> 4 == 4 else IPv6
    again = kind(raw)
    layer: Packet = again
    while layer:
        if not isinstance(layer, (IPerror, IPerror6, TCPerror, UDPerror)):
            for field in ("chksum", "cksum", "len", "plen"):
                if field in layer.fields:
                    delattr(layer, field)
        layer = layer.payload
    if IPv6ExtHdrFragment not in again and not (kind is IP and (again.frag or again.flags.MF)):
        assert bytes(again) == raw
    return kind(raw)


def udp(size: int) -> UDP:
    return UDP(sport=5000, dport=443) / Raw(random.Random(size).randbytes(size))


@given(payload=st.binary(max_size=1400), options=st.booleans(), hop_limit=st.integers(2, 255), tos=st.integers(0, 255))
def test_tcp_there_and_back(payload: bytes, options: bool, hop_limit: int, tos: int) -> None:
    extra = [("MSS", 1440), ("Timestamp", (1, 2))] if options else []
    segment = TCP(sport=40_000, dport=443, flags="PA", seq=7, ack=9, window=500, options=extra) / Raw(payload)
    there = out(IPv6(src=CLIENT6, dst=THERE, hlim=hop_limit, tc=tos) / segment)
    assert there is not None
    assert (there.src, there.dst, there.ttl, there.tos) == (CLIENT, SERVER, hop_limit, tos)
    assert bool(there.flags.DF) == (len(there) > 1260)
    assert bytes(there[TCP])[20:] == bytes(segment)[20:]
    answer = TCP(sport=443, dport=40_000, flags="A", seq=9, ack=7, options=extra) / Raw(payload)
    (here,) = back(IP(src=SERVER, dst=CLIENT, ttl=hop_limit, tos=tos, flags="DF") / answer)
    assert (here.src, here.dst, here.hlim, here.tc) == (THERE, CLIENT6, hop_limit, tos)
    assert bytes(here[TCP])[20:] == bytes(answer)[20:]


@given(st.binary(max_size=1400))
def test_datagrams_there_and_back(payload: bytes) -> None:
    datagram = UDP(sport=5353, dport=53) / Raw(payload)
    there = out(IPv6(src=CLIENT6, dst=THERE) / datagram)
    assert there is not None
    assert (there.src, there.dst, bytes(there[UDP].payload)) == (CLIENT, SERVER, payload)
    for chksum in (None, 0):  # a datagram without a checksum gets one: IPv6 knows none without
        answer = UDP(sport=53, dport=5353, chksum=chksum) / Raw(payload)
        (here,) = back(IP(src=SERVER, dst=CLIENT) / answer)
        assert (here.src, here.dst, bytes(here[UDP].payload)) == (THERE, CLIENT6, payload)
        assert here[UDP].chksum != 0


@pytest.mark.parametrize("size", [0, 56, 1400])
def test_echoes(size: int) -> None:
    data = random.Random(size).randbytes(size)
    there = out(IPv6(src=CLIENT6, dst=THERE) / ICMPv6EchoRequest(id=7, seq=3, data=data))
    assert there is not None
    assert (there[ICMP].type, there[ICMP].id, there[ICMP].seq, bytes(there[ICMP].payload)) == (8, 7, 3, data)
    (here,) = back(IP(src=SERVER, dst=CLIENT) / ICMP(type=0, id=7, seq=3) / Raw(data))
    assert (here[ICMPv6EchoReply].id, here[ICMPv6EchoReply].seq, here[ICMPv6EchoReply].data) == (7, 3, data)
    (asked,) = back(IP(src=SERVER, dst=CLIENT) / ICMP(type=8, id=1, seq=2) / Raw(data))
    assert asked[ICMPv6EchoRequest].data == data
    answered = out(IPv6(src=CLIENT6, dst=THERE) / ICMPv6EchoReply(id=1, seq=2, data=data))
    assert answered is not None
    assert answered[ICMP].type == 0


ERRORS = [
    (ICMP(type=11, code=0), ICMPv6TimeExceeded, 0, {}),
    (ICMP(type=3, code=0), ICMPv6DestUnreach, 0, {}),
    (ICMP(type=3, code=1), ICMPv6DestUnreach, 0, {}),
    (ICMP(type=3, code=3), ICMPv6DestUnreach, 4, {}),
    (ICMP(type=3, code=9), ICMPv6DestUnreach, 1, {}),
    (ICMP(type=3, code=13), ICMPv6DestUnreach, 1, {}),
    (ICMP(type=3, code=4, nexthopmtu=1400), ICMPv6PacketTooBig, 0, {"mtu": 1420}),
    (ICMP(type=3, code=4, nexthopmtu=68), ICMPv6PacketTooBig, 0, {"mtu": 1280}),
    (ICMP(type=3, code=2), ICMPv6ParamProblem, 1, {"ptr": 6}),
    (ICMP(type=12, code=0, ptr=8), ICMPv6ParamProblem, 0, {"ptr": 7}),
]
"""An error of the IPv4 side, and what it is to the client."""


@pytest.mark.parametrize(("error", "kind", "code", "fields"), ERRORS)
def test_errors_reach_the_client_with_what_it_sent(
    error: ICMP, kind: type[Packet], code: int, fields: dict[str, int]
) -> None:
    sent = IPv6(src=CLIENT6, dst=THERE, hlim=9) / udp(700)
    quote = Nat64(WORLD).outward(bytes(sent))
    assert quote is not None
    (here,) = back(IP(src="62.9.9.9", dst=CLIENT, ttl=60) / error / Raw(quote[:548]))
    assert (here.src, here.dst) == ("64:ff9b::3e09:909", CLIENT6)
    assert isinstance(here.payload, kind)
    assert here.payload.code == code
    assert {name: getattr(here.payload, name) for name in fields} == fields
    about = bytes(here.payload.payload)
    assert about[8:40] == bytes(sent)[8:40], "addresses as the client knows them"
    assert about[4:8] == bytes(sent)[4:8], "the length of the whole packet, its protocol, its hop limit"
    assert about[40:48] == bytes(sent)[40:48], "ports, length and checksum as the client sent them"


@pytest.mark.parametrize(
    "error", [ICMP(type=4), ICMP(type=5), ICMP(type=3, code=14), ICMP(type=12, code=1), ICMP(type=13), ICMP(type=17)]
)
def test_what_has_no_meaning_beyond_is_dropped(error: ICMP) -> None:
    assert back(IP(src=SERVER, dst=CLIENT) / error / Raw(bytes(IP(src=CLIENT, dst=SERVER) / udp(20)))) == []


ANSWERS = [
    (ICMPv6DestUnreach(code=4), 3, 3, {}),
    (ICMPv6DestUnreach(code=1), 3, 10, {}),
    (ICMPv6DestUnreach(code=0), 3, 1, {}),
    (ICMPv6PacketTooBig(mtu=1400), 3, 4, {"nexthopmtu": 1380}),
    (ICMPv6TimeExceeded(code=1), 11, 1, {}),
    (ICMPv6ParamProblem(code=1), 3, 2, {}),
    (ICMPv6ParamProblem(code=0, ptr=7), 12, 0, {"ptr": 8}),
]


@pytest.mark.parametrize(("error", "kind", "code", "fields"), ANSWERS)
def test_the_clients_errors_reach_the_other_side(
    error: Packet, kind: int, code: int, fields: dict[str, int]
) -> None:
    received = IP(src=SERVER, dst=CLIENT, ttl=50) / udp(100)
    (quote,) = Nat64(WORLD).inward(bytes(received))
    there = out(IPv6(src=CLIENT6, dst=THERE) / error / Raw(quote))
    assert there is not None
    assert (there[ICMP].type, there[ICMP].code) == (kind, code)
    assert {name: getattr(there[ICMP], name) for name in fields} == fields
    about = IP(bytes(there[ICMP].payload))
    assert (about.src, about.dst, about.len, about.ttl) == (SERVER, CLIENT, len(received), 50)
    assert bytes(about.payload)[:8] == bytes(received)[20:28]


@pytest.mark.parametrize("code", [ICMPv6ParamProblem(code=2), ICMPv6ParamProblem(code=0, ptr=2)])
def test_the_clients_errors_without_a_meaning_are_dropped(code: Packet) -> None:
    quote = bytes(IPv6(src=THERE, dst=CLIENT6) / udp(20))
    assert out(IPv6(src=CLIENT6, dst=THERE) / code / Raw(quote)) is None


def test_an_error_about_an_error_is_dropped() -> None:
    inner = IP(src=CLIENT, dst=SERVER) / ICMP(type=3, code=3) / Raw(bytes(IP(src=SERVER, dst=CLIENT) / udp(8)))
    assert back(IP(src=SERVER, dst=CLIENT) / ICMP(type=11) / Raw(bytes(inner))) == []


def test_fragments_of_both_sides_fit_together() -> None:
    payload = random.Random(1).randbytes(2992)
    datagram = bytes(UDP(sport=1, dport=2, len=3000, chksum=0x1234) / Raw(payload))
    there = [
        out(IPv6(src=CLIENT6, dst=THERE) / IPv6ExtHdrFragment(nh=17, offset=at // 8, m=more, id=0x12345)
            / Raw(datagram[at : at + 1000]))
        for at, more in ((0, 1), (1000, 1), (2000, 0))
    ]
    assert [(p.id, p.frag * 8, bool(p.flags.MF), bool(p.flags.DF)) for p in there if p] == [
        (0x2345, 0, True, False), (0x2345, 1000, True, False), (0x2345, 2000, False, False),
    ]
    assert b"".join(bytes(p.payload) for p in there if p)[8:] == payload
    (here,) = back(IP(src=SERVER, dst=CLIENT, id=7, flags="MF", frag=125, proto=17) / Raw(datagram[1000:2000]))
    fragment = here[IPv6ExtHdrFragment]
    assert (fragment.nh, fragment.offset, fragment.m, fragment.id) == (17, 125, 1, 7)
    assert bytes(fragment.payload) == datagram[1000:2000]
    first = IP(src=SERVER, dst=CLIENT, flags="MF", proto=17) / Raw(datagram[:6] + b"\0\0" + datagram[8:1000])
    assert back(first) == [], "a checksum cannot be made from one fragment"
    assert back(IP(src=SERVER, dst=CLIENT, flags="MF") / ICMP(type=8) / Raw(bytes(64))) == []


def test_what_grows_beyond_the_link() -> None:
    large = IP(src=SERVER, dst=CLIENT, id=5) / udp(1460)
    pieces = [IPv6(raw) for raw in Nat64(WORLD).inward(bytes(large))]
    assert [len(piece) <= 1500 for piece in pieces] == [True, True]
    assert {piece[IPv6ExtHdrFragment].id for piece in pieces} == {1}
    whole = b"".join(bytes(piece[IPv6ExtHdrFragment].payload) for piece in pieces)
    together = checked(bytes(IPv6(src=THERE, dst=CLIENT6, nh=17) / Raw(whole)))
    assert bytes(together[UDP].payload) == bytes(large[UDP].payload)
    assert fragments6(bytes(pieces[0]), mtu=1500, identification=1) == (bytes(pieces[0]),)
    told = Nat64(WORLD).too_big(bytes(IP(src=SERVER, dst=CLIENT, flags="DF") / udp(1460)), sender="100.1.0.1")
    assert told is not None
    error = checked(told)
    assert (error.src, error.dst, error[ICMP].type, error[ICMP].code) == ("100.1.0.1", SERVER, 3, 4)
    assert error[ICMP].nexthopmtu == 1480
    assert Nat64(WORLD).too_big(bytes(large), sender="100.1.0.1") is None


def test_extension_headers_are_left_behind() -> None:
    options = IPv6(src=CLIENT6, dst=THERE) / IPv6ExtHdrDestOpt() / udp(20)
    there = out(options)
    assert there is not None
    assert (there.proto, bytes(there[UDP].payload)) == (17, bytes(options[UDP].payload))
    assert out(IPv6(src=CLIENT6, dst=THERE) / IPv6ExtHdrRouting(addresses=["::1"], segleft=1) / udp(20)) is None


@given(st.binary(min_size=20, max_size=120), st.booleans())
def test_any_bytes_are_survived(data: bytes, version6: bool) -> None:
    translator = Nat64(WORLD)
    if version6:
        raw = bytes((0x60,)) + data[1:24].ljust(23, b"\0") + bytes(IPv6(dst=THERE))[24:40] + data
        translator.outward(raw)
    else:
        translator.inward(bytes((0x45,)) + data[1:])
        translator.too_big(bytes((0x45,)) + data[1:], sender="100.1.0.1")


# in the router


def test_an_ipv6_only_line(tmp_path: Path) -> None:
    net = Net(tmp_path, faults=NAT64)
    ((to, _, raw),) = net.send("client", bytes(IPv6(src=CLIENT6, dst=THERE, hlim=64) / udp(10)))
    arrived = checked(raw)
    assert (to, arrived.src, arrived.dst, arrived.ttl) == ("servers", CLIENT, SERVER, 64 - HOPS)
    ((to, _, raw),) = net.send("servers", bytes(IP(src=SERVER, dst=CLIENT, ttl=64) / udp(10)))
    answer = checked(raw)
    assert (to, answer.src, answer.dst, answer.hlim) == ("client", THERE, CLIENT6, 64 - HOPS)
    assert net.send("client", bytes(IP(src=CLIENT, dst=SERVER) / udp(10))) == []
    ((to, _, raw),) = net.send("client", bytes(IPv6(src=CLIENT6, dst=SERVER6) / udp(10)))
    assert (to, IPv6(raw).dst) == ("servers", SERVER6), "what speaks IPv6 needs no translation"
    ((to, _, _),) = net.send("vantage", bytes(IP(src=VANTAGE, dst=SERVER) / udp(10)))
    assert to == "servers"
    ((to, _, raw),) = net.send("client", bytes(IPv6(src=CLIENT6, dst=VANTAGE6) / udp(10)))
    assert to == "vantage"


def test_routers_seen_through_the_translator(tmp_path: Path) -> None:
    net, line = Net(tmp_path, faults=NAT64), draw_line(WORLD)
    for hop in range(1, HOPS + 1):
        ((to, _, raw),) = net.send("client", bytes(IPv6(src=CLIENT6, dst=THERE, hlim=hop) / udp(10)))
        error = checked(raw)
        assert to == "client"
        assert ICMPv6TimeExceeded in error
        four = line.address(hop, version=4)
        expected = line.address(1, version=6) if hop == 1 else IPv6(dst=f"64:ff9b::{four}").dst
        assert bytes(IPv6(dst=error.src)) == bytes(IPv6(dst=expected))
        assert IPv6(bytes(error[ICMPv6TimeExceeded].payload)).dst == THERE


def test_the_server_is_told_what_the_translator_cannot_send_on(tmp_path: Path) -> None:
    net = Net(tmp_path, faults=NAT64)
    ((to, _, raw),) = net.send("servers", bytes(IP(src=SERVER, dst=CLIENT, flags="DF", ttl=64) / udp(1460)))
    error = checked(raw)
    assert (to, error.dst, error[ICMP].nexthopmtu) == ("servers", SERVER, 1480)


def test_a_censor_sees_what_has_been_translated(tmp_path: Path) -> None:
    question = dns.message.make_query("t.example", "A").to_wire()
    net = Net(tmp_path, rule("qname", "t.example", "inject_dns"), faults=NAT64)
    arrived = net.send("client", bytes(IPv6(src=CLIENT6, dst=THERE) / UDP(sport=4444, dport=53) / Raw(question)))
    forged = next(checked(raw) for to, _, raw in arrived if to == "client")
    assert (forged.src, forged[UDP].sport, forged[UDP].dport) == (THERE, 53, 4444)
    assert net.log[0].address == SERVER
