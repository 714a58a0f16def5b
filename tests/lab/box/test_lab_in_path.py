"""A box in the path that changes or keeps what it was given: rewritten answers, resets at the next packet, trains."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import IP, in4_chksum
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.utils import checksum

from lab_traffic import (
    CLIENT6,
    CLIENT_TTL,
    HELLO,
    INNOCENT,
    SERVER,
    SERVER6,
    SERVER_ISN,
    SERVER_TTL,
    Flow,
    Scene,
    assert_untouched,
    flow_of,
    read,
    rule,
    sent,
    untouched,
)
from probe_lab.wire.packet import ACK, FIN, PSH, RST, SYN, IpHeader, build_ip, build_tcp, parse_packet
from probe_lab.wire.packet_edit import make_reset

TIMESTAMPS = bytes.fromhex("0101080a0000000100000002")


def server_data(flow: Flow, payload: bytes, *, ip_id: int, df: bool = True, flags: int = PSH | ACK) -> bytes:
    """A segment of the server with timestamps, as real ones carry."""
    header = IpHeader(src=flow.server, dst=flow.client, ttl=SERVER_TTL, ip_id=ip_id, df=df)
    return build_tcp(
        header, sport=flow.sport, dport=flow.cport, flags=flags, seq=SERVER_ISN + 1, ack=flow.next_seq, window=501,
        options=TIMESTAMPS, payload=payload,
    )


def assert_sums_hold(raw: bytes) -> None:
    if raw[0] >> 4 == 4:
        assert checksum(raw[:20]) == 0
        assert int.from_bytes(raw[2:4]) == len(raw)
        assert in4_chksum(6, IP(raw[:20]), raw[20:]) == 0
    else:
        assert int.from_bytes(raw[4:6]) == len(raw) - 40
        assert in6_chksum(6, IPv6(raw[:40]), raw[40:]) == 0  # type: ignore[no-untyped-call]


# rewrite


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("df", [False, True])
def test_the_servers_answer_becomes_a_reset_with_its_own_header(
    tmp_path: Path, version: int, df: bool
) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "rewrite"))
    flow = scene.open(flow_of(version))
    assert_untouched(scene, flow, HELLO)
    bare = server_data(flow, b"", ip_id=76, df=df, flags=ACK)
    assert untouched(scene.back(bare), bare)
    assert not scene.log
    data = server_data(flow, b"server hello" * 90, ip_id=77, df=df)
    passage = scene.back(data)
    assert passage.injected == []
    before, after = read(data), read(passage.forward)
    at = before.offset
    headers = bytearray(data[: at + 32])
    # What may differ: total length and sum of IP; flags, window, sum of TCP.
    for start, end in ((2, 4), (10, 12)) if before.version == 4 else ((4, 6),):
        headers[start:end] = after.raw[start:end]
    headers[at + 13 : at + 18] = after.raw[at + 13 : at + 18]
    assert after.raw == bytes(headers)
    assert (after.flags, after.window, after.payload) == (RST | ACK, 0, b"")
    assert (after.ttl, after.ip_id, after.df) == (before.ttl, before.ip_id, before.df)
    assert (after.seq, after.ack, after.options) == (before.seq, before.ack, TIMESTAMPS)
    assert_sums_hold(after.raw)
    assert [(entry.action, entry.name, entry.direction) for entry in scene.log] == [
        ("rewrite", "t.example", "to_client")
    ]


def test_everything_after_the_first_answer_is_rewritten_too(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "rewrite", window=8192, reset_server=True))
    flow = scene.open(Flow())
    scene.out(flow.data(HELLO))
    first = scene.back(flow.answer(b"x"))
    (reset,) = sent(first, to_client=False)
    assert (reset.flags, reset.seq, reset.src, reset.dport) == (RST, flow.next_seq, flow.client, 443)
    for raw in (flow.answer(b"y"), flow.answer(), flow.answer(flags=FIN | ACK)):
        passage = scene.back(raw)
        packet = read(passage.forward)
        assert (packet.flags, packet.window, packet.payload) == (RST | ACK, 8192, b"")
        assert passage.injected == []
    raw = flow.data(b"", flags=RST)
    assert untouched(scene.out(raw), raw)


def test_others_are_not_rewritten(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "rewrite"))
    flow = scene.open(Flow())
    assert_untouched(scene, flow, INNOCENT)
    raw = flow.answer(b"server hello")
    assert untouched(scene.back(raw), raw)


def test_a_rewrite_by_address_waits_for_the_clients_data(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "rewrite"))
    flow = scene.open(Flow())
    greeting = flow.answer(b"220 hello")
    assert untouched(scene.back(greeting), greeting)
    scene.out(flow.data(INNOCENT))
    assert read(scene.back(flow.answer(b"x")).forward).flags == RST | ACK


def test_headers_of_unusual_length_are_rewritten_right() -> None:
    inner = build_tcp(IpHeader(src=SERVER6, dst=CLIENT6), sport=443, dport=9, flags=ACK, seq=5, ack=6, payload=b"abc")
    extended = build_ip(IpHeader(src=SERVER6, dst=CLIENT6), 60, bytes((6, 0)) + bytes(6) + inner[40:])
    short = make_reset(read(extended), window=3)
    packet = read(short)
    assert (packet.flags, packet.seq, packet.ack, packet.window, packet.payload) == (RST | ACK, 5, 6, 3, b"")
    assert short[40:48] == extended[40:48]
    padded = build_tcp(IpHeader(src=SERVER, dst="1.2.3.4"), sport=443, dport=9, flags=ACK, payload=b"abc") + b"pad"
    assert len(make_reset(read(padded), window=0)) == 40


# reset


def test_a_reset_at_the_clients_next_packet(tmp_path: Path) -> None:
    late = rule(
        "sni", "t.example", "reset", on_next=True, swallow=True, flags="R", ip_id="client+1", window="client",
        ttl="copy", direction="client",
    )
    scene = Scene(tmp_path, late)
    flow = scene.open(Flow())
    passage = scene.out(flow.data(HELLO))
    assert passage.forward is None
    assert passage.injected == []
    answer = flow.answer()
    assert untouched(scene.back(answer), answer)
    scene.now_s += 0.2
    passage = scene.out(flow.data(b"", flags=FIN | ACK))
    assert passage.forward is None
    (packet,) = sent(passage, to_client=True)
    assert (packet.flags, packet.window, packet.ip_id, packet.ttl) == (RST, 502, flow.ip_id + 1, CLIENT_TTL)
    assert (packet.seq, packet.df) == (SERVER_ISN + 1, False)
    scene.now_s += 0.2
    assert len(sent(scene.out(flow.data(b"again")), to_client=True)) == 1
    assert [entry.action for entry in scene.log] == ["reset"] * 3


def test_a_reset_at_the_next_packet_that_is_let_through(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", on_next=True))
    flow = scene.open(Flow())
    assert scene.out(flow.data(HELLO)).forward is None
    raw = flow.data(b"x")
    passage = scene.out(raw)
    assert passage.forward == raw
    assert len(passage.injected) == 2


def test_a_train_of_resets_runs_ahead(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", seq="train", copies=4))
    flow = scene.open(Flow())
    passage = scene.out(flow.data(HELLO))
    first = SERVER_ISN + 1
    assert [p.seq for p in sent(passage, to_client=True)] == [first, first + 1460, first + 4380, first]
    mine = flow.next_seq
    assert [p.seq for p in sent(passage, to_client=False)] == [
        mine, (mine + 1460) % 2**32, (mine + 4380) % 2**32, mine
    ]


def test_the_clients_window_in_every_action_that_has_one(tmp_path: Path) -> None:
    for action, trigger, payload in (("reset", "sni", HELLO), ("fin", "sni", HELLO), ("alert", "sni", HELLO)):
        scene = Scene(tmp_path, rule(trigger, "t.example", action, window="client"))
        packets = sent(scene.out(scene.open(Flow()).data(payload)), to_client=True)
        assert {packet.window for packet in packets} == {502}, action


@pytest.mark.parametrize("options", [b"", TIMESTAMPS])
def test_only_bare_headers_set_off_a_box_that_reads_no_others(tmp_path: Path, options: bytes) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", bare_header=True, reassemble=False))
    flow = Flow()
    header = IpHeader(src=flow.client, dst=flow.server, ttl=CLIENT_TTL)
    raw = build_tcp(header, sport=9, dport=443, flags=PSH | ACK, seq=5, ack=6, options=options, payload=HELLO)
    assert bool(scene.out(raw).injected) is (not options)


def test_a_box_that_reads_single_segments_sees_no_split_name(tmp_path: Path) -> None:
    alone = rule("sni", "t.example", "reset", reassemble=False)
    at = HELLO.index(b"t.example") + 4
    scene = Scene(tmp_path, alone)
    flow = scene.open(Flow())
    assert_untouched(scene, flow, HELLO[:at])
    assert_untouched(scene, flow, HELLO[at:])
    scene = Scene(tmp_path, alone, rule("sni", "t.example", "fin"))
    flow = scene.open(Flow())
    assert len(scene.out(flow.data(HELLO)).injected) == 3
    raw = parse_packet(Flow().data(HELLO))
    assert raw is not None
    late = Scene(tmp_path, alone)  # which has not seen the connection begin
    (to_client, to_server) = (read(injection.packet) for injection in late.out(raw.raw).injected)
    assert (to_client.ack, to_server.seq) == ((raw.seq + len(HELLO)) % 2**32,) * 2


def test_syns_with_data_and_an_unknown_start(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop"))
    raw = Flow().data(HELLO)
    assert scene.out(raw).forward is None
    assert scene.back(Flow().answer(flags=SYN | ACK)).forward is None
