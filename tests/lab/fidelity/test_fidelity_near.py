"""How near a box is, told by who answers what runs out of hops; and programs of the kernel's as the censor."""

from __future__ import annotations

import ipaddress

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP

from lab_fidelity import Flow, Watched, draw_scenario, on, seed_of, watched
from lab_fidelity_checks import BRIEF_S, assert_answered, assert_never_arrives, assert_resets, genuine_data
from lab_hellos import hello
from probe_lab.format.needs import explain_lacking_needs

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

PORT = 33_434


def last_routers(w: Watched, address: str, layer: UDP | TCP, ttl: int) -> list[str]:
    """Who says that such a packet with so many hops has run out of them."""
    begun = len(w.packets())
    w.raw(IP(src=w.drawn.world.client4, dst=address, ttl=ttl) / layer)
    w.settle()
    errors = [p.ip for p in w.packets()[begun:] if not p.sent and p.ip.haslayer(ICMP) and p.ip[ICMP].type == 11]
    return [e.src for e in errors if e[ICMP].payload.payload.sport == layer.sport]


def first_public(w: Watched) -> int:
    """The first router with an address of a public network."""
    for ttl in range(1, w.drawn.world.hops):
        (router,) = last_routers(w, w.innocent().address, UDP(sport=PORT + ttl, dport=PORT + ttl), ttl)
        if ipaddress.ip_address(router).is_global:
            return ttl
    raise AssertionError("no router is public")


def on_flow(flow: Flow) -> TCP:
    """A later segment of a flow."""
    return TCP(sport=flow.sport, dport=flow.port, flags="PA", seq=1, ack=1)


@on("scope-access")
def test_a_box_sits_no_farther_than_the_first_public_router(w: Watched) -> None:
    t = w.target("t")
    assert not ipaddress.ip_address(w.drawn.world.client4).is_global
    flow = w.tcp(t, hello(t.sni), read_bytes=1, timeout_s=BRIEF_S)
    assert_never_arrives(w, flow)
    assert len(last_routers(w, t.address, on_flow(flow), 1)) == 1, "it reaches the household's router"
    assert not last_routers(w, t.address, on_flow(flow), 3), "and not the third"
    spared = w.connect(t)
    assert len(last_routers(w, t.address, on_flow(spared), 3)) == 1, "which others do"
    assert first_public(w) >= w.drawn.world.censor_hop == 2
    assert_answered(w, w.tcp(t, hello(w.innocent().sni), read_bytes=1))


@on("scope-beyond")
def test_a_box_sits_far_behind_the_first_public_router(w: Watched) -> None:
    t, other = w.target("t"), w.innocent()
    flow = w.tcp(t, hello(t.sni), read_bytes=1, timeout_s=BRIEF_S)
    resets = assert_resets(w, flow, 0)
    hop = w.number("ttl") - resets[0].ip.ttl + 1
    assert hop >= first_public(w) + 3
    if w.params().flag("swallow"):
        assert not genuine_data(w, flow)
    again = w.tcp(t, hello(other.sni), read_bytes=1, timeout_s=BRIEF_S)
    assert (again.failure == "ECONNRESET") == (w.params().number("residual_s") > 0)
    assert_answered(w, w.tcp(other, hello(other.sni), read_bytes=1))


@pytest.mark.parametrize("name", ["x-iptables", "x-suricata", "x-nft"])
def test_a_program_as_the_censor_strikes_a_name_or_an_address(name: str) -> None:
    drawn = draw_scenario(name, seed_of(name))
    assert drawn.censor is not None
    if reason := explain_lacking_needs(drawn.censor.needs):
        pytest.skip(reason)
    struck = "timeout" if name == "x-nft" else "ECONNRESET"
    with watched(drawn) as w:
        t, other = w.target("t"), w.innocent()
        flow = w.tcp(t, hello(t.sni), read_bytes=1, timeout_s=BRIEF_S)
        assert flow.failure == struck
        assert {p.flags for p in w.from_server(flow)} == {"SA"} or w.from_server(flow, flags="R")
        at_address = w.tcp(t, hello(other.sni), read_bytes=1, timeout_s=BRIEF_S).failure
        under_name = w.tcp(other, hello(t.sni), read_bytes=1, timeout_s=BRIEF_S).failure
        assert (at_address, under_name) == ((struck, "") if name == "x-nft" else ("", struck))
        assert w.tls(other).failure == ""
