"""What sets rules off: places by network and port, encrypted hellos, protocols, QUIC versions, fragments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.message
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab_hellos import ECH, ESNI, with_extension
from lab_traffic import (
    CLIENT,
    CLIENT6,
    CLIENT_TTL,
    HELLO,
    INNOCENT,
    RESOLVER,
    SERVER,
    SERVER6,
    Flow,
    Scene,
    assert_untouched,
    client_hello,
    flow_of,
    get,
    query,
    read,
    rule,
    sent,
    untouched,
)
from probe_lab.box.actions import ACTIONS, TRIGGERS
from probe_lab.box.defragment import fragment_packet
from probe_lab.box.matches import MATCHERS, NameIndex
from probe_lab.box.protocols import guess_protocol, read_carried
from probe_lab.box.rulebook import make_ready
from probe_lab.lab_types import Rule, Value
from probe_lab.wire.packet import IpHeader, build_udp

TCP, UDP = 6, 17
QUESTION = dns.message.make_query("a.example", "A", id=7).to_wire()
STUN = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
QUIC_LIKE = b"\xc0" + (1).to_bytes(4) + b"\x08" + bytes(8) + b"\0" + bytes(1185)
MATCH_OF = {
    "all": (), "udp53": (), "address": (SERVER, "10.0.0.0/8"), "not_address": ("2a04:4e42::/32",),
    "address_port": (f"{SERVER}:443",), "port": ("tcp/853",), "protocol": ("stun",), "not_protocol": ("tls", "http"),
    "quic_version": ("00000001",), "fingerprint": ("grease=no", "ciphers>1", "ciphers<99"),
}
NEEDED: Mapping[str, Mapping[str, Value]] = {"freeze": {"after_packets": 5}, "redirect": {"to": RESOLVER}}


def datagram(payload: bytes, *, to: str = SERVER, sport: int = 443, cport: int = 50_000) -> bytes:
    header = IpHeader(src=CLIENT6 if ":" in to else CLIENT, dst=to, ttl=CLIENT_TTL, ip_id=3)
    return build_udp(header, sport=cport, dport=sport, payload=payload)


def dropped(scene: Scene, raw: bytes) -> bool:
    return scene.out(raw).forward is None


# the tables


def test_every_action_can_follow_every_trigger_that_the_table_allows(tmp_path: Path) -> None:
    for name, action in ACTIONS.items():
        extra = NEEDED.get(name, {})
        for trigger in action.triggers:
            scene = Scene(tmp_path, rule(trigger, MATCH_OF.get(trigger, ("t.example",)), name, **extra))
            flow = Flow()
            for raw in (flow.syn(), flow.data(HELLO), query("t.example"), datagram(STUN), datagram(QUIC_LIKE, cport=9)):
                scene.out(raw)
            scene.back(flow.answer(b"x"))


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (rule("port", "0", "drop"), "cannot match"),
        (rule("port", "sctp/9", "drop"), "cannot match"),
        (rule("port", "70000", "drop"), "cannot match"),
        (rule("protocol", "ssh", "drop"), "cannot match"),
        (rule("quic_version", "1", "drop"), "cannot match"),
        (rule("fingerprint", "mood=good", "drop"), "cannot match"),
        (rule("fingerprint", "bytes~9", "drop"), "cannot match"),
        (rule("fingerprint", "has=xyz", "drop"), "cannot match"),
        (rule("fingerprint", "address=10.0.0.0.1", "drop"), "match"),
        (rule("fingerprint", "grease=no", "drop", reassemble=False), "means nothing"),
        (rule("not_address", "10.0.0.0/33", "drop"), "match"),
        (rule("address", "10.0.0/8x", "drop"), "match"),
        (rule("sni", "a", "drop", sport_above=True), "means nothing"),
        (rule("address", SERVER, "drop", reassemble=False), "means nothing"),
        (rule("sni", "a", "reset", residual_action="throttle"), "throttle"),
        (rule("sni", "a", "throttle", rate_bps=0), "rate"),
        (rule("sni", "a", "throttle", bucket_bytes=1499), "bucket"),
        (rule("sni", "a", "drop", ports="443,80"), "ports"),
        (rule("sni", "a", "drop", transport="sctp"), "transport"),
        (rule("qname", "a", "inject_dns", cname="a..b"), "cname"),
        (rule("sni", "a", "limit"), "cannot follow"),
        (rule("quic_sni", "a", "reset"), "cannot follow"),
    ],
)
def test_rules_that_say_nonsense_are_refused(bad: Rule, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make_ready([bad])


# places


def test_networks_hold_their_addresses_in_both_families(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", ("151.101.0.0/22", "2a04:4e42::/32", "8.8.8.8"), "drop"))
    inside = (SERVER, "151.101.3.255", "8.8.8.8", SERVER6, "2a04:4e42:ffff::1")
    outside = ("151.101.4.0", "8.8.8.9", "2a04:4e43::1", "2a05::1")
    assert all(dropped(scene, datagram(b"x", to=address)) for address in inside)
    assert not any(dropped(scene, datagram(b"x", to=address)) for address in outside)


def test_an_allow_list_lets_only_the_listed_pass(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("not_address", ("151.101.0.0/16", RESOLVER), "drop"))
    assert not dropped(scene, Flow().syn())
    assert not dropped(scene, query("t.example"))
    assert dropped(scene, query("t.example", to="8.8.8.8"))
    assert dropped(scene, flow_of(6).syn())
    assert scene.back(Flow(server="9.9.9.9").answer()).forward is None


def test_ports_with_and_without_a_transport(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("port", ("443", "tcp/853", "udp/8853"), "drop"))
    for sport, tcp, udp in ((443, True, True), (853, True, False), (8853, False, True), (80, False, False)):
        assert dropped(scene, Flow(sport=sport).syn()) is tcp
        assert dropped(scene, datagram(b"x", sport=sport)) is udp


def test_name_index_agrees_with_a_look_at_each_list() -> None:
    lists = [("a.b",), ("*.b", "c"), ("*",), ("*b",), ("*.a.b", "a.b")]
    index = NameIndex(enumerate(MATCHERS["sni"](names) for names in lists))
    assert index.find("a.b") == {0, 1, 2, 3, 4}
    assert index.find("x.a.b") == {1, 2, 3, 4}
    assert index.find("b") == {2, 3}
    assert index.find("c") == {1, 2}
    assert index.find("") == set()
    assert index.find("", nameless=True) == {2}


# ClientHellos


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("kind", [ECH, ESNI])
def test_an_encrypted_hello_is_known_by_extension_and_outer_name(tmp_path: Path, kind: int, version: int) -> None:
    scene = Scene(tmp_path, rule("ech", "outer.example", "drop"))
    loud = with_extension(client_hello("outer.example"), kind, bytes(200))
    assert_untouched(scene, scene.open(flow_of(version, cport=1)), client_hello("outer.example"))
    assert_untouched(scene, scene.open(flow_of(version, cport=2)), with_extension(INNOCENT, kind, bytes(200)))
    harmless = with_extension(client_hello("outer.example"), 0xFE0E, b"")
    assert_untouched(scene, scene.open(flow_of(version, cport=3)), harmless)
    flow = scene.open(flow_of(version))
    assert dropped(scene, flow.data(loud))
    assert dropped(scene, flow.data(b"x"))
    assert [(entry.name, entry.action) for entry in scene.log] == [("outer.example", "drop")]


def test_an_extension_after_the_name_in_a_later_segment_counts(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("ech", "t.example", "drop"), rule("sni", "t.example", "reset", direction="client"))
    flow = scene.open(Flow())
    hello = bytearray(HELLO)
    last = hello.rindex(b"\0\x33\0\x26")  # key_share, which OpenSSL puts behind the name
    hello[last : last + 2] = ECH.to_bytes(2)
    cut = hello.index(b"t.example") + 9
    assert cut < last
    early, late = (scene.out(flow.data(bytes(part))) for part in (hello[:cut], hello[cut:]))
    assert early.forward is not None
    assert len(early.injected) == 1
    assert late.forward is None
    assert [(entry.action, entry.name) for entry in scene.log] == [("reset", "t.example"), ("drop", "t.example")]


def test_any_encrypted_hello_even_without_a_name(tmp_path: Path) -> None:
    nameless = bytearray(with_extension(HELLO, ESNI, bytes(80)))
    at = nameless.index(b"t.example") - 9
    assert nameless[at : at + 2] == b"\0\0"
    nameless[at : at + 2] = b"\xab\xcd"  # no longer server_name
    scene = Scene(tmp_path, rule("ech", "*", "drop_to_server"), rule("sni", "*", "reset"))
    passage = scene.out(scene.open(Flow()).data(bytes(nameless)))
    assert passage.forward is None
    assert passage.injected == []


@pytest.mark.parametrize("version", [4, 6])
def test_a_hello_in_segments_of_any_order_with_repeats(tmp_path: Path, version: int) -> None:
    cut = HELLO.index(b"t.example") + 3
    for order in ((0, 1), (1, 0), (0, 0, 1), (1, 1, 0)):
        scene = Scene(tmp_path, rule("sni", "t.example", "drop"))
        flow = scene.open(flow_of(version))
        segments = [flow.data(HELLO[:cut]), flow.data(HELLO[cut:])]
        fates = [dropped(scene, segments[index]) for index in order]
        assert fates == [False] * (len(order) - 1) + [True], order
        assert all(dropped(scene, segment) for segment in segments)


# protocols


@pytest.mark.parametrize(
    ("data", "proto", "port", "expected"),
    [
        (HELLO, TCP, 443, "tls"),
        (HELLO[:1], TCP, 443, "tls"),
        (get("a.example"), TCP, 8080, "http"),
        (b"PO", TCP, 80, "http"),
        (b"\0\x1d" + QUESTION, TCP, 99, "dns"),
        (b"\0\x1d", TCP, 53, "dns"),
        (b"\0\x1d", TCP, 99, "other"),
        (b"<?xml version='1.0'?><stream:stream", TCP, 5222, "xmpp"),
        (b"<stream:stream to='a'>", TCP, 5222, "xmpp"),
        (STUN, TCP, 3478, "stun"),
        (b"\xef" * 64, TCP, 443, "other"),
        (b"SSH-2.0-x\r\n", TCP, 22, "other"),
        (QUESTION, UDP, 99, "dns"),
        (b"\xc1\x02" + QUESTION[2:], UDP, 53, "dns"),
        (QUIC_LIKE, UDP, 443, "quic"),
        (STUN, UDP, 19302, "stun"),
        (b"x", UDP, 443, "other"),
    ],
)
def test_what_first_payloads_look_like(data: bytes, proto: int, port: int, expected: str) -> None:
    assert guess_protocol(data, proto=proto, port=port) == expected


def test_what_http_carries_is_told_besides(tmp_path: Path) -> None:
    plain = b"POST /mmtls/0123 HTTP/1.1\r\nHost: a.example\r\nUpgrade: mmtls\r\n\r\n\x16\xf1\x04"
    assert guess_protocol(plain, proto=TCP, port=80) == "http"
    assert read_carried(plain) == "mmtls"
    body = b"GET / HTTP/1.1\r\n\r\nupgrade: mmtls"
    for other in (plain.replace(b"mmtls\r", b"h2c\r"), b"\r\nUpgrade: mmtls\r\n", body):
        assert read_carried(other) == ""


def test_only_the_first_payload_of_a_flow_tells_its_protocol(tmp_path: Path) -> None:
    listed = rule("not_protocol", ("tls", "http", "dns"), "drop_to_server", ports=("53", "80", "443"), transport="tcp")
    scene = Scene(tmp_path, listed, rule("protocol", "stun", "drop"))
    tls = scene.open(Flow(cport=1))
    assert_untouched(scene, tls, HELLO)
    assert_untouched(scene, tls, b"\x01 what comes later")
    assert_untouched(scene, scene.open(Flow(cport=2, sport=8443)), b"\xef" * 64)
    strange = scene.open(Flow(cport=3))
    assert dropped(scene, strange.data(b"\xef" * 64))
    assert dropped(scene, strange.data(HELLO))
    assert scene.back(strange.answer(b"x")).forward is not None
    assert dropped(scene, datagram(STUN))
    raw = datagram(b"no stun", cport=6)
    assert untouched(scene.out(raw), raw)
    assert not dropped(scene, datagram(STUN, cport=6))
    assert [(entry.action, entry.port) for entry in scene.log] == [("drop_to_server", 443), ("drop", 443)]


# QUIC versions; names in Initials have tests of their own


@pytest.mark.parametrize("to", [SERVER, SERVER6])
def test_a_version_in_any_long_header(tmp_path: Path, to: str) -> None:
    scene = Scene(tmp_path, rule("quic_version", ("00000001", "6B3343CF"), "drop", residual_s=9, residual_tuple="4"))
    other = QUIC_LIKE[:1] + bytes.fromhex("babababa") + QUIC_LIKE[5:]
    assert not dropped(scene, datagram(other, to=to))
    assert not dropped(scene, datagram(b"\x40" + QUIC_LIKE[1:], to=to))
    assert dropped(scene, datagram(QUIC_LIKE, to=to))  # of the same flow
    assert dropped(scene, datagram(b"\x40" + QUIC_LIKE[1:], to=to))
    second = QUIC_LIKE[:1] + bytes.fromhex("6b3343cf") + QUIC_LIKE[5:]
    assert dropped(scene, datagram(second, to=to, cport=7))


# fragments


@pytest.mark.parametrize("version", [4, 6])
def test_a_hello_in_fragments_is_seen_and_all_of_them_are_dropped(tmp_path: Path, version: int) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop"))
    flow = scene.open(flow_of(version))
    parts = fragment_packet(flow.data(HELLO), mtu=200, identification=7)
    assert len(parts) > 2
    passages = [scene.out(part) for part in (*parts[1:], parts[0])]
    assert all(passage.forward is None and not passage.earlier for passage in passages)
    assert len(scene.log) == 1
    other = scene.open(flow_of(version, cport=2))
    parts = fragment_packet(other.data(INNOCENT), mtu=200, identification=8)
    *waiting, last = (scene.out(part) for part in parts)
    assert all(passage.forward is None for passage in waiting)
    assert (*last.earlier, last.forward) == parts


@pytest.mark.parametrize("to", [RESOLVER, "2620:fe::9"])
def test_a_question_in_fragments_is_answered(tmp_path: Path, to: str) -> None:
    scene = Scene(tmp_path, rule("qname", "t.example", "inject_dns", answers=("10.10.34.34", "d0::11")))
    raw = query("t.example", to=to)
    parts = fragment_packet(raw, mtu=len(raw) - 1, identification=9)
    assert len(parts) > 1
    *_, last = (scene.out(part) for part in parts)
    assert len(last.injected) == 1
    assert (*last.earlier, last.forward) == parts


def test_a_redirected_packet_leaves_in_fragments_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("udp53", (), "redirect", to=RESOLVER))
    raw = query("t.example", to="8.8.8.8")
    *_, last = (scene.out(part) for part in fragment_packet(raw, mtu=48, identification=9))
    pieces = (*last.earlier, last.forward)
    assert len(pieces) > 1
    whole = Scene(tmp_path, rule("address", RESOLVER, "icmp"))
    *_, end = (whole.out(piece) for piece in pieces if piece is not None)
    (error,) = sent(end, to_client=True)
    assert (read(error.payload).dst, read(error.payload).payload) == (RESOLVER, read(raw).payload)


# whatever comes


@pytest.mark.slow
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_bytes_hurt_a_box_with_every_rule(tmp_path: Path, data: st.DataObject) -> None:
    rules = []
    for name, action in ACTIONS.items():
        extra = NEEDED.get(name, {})
        rules += [rule(trigger, MATCH_OF.get(trigger, "*"), name, **extra) for trigger in sorted(action.triggers)]
    assert {found.trigger for found in make_ready(rules)} == set(TRIGGERS)
    scene = Scene(tmp_path, *(found for found in rules if found.trigger not in ("all", "address", "not_address")))
    flow = Flow(sport=data.draw(st.sampled_from((53, 80, 443))))
    junk = st.binary(max_size=80)
    for _ in range(6):
        payload = data.draw(st.sampled_from((b"", HELLO[:90], b"\x16\x03\1", b"GET ", b"\0\x20", QUIC_LIKE[:60])))
        payload += data.draw(junk)
        raw = data.draw(st.sampled_from((flow.data(payload), datagram(payload, sport=flow.sport), flow.syn())))
        damaged = bytearray(raw)
        if data.draw(st.booleans()):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        scene.out(bytes(damaged))
        scene.back(bytes(damaged))
        scene.out(data.draw(junk))
