"""Censors that slow, freeze or cut a flow that works: rates, counts and directions, from captures at both ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from scapy.layers.inet import IP, TCP

from lab_both_ends import BothEnds, pull
from lab_fidelity import Flow, Place, Seen, Watched
from lab_hellos import hello
from probe_lab.lab_types import DrawnScenario, Value
from project_root import LAB_CLIENTS

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

FLOOD_S = 5.0
"""How long a flow is offered far more than the rate."""
WINDOW_S = 3.0
"""Over how much of it at least a rate is measured."""
TOLERANCE = 0.25
SLACK_S = 0.5
"""Between the box and the client's capture packets may bunch up on a busy machine."""
FLOOD = LAB_CLIENTS / "flood.py"


def with_params(**params: Value) -> Callable[[DrawnScenario], DrawnScenario]:
    """Change parameters of the first rule after they were drawn."""

    def change(drawn: DrawnScenario) -> DrawnScenario:
        first = drawn.rules[0]
        return replace(drawn, rules=(replace(first, params={**first.params, **params}), *drawn.rules[1:]))

    return change


def payload_bytes(packets: Sequence[Seen]) -> int:
    return sum(len(p.payload) for p in packets)


# --- throttles


def say_hello(w: Watched, place: Place, name: str) -> Flow:
    """Open a flow, name somebody, and leave it."""
    return w.tcp(place, hello(name), read_bytes=1, timeout_s=8)


def flood(w: Watched, flow: Flow, *, size: int, rate_bps: float) -> int:
    """Offer the flow five times a rate, in packets of one size past the client's kernel; returns how many."""
    segment = IP(src=w.drawn.world.client4, dst=flow.address) / TCP(
        sport=flow.sport, dport=flow.port, flags="A", seq=w.packets(flow, sent=True)[-1].tcp.seq, ack=1
    )
    packet = bytes(segment / bytes(size - len(segment)))
    arguments = (packet.hex(), 5 * rate_bps / 8 / size, FLOOD_S)
    done = w.lab.run([sys.executable, "-I", str(FLOOD), *map(str, arguments)], timeout_s=100)
    assert done.returncode == 0, done.stderr.decode()
    w.settle()
    return int(done.stdout)


def arrived(ends: BothEnds, flow: Flow, size: int) -> list[Seen]:
    """What of a flood came to the server."""
    return [p for p in ends.at_server(flow, sent=False) if len(p.raw) == size]


def passed_bps(packets: Sequence[Seen]) -> float:
    """Bits a second of whole packets after the first second, when the bucket's burst is over."""
    rest = [p for p in packets if p.time_s - packets[0].time_s >= 1]
    span_s = rest[-1].time_s - rest[0].time_s
    assert span_s >= WINDOW_S
    return sum(len(p.raw) for p in rest[1:]) * 8 / span_s


@pytest.mark.parametrize(("scenario", "size"), [("sni-tspu3", 100), ("sni-tw21", 500)])
def test_a_policer_lets_its_rate_pass(ends: BothEnds, seed: int, scenario: str, size: int) -> None:
    with ends.watched(scenario, seed % 1000) as w:
        t, c = w.target("t"), w.innocent()
        rate_bps = w.number("rate_bps")
        flow, free = say_hello(w, t, t.sni), say_hello(w, t, c.sni)
        flood(w, flow, size=size, rate_bps=rate_bps)
        sent = flood(w, free, size=size, rate_bps=rate_bps)
    assert passed_bps(arrived(ends, flow, size)) == pytest.approx(rate_bps, rel=TOLERANCE)
    assert len(arrived(ends, free, size)) == sent, "another name is free"


def test_a_download_runs_at_the_policed_rate(ends: BothEnds, seed: int) -> None:
    with ends.watched("sni-tw21", seed % 1000, change=with_params(bucket_bytes=16384)) as w:
        flow = pull(w, w.target("t"), wanted=110_000, patience_s=10)
        assert flow.failure == ""
        came = [p for p in w.from_server(flow) if p.payload]
        rate_bps = w.number("rate_bps")
    assert passed_bps(came) == pytest.approx(rate_bps, rel=TOLERANCE)
    sent = [p for p in ends.at_server(flow, sent=True) if p.payload]
    assert len(sent) > len(came), "what is too much vanishes"
    assert not [p for p in came if p.ip.ttl != w.server_ttl], "nothing is forged"


def test_nothing_outruns_650_bytes_a_second(ends: BothEnds, seed: int) -> None:
    with ends.watched("sni-tspu3", seed % 1000) as w:
        flow = w.tls(w.target("t"), get="/", timeout_s=12, read_bytes=500)
        came = w.from_server(flow)[1:]
        said = w.packets(flow, sent=True)
        rate_bps, bucket_bytes = w.number("rate_bps"), w.number("bucket_bytes")
        assert w.tls(w.innocent()).failure == ""
        assert payload_bytes(said) > 200
    total = 0
    for p in came:
        total += len(p.raw)
        assert total <= bucket_bytes + rate_bps / 8 * (p.time_s - came[0].time_s + SLACK_S)


def test_in_turkey_the_address_stays_slow_for_everybody(ends: BothEnds, seed: int) -> None:
    size = 500
    with ends.watched("sni-tr-thr", seed % 1000) as w:
        t, c = w.target("t"), w.innocent()
        rate_bps = w.number("rate_bps")
        before = say_hello(w, t, c.sni)
        sent = flood(w, before, size=size, rate_bps=rate_bps)
        say_hello(w, t, t.sni)
        after, elsewhere = say_hello(w, t, c.sni), say_hello(w, c, c.sni)
        flood(w, after, size=size, rate_bps=rate_bps)
        flood(w, elsewhere, size=size, rate_bps=rate_bps)
    assert len(arrived(ends, before, size)) == sent
    assert passed_bps(arrived(ends, after, size)) == pytest.approx(rate_bps, rel=TOLERANCE)
    assert len(arrived(ends, elsewhere, size)) == sent


def test_an_address_is_slow_whatever_name_it_is_met_under(ends: BothEnds, seed: int) -> None:
    size = 500
    with ends.watched("thr-address", seed % 1000) as w:
        t, c = w.target("t"), w.innocent()
        rate_bps = w.number("rate_bps")
        flows = [say_hello(w, t, name) for name in (t.sni, c.sni)]
        elsewhere = say_hello(w, c, t.sni)
        for flow in flows:
            flood(w, flow, size=size, rate_bps=rate_bps)
        sent = flood(w, elsewhere, size=size, rate_bps=rate_bps)
    for flow in flows:
        assert passed_bps(arrived(ends, flow, size)) == pytest.approx(rate_bps, rel=TOLERANCE)
    assert len(arrived(ends, elsewhere, size)) == sent, "the name is free at another address"


# --- freezes


def frozen(w: Watched, place: Place, *, wanted: int) -> Flow:
    """A download that stopped; not every connection is treated so."""
    for _ in range(12):
        flow = pull(w, place, wanted=wanted, patience_s=3)
        if flow.failure:
            return flow
    raise AssertionError("no connection was frozen")


@pytest.mark.parametrize("name", ["freeze16", "freeze-often"])
def test_a_freeze_at_a_byte_count(ends: BothEnds, seed: int, name: str) -> None:
    with ends.watched(name, seed % 1000) as w:
        t = w.target("t")
        assert w.tls(t).failure == "", "the handshake is small"
        flow = frozen(w, t, wanted=60_000)
        assert flow.failure == "timeout"
        came = w.from_server(flow)
        knee = w.number("after_bytes")
        assert pull(w, w.innocent(port=443), wanted=60_000, patience_s=20).failure == ""
    assert abs(payload_bytes(came) - knee) <= 1500
    assert not [p for p in came if set(p.flags) & {"R", "F"}], "without a word"
    sent = [p for p in ends.at_server(flow, sent=True) if p.payload]
    assert payload_bytes(sent) > payload_bytes(came), "the server goes on sending"
    last_s = [p.time_s for p in sent][-1]
    assert [p for p in ends.at_server(flow, sent=False) if p.time_s > last_s - 3], "the client is still heard"


def test_a_freeze_at_a_packet_count(ends: BothEnds, seed: int) -> None:
    with ends.watched("freeze25", seed % 1000, change=with_params(direction="both")) as w:
        flow = frozen(w, w.target("t"), wanted=200_000)
        assert flow.failure == "timeout"
        came = w.from_server(flow)
        knee = w.number("after_packets")
    assert len(came) + len(ends.at_server(flow, sent=False)) == knee
    assert not [p for p in came if set(p.flags) & {"R", "F"}]


@pytest.mark.parametrize("scenario", ["freeze25", "freeze-packets-names"])
def test_a_packet_count_does_not_care_for_sizes(ends: BothEnds, seed: int, scenario: str) -> None:
    with ends.watched(scenario, seed % 1000, change=with_params(direction="client")) as w:
        t = w.target("t")
        flow = say_hello(w, t, t.sni)
        flood(w, flow, size=60, rate_bps=4000)
        came, knee = w.from_server(flow), w.number("after_packets")
    heard, answered = ends.at_server(flow, sent=False), ends.at_server(flow, sent=True)
    assert len(came) < knee < len(came) + len(heard), "the client's own packets count, and go on passing"
    assert len(answered) > len(came), "what the server says to them does not"


# --- protocols


def test_unknown_protocols_lose_the_clients_side(ends: BothEnds, seed: int) -> None:
    words = bytes(200 + n for n in range(40))
    with ends.watched("proto-wl", seed % 1000) as w:
        t = w.target("t")
        flow = w.tcp(t, words, timeout_s=3)
        end = w.packets(flow, sent=True)[0].tcp.seq + 1 + len(words)
        w.agent.await_that(
            lambda: len([p for p in w.packets(flow, flags="F", sent=True)]) >= 2, "the client's FIN to be sent again"
        )
        assert any(p.tcp.ack == end % 2**32 for p in w.from_server(flow)), "the first packet arrives"
        w.tcp(t.address, words, port=8443, timeout_s=1)
        acts = {(entry.address, entry.port) for entry in w.truth()}
        assert acts == {(t.address, t.port)}, "other ports are left alone"
        assert w.tls(w.innocent(port=443)).failure == ""
    heard = ends.at_server(flow, sent=False)
    assert [p.payload for p in heard if p.payload] == [words]
    assert not [p for p in heard if "F" in p.flags], "what follows never does"
