"""The middlebox, action by action: which bytes leave it, with which header values, where to, and what it logs."""

from __future__ import annotations

import itertools
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from lab_traffic import (
    CLIENT,
    CLIENT6,
    CLIENT_TTL,
    RESOLVER,
    ROUTER,
    ROUTER6,
    SERVER,
    SERVER6,
    SERVER_ISN,
    SERVER_TTL,
    Flow,
    Scene,
    client_hello,
    get,
    query,
    read,
    rule,
)

from probe.lab.actions import ACTIONS, KINDS, TRIGGERS, problems
from probe.lab.effects import EFFECTS
from probe.lab.icmp_errors import error_about, quoted
from probe.lab.packet import ACK, FIN, PSH, RST, SYN, IpHeader, Packet, build_udp
from probe.lab.rulebook import make_ready
from probe.lab.sighting import Passage
from probe.lab.triggers import TESTS
from probe.lab.types import Rule

HELLO = client_hello("t.example")
INNOCENT = client_hello("c.example")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path


def sent(passage: Passage, *, to_client: bool) -> list[Packet]:
    return [read(injection.packet) for injection in passage.injected if injection.to_client == to_client]


def untouched(passage: Passage, raw: bytes) -> bool:
    return passage.forward == raw and not passage.injected


def assert_untouched(scene: Scene, flow: Flow, payload: bytes) -> None:
    raw = flow.data(payload)
    assert untouched(scene.out(raw), raw)


# tables


def test_every_word_of_the_tables_is_acted_upon() -> None:
    assert set(EFFECTS) == set(ACTIONS)
    assert set(TESTS) == set(TRIGGERS)
    for action in ACTIONS.values():
        assert action.triggers <= set(TRIGGERS)
        for name, parameter in action.parameters.items():
            assert parameter.meaning, name
            assert all(KINDS[parameter.kind](text) for text in parameter.default), name


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (Rule(trigger="sni", match=("a",), action="vanish"), "unknown"),
        (Rule(trigger="sometimes", match=("a",), action="drop"), "unknown"),
        (rule("sni", "a", "inject_dns"), "cannot follow"),
        (rule("all", "1.2.3.4", "drop"), "match"),
        (rule("sni", (), "drop"), "match"),
        (rule("sni", "a", "reset", ttl=0), "ttl"),
        (rule("sni", "a", "reset", ttl="high"), "ttl"),
        (rule("sni", "a", "reset", copies=0), "copies"),
        (rule("sni", "a", "reset", payload="0g"), "payload"),
        (rule("sni", "a", "reset", window="ttl-1"), "window"),
        (rule("sni", "a", "reset", probability=1.5), "probability"),
        (rule("sni", "a", "reset", df="yes"), "df"),
        (rule("sni", "a", "reset", ttl=("1", "2")), "one value"),
        (rule("sni", "a", "fin", copies=3), "no parameter"),
        (rule("udp53", (), "redirect", to="2001:db8::1"), "to"),
        (rule("address", "not an address", "drop"), "match"),
        (rule("address_port", "1.2.3.4", "drop"), "match"),
        (rule("address_port", "1.2.3.4:http", "drop"), "match"),
    ],
)
def test_rules_that_say_nonsense_are_refused(bad: Rule, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make_ready([bad])


def test_good_rules_have_no_problems() -> None:
    assert problems(rule("sni", "a", "reset", ttl="copy", ip_id="client+1", window="ttl+1375", df=True, copies=3)) == ()
    assert problems(rule("qname", "a", "inject_dns", ttl=("64", "copy"), aa=("true", "false"), answers="8.8.8.8")) == ()


# triggers


@pytest.mark.parametrize(
    ("match", "name", "hit"),
    [
        ("t.example", "t.example", True),
        ("T.Example.", "t.example", True),
        ("t.example", "www.t.example", False),
        ("*.example", "t.example", True),
        ("*.example", "a.b.example", True),
        ("*.t.example", "t.example", False),
        ("*.t.example", "nott.example", False),
        ("*", "anything.example", True),
    ],
)
def test_names_match_exactly_or_below_a_star(here: Path, match: str, name: str, hit: bool) -> None:
    scene = Scene(here, rule("sni", match, "drop"), rule("host", match, "drop"), rule("qname", match, "drop"))
    for flow, payload in ((Flow(), client_hello(name)), (Flow(cport=1, sport=80), get(name))):
        scene.open(flow)
        assert (scene.out(flow.data(payload)).forward is None) is hit
    assert (scene.out(query(name.upper())).forward is None) is hit
    assert {entry.name for entry in scene.log} == ({name} if hit else set())


def test_a_name_in_the_second_segment_is_found_even_out_of_order(here: Path) -> None:
    at = HELLO.index(b"t.example")
    for order in ((0, 1), (1, 0)):
        scene = Scene(here, rule("sni", "t.example", "reset", copies=2))
        flow = scene.open(Flow())
        segments = [flow.data(HELLO[:at]), flow.data(HELLO[at:])]
        quiet, loud = (scene.out(segments[index]) for index in order)
        assert untouched(quiet, segments[order[0]])
        assert loud.forward == segments[order[1]]
        (first, _), (to_server, _) = sent(loud, to_client=True), sent(loud, to_client=False)
        assert (first.seq, first.ack) == (SERVER_ISN + 1, flow.next_seq)
        assert to_server.seq == flow.next_seq


def test_a_substring_of_a_question_is_enough(here: Path) -> None:
    scene = Scene(here, rule("qname_substring", "twitter", "drop"))
    assert scene.out(query("notwitterhere.example", "TXT")).forward is None
    assert scene.out(query("t.example")).forward is not None


def test_places_match_in_both_directions_and_spellings(here: Path) -> None:
    scene = Scene(
        here,
        rule("address", "2A04:4E42:0::0010", "drop"),
        rule("address_port", (f"{SERVER}:443", "[2a04:4e42::11]:443"), "drop"),
    )
    six = Flow(client=CLIENT6, server=SERVER6)
    assert scene.out(six.syn()).forward is None
    assert scene.back(six.answer()).forward is None
    assert scene.out(Flow().syn()).forward is None
    assert scene.back(Flow().answer()).forward is None
    assert scene.out(Flow(client=CLIENT6, server="2a04:4e42::11").syn()).forward is None
    for other in (Flow(sport=80), Flow(server="151.101.1.11"), Flow(client=CLIENT6, server="2a04:4e42::12")):
        raw = other.syn()
        assert untouched(scene.out(raw), raw)


def test_what_is_no_packet_or_no_hello_passes(here: Path) -> None:
    scene = Scene(here, rule("sni", "*", "drop"), rule("host", "*", "drop"), rule("qname", "*", "drop"))
    assert untouched(scene.out(b"junk"), b"junk")
    flow = scene.open(Flow())
    assert_untouched(scene, flow, b"\xef" + b"\x01" * 63)
    assert_untouched(scene, flow, HELLO)  # no longer the first bytes
    header = IpHeader(src=CLIENT, dst=RESOLVER)
    raw = build_udp(header, sport=1, dport=53, payload=b"\x00" * 12)
    assert untouched(scene.out(raw), raw)


def test_each_request_of_a_connection_is_judged(here: Path) -> None:
    scene = Scene(here, rule("host", "t.example", "drop"))
    flow = scene.open(Flow(sport=80))
    assert_untouched(scene, flow, get("c.example"))
    assert scene.out(flow.data(get("t.example"))).forward is None


def test_a_new_connection_on_an_old_port_begins_anew(here: Path) -> None:
    scene = Scene(here, rule("sni", "t.example", "drop"))
    flow = scene.open(Flow())
    assert scene.out(flow.data(HELLO)).forward is None
    assert scene.out(flow.data(b"x")).forward is None
    raw = bytearray(flow.syn())
    raw[27] ^= 1  # another initial sequence number
    assert scene.out(bytes(raw)).forward is not None


# drop


def test_drop_by_name_takes_the_hello_and_all_after_it(here: Path) -> None:
    scene = Scene(here, rule("sni", "t.example", "drop"))
    flow = scene.open(Flow())
    assert scene.out(flow.data(HELLO)).forward is None
    assert scene.out(flow.data(b"more")).forward is None
    assert scene.back(flow.answer()).forward is None
    other = scene.open(Flow(cport=40_001))
    assert_untouched(scene, other, INNOCENT)
    (entry,) = scene.log
    assert (entry.actor, entry.action, entry.block_type, entry.alias) == ("middlebox", "drop", "x.drop", "t")
    assert (entry.name, entry.address, entry.port, entry.direction) == ("t.example", SERVER, 443, "to_server")


def test_drop_lets_so_many_packets_pass_first(here: Path) -> None:
    scene = Scene(here, rule("sni", "t.example", "drop", pass_packets=2))
    flow = scene.open(Flow())
    assert scene.out(flow.data(HELLO)).forward is not None
    passed = [scene.back(flow.answer(b"x")).forward is not None for _ in range(4)]
    assert passed == [True, True, False, False]
    assert len(scene.log) == 1


def test_drop_at_the_first_data_leaves_the_handshake_alone(here: Path) -> None:
    scene = Scene(here, rule("address", SERVER, "drop", on="data"))
    flow = scene.open(Flow())
    assert scene.out(flow.data(INNOCENT)).forward is None
    assert scene.back(flow.answer()).forward is None


def test_drop_to_client_lets_the_server_hear(here: Path) -> None:
    scene = Scene(here, rule("address", SERVER, "drop_to_client"))
    raw = Flow().syn()
    assert untouched(scene.out(raw), raw)
    assert scene.back(Flow().answer(flags=SYN | ACK)).forward is None
    assert [entry.direction for entry in scene.log] == ["to_client"]


@pytest.mark.parametrize("pass_acks", [False, True])
def test_a_muted_hello_may_be_acknowledged(here: Path, pass_acks: bool) -> None:
    scene = Scene(here, rule("sni", "t.example", "drop_to_client", pass_acks=pass_acks))
    flow = scene.open(Flow())
    assert_untouched(scene, flow, HELLO)
    assert (scene.back(flow.answer()).forward is not None) is pass_acks
    assert scene.back(flow.answer(b"server hello")).forward is None
    assert scene.back(flow.answer(flags=FIN | ACK)).forward is None
    assert len(scene.log) == 1


def test_probability_is_drawn_once_per_flow(here: Path) -> None:
    scene = Scene(here, rule("address", SERVER, "drop", probability=0.5), seed=3)
    fates = set()
    for cport in range(40):
        flow = Flow(cport=cport + 1)
        fate = {scene.out(flow.syn()).forward is None for _ in range(5)}
        assert len(fate) == 1, f"flow {cport} of seed 3"
        fates |= fate
    assert fates == {True, False}


# reset


def test_three_identical_resets_with_a_window_tied_to_the_ttl(here: Path) -> None:
    reset = rule("sni", "t.example", "reset", copies=3, df=True, ttl=183, ip_id=4660, window="ttl+1375")
    scene = Scene(here, reset)
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


def test_a_reset_to_the_client_alone_with_a_payload(here: Path) -> None:
    payload = "01020304050607080900"
    scene = Scene(here, rule("sni", "t.example", "reset", direction="client", ip_id=1, payload=payload, delay_ms=3))
    flow = scene.open(Flow())
    passage = scene.out(flow.data(HELLO))
    (packet,) = sent(passage, to_client=True)
    assert not sent(passage, to_client=False)
    assert (packet.ip_id, packet.df, packet.payload) == (1, False, bytes.fromhex(payload))
    assert passage.injected[0].delay_s == pytest.approx(0.003)


def test_a_reset_to_the_server_alone_without_an_acknowledgement(here: Path) -> None:
    scene = Scene(here, rule("sni", "t.example", "reset", direction="server", flags="R", seq="zero", ip_id="zero"))
    flow = scene.open(Flow())
    passage = scene.out(flow.data(HELLO))
    (packet,) = sent(passage, to_client=False)
    assert not sent(passage, to_client=True)
    assert (packet.flags, packet.seq, packet.ack, packet.ip_id) == (RST, 0, 0, 0)


def test_headers_copied_from_the_traffic(here: Path) -> None:
    scene = Scene(
        here,
        rule("sni", "t.example", "reset", ttl="copy", ip_id="client+1", direction="client"),
        rule("sni", "t.example", "reset", ttl="server", direction="client"),
    )
    flow = scene.open(Flow())
    first, second = sent(scene.out(flow.data(HELLO)), to_client=True)
    assert (first.ttl, first.ip_id) == (CLIENT_TTL, flow.ip_id + 1)
    assert second.ttl == SERVER_TTL
    unseen = sent(Scene(here, rule("all", (), "reset", ttl="server")).out(Flow().syn()), to_client=True)
    assert unseen[0].ttl == SERVER_TTL


def test_a_swallowing_box_keeps_the_hello(here: Path) -> None:
    scene = Scene(here, rule("sni", "t.example", "reset", swallow=True))
    flow = scene.open(Flow())
    hello_seq = flow.next_seq
    passage = scene.out(flow.data(HELLO))
    assert passage.forward is None
    (to_server,) = sent(passage, to_client=False)
    assert to_server.seq == hello_seq
    assert scene.back(flow.answer(b"late")).forward is None


def test_a_syn_is_answered_as_a_closed_port_would(here: Path) -> None:
    windows = ("1980", "1981", "1982")
    reset = rule("address_port", f"{SERVER}:443", "reset", copies=3, flags="R", window=windows, direction="client")
    scene = Scene(here, reset)
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


def test_a_reset_never_answers_a_reset(here: Path) -> None:
    scene = Scene(here, rule("all", (), "reset", on="any"))
    flow = Flow()
    raw = flow.data(b"", flags=RST | ACK)
    assert untouched(scene.out(raw), raw)
    assert scene.log == ()


def test_reset_at_the_first_data_whatever_the_name(here: Path) -> None:
    scene = Scene(here, rule("address", SERVER, "reset", on="data"))
    flow = scene.open(Flow())
    assert len(sent(scene.out(flow.data(INNOCENT[:700])), to_client=True)) == 1
    raw = flow.data(INNOCENT[700:])  # of the same flight
    assert untouched(scene.out(raw), raw)
    scene.now_s += 0.3
    assert len(sent(scene.out(flow.data(b"again")), to_client=True)) == 1
    assert len(scene.log) == 2


def test_two_boxes_in_one(here: Path) -> None:
    scene = Scene(
        here,
        rule("sni", "t.example", "reset", flags="R", ip_id=0, direction="client"),
        rule("sni", "t.example", "reset", flags="RA", ip_id=0x9920, ttl=248, direction="client"),
    )
    packets = sent(scene.out(scene.open(Flow()).data(HELLO)), to_client=True)
    assert [(packet.flags, packet.ip_id) for packet in packets] == [(RST, 0), (RST | ACK, 0x9920)]


def test_random_identifiers_differ_between_flows_and_follow_the_seed(here: Path) -> None:
    drawn = []
    for _ in range(2):
        scene = Scene(here, rule("all", (), "reset"), seed=5)
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
def test_residual_reset_hits_the_tuple_whatever_the_name(here: Path, tuple_: str, hit: set[str]) -> None:
    scene = Scene(here, rule("sni", "t.example", "reset", residual_s=180, residual_tuple=tuple_))
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


def test_the_same_four_tuple_is_hit_again(here: Path) -> None:
    scene = Scene(here, rule("sni", "t.example", "drop", residual_s=60, residual_tuple="4"))
    flow = scene.open(Flow())
    scene.out(flow.data(HELLO))
    again = Flow()
    raw = bytearray(again.syn())
    raw[27] ^= 1
    assert scene.out(bytes(raw)).forward is None
    assert [entry.action for entry in scene.log] == ["drop", "residual:drop"]


def test_residual_drop_after_a_reset_and_reset_of_syns_after_a_fin(here: Path) -> None:
    scene = Scene(here, rule("sni", "t.example", "reset", residual_s=60, residual_action="drop"))
    scene.out(scene.open(Flow()).data(HELLO))
    assert scene.out(Flow(cport=1).syn()).forward is None
    assert scene.back(Flow(cport=1).answer()).forward is None
    scene = Scene(here, rule("sni", "t.example", "fin", residual_s=60, residual_on="syn", ttl=33))
    scene.out(scene.open(Flow()).data(HELLO))
    (packet,) = sent(scene.out(Flow(cport=1).syn()), to_client=True)
    assert (packet.flags, packet.ttl) == (RST | ACK, 33)


# fin, alert, http_response


@pytest.mark.parametrize("reset_server", [False, True])
def test_fin_ends_the_flow_and_silences_the_server(here: Path, reset_server: bool) -> None:
    scene = Scene(here, rule("sni", "t.example", "fin", ttl=50, reset_server=reset_server))
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


def test_an_alert_in_plain_text(here: Path) -> None:
    scene = Scene(here, rule("sni", "t.example", "alert"))
    flow = scene.open(Flow())
    (packet,) = sent(scene.out(flow.data(HELLO)), to_client=True)
    assert packet.payload == bytes.fromhex("15030100020250")
    assert packet.flags == FIN | PSH | ACK
    assert (packet.seq, packet.ack) == (SERVER_ISN + 1, flow.next_seq)
    assert scene.back(flow.answer(b"server hello")).forward is None


def test_a_block_page_for_some_methods_only(here: Path) -> None:
    page = rule(
        "host", "t.example", "http_response", status="HTTP/1.1 302 Found", headers=("Location: http://b.example/",),
        methods=("GET",), flags="FA", ttl=83, df=False, window=16384, reset_server=True, ip_id="zero",
    )
    scene = Scene(here, page)
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


def test_a_long_page_comes_in_segments(here: Path) -> None:
    body = "<p>запрещено</p>" * 200
    scene = Scene(here, rule("address", SERVER, "http_response", body=body, headers=("Content-Length: 9",)))
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


def test_three_injectors_with_their_own_headers(here: Path) -> None:
    injection = rule(
        "qname", "t.example", "inject_dns", copies=3, answers=("8.7.198.45", "46.82.174.68", "93.46.8.89"),
        aa=("true", "false", "false"), df=("false", "true", "false"), ttl=("60", "70", "copy"),
        answer_ttl=("60", "234", "100"), delay_ms=("8", "10", "12"), ip_id=("1", "2", "3"),
    )
    scene = Scene(here, injection)
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


def test_an_injector_answers_in_the_family_asked_for(here: Path) -> None:
    scene = Scene(here, rule("qname", "t.example", "inject_dns", answers=("10.10.34.34", "d0::11"), suppress=True))
    for kind, expected in (("A", ["10.10.34.34"]), ("AAAA", ["d0::11"])):
        passage = scene.out(query("t.example", kind))
        assert passage.forward is None
        assert answers(sent(passage, to_client=True)[0]) == (0, expected)
    raw = query("t.example", "TXT")
    assert untouched(scene.out(raw), raw)
    lone = Scene(here, rule("qname", "t.example", "inject_dns", answers="10.10.34.34"))
    assert answers(sent(lone.out(query("t.example", "AAAA")), to_client=True)[0]) == (0, [])


def test_fresh_addresses_and_response_codes(here: Path) -> None:
    scene = Scene(here, rule("qname", "t.example", "inject_dns", copies=2))
    seen = {answers(packet)[1][0] for _ in range(3) for packet in sent(scene.out(query("t.example")), to_client=True)}
    assert len(seen) == 6
    denial = Scene(here, rule("udp53", (), "inject_dns", rcode="NXDOMAIN"))
    packet = sent(denial.out(query("any.example", "AAAA", to="2620:fe::9")), to_client=True)[0]
    assert answers(packet) == (dns.rcode.NXDOMAIN, [])
    assert (packet.src, packet.dst) == ("2620:fe::9", CLIENT6)


# icmp and redirect


def test_icmp_comes_from_the_router_of_the_box(here: Path) -> None:
    scene = Scene(here, rule("address", (SERVER, SERVER6), "icmp"))
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
    other = Scene(here, rule("address", SERVER, "icmp", code=10))
    assert sent(other.out(Flow().syn()), to_client=True)[0].icmp_code == 10


def test_a_redirected_connection_there_and_back(here: Path) -> None:
    portal = "80.90.100.1"
    scene = Scene(here, rule("all", (), "redirect", to=portal, port=80, to_port=8080))
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


def test_hijacked_questions_of_one_socket_do_not_mix(here: Path) -> None:
    scene = Scene(here, rule("udp53", (), "redirect", to=RESOLVER))
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


def test_an_icmp_error_about_a_redirected_packet_names_the_address_that_was_meant(here: Path) -> None:
    scene = Scene(here, rule("udp53", (), "redirect", to=RESOLVER))
    original = read(query("a.example", to="8.8.8.8"))
    out = read(scene.out(original.raw).forward)
    for sender, expected in ((RESOLVER, "8.8.8.8"), ("5.5.5.5", "5.5.5.5")):
        error = error_about(out, sender=sender, kind=3, code=3)
        assert error is not None
        back = read(scene.back(error).forward)
        about = quoted(back)
        assert about is not None
        assert (back.src, back.icmp_type, back.icmp_code) == (expected, 3, 3)
        assert (about.src, about.sport, about.dst, about.dport) == (CLIENT, 5353, "8.8.8.8", 53)


# bounds


def test_the_log_is_bounded_per_rule_and_flow(here: Path) -> None:
    scene = Scene(here, rule("address", SERVER, "drop"))
    flow = Flow()
    for _ in range(250):
        scene.out(flow.syn())
    assert len(scene.log) == 200
    scene.out(Flow(cport=2).syn())
    assert len(scene.log) == 201


def test_a_flood_of_flows_does_not_grow_without_bound(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.lab.flows.MAX_FLOWS", 10)
    monkeypatch.setattr("probe.lab.nat.MAX_MAPPINGS", 5)
    scene = Scene(here, rule("sni", "t.example", "drop"), rule("udp53", (), "redirect", to=RESOLVER))
    oldest = scene.open(Flow(cport=1))
    scene.out(oldest.data(HELLO[:100]))
    for port in range(2, 40):
        scene.out(Flow(cport=port).syn())
        scene.out(query("a.example", to="8.8.8.8", cport=port))
    assert_untouched(scene, oldest, HELLO[100:])  # its beginning is forgotten
    newest = Flow(cport=39, sent=0)
    assert scene.out(newest.data(HELLO)).forward is None
