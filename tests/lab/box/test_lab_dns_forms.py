"""Forged DNS answers of every form: within a TCP stream, led on by a CNAME, malformed."""

from __future__ import annotations

from pathlib import Path

import dns.exception
import dns.message
import pytest

from lab_traffic import CLIENT_TTL, SERVER_ISN, Flow, Scene, assert_untouched, flow_of, query, rule, sent
from probe_lab.wire.packet import ACK, PSH


def over_tcp(name: str, kind: str = "A") -> bytes:
    wire = dns.message.make_query(name, kind, id=77).to_wire()
    return len(wire).to_bytes(2) + wire


@pytest.mark.parametrize("version", [4, 6])
def test_a_question_over_tcp_is_answered_in_the_stream(tmp_path: Path, version: int) -> None:
    lie = rule("qname_tcp", "t.example", "inject_dns", answers=("10.10.34.34", "d0::11"), ttl="copy", copies=2)
    scene = Scene(tmp_path, lie, rule("qname", "t.example", "drop"))
    flow = flow_of(version)
    flow.sport = 53
    scene.open(flow)
    assert_untouched(scene, flow, over_tcp("c.example"))
    question = over_tcp("t.example")
    assert_untouched(scene, flow, question[:9])
    raw = flow.data(question[9:])
    passage = scene.out(raw)
    assert passage.forward == raw
    packets = sent(passage, to_client=True)
    assert len(packets) == 2
    for packet in packets:
        assert (packet.seq, packet.ack, packet.flags) == (SERVER_ISN + 1, flow.next_seq, PSH | ACK)
        assert (packet.ttl, packet.sport) == (CLIENT_TTL, 53)
        assert int.from_bytes(packet.payload[:2]) == len(packet.payload) - 2
        reply = dns.message.from_wire(packet.payload[2:])
        assert (reply.id, str(reply.answer[0][0])) == (77, "10.10.34.34")
    assert [(entry.action, entry.name) for entry in scene.log] == [("inject_dns", "t.example")]


def test_several_questions_in_one_segment(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname_tcp", "*.example", "inject_dns", answers="10.10.34.34"))
    flow = scene.open(Flow(sport=53))
    passage = scene.out(flow.data(over_tcp("a.example") + over_tcp("b.example") + over_tcp("c.other")))
    assert len(passage.injected) == 2
    assert [entry.name for entry in scene.log] == ["a.example", "b.example"]


def test_a_suppressed_question_over_tcp_cuts_the_resolver_off(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname_tcp", "t.example", "inject_dns", suppress=True))
    flow = scene.open(Flow(sport=53))
    passage = scene.out(flow.data(over_tcp("t.example")))
    assert passage.forward is None
    assert len(passage.injected) == 1
    assert scene.back(flow.answer(b"late")).forward is None


def test_other_actions_on_questions_over_tcp(tmp_path: Path) -> None:
    for action, injected in (("drop", 0), ("reset", 2)):
        scene = Scene(tmp_path, rule("qname_tcp", "t.example", action))
        passage = scene.out(scene.open(Flow(sport=53)).data(over_tcp("t.example")))
        assert len(passage.injected) == injected
        assert (passage.forward is None) is (action == "drop")


def test_lengths_that_lie_end_the_reading(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname_tcp", "*", "drop"))
    flow = scene.open(Flow(sport=53))
    assert_untouched(scene, flow, b"\0\x20" + bytes(2) + b"\1\0\0\1" + bytes(26) + b"\xff\xff" + bytes(600))
    assert_untouched(scene, flow, over_tcp("t.example"))


def test_a_cname_leads_to_the_address(tmp_path: Path) -> None:
    lie = rule("qname", "t.example", "inject_dns", cname="internet-positif.example", answers=("36.86.63.185", "d0::11"))
    scene = Scene(tmp_path, lie)
    for kind, address in (("A", "36.86.63.185"), ("AAAA", "d0::11")):
        (packet,) = sent(scene.out(query("T.example", kind)), to_client=True)
        alias, found = dns.message.from_wire(packet.payload).answer
        assert (alias.name.to_text(), str(alias[0])) == ("T.example.", "internet-positif.example.")
        assert (found.name.to_text(), str(found[0])) == ("internet-positif.example.", address)


def test_a_malformed_answer_lacks_the_class_of_its_question(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname_tcp", "t.example", "inject_dns", malformed=True, answers="10.10.34.34"))
    question = over_tcp("t.example")
    (packet,) = sent(scene.out(scene.open(Flow(sport=53)).data(question)), to_client=True)
    reply = packet.payload[2:]
    assert reply[4:8] == b"\0\1\0\1"
    asked = question[14:-2]
    assert reply[12 : 12 + len(asked)] == asked
    assert reply[12 + len(asked) :][:4] == b"\xc0\x0c\0\1"
    with pytest.raises(dns.exception.DNSException):
        dns.message.from_wire(reply)
