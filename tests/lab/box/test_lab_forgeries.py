"""Answers that the box gives in the name of others: FIN, alert, page, DNS, ICMP; and traffic led elsewhere."""

from __future__ import annotations

import itertools
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from lab_traffic import (
    CLIENT,
    CLIENT6,
    CLIENT_TTL,
    HELLO,
    RESOLVER,
    ROUTER,
    ROUTER6,
    SERVER,
    SERVER6,
    SERVER_ISN,
    SERVER_TTL,
    Flow,
    Scene,
    assert_untouched,
    get,
    query,
    read,
    rule,
    sent,
    untouched,
)
from probe_lab.wire.icmp_errors import make_icmp_error, read_quoted
from probe_lab.wire.packet import ACK, FIN, PSH, RST, SYN, IpHeader, Packet, build_udp

# fin, alert, http_response


@pytest.mark.parametrize("reset_server", [False, True])
def test_fin_ends_the_flow_and_silences_the_server(tmp_path: Path, reset_server: bool) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "fin", ttl=50, reset_server=reset_server))
    flow = scene.open(Flow())
    raw = flow.data(HELLO)
    passage = scene.out(raw)
    assert passage.forward == raw
    (packet,) = sent(passage, to_client=True)
    assert (packet.flags, packet.seq, packet.ack, packet.ttl) == (FIN | ACK, SERVER_ISN + 1, flow.next_seq, 50)
    resets = sent(passage, to_client=False)
    assert [(reset.flags, reset.seq) for reset in resets] == ([(RST, flow.next_seq)] if reset_server else [])
    assert scene.back(flow.answer(b"server hello")).forward is None
    assert scene.out(flow.data(b"", flags=ACK)).forward is None


def test_an_alert_in_plain_text(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "alert"))
    flow = scene.open(Flow())
    (packet,) = sent(scene.out(flow.data(HELLO)), to_client=True)
    assert packet.payload == bytes.fromhex("15030100020250")
    assert packet.flags == FIN | PSH | ACK
    assert (packet.seq, packet.ack) == (SERVER_ISN + 1, flow.next_seq)
    assert scene.back(flow.answer(b"server hello")).forward is None


def test_a_block_page_for_some_methods_only(tmp_path: Path) -> None:
    page = rule(
        "host", "t.example", "http_response", status="HTTP/1.1 302 Found", headers=("Location: http://b.example/",),
        methods=("GET",), flags="FA", ttl=83, df=False, window=16384, reset_server=True, ip_id="zero",
    )
    scene = Scene(tmp_path, page)
    flow = scene.open(Flow(sport=80))
    assert_untouched(scene, flow, get("t.example", "HEAD"))
    assert scene.log == ()
    passage = scene.out(flow.data(get("t.example")))
    (packet,) = sent(passage, to_client=True)
    assert packet.payload == b"HTTP/1.1 302 Found\r\nLocation: http://b.example/\r\nContent-Length: 0\r\n\r\n"
    assert (packet.flags, packet.ttl, packet.window, packet.ip_id) == (FIN | ACK, 83, 16384, 0)
    assert (packet.seq, packet.ack) == (SERVER_ISN + 1, flow.next_seq)
    assert [reset.flags for reset in sent(passage, to_client=False)] == [RST]
    assert scene.back(flow.answer(b"HTTP/1.1 200 OK")).forward is None


def test_a_long_page_comes_in_segments(tmp_path: Path) -> None:
    body = "<p>запрещено</p>" * 200
    scene = Scene(tmp_path, rule("address", SERVER, "http_response", body=body, headers=("Content-Length: 9",)))
    flow = scene.open(Flow(sport=8080))
    packets = sent(scene.out(flow.data(get("any.example"))), to_client=True)
    assert len(packets) > 2
    assert [packet.flags for packet in packets] == [ACK] * (len(packets) - 1) + [PSH | ACK]
    for before, after in itertools.pairwise(packets):
        assert after.seq == before.seq + len(before.payload)
    text = b"".join(packet.payload for packet in packets)
    assert text.startswith(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n<p>")
    assert text.endswith(body.encode()[-20:])


# names


def answers(packet: Packet) -> tuple[int, list[str]]:
    reply = dns.message.from_wire(packet.payload)
    assert reply.id == 77
    return reply.rcode(), [str(record) for rrset in reply.answer for record in rrset]


def test_three_injectors_with_their_own_headers(tmp_path: Path) -> None:
    injection = rule(
        "qname", "t.example", "inject_dns", copies=3, answers=("8.7.198.45", "46.82.174.68", "93.46.8.89"),
        aa=("true", "false", "false"), df=("false", "true", "false"), ttl=("60", "70", "copy"),
        answer_ttl=("60", "234", "100"), delay_ms=("8", "10", "12"), ip_id=("1", "2", "3"),
    )
    scene = Scene(tmp_path, injection)
    raw = query("t.example", to="198.35.26.96")
    passage = scene.out(raw)
    assert passage.forward == raw
    packets = sent(passage, to_client=True)
    assert [(packet.ttl, packet.df, packet.ip_id) for packet in packets] == [
        (60, False, 1), (70, True, 2), (CLIENT_TTL, False, 3)
    ]
    assert [injected.delay_s for injected in passage.injected] == pytest.approx([0.008, 0.010, 0.012])
    assert {(packet.src, packet.sport, packet.dst, packet.dport) for packet in packets} == {
        ("198.35.26.96", 53, CLIENT, 5353)
    }
    replies = [dns.message.from_wire(packet.payload) for packet in packets]
    assert [bool(reply.flags & dns.flags.AA) for reply in replies] == [True, False, False]
    assert [reply.answer[0].ttl for reply in replies] == [60, 234, 100]
    assert [str(reply.answer[0][0]) for reply in replies] == ["8.7.198.45", "46.82.174.68", "93.46.8.89"]
    assert [entry.name for entry in scene.log] == ["t.example"]


def test_an_injector_answers_in_the_family_asked_for(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname", "t.example", "inject_dns", answers=("10.10.34.34", "d0::11"), suppress=True))
    for kind, expected in (("A", ["10.10.34.34"]), ("AAAA", ["d0::11"])):
        passage = scene.out(query("t.example", kind))
        assert passage.forward is None
        assert answers(sent(passage, to_client=True)[0]) == (0, expected)
    raw = query("t.example", "TXT")
    assert untouched(scene.out(raw), raw)
    lone = Scene(tmp_path, rule("qname", "t.example", "inject_dns", answers="10.10.34.34"))
    assert answers(sent(lone.out(query("t.example", "AAAA")), to_client=True)[0]) == (0, [])


def test_questions_of_one_type_alone_may_vanish(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname", "t.example", "drop", qtypes="HTTPS"))
    assert scene.out(query("t.example", "HTTPS")).forward is None
    for kind in ("A", "AAAA"):
        raw = query("t.example", kind)
        assert untouched(scene.out(raw), raw)
    other = query("u.example", "HTTPS")
    assert untouched(scene.out(other), other)


def test_fresh_addresses_and_response_codes(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname", "t.example", "inject_dns", copies=2))
    seen = {answers(packet)[1][0] for _ in range(3) for packet in sent(scene.out(query("t.example")), to_client=True)}
    assert len(seen) == 6
    denial = Scene(tmp_path, rule("udp53", (), "inject_dns", rcode="NXDOMAIN"))
    packet = sent(denial.out(query("any.example", "AAAA", to="2620:fe::9")), to_client=True)[0]
    assert answers(packet) == (dns.rcode.NXDOMAIN, [])
    assert (packet.src, packet.dst) == ("2620:fe::9", CLIENT6)


# icmp and redirect


def test_icmp_comes_from_the_router_of_the_box(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", (SERVER, SERVER6), "icmp"))
    for flow, sender, numbers in (
        (Flow(), ROUTER, (3, 13)),
        (Flow(client=CLIENT6, server=SERVER6), ROUTER6, (1, 1)),
    ):
        raw = flow.syn()
        passage = scene.out(raw)
        assert passage.forward is None
        (packet,) = sent(passage, to_client=True)
        assert (packet.src, packet.dst) == (sender, flow.client)
        assert (packet.icmp_type, packet.icmp_code) == numbers
        assert packet.payload == raw
    other = Scene(tmp_path, rule("address", SERVER, "icmp", code=10))
    assert sent(other.out(Flow().syn()), to_client=True)[0].icmp_code == 10


def test_a_redirected_connection_there_and_back(tmp_path: Path) -> None:
    portal = "80.90.100.1"
    scene = Scene(tmp_path, rule("all", (), "redirect", to=portal, port=80, to_port=8080))
    flow = Flow(sport=80)
    out = read(scene.out(flow.syn()).forward)
    assert (out.dst, out.dport, out.src) == (portal, 8080, CLIENT)
    reply = Flow(cport=out.sport, server=portal, sport=8080).answer(flags=SYN | ACK)
    assert scene.back(reply).forward == flow.answer(flags=SYN | ACK)
    assert read(scene.out(flow.data(get("x.example"))).forward).sport == out.sport
    https = Flow(cport=7).syn()
    assert untouched(scene.out(https), https)
    (entry,) = scene.log
    assert (entry.action, entry.address, entry.port) == ("redirect", SERVER, 80)


def test_hijacked_questions_of_one_socket_do_not_mix(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("udp53", (), "redirect", to=RESOLVER))
    direct = query("a.example")
    assert untouched(scene.out(direct), direct)
    asked = ("8.8.8.8", "9.9.9.9")
    ports = [read(scene.out(query("b.example", to=to)).forward).sport for to in asked]
    assert len({*ports, 5353}) == 3
    for to, port in zip(asked, ports, strict=True):
        header = IpHeader(src=RESOLVER, dst=CLIENT, ttl=SERVER_TTL)
        back = read(scene.back(build_udp(header, sport=53, dport=port, payload=b"answer")).forward)
        assert (back.src, back.sport, back.dport, back.payload) == (to, 53, 5353, b"answer")
    assert [entry.name for entry in scene.log] == ["b.example", "b.example"]


def test_a_redirect_by_name_spares_other_questions_of_the_socket(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname", "t.example", "redirect", to=RESOLVER))
    assert read(scene.out(query("t.example", to="8.8.8.8")).forward).dst == RESOLVER
    raw = query("c.example", to="8.8.8.8")
    assert untouched(scene.out(raw), raw)


def test_an_icmp_error_about_a_redirected_packet_names_the_address_that_was_meant(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("udp53", (), "redirect", to=RESOLVER))
    original = read(query("a.example", to="8.8.8.8"))
    out = read(scene.out(original.raw).forward)
    for sender, expected in ((RESOLVER, "8.8.8.8"), ("5.5.5.5", "5.5.5.5")):
        error = make_icmp_error(out, sender=sender, kind=3, code=3)
        assert error is not None
        back = read(scene.back(error).forward)
        about = read_quoted(back)
        assert about is not None
        assert (back.src, back.icmp_type, back.icmp_code) == (expected, 3, 3)
        assert (about.src, about.sport, about.dst, about.dport) == (CLIENT, 5353, "8.8.8.8", 53)
