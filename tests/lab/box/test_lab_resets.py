"""Forged resets and residual blocking: which bytes, which header values, whom they reach, what is logged."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_traffic import (
    CLIENT,
    CLIENT_TTL,
    HELLO,
    INNOCENT,
    SERVER,
    SERVER_ISN,
    SERVER_TTL,
    Flow,
    Scene,
    assert_untouched,
    rule,
    sent,
    untouched,
)
from probe_lab.wire.packet import ACK, RST, SYN

# reset


def test_three_identical_resets_with_a_window_tied_to_the_ttl(tmp_path: Path) -> None:
    reset = rule("sni", "t.example", "reset", copies=3, df=True, ttl=183, ip_id=4660, window="ttl+1375")
    scene = Scene(tmp_path, reset)
    flow = scene.open(Flow())
    raw = flow.data(HELLO)
    passage = scene.out(raw)
    assert passage.forward == raw
    to_client, to_server = sent(passage, to_client=True), sent(passage, to_client=False)
    assert len({packet.raw for packet in to_client}) == 1
    assert len(to_client) == len(to_server) == 3
    for packet in (*to_client, *to_server):
        assert (packet.flags, packet.ttl, packet.ip_id, packet.df) == (RST | ACK, 183, 4660, True)
        assert (packet.window, packet.payload) == (1558, b"")
    assert (to_client[0].src, to_client[0].dst) == (SERVER, CLIENT)
    assert (to_client[0].sport, to_client[0].dport) == (443, flow.cport)
    assert (to_client[0].seq, to_client[0].ack) == (SERVER_ISN + 1, flow.next_seq)
    assert (to_server[0].src, to_server[0].sport, to_server[0].seq) == (CLIENT, flow.cport, flow.next_seq)


def test_a_reset_to_the_client_alone_with_a_payload(tmp_path: Path) -> None:
    payload = "01020304050607080900"
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", direction="client", ip_id=1, payload=payload, delay_ms=3))
    flow = scene.open(Flow())
    passage = scene.out(flow.data(HELLO))
    (packet,) = sent(passage, to_client=True)
    assert not sent(passage, to_client=False)
    assert (packet.ip_id, packet.df, packet.payload) == (1, False, bytes.fromhex(payload))
    assert passage.injected[0].delay_s == pytest.approx(0.003)


def test_a_reset_to_the_server_alone_without_an_acknowledgement(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", direction="server", flags="R", seq="zero", ip_id="zero"))
    flow = scene.open(Flow())
    passage = scene.out(flow.data(HELLO))
    (packet,) = sent(passage, to_client=False)
    assert not sent(passage, to_client=True)
    assert (packet.flags, packet.seq, packet.ack, packet.ip_id) == (RST, 0, 0, 0)


def test_headers_copied_from_the_traffic(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path,
        rule("sni", "t.example", "reset", ttl="copy", ip_id="client+1", direction="client"),
        rule("sni", "t.example", "reset", ttl="server", direction="client"),
    )
    flow = scene.open(Flow())
    first, second = sent(scene.out(flow.data(HELLO)), to_client=True)
    assert (first.ttl, first.ip_id) == (CLIENT_TTL, flow.ip_id + 1)
    assert second.ttl == SERVER_TTL
    unseen = sent(Scene(tmp_path, rule("all", (), "reset", ttl="server")).out(Flow().syn()), to_client=True)
    assert unseen[0].ttl == SERVER_TTL


def test_a_swallowing_box_keeps_the_hello(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", swallow=True))
    flow = scene.open(Flow())
    hello_seq = flow.next_seq
    passage = scene.out(flow.data(HELLO))
    assert passage.forward is None
    (to_server,) = sent(passage, to_client=False)
    assert to_server.seq == hello_seq
    assert scene.back(flow.answer(b"late")).forward is None


def test_a_syn_is_answered_as_a_closed_port_would(tmp_path: Path) -> None:
    windows = ("1980", "1981", "1982")
    reset = rule("address_port", f"{SERVER}:443", "reset", copies=3, flags="R", window=windows, direction="client")
    scene = Scene(tmp_path, reset)
    flow = Flow()
    raw = flow.syn()
    passage = scene.out(raw)
    assert passage.forward == raw
    packets = sent(passage, to_client=True)
    assert [packet.window for packet in packets] == [1980, 1981, 1982]
    assert {(packet.flags, packet.seq, packet.ack) for packet in packets} == {(RST | ACK, 0, flow.next_seq)}
    answer = flow.answer(flags=SYN | ACK)
    assert untouched(scene.back(answer), answer)
    assert len(sent(scene.out(flow.syn()), to_client=True)) == 3


def test_a_swallowed_syn_is_unknown_to_the_server(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("all", (), "reset", swallow=True))
    passage = scene.out(Flow().syn())
    assert passage.forward is None
    assert [injection.to_client for injection in passage.injected] == [True]


def test_both_sides_get_the_same_copies(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", copies=3, window=("7", "8"), payload="ab", flags="R"))
    passage = scene.out(scene.open(Flow()).data(HELLO))
    for to_client in (True, False):
        packets = sent(passage, to_client=to_client)
        assert [(packet.window, packet.payload, packet.flags) for packet in packets] == [
            (7, b"\xab", RST), (8, b"\xab", RST), (7, b"\xab", RST)
        ]


def test_a_reset_never_answers_a_reset(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("all", (), "reset", on="any"))
    flow = Flow()
    raw = flow.data(b"", flags=RST | ACK)
    assert untouched(scene.out(raw), raw)
    assert scene.log == ()


def test_reset_at_the_first_data_whatever_the_name(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "reset", on="data"))
    flow = scene.open(Flow())
    assert len(sent(scene.out(flow.data(INNOCENT[:300])), to_client=True)) == 1
    raw = flow.data(INNOCENT[300:])  # of the same flight
    assert untouched(scene.out(raw), raw)
    scene.now_s += 0.3
    assert len(sent(scene.out(flow.data(b"again")), to_client=True)) == 1
    assert len(scene.log) == 2


def test_two_boxes_in_one(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path,
        rule("sni", "t.example", "reset", flags="R", ip_id=0, direction="client"),
        rule("sni", "t.example", "reset", flags="RA", ip_id=0x9920, ttl=248, direction="client"),
    )
    packets = sent(scene.out(scene.open(Flow()).data(HELLO)), to_client=True)
    assert [(packet.flags, packet.ip_id) for packet in packets] == [(RST, 0), (RST | ACK, 0x9920)]


def test_random_identifiers_differ_between_flows_and_follow_the_seed(tmp_path: Path) -> None:
    drawn = []
    for _ in range(2):
        scene = Scene(tmp_path, rule("all", (), "reset"), seed=5)
        drawn.append([sent(scene.out(Flow(cport=port).syn()), to_client=True)[0].ip_id for port in (1, 2, 3, 4)])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 1


# residual blocking


@pytest.mark.parametrize(
    ("tuple_", "hit"),
    [
        ("2", {"same port", "other port"}),
        ("3", {"same port"}),
        ("4", set()),
    ],
)
def test_residual_reset_hits_the_tuple_whatever_the_name(tmp_path: Path, tuple_: str, hit: set[str]) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", residual_s=180, residual_tuple=tuple_))
    scene.out(scene.open(Flow()).data(HELLO))
    scene.now_s += 179
    flows = {
        "same port": Flow(cport=1),
        "other port": Flow(cport=2, sport=8443),
        "other server": Flow(cport=3, server="151.101.1.11"),
    }
    found = {where for where, flow in flows.items() if scene.out(scene.open(flow).data(INNOCENT)).injected}
    assert found == hit
    assert [entry.action for entry in scene.log] == ["reset", *["residual:reset"] * len(hit)]
    assert all(entry.block_type == "x.reset" for entry in scene.log)
    scene.now_s += 2
    late = scene.open(Flow(cport=9))
    assert_untouched(scene, late, INNOCENT)


def test_a_late_reset_lets_the_flow_alone_at_first(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", delay_s=4))
    flow = scene.open(Flow())
    assert_untouched(scene, flow, HELLO)
    scene.now_s += 3.9
    assert_untouched(scene, flow, b"x")
    assert not scene.log
    scene.now_s += 0.2
    (packet,) = sent(scene.out(flow.data(b"x")), to_client=True)
    assert packet.flags & RST
    assert packet.seq == SERVER_ISN + 1
    assert [entry.action for entry in scene.log] == ["reset"]


def test_a_flow_that_was_reset_is_not_hit_twice_at_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", residual_s=180, direction="client"))
    flow = scene.open(Flow())
    assert len(scene.out(flow.data(HELLO)).injected) == 1
    scene.now_s += 1
    assert len(scene.out(flow.data(b"again")).injected) == 1
    assert [entry.action for entry in scene.log] == ["reset", "reset"]


def test_the_same_four_tuple_is_hit_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop", residual_s=60, residual_tuple="4"))
    flow = scene.open(Flow())
    scene.out(flow.data(HELLO))
    again = Flow()
    raw = bytearray(again.syn())
    raw[27] ^= 1
    assert scene.out(bytes(raw)).forward is None
    assert [entry.action for entry in scene.log] == ["drop", "residual:drop"]


def test_residual_drop_after_a_reset_and_reset_of_syns_after_a_fin(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", residual_s=60, residual_action="drop"))
    scene.out(scene.open(Flow()).data(HELLO))
    assert scene.out(Flow(cport=1).syn()).forward is None
    assert scene.back(Flow(cport=1).answer()).forward is None
    scene = Scene(tmp_path, rule("sni", "t.example", "fin", residual_s=60, residual_on="syn", ttl=33))
    scene.out(scene.open(Flow()).data(HELLO))
    (packet,) = sent(scene.out(Flow(cport=1).syn()), to_client=True)
    assert (packet.flags, packet.ttl) == (RST | ACK, 33)
