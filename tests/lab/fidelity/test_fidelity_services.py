"""Services that are far, slow, refused at their own door or behind a bad link; and controls that are down."""

from __future__ import annotations

import json
import sys
import time

import pytest
from scapy.layers.inet import ICMP, IP, UDP

from lab_both_ends import PULL
from lab_datagrams import assert_binomial
from lab_elsewhere import elsewhere
from lab_fidelity import Agent, Place, Watched, draw_scenario, on, seed_of, watched
from lab_fidelity_checks import BRIEF_S, assert_answered, assert_silence, has_df, is_acknowledged
from lab_hellos import hello
from lab_innocents import fault, innocents, run_client, with_fault
from lab_warm import forked
from probe.session.planning.plan_context import PlanContext
from probe_lab.servers.faults import number

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

RATE = 20_000
PIECE_BYTES = RATE // 10
SLACK_BYTES = 1000
"""By which the heads of two answers with one page may differ."""
WELL_BYTES = 64_000
PINGS = 300


def pulling_s(w: Watched, place: Place, wanted: int, *, host: str = "client") -> float:
    """How long a download takes, seconds."""
    arguments = (place.address, place.port, place.sni, wanted, 10)
    done = w.lab.run([sys.executable, "-I", str(PULL), *map(str, arguments)], timeout_s=120, host=host)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found["failure"] == ""
    return float(found["end_s"] - found["begin_s"])


# --- far and slow


@on("far-server")
def test_every_round_trip_to_some_services_is_longer(w: Watched) -> None:
    extra_s = number(fault(w, "host_far"), "rtt_ms", 0) / 1000
    assert extra_s >= 0.25

    def round_trips_s(place: Place) -> list[float]:
        flows = [w.connect(place) for _ in range(4)]
        assert not [flow.failure for flow in flows if flow.failure]
        return [w.from_server(f, flags="SA")[0].time_s - w.packets(f, sent=True)[0].time_s for f in flows]

    for t in w.targets():
        assert min(round_trips_s(t)) >= w.rtt_s + extra_s - 0.005
    assert min(round_trips_s(w.innocent())) < extra_s


@pytest.mark.parametrize("name", ["slow-server", "slow-after-requests"])
def test_a_service_sends_slowly_whoever_asks(name: str) -> None:
    with watched(name, seed_of(name), change=with_fault("http_slow", bytes_per_s=RATE)) as w:
        drawn, t = fault(w, "http_slow"), w.target("t")
        after, burst = int(number(drawn, "after_requests", 0)), int(number(drawn, "burst_bytes", 0))
        assert after or name == "slow-server"
        answer_bytes = w.tls(t, get="/", read_bytes=1_000_000, timeout_s=50).n_bytes + SLACK_BYTES
        least_s = (WELL_BYTES - PIECE_BYTES) / RATE
        for host in ("client", w.drawn.world.vantages[0].control_id):
            asked = int(host == "client" and bool(drawn.get("per_client")))
            wanted = max(0, after - asked) * answer_bytes + burst + WELL_BYTES
            assert pulling_s(w, t, wanted, host=host) >= least_s
        if drawn.get("per_client"):
            assert pulling_s(w, t, WELL_BYTES) >= least_s, "a new connection does not begin anew"
        assert w.tls(w.innocent()).failure == ""


@on("slow-request-ended")
def test_a_server_ends_a_request_that_is_not_whole_in_time_and_no_other(w: Watched) -> None:
    t, drawn = w.target("t"), fault(w, "http_slow_head")
    slow = run_client(w, "slow_head.py", t.address, str(t.port), t.sni)
    assert slow["end"] == ("reset" if drawn["reply"] == "reset" else "closed")
    assert slow["status"] == (drawn["reply"] if str(drawn["reply"]).isdecimal() else "")
    assert slow["after_s"] >= number(drawn, "after_s", 1)
    assert w.tls(t, get="/", read_bytes=1).failure == ""


@on("late-page", "late-handshake")
def test_a_service_takes_its_time_whoever_asks(w: Watched) -> None:
    kind = "http_late" if w.drawn.name == "late-page" else "tls_late"
    t, late_s = w.target("t"), number(fault(w, kind), "after_s", 0)
    assert late_s > PlanContext().timeout_s
    for host in ("client", w.drawn.world.vantages[0].control_id):
        assert pulling_s(w, t, 1, host=host) >= late_s
    begin_s = time.monotonic()
    assert w.tls(t, timeout_s=BRIEF_S).failure == ("" if kind == "http_late" else "timeout")
    assert time.monotonic() - begin_s >= (0 if kind == "http_late" else BRIEF_S)
    assert w.connect(t).failure == w.tls(w.innocent()).failure == ""


# --- doors


@on("lb-other-box", "lb-other-box-here")
def test_another_box_than_answers_the_syn_resets_the_handshake(w: Watched) -> None:
    drawn = fault(w, "host_resets_data")
    for t in w.targets():
        assert w.connect(t).failure == ""
        flow = w.tcp(t, hello(t.sni), read_bytes=1)
        assert flow.failure == "ECONNRESET"
        w.settle()
        (syn_ack,), (reset,) = w.from_server(flow, flags="SA"), w.from_server(flow, flags="R")
        assert syn_ack.ip.ttl == w.server_ttl
        ttl = int(number(drawn, "ttl", 0)) - w.drawn.world.hops
        assert (reset.flags, reset.tcp.window, reset.ip.ttl, has_df(reset)) == ("RA", 0, ttl, drawn["df"])
        assert reset.tcp.seq == syn_ack.tcp.seq + 1
        here_alone = w.drawn.name.endswith("here")
        assert elsewhere(w, t, hello(t.sni))[0] == ("" if here_alone else "ECONNRESET")
    assert w.tls(w.innocent()).failure == ""
    assert {e.block_type for e in w.truth()} <= {""}


@on("operator-rst-syn-quiet")
def test_the_host_refuses_the_client_and_no_router_tells_where(w: Watched) -> None:
    t = w.target("t")
    flow = w.connect(t)
    assert flow.failure == "ECONNREFUSED"
    w.settle()
    (reset,) = w.from_server(flow, flags="R")
    syn = w.packets(flow, sent=True)[0]
    assert (reset.flags, reset.tcp.window, reset.ip.id, has_df(reset)) == ("RA", 0, 0, True)
    assert (reset.ip.ttl, reset.tcp.seq, reset.tcp.ack) == (w.server_ttl, 0, (syn.tcp.seq + 1) % 2**32)
    for ttl in range(1, w.drawn.world.hops):
        w.raw(IP(src=w.drawn.world.client4, dst=t.address, ttl=ttl) / UDP(sport=40_000, dport=33_434))
    w.settle()
    assert not [p for p in w.from_server() if p.ip.haslayer(ICMP) and p.ip[ICMP].type == 11]
    assert elsewhere(w, t, hello(t.sni))[0] == ""
    assert w.tls(w.innocent()).failure == ""


# --- links


def echoes(w: Watched, address: str, *, ident: int) -> int:
    """How many of many echo requests are answered."""
    for seq in range(PINGS):
        w.raw(IP(src=w.drawn.world.client4, dst=address) / ICMP(id=ident, seq=seq))
    w.settle()
    answers = [p.ip for p in w.from_server() if p.ip.haslayer(ICMP) and p.ip.src == address]
    return len({ip[ICMP].seq for ip in answers if (ip[ICMP].type, ip[ICMP].id) == (0, ident)})


@on("lossy-peering")
def test_packets_are_lost_on_the_way_to_some_services_alone(w: Watched) -> None:
    loss = w.params().number("loss")
    for index, t in enumerate(w.targets()):
        assert_binomial(echoes(w, t.address, ident=index), PINGS, (1 - loss) ** 2)
    assert echoes(w, w.innocent().address, ident=99) == PINGS
    assert {e.block_type for e in w.truth()} == {""}


@on("degraded-service")
def test_much_of_what_the_client_sends_to_one_service_is_lost(w: Watched) -> None:
    loss = w.params().number("loss")
    assert 0.45 <= loss <= 0.7
    for index, t in enumerate(w.targets()):
        assert_binomial(echoes(w, t.address, ident=index), PINGS, 1 - loss)
    assert echoes(w, w.innocent().address, ident=99) == PINGS
    assert {e.block_type for e in w.truth()} == {"tcp.degrade.address"}


@on("degraded-name")
def test_packets_are_lost_once_the_service_is_named(w: Watched) -> None:
    t, flows = w.target("t"), 12
    assert {w.tls(t, name="www.example.com", timeout_s=20).stage for _ in range(flows)} != {"connect"}
    assert not w.truth()
    for _ in range(flows):
        w.tls(t, timeout_s=20)
    assert {e.block_type for e in w.truth()} == {"tcp.degrade.sni"}


@on("degraded-service-back", "crowded-way-back")
def test_much_of_what_some_services_send_is_lost_whatever_is_named(w: Watched) -> None:
    loss = w.params().number("loss")
    for index, t in enumerate(w.targets()):
        assert_binomial(echoes(w, t.address, ident=index), PINGS, 1 - loss)
    assert echoes(w, w.innocent().address, ident=99) == PINGS
    assert {e.direction for e in w.truth()} == {"to_client"}


@on("degraded-name-back")
def test_what_the_server_sends_is_lost_once_the_service_is_named(w: Watched) -> None:
    t, flows = w.target("t"), 12
    assert {w.tls(t, name="www.example.com", timeout_s=20).stage for _ in range(flows)} != {"connect"}
    assert not w.truth()
    for _ in range(flows):
        w.tls(t, timeout_s=20)
    assert {(e.block_type, e.direction) for e in w.truth()} == {("tcp.degrade.sni", "to_client")}


@on("mtu-to-service")
def test_large_packets_vanish_on_the_way_to_one_service(w: Watched) -> None:
    t, most = w.target("t"), number(fault(w, "mtu"), "bytes", 0)
    flow = w.tls(t, timeout_s=BRIEF_S)
    assert (flow.stage, flow.failure) == ("connected", "timeout")
    assert is_acknowledged(w, flow), "the hello is small enough"
    assert not [p for p in w.from_server(flow) if p.payload and p.tcp.seq == w.from_server(flow)[0].tcp.seq + 1]
    assert not [p for p in w.from_server() if p.ip.src in t.addresses and len(p.raw) > most]
    assert not [p for p in w.from_server() if p.ip.haslayer(ICMP)], "and nobody is told"
    assert elsewhere(w, t, hello(t.sni))[0] == ""
    assert_answered(w, w.tcp(w.innocent(), hello(w.innocent().sni), read_bytes=1))


# --- controls


@pytest.mark.parametrize("name", ["clean", "control-failed-ok", "control-failed-blocked"])
def test_whose_controls_are_down_and_whose_service_is_well(name: str) -> None:
    with forked(draw_scenario(name, seed_of(name)), level="packet") as lab:
        agent = Agent(lab)
        try:
            w = Watched(lab, agent)
            tries = {w.connect(v.ipv4, port=443, timeout_s=BRIEF_S).failure for v in w.drawn.world.vantages}
            assert tries == ({""} if name == "clean" else {"ECONNREFUSED"})
            if name == "control-failed-blocked":
                assert_silence(w, w.target("t"), 80)
                assert {e.block_type for e in w.truth()} == {"ip.blackhole"}
            else:
                places = innocents(w)[:6] if name == "clean" else w.targets()
                assert {w.tls(place).failure for place in places} == {""}
                assert not w.truth()
            assert w.tls(w.innocent()).failure == ""
        finally:
            agent.close()
