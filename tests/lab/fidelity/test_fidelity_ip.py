"""Censors of addresses and ports, seen on the wire: silence, ICMP, resets, schedules, limits, lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP

from lab_both_ends import BothEnds
from lab_fidelity import Flow, Watched, on, seed_of
from lab_fidelity_checks import (
    BRIEF_S,
    SLACK_S,
    acts,
    assert_header,
    assert_innocent_name_resolves,
    has_df,
)

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]


def assert_silence(w: Watched, flow: Flow) -> None:
    """The client's kernel repeats its SYN, and nothing whatever answers."""
    assert (flow.stage, flow.failure) == ("connect", "timeout")
    sent = w.packets(flow, sent=True)
    assert len(sent) > 1
    assert {(p.flags, p.tcp.seq) for p in sent} == {("S", sent[0].tcp.seq)}
    assert not w.from_server(flow)


def ping(w: Watched, address: str) -> bool:
    """Whether an echo request comes back before an innocent place has answered twice."""
    w.raw(IP(src=w.drawn.world.client4, dst=address) / ICMP(id=7, seq=len(w.packets())))
    w.settle()
    return any(p.ip.src == address and p.ip.haslayer(ICMP) and p.ip[ICMP].type == 0 for p in w.from_server())


# --- silence


@on("ip-drop", "ip-drop-net")
def test_every_address_of_the_service_is_silent_to_everything(w: Watched) -> None:
    t = w.target("t")
    for port in (t.port, 80, 65_000):
        assert_silence(w, w.connect(t, port=port, timeout_s=BRIEF_S))
    assert not ping(w, t.address)
    assert ping(w, w.innocent().address)
    assert w.connect(w.innocent()).failure == ""
    assert {e.block_type for e in w.truth()} == {"ip.blackhole"}


@on("ip-drop-s2c")
def test_only_the_way_back_is_closed(w: Watched) -> None:
    t = w.target("t")
    flow = w.connect(t, timeout_s=BRIEF_S)
    assert_silence(w, flow)
    assert not ping(w, t.address)
    dropped = [e for e in w.truth() if e.address == t.address]
    assert dropped
    assert {e.direction for e in dropped} == {"to_client"}, "the server has answered"
    assert w.connect(w.innocent()).failure == ""


def test_the_server_sees_the_syns_that_seem_to_vanish(tmp_path: Path) -> None:
    ends = BothEnds(tmp_path)
    with ends.watched("ip-drop-s2c", seed_of("ip-drop-s2c")) as w:
        flow = w.connect(w.target("t"), timeout_s=BRIEF_S)
    assert ends.at_server(flow, sent=False, flags="S")
    assert ends.at_server(flow, sent=True, flags="SA")


@on("port-block")
def test_one_port_is_silent_and_the_others_live(w: Watched) -> None:
    t = w.target("t")
    assert_silence(w, w.connect(t, timeout_s=BRIEF_S))
    assert w.connect(t, port=80).failure in ("", "ECONNREFUSED")
    assert ping(w, t.address)
    assert set(acts(w, w.connect(t, timeout_s=BRIEF_S))) == {"tcp.drop.port"}


# --- ICMP and resets


@on("ip-admin")
def test_the_router_at_the_box_says_that_it_is_prohibited(w: Watched) -> None:
    t = w.target("t")
    flow = w.connect(t, timeout_s=BRIEF_S)
    assert flow.failure in ("EHOSTUNREACH", "ENETUNREACH", "timeout", "EACCES")
    assert not w.from_server(flow)
    errors = [p for p in w.from_server() if p.ip.haslayer(ICMP) and p.ip[ICMP].type == 3]
    syn, error = w.packets(flow, sent=True)[0], errors[0]
    assert error.ip[ICMP].code == w.number("code")
    assert error.ip[ICMP].code in (9, 10, 13)
    assert error.ip.src not in (t.address, w.drawn.world.client4)
    quoted = error.ip[ICMP].payload
    assert (quoted.dst, quoted.id, quoted.payload.sport, quoted.payload.seq) == (
        t.address, syn.ip.id, flow.sport, syn.tcp.seq)
    assert quoted.ttl == 64 - (w.drawn.world.censor_hop - 1), "the packet as it reached the router"
    assert error.time_s - syn.time_s >= w.box_rtt_s - SLACK_S
    assert w.connect(w.innocent()).failure == ""


@on("ip-rst-syn", "ip-rst-syn-quiet", "port-reset", "port-443-all")
def test_a_syn_draws_forged_resets(w: Watched) -> None:
    t, params = w.target("t"), w.params()
    flow = w.connect(t)
    assert flow.failure == "ECONNREFUSED"
    copies = params.whole("copies")
    seen = w.await_packets(copies, flow, flags="R")
    w.settle(w.drawn.world.resolver, port=53)
    syn = w.packets(flow, sent=True)[0]
    resets = w.from_server(flow, flags="R")
    assert len(resets) >= copies
    for copy, p in enumerate(seen):
        assert_header(w, p, params)
        assert (p.flags, p.tcp.seq, p.tcp.ack) == ("RA", 0, (syn.tcp.seq + 1) % 2**32)
        assert p.tcp.window == int(params.item("window", copy))
        assert p.payload == b""
        assert p.time_s - syn.time_s >= w.box_rtt_s - SLACK_S
    assert len({p.ip.id for p in seen}) == 1
    assert bool(w.from_server(flow, flags="SA")) == (not params.flag("swallow")), "on the path, the server answers too"


@on("ip-rst-syn", "port-443-all")
def test_gfw_2025_windows_count_up_from_1980(w: Watched) -> None:
    seen = w.await_packets(3, w.connect(w.target("t")), flags="R")
    assert [p.tcp.window for p in seen] == [1980, 1981, 1982]


@on("port-443-all")
def test_other_ports_live_and_no_address_is_spared(w: Watched) -> None:
    innocent = w.innocent(port=443)
    assert w.connect(innocent).failure == "ECONNREFUSED"
    assert w.connect(w.target("t"), port=80).failure == ""
    assert_innocent_name_resolves(w)


@on("ip-rst-syn", "port-reset")
def test_other_addresses_and_ports_are_left_alone(w: Watched) -> None:
    assert w.connect(w.innocent()).failure == ""
    assert "RA" not in [p.flags for p in w.from_server(w.connect(w.target("t"), port=80)) if p.ip.ttl != w.server_ttl]


# --- schedules, limits, lists


@on("sched-ip")
def test_the_hours_of_blocking_decide(w: Watched) -> None:
    t = w.target("t")
    flow = w.connect(t, timeout_s=BRIEF_S)
    if w.params().number("from_s") == 0:
        assert_silence(w, flow)
        assert set(acts(w, flow)) == {"ip.blackhole"}
    else:
        assert flow.failure == ""
        assert not w.truth()


@on("siberian")
def test_connections_beyond_a_few_vanish_for_a_while(w: Watched) -> None:
    t, allowed = w.target("t"), w.number("connections")
    for _ in range(allowed):
        assert w.connect(t).failure == ""
    for _ in range(2):
        assert_silence(w, w.connect(t, timeout_s=BRIEF_S))
    assert {e.block_type for e in w.truth()} == {"tcp.drop"}
    assert w.connect(t, port=80).failure == "", "another port is not counted"
    for _ in range(allowed + 1):
        assert w.connect(w.innocent()).failure == ""


@on("allowlist")
def test_only_listed_addresses_answer(w: Watched) -> None:
    listed = w.target("listed")
    assert w.tls(listed).failure == ""
    assert {p.ip.ttl for p in w.from_server(w.connect(listed))} == {w.server_ttl}
    for place in (w.target("t"), w.target("t", 1), w.innocent()):
        assert_silence(w, w.connect(place, timeout_s=BRIEF_S))
    assert {e.block_type for e in w.truth()} == {"network.allowlist.address"}
    assert listed.address not in {e.address for e in w.truth()}
    flow = w.dns(w.target("t").host)
    assert flow.failure == "", "the network's own resolver is listed"


@on("allowlist-data")
def test_connections_open_everywhere_and_data_pass_to_listed_addresses(w: Watched) -> None:
    assert w.tls(w.target("listed")).failure == ""
    for place in (w.target("t"), w.target("t", 1)):
        assert w.connect(place).failure == ""
        assert w.tls(place, timeout_s=BRIEF_S).failure == "timeout"
    assert {e.block_type for e in w.truth()} == {"network.allowlist.data"}


@on("allowlist-name")
def test_handshakes_with_listed_names_alone_are_answered(w: Watched) -> None:
    listed = w.target("listed")
    assert w.tls(listed).failure == ""
    assert w.tls(listed, name="www.example.com", timeout_s=BRIEF_S).failure == "timeout"
    assert w.connect(w.target("t")).failure == ""
    assert w.tls(w.target("t"), timeout_s=BRIEF_S).failure == "timeout"
    assert {e.block_type for e in w.truth()} == {"network.allowlist.name"}


@on("ip-drop")
def test_genuine_syn_acks_are_told_from_forgeries_by_their_header(w: Watched) -> None:
    """What the checks above rely on: a Linux server's SYN-ACK has DF, no IP ID, and its own TTL."""
    flow = w.connect(w.innocent())
    p, = w.from_server(flow, flags="SA")
    assert (p.ip.ttl, p.ip.id, has_df(p)) == (w.server_ttl, 0, True)
    assert p.ip.haslayer(TCP)
