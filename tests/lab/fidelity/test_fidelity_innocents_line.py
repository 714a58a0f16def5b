"""Lines and networks out of order for everybody: what the file says is what the client's card sees."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from lab_fidelity import PATIENCE_S, Flow, Watched, Watching
from lab_innocents import ask, crowd, fault, innocents, pings, python, volume, with_fault, with_rule

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

HURRY_S = 0.8
"""Shorter than the kernel waits before it sends a SYN again."""


def until(done: Callable[[], bool], what: str) -> None:
    """Try again and again; the tries themselves take their time."""
    end_s = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end_s, f"waited in vain for {what}"


def connects(w: Watched) -> bool:
    """Whether an innocent place accepts a connection now."""
    return w.connect(w.innocent(), timeout_s=1).failure == ""


def handshakes(w: Watched, count: int) -> list[Flow]:
    """So many handshakes with the company at once."""
    places = innocents(w)
    return crowd([partial(w.tls, place, timeout_s=30) for place in (places * count)[:count]])


def received_bps(w: Watched, flows: list[Flow], *, spared_bytes: int = 0) -> float:
    """Bits a second that came in between the first packet and the last, what a bucket let through at once aside."""
    packets = sorted((p for flow in flows for p in w.from_server(flow)), key=lambda p: p.time_s)
    return 8 * max(0, volume(packets[1:]) - spared_bytes) / (packets[-1].time_s - packets[0].time_s)


# --- loss, rate, size


@pytest.mark.parametrize("name", ["line-loss", "line-loss-heavy"])
def test_a_line_loses_what_it_is_told_to(watch: Watching, name: str) -> None:
    w = watch(name)
    lost, loss = 0, w.drawn.world.loss
    for _ in range(4):
        lost += sum(bool(f.failure) for f in crowd([lambda: w.dns("www.example.com", timeout_s=2)] * 48))
    share = 1 - (1 - loss) ** 2
    assert 0 < lost < 192 * min(1, 2.5 * share)


def test_a_slow_line_is_slow_for_all(watch: Watching) -> None:
    w = watch("slow-line")
    rate_bps = fault(w, "slow_line")["rate_bps"]
    assert isinstance(rate_bps, int)
    flows = handshakes(w, 24)
    assert not [flow.failure for flow in flows if flow.failure not in ("", "timeout")]
    assert received_bps(w, flows) < 1.2 * rate_bps


def test_a_network_may_be_a_trickle(watch: Watching) -> None:
    w = watch("throttled-network")
    flows = handshakes(w, 24)
    rate_bps, bucket_bytes = w.number("rate_bps"), w.number("bucket_bytes")
    assert received_bps(w, flows, spared_bytes=2 * bucket_bytes) < 1.2 * rate_bps


def test_large_packets_vanish_without_a_word(watch: Watching) -> None:
    w = watch("mtu-blackhole")
    most = fault(w, "mtu")["bytes"]
    assert isinstance(most, int)
    flows = crowd([partial(w.tls, place, get="/", timeout_s=3) for place in (w.target("t"), *innocents(w))])
    assert "timeout" in {flow.failure for flow in flows}, "a page takes more than one small segment"
    assert max(len(p.raw) for flow in flows for p in w.from_server(flow)) <= most
    assert connects(w)


def test_senders_that_are_told_send_smaller_packets(watch: Watching) -> None:
    w = watch("mtu-told")
    most = fault(w, "mtu")["bytes"]
    assert isinstance(most, int)
    flows = [w.tls(place) for place in (w.target("t"), *innocents(w)[:3])]
    assert [flow.failure for flow in flows] == [""] * 4
    assert max(len(p.raw) for flow in flows for p in w.from_server(flow)) <= most


def test_a_satellite_is_far_away(watch: Watching) -> None:
    w = watch("satellite")
    flow = w.connect(w.innocent())
    syn, answer = w.packets(flow, sent=True)[0], w.from_server(flow, flags="SA")[0]
    assert answer.time_s - syn.time_s >= 0.55


# --- limits


def test_a_router_limits_new_connections(watch: Watching) -> None:
    w = watch("nat-limit")
    most = fault(w, "nat_limit")["syns"]
    assert isinstance(most, int)
    places = innocents(w)
    flows = crowd([partial(w.connect, place, timeout_s=HURRY_S) for place in (places * 48)[:48]])
    refused = [flow for flow in flows if flow.failure]
    assert {flow.failure for flow in refused} == {"timeout"}
    assert len({flow.address for flow in refused}) > 1, "whomever it is for"
    assert len(refused) < 48


def test_a_table_of_connections_fills_up(watch: Watching) -> None:
    w = watch("nat-table-full", change=with_fault("nat_limit", flows=20))
    places = innocents(w)
    flows = crowd([partial(w.connect, place, timeout_s=HURRY_S) for place in (places * 48)[:48]])
    assert sum(not flow.failure for flow in flows) <= 20
    assert any(flow.failure == "timeout" for flow in flows)


def test_a_volume_is_used_up(watch: Watching) -> None:
    w = watch("quota", change=with_fault("quota", after_bytes=40_000))
    assert connects(w)
    handshakes(w, 16)
    until(lambda: not connects(w), "the end of the volume")
    assert volume(w.packets()) >= 40_000


# --- outages


def test_a_line_dies_and_stays_dead(watch: Watching) -> None:
    w = watch("outage-midway")
    until(lambda: not connects(w), "the outage")
    assert w.dns("www.example.com", timeout_s=1).failure == "timeout"
    assert not pings(w, w.drawn.world.gateway4)


def test_a_line_dies_and_comes_back(watch: Watching) -> None:
    w = watch("outage-short")
    until(lambda: not connects(w), "the outage")
    until(lambda: connects(w), "the end of the outage")


def test_only_the_gateway_survives_a_shutdown(watch: Watching) -> None:
    w = watch("shutdown")
    assert pings(w, w.drawn.world.gateway4)
    assert not connects(w)
    assert w.dns("www.example.com", timeout_s=1).failure == "timeout"
    assert w.connect("8.8.8.8", port=443, timeout_s=1).failure == "timeout"


def test_only_the_country_survives(watch: Watching) -> None:
    w = watch("national-only")
    assert pings(w, w.drawn.world.gateway4)
    domestic = w.drawn.world.hosts["2gis.ru"].ipv4[0]
    assert w.tls(domestic, name="2gis.ru", port=443).failure == ""
    assert ask(w, w.innocent().host)["rcode"] == "NOERROR"
    assert not connects(w)
    assert w.connect("8.8.8.8", port=443, timeout_s=1).failure == "timeout"


@pytest.mark.parametrize(("name", "alias", "at_home"), [("way-abroad-cut", "cached", ""),
                                                       ("company-proxy-only", "exempt", "timeout")])
def test_a_few_services_abroad_survive(watch: Watching, name: str, alias: str, at_home: str) -> None:
    w = watch(name)
    assert w.tls(w.target(alias)).failure == ""
    domestic = w.drawn.world.hosts["2gis.ru"].ipv4[0]
    assert w.connect(domestic, port=443, timeout_s=1).failure == at_home
    assert not connects(w)


def test_only_the_messengers_of_a_pass_survive(watch: Watching) -> None:
    w = watch("messaging-pass")
    passing = w.target("passing")
    assert w.tls(passing).failure == ""
    assert ask(w, passing.host)["rcode"] == "NOERROR"
    assert not connects(w)
    for place in (w.drawn.world.hosts["2gis.ru"].ipv4[0], "8.8.8.8"):
        assert w.connect(place, port=443, timeout_s=1).failure == "timeout"


# --- firewalls on the volunteer's own side


def test_a_firewall_resets_every_name(watch: Watching) -> None:
    w = watch("reset-all")
    for place in (w.target("t"), *innocents(w)[:2]):
        flow = w.tls(place)
        assert flow.failure == "ECONNRESET"
        resets = [p for p in w.from_server(flow, flags="R") if p.ip.ttl == w.ttl_at_client(w.number("ttl"))]
        assert resets
        assert w.connect(place).failure == ""


def test_a_box_drops_every_hello_with_a_name(watch: Watching) -> None:
    w = watch("drop-all")
    for place in (w.target("t"), *innocents(w)[:2]):
        assert w.tls(place, timeout_s=1.5).failure == "timeout"
        assert w.connect(place).failure == ""


def test_a_guest_network_lets_no_tls_out(watch: Watching) -> None:
    w = watch("firewall-443")
    place = w.target("t")
    assert w.connect(place, timeout_s=1.5).failure == "timeout"
    assert w.connect(place, port=80).failure == ""


def test_a_school_s_firewall_is_at_the_first_hop(watch: Watching) -> None:
    w = watch("school-firewall")
    assert w.drawn.world.censor_hop == 1
    flow = w.tls(w.target("t"))
    assert flow.failure == "ECONNRESET"
    assert w.number("ttl") in {p.ip.ttl for p in w.from_server(flow, flags="R")}, "no router is in between"
    assert w.tls(w.innocent()).failure == ""


def test_a_company_s_firewall_drops_and_explains(watch: Watching) -> None:
    w = watch("company-firewall")
    flow = w.tls(w.target("t"), timeout_s=2)
    assert (flow.stage, flow.failure) == ("connected", "timeout")
    assert b"Web Filter Violation" in w.http(w.target("h")).data
    assert w.tls(w.innocent()).failure == ""


# --- neighbours


def test_the_other_name_on_the_address_is_well(watch: Watching) -> None:
    w = watch("shared-address")
    t, u = w.target("t"), w.target("u")
    assert t.addresses == u.addresses
    assert t.host != u.host
    assert w.tls(t).failure == "ECONNRESET"
    assert w.tls(u).failure == ""


def test_a_neighbour_s_residue_fades(watch: Watching) -> None:
    w = watch("neighbour-residual", change=with_rule(until_s=4))
    place = w.target("t")
    flows: list[Flow] = []

    def is_well() -> bool:
        flows.append(w.tls(place, name="www.example.com", timeout_s=2))
        return flows[-1].failure not in ("ECONNRESET", "timeout")

    until(is_well, "the end of the residual block")
    assert flows[0].failure == "ECONNRESET" or len(flows) == 1
    assert not [entry for entry in w.truth() if entry.block_type]


# --- IPv6


@pytest.mark.parametrize("name", ["wifi-poor", "ipv6-broken"])
def test_ipv6_goes_nowhere(watch: Watching, name: str) -> None:
    w = watch(name)
    place = w.target("t")
    six = next(address for address in place.addresses if ":" in address)
    assert w.connect(six, port=place.port, timeout_s=1.5).failure == "timeout"
    until(lambda: w.connect(place, timeout_s=3).failure == "", "a connection over IPv4")


NAT64 = """
import json, socket
def outcome(address):
    try:
        socket.create_connection((address, {port}), timeout=8).close()
        return "open"
    except OSError as error:
        return type(error).__name__
found = sorted({{item[4][0] for item in socket.getaddrinfo({host!r}, {port}, type=socket.SOCK_STREAM)}})
translated = [address for address in found if address.startswith("64:ff9b::")]
print(json.dumps({{"translated": outcome(translated[0]), "literal": outcome({literal!r})}}))
"""


def test_an_ipv6_only_network_translates(watch: Watching) -> None:
    w = watch("nat64")
    place = w.target("t")
    assert not [address for address in place.addresses if ":" in address]
    found = python(w, NAT64.format(host=place.host, port=place.port, literal=place.address))
    assert found["translated"] == "open"
    assert found["literal"] != "open"
