"""The middlebox: its tables, when rules fire, what dropping does, and that it stays within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_traffic import (
    CLIENT,
    CLIENT6,
    HELLO,
    INNOCENT,
    RESOLVER,
    SERVER,
    SERVER6,
    SERVER_ISN,
    Flow,
    Scene,
    assert_untouched,
    client_hello,
    get,
    query,
    rule,
    sent,
    untouched,
)
from probe_lab.box.actions import ACTIONS, KINDS, TRIGGERS, list_problems
from probe_lab.box.effects import EFFECTS
from probe_lab.box.matches import MATCHERS
from probe_lab.box.rule_index import TRIGGERS_FILED
from probe_lab.box.rulebook import make_ready
from probe_lab.lab_types import Rule
from probe_lab.wire.packet import ACK, FIN, SYN, IpHeader, build_udp

# tables


def test_every_word_of_the_tables_is_acted_upon() -> None:
    assert set(EFFECTS) == set(ACTIONS)
    assert TRIGGERS_FILED == set(MATCHERS) == set(TRIGGERS)
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
    assert list_problems(rule("sni", "a", "reset", ttl="copy", ip_id="client+1", window="ttl+1375", df=True,
                              copies=3)) == ()
    assert list_problems(rule("qname", "a", "inject_dns", ttl=("64", "copy"), aa=("true", "false"),
                              answers="8.8.8.8")) == ()


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
def test_names_match_exactly_or_below_a_star(tmp_path: Path, match: str, name: str, hit: bool) -> None:
    scene = Scene(tmp_path, rule("sni", match, "drop"), rule("host", match, "drop"), rule("qname", match, "drop"))
    for flow, payload in ((Flow(), client_hello(name)), (Flow(cport=1, sport=80), get(name))):
        scene.open(flow)
        assert (scene.out(flow.data(payload)).forward is None) is hit
    assert (scene.out(query(name.upper())).forward is None) is hit
    assert {entry.name for entry in scene.log} == ({name} if hit else set())


def test_a_name_in_the_second_segment_is_found_even_out_of_order(tmp_path: Path) -> None:
    at = HELLO.index(b"t.example")
    for order in ((0, 1), (1, 0)):
        scene = Scene(tmp_path, rule("sni", "t.example", "reset", copies=2))
        flow = scene.open(Flow())
        segments = [flow.data(HELLO[:at]), flow.data(HELLO[at:])]
        quiet, loud = (scene.out(segments[index]) for index in order)
        assert untouched(quiet, segments[order[0]])
        assert loud.forward == segments[order[1]]
        (first, _), (to_server, _) = sent(loud, to_client=True), sent(loud, to_client=False)
        assert (first.seq, first.ack) == (SERVER_ISN + 1, flow.next_seq)
        assert to_server.seq == flow.next_seq


def test_a_substring_of_a_question_is_enough(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("qname_substring", "twitter", "drop"))
    assert scene.out(query("notwitterhere.example", "TXT")).forward is None
    assert scene.out(query("t.example")).forward is not None


def test_places_match_in_both_directions_and_spellings(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path,
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


def test_what_is_no_packet_or_no_hello_passes(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "*", "drop"), rule("host", "*", "drop"), rule("qname", "*", "drop"))
    assert untouched(scene.out(b"junk"), b"junk")
    flow = scene.open(Flow())
    assert_untouched(scene, flow, b"\xef" + b"\x01" * 63)
    assert_untouched(scene, flow, HELLO)  # no longer the first bytes
    header = IpHeader(src=CLIENT, dst=RESOLVER)
    raw = build_udp(header, sport=1, dport=53, payload=b"\x00" * 12)
    assert untouched(scene.out(raw), raw)


def test_each_request_of_a_connection_is_judged(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("host", "t.example", "drop"))
    flow = scene.open(Flow(sport=80))
    assert_untouched(scene, flow, get("c.example"))
    assert scene.out(flow.data(get("t.example"))).forward is None


def test_a_new_connection_on_an_old_port_begins_anew(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop"))
    flow = scene.open(Flow())
    assert scene.out(flow.data(HELLO)).forward is None
    assert scene.out(flow.data(b"x")).forward is None
    raw = bytearray(flow.syn())
    raw[27] ^= 1  # another initial sequence number
    assert scene.out(bytes(raw)).forward is not None


def test_a_flow_long_silent_is_forgotten(tmp_path: Path) -> None:
    for pause_s, passes in ((599, False), (601, True)):
        scene = Scene(tmp_path, rule("sni", "t.example", "drop"))
        flow = scene.open(Flow())
        scene.out(flow.data(HELLO))
        scene.now_s += pause_s
        assert (scene.out(flow.data(b"x")).forward is not None) is passes


# drop


def test_drop_by_name_takes_the_hello_and_all_after_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop"))
    flow = scene.open(Flow())
    assert scene.out(flow.data(HELLO)).forward is None
    assert scene.out(flow.data(b"more")).forward is None
    assert scene.back(flow.answer()).forward is None
    other = scene.open(Flow(cport=40_001))
    assert_untouched(scene, other, INNOCENT)
    (entry,) = scene.log
    assert (entry.actor, entry.action, entry.block_type, entry.alias) == ("middlebox", "drop", "x.drop", "t")
    assert (entry.name, entry.address, entry.port, entry.direction) == ("t.example", SERVER, 443, "to_server")


def test_drop_lets_so_many_packets_pass_first(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop", pass_packets=2))
    flow = scene.open(Flow())
    assert scene.out(flow.data(HELLO)).forward is not None
    passed = [scene.back(flow.answer(b"x")).forward is not None for _ in range(4)]
    assert passed == [True, True, False, False]
    assert len(scene.log) == 1


def test_drop_at_the_first_data_leaves_the_handshake_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "drop", on="data"))
    flow = scene.open(Flow())
    assert scene.out(flow.data(INNOCENT)).forward is None
    assert scene.back(flow.answer()).forward is None


def test_drop_to_client_lets_the_server_hear(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "drop_to_client"))
    raw = Flow().syn()
    assert untouched(scene.out(raw), raw)
    assert scene.back(Flow().answer(flags=SYN | ACK)).forward is None
    assert [entry.direction for entry in scene.log] == ["to_client"]


@pytest.mark.parametrize("pass_acks", [False, True])
def test_a_muted_hello_may_be_acknowledged(tmp_path: Path, pass_acks: bool) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop_to_client", pass_acks=pass_acks))
    flow = scene.open(Flow())
    assert_untouched(scene, flow, HELLO)
    assert (scene.back(flow.answer()).forward is not None) is pass_acks
    assert scene.back(flow.answer(b"server hello")).forward is None
    assert scene.back(flow.answer(flags=FIN | ACK)).forward is None
    assert len(scene.log) == 1


def test_probability_is_drawn_once_per_flow(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "drop", probability=0.5), seed=3)
    fates = set()
    for cport in range(40):
        flow = Flow(cport=cport + 1)
        fate = {scene.out(flow.syn()).forward is None for _ in range(5)}
        assert len(fate) == 1, f"flow {cport} of seed 3"
        fates |= fate
    assert fates == {True, False}


# bounds


def test_the_log_is_bounded_per_rule_and_flow(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "drop"))
    flow = Flow()
    for _ in range(250):
        scene.out(flow.syn())
    assert len(scene.log) == 200
    scene.out(Flow(cport=2).syn())
    assert len(scene.log) == 201


def test_a_flood_of_flows_does_not_grow_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_lab.box.flows.MAX_FLOWS", 10)
    monkeypatch.setattr("probe_lab.path.nat.MAX_MAPPINGS", 5)
    scene = Scene(tmp_path, rule("sni", "t.example", "drop"), rule("udp53", (), "redirect", to=RESOLVER))
    oldest = scene.open(Flow(cport=1))
    scene.out(oldest.data(HELLO[:100]))
    for port in range(2, 40):
        scene.out(Flow(cport=port).syn())
        scene.out(query("a.example", to="8.8.8.8", cport=port))
    assert_untouched(scene, oldest, HELLO[100:])  # its beginning is forgotten
    newest = Flow(cport=39, sent=0)
    assert scene.out(newest.data(HELLO)).forward is None
