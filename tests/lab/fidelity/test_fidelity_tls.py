"""Censors of TLS, seen on the wire: what the client's interface captures is what the scenario's sources describe."""

from __future__ import annotations

import itertools

import pytest
from cryptography import x509

from lab_both_ends import BothEnds
from lab_fidelity import Flow, Watched, Watching
from lab_hellos import ECH, ESNI, hello, with_extension
from lab_tls_views import (
    SLACK_S,
    assert_answers_hello,
    assert_residual_hits_the_tuple_alone,
    bare_syns,
    client_hello,
    drawn_header,
    header,
    hello_end,
    other_name,
    server_data,
    server_next,
    syn_ack,
)

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

HENAN_BYTES = bytes.fromhex("01020304050607080900")


# --- China


def test_gfw_2(watch: Watching) -> None:
    w = watch("sni-gfw2")
    t = w.target("t")
    flow = w.tls(t)
    assert flow.failure == "ECONNRESET"
    w.await_packets(3, flow, flags="R")
    w.settle()
    resets = w.from_server(flow, flags="R")
    assert len(resets) == 3
    assert {bytes(p.raw) for p in resets} == {resets[0].raw}, "identical copies"
    for p in resets:
        assert p.flags == "RA"
        assert header(p) == drawn_header(w)
        assert p.tcp.window == w.number("ttl") + 1375
        assert p.payload == b""
        assert_answers_hello(w, flow, p)
        assert p.time_s - client_hello(w, flow).time_s >= w.box_rtt_s + w.params().number("delay_ms") / 1000 - SLACK_S
    assert all(p.time_s > resets[-1].time_s for p in server_data(w, flow)), "the forgeries win the race"
    assert_residual_hits_the_tuple_alone(w, t)


def test_gfw_1_and_3(watch: Watching) -> None:
    w = watch("sni-gfw13")
    t = w.target("t")
    flow = w.tls(t)
    assert flow.failure == "ECONNRESET"
    w.await_packets(2, flow, flags="R")
    w.settle()
    first, second = w.from_server(flow, flags="R")
    assert (first.flags, second.flags) == ("R", "RA"), "signature 13 of Cloudflare's list"
    for rule, p in enumerate((first, second)):
        assert header(p) == drawn_header(w, rule)
        assert p.tcp.window == w.number("window", rule=rule)
        assert_answers_hello(w, flow, p)
    assert header(first)[1:] == (0, False)
    assert first.tcp.ack == 0
    assert second.ip.ttl == 248
    assert 0x9916 <= second.ip.id <= 0x9933
    assert_residual_hits_the_tuple_alone(w, t)


def test_henan(watch: Watching) -> None:
    w = watch("sni-henan")
    t = w.target("t")
    flow = w.tls(t)
    assert flow.failure == "ECONNRESET"
    assert client_hello(w, flow).tcp.dataofs == 5
    w.settle()
    (reset,) = w.from_server(flow, flags="RA")
    assert reset.payload == HENAN_BYTES
    assert header(reset) == (58, 1, False)
    assert_answers_hello(w, flow, reset)
    assert w.tls(t, name=other_name(w)).failure != "ECONNRESET", "no punishment follows"
    assert w.tls(t, split=60).failure == "", "it does not put segments together"
    w.sysctl("net/ipv4/tcp_timestamps", "1")
    assert w.tls(t).failure == "", "a header with options does not set it off"


def test_henan_resets_the_client_alone(ends: BothEnds, seed: int) -> None:
    with ends.watched("sni-henan", seed % 1000) as w:
        flow = w.tls(w.target("t"))
        assert flow.failure == "ECONNRESET"
        w.agent.await_that(lambda: bool(server_data(w, flow)), "the server has heard it and answers")
    forged = [p for p in ends.at_server(flow, sent=False, flags="R") if HENAN_BYTES in p.raw or "A" in p.flags]
    assert forged == [], "only the client's own kernel resets the server"


# --- Russia


def test_tspu_1(ends: BothEnds, seed: int) -> None:
    with ends.watched("sni-tspu1", seed % 1000) as w:
        t = w.target("t")
        flow = w.tls(t)
        assert flow.failure == "ECONNRESET"
        w.settle()
        reset = w.from_server(flow, flags="RA")[0]
        hops = w.drawn.world.hops
        end, begin = hello_end(w, flow), server_next(w, flow)
        assert reset.payload == b""
        assert reset.tcp.window == w.number("window")
        assert (reset.tcp.seq, reset.tcp.ack) == (begin, end)
        assert not [p for p in w.from_server(flow) if p.payload], "nothing that the server says arrives"
        assert w.tls(t, name=other_name(w)).failure != "ECONNRESET"
    data = next(p for p in ends.at_server(flow, sent=True) if p.payload)
    assert header(reset) == (data.ip.ttl - hops, data.ip.id, "DF" in str(data.ip.flags)), "the server's own header"
    assert reset.ip.ttl == syn_ack_ttl(w, flow)
    heard = [p.payload for p in ends.at_server(flow, sent=False) if p.payload]
    assert heard[0][0] == 0x16, "the ClientHello arrived"


def syn_ack_ttl(w: Watched, flow: Flow) -> int:
    return int(syn_ack(w, flow).ip.ttl)


def test_tspu_2_lets_exactly_so_many_packets_pass(ends: BothEnds, seed: int) -> None:
    with ends.watched("sni-tspu2", seed % 1000) as w:
        t = w.target("t")
        flow = w.tls(t, get="/", asks=9, timeout_s=6)  # a single small page can be over before anything is dropped
        assert flow.failure == "timeout"
        again, other = bare_syns(w, flow)
        assert w.tls(t, name=other_name(w)).stage != "connect"
        last = client_hello(w, flow)
        inward = [p for p in w.from_server(flow) if p.time_s > last.time_s]
        end = hello_end(w, flow)
        assert w.from_server(flow, flags="R") == []
    outward = [p for p in ends.at_server(flow, sent=False) if p.tcp.seq != again]
    assert not [p for p in ends.at_server(flow, sent=False) if p.tcp.seq == again], "the same four-tuple is dead"
    assert ends.at_server(other, sent=False, flags="S"), "and no other"
    at = next(n for n, p in enumerate(outward) if p.payload and (p.tcp.seq + len(p.payload)) % 2**32 == end)
    assert len(inward) + len(outward[at + 1 :]) == w.number("pass_packets")
    assert any(p.tcp.ack == end for p in inward), "the ClientHello is acknowledged"


def test_tspu_4(ends: BothEnds, seed: int) -> None:
    with ends.watched("sni-tspu4", seed % 1000) as w:
        t = w.target("t")
        flow = w.tls(t, timeout_s=4)
        assert (flow.stage, flow.failure) == ("connected", "timeout")
        said = [p for p in w.packets(flow, sent=True) if p.payload]
        copies = [p for p in said if p.tcp.seq == said[0].tcp.seq]
        assert len(copies) >= 3, "it is sent again and again"
        gaps = [b.time_s - a.time_s for a, b in itertools.pairwise(copies)]
        assert gaps[-1] > gaps[0], "ever more slowly"
        assert {p.flags for p in w.from_server(flow)} == {"SA"}, "nothing acknowledges it, nothing resets it"
        again, other = bare_syns(w, flow)
        assert w.tls(t, name=other_name(w)).stage != "connect", "punishment of this four-tuple alone"
    assert not [p for p in ends.at_server(flow, sent=False) if p.payload], "the server never saw it"
    assert not [p for p in ends.at_server(flow, sent=False) if p.tcp.seq == again]
    assert ends.at_server(other, sent=False, flags="S")


def test_the_clients_next_packet_is_thrown_back(ends: BothEnds, seed: int) -> None:
    with ends.watched("sni-ipid-copy", seed % 1000) as w:
        t = w.target("t")
        flow = w.tls(t)
        assert flow.failure == "ECONNRESET"
        w.settle()
        (reset,) = w.from_server(flow, flags="R")
        first = client_hello(w, flow)
        thrown = next(p for p in w.packets(flow, sent=True) if first.time_s < p.time_s < reset.time_s)
        distance = w.drawn.world.censor_hop - 1
        assert reset.flags == "R"
        assert header(reset) == (thrown.ip.ttl - 2 * distance, (thrown.ip.id + 1) % 65_536, False)
        assert reset.tcp.window == thrown.tcp.window
        assert reset.tcp.seq == server_next(w, flow)
        assert w.tls(t, name=other_name(w)).failure != "ECONNRESET"
    assert not [p for p in ends.at_server(flow, sent=False) if p.payload], "the ClientHello was swallowed"


# --- others


def test_silence_from_the_server(watch: Watching) -> None:
    w = watch("sni-s2c-drop")
    t = w.target("t")
    flow = w.tls(t, timeout_s=4)
    assert (flow.stage, flow.failure) == ("connected", "timeout")
    assert len([p for p in w.packets(flow, sent=True) if p.payload]) == 1, "it is not sent again"
    assert any(p.tcp.ack == hello_end(w, flow) for p in w.from_server(flow)), "since it is acknowledged"
    assert not [p for p in w.from_server(flow) if p.payload or "R" in p.flags or "F" in p.flags]
    assert w.tls(t, name=other_name(w)).failure != "timeout"


def test_resets_for_the_server_alone(ends: BothEnds, seed: int) -> None:
    with ends.watched("sni-rst-s", seed % 1000) as w:
        flow = w.tls(w.target("t"), timeout_s=4)
        assert flow.failure in ("ECONNRESET", "timeout")
        w.settle()
        assert all(p.ip.ttl == w.server_ttl for p in w.from_server(flow)), "whatever comes is the server's own"
        end, begin = hello_end(w, flow), server_next(w, flow)
    world, params = w.drawn.world, w.params()
    left = w.number("ttl") - (world.hops - world.censor_hop + 1)
    forged = [p for p in ends.at_server(flow, sent=False, flags="R") if p.tcp.window == 8192]
    assert len(forged) == 5
    assert {p.raw for p in forged} == {forged[0].raw}
    assert forged[0].flags == "R"
    assert header(forged[0])[::2] == (left, params.flag("df"))
    assert forged[0].tcp.seq == end
    assert begin


def test_a_forged_end(watch: Watching) -> None:
    w = watch("sni-fin")
    t = w.target("t")
    flow = w.tls(t)
    assert flow.failure == "closed"
    w.settle()
    end = w.from_server(flow, flags="F")[0]
    assert end.flags == "FA"
    assert header(end)[::2] == drawn_header_without_id(w)
    assert end.tcp.window == w.number("window")
    assert end.payload == b""
    assert_answers_hello(w, flow, end)
    assert server_data(w, flow) == [], "the two are kept apart"
    assert w.tls(t, name=other_name(w)).failure != "closed"


def drawn_header_without_id(w: Watched) -> tuple[int, bool]:
    return w.ttl_at_client(w.number("ttl")), w.params().flag("df")


def test_a_forged_alert(watch: Watching) -> None:
    w = watch("sni-alert")
    t = w.target("t")
    flow = w.tls(t)
    assert flow.failure == "tls TLSV1_ALERT_INTERNAL_ERROR"
    w.settle()
    alert = next(p for p in w.from_server(flow) if p.payload)
    assert alert.payload[:1] + alert.payload[3:] == bytes((21, 0, 2, 2, 80)), "one fatal alert, in plain text"
    assert alert.flags == "FPA"
    assert header(alert)[::2] == drawn_header_without_id(w)
    assert alert.tcp.window == w.number("window")
    assert_answers_hello(w, flow, alert)
    assert server_data(w, flow) == []
    assert "INTERNAL_ERROR" not in w.tls(t, name=other_name(w)).failure


def test_egypt(watch: Watching) -> None:
    w = watch("sni-egypt")
    t = w.target("t")
    flow = w.tls(t)
    assert flow.failure == "ECONNRESET"
    w.await_packets(2, flow, flags="R")
    w.settle()
    near, far = [p for p in w.from_server(flow, flags="R") if p.ip.ttl != w.server_ttl or p.ip.id]
    assert (near.flags, far.flags) == ("R", "R")
    assert header(near)[1:] == (0, True)
    assert header(far)[1:] == (0x1234, False)
    for rule, p in enumerate((near, far)):
        assert header(p) == drawn_header(w, rule)
        assert_answers_hello(w, flow, p)
    assert far.time_s - near.time_s >= 0.002 - SLACK_S
    assert w.tls(t, name=other_name(w)).failure != "ECONNRESET"


def test_interception_of_one_name(watch: Watching) -> None:
    w = watch("tls-mitm")
    t, c = w.target("t"), w.innocent(port=443)
    own, others = (x509.load_der_x509_certificate(w.tls(place).certificate) for place in (t, c))
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert t.sni in names.get_values_for_type(x509.DNSName)
    assert own.not_valid_before_utc < own.not_valid_after_utc
    foreign = x509.load_der_x509_certificate(w.tls(c, name=c.sni).certificate)
    assert own.issuer != others.issuer
    assert foreign.issuer == others.issuer, "another name keeps its own certificate"


def test_one_authority_signs_for_three_owners(watch: Watching) -> None:
    w = watch("company-mitm")
    signed = [x509.load_der_x509_certificate(w.tls(t).certificate).issuer for t in w.targets()]
    own = x509.load_der_x509_certificate(w.tls(w.innocent(port=443)).certificate).issuer
    assert len(signed) == 3
    assert set(signed) == {signed[0]} != {own}


# --- names that are hidden


def test_esni_in_china(ends: BothEnds, seed: int) -> None:
    with ends.watched("esni-gfw", seed % 1000) as w:
        t = w.target("t")
        assert w.tls(t).failure == "", "the same name in the clear"
        flow = w.tcp(t, with_extension(hello("any.example"), ESNI, bytes(300)), timeout_s=3)
        assert flow.failure == "timeout"
        assert len([p for p in w.packets(flow, sent=True) if p.payload]) >= 2, "it is sent again"
        assert {p.flags for p in w.from_server(flow)} == {"SA"}, "never acknowledged, and nothing is injected"
        assert w.tls(t, timeout_s=2).failure == "timeout", "for a while the port is dead"
        assert w.tls(w.innocent()).failure == ""
    assert not [p for p in ends.at_server(flow, sent=False) if p.payload]


def test_ech_in_russia_needs_both_marks(watch: Watching) -> None:
    w = watch("ech-ru")
    t = w.target("t")
    outer = "cloudflare-ech.com"
    answered = {
        "both": w.tcp(t, with_extension(hello(outer), ECH, bytes(300)), timeout_s=3, read_bytes=1).n_bytes,
        "name": w.tcp(t, hello(outer), timeout_s=5, read_bytes=1).n_bytes,
        "extension": w.tcp(t, with_extension(hello(t.sni), ECH, bytes(300)), timeout_s=5, read_bytes=1).n_bytes,
    }
    assert {mark for mark, count in answered.items() if count} == {"name", "extension"}
