"""Faults that the router acts out on the client's line and at the hosts, packet by packet."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_net import DELAY_S, HOPS, PLACE, VANTAGE, VANTAGE6, WORLD, Net, datagram
from lab_traffic import CLIENT, CLIENT6, RESOLVER, SERVER, SERVER6, SERVER_ISN, Flow, get, query, read, rule
from probe_lab.lab_types import Fault, Rule, Value
from probe_lab.path.line import draw_line
from probe_lab.path.shaping import Shaper
from probe_lab.wire.icmp_errors import read_quoted
from probe_lab.wire.packet import ACK, FIN, RST, SYN, IpHeader, build_tcp
from probe_lab.wire.packet_edit import read_ttl

Rules = tuple[Rule, ...]
OTHER = "151.101.2.2"
"""In another /24 than the server."""


@pytest.fixture(params=[False, True], ids=["no box", "box"])
def rules(request: pytest.FixtureRequest) -> Rules:
    return (rule("sni", "nobody.example", "drop"),) if request.param else ()


def fault(kind: str, *match: str, **params: Value) -> Fault:
    return Fault(kind=kind, match=match, params=params)


def net(directory: Path, rules: Rules, kind: str, *match: str, **params: Value) -> Net:
    return Net(directory, *rules, faults=(fault(kind, *match, **params),))


def got(net: Net, leg: str, *packets: bytes, at_s: float = 0.0) -> list[str]:
    """Which legs these packets, or the answers to them, come out of."""
    return [where for where, _, _ in net.send(leg, *packets, at_s=at_s)]


# a hole in the line


def test_a_blackhole_by_the_clock(tmp_path: Path, rules: Rules) -> None:
    holed = net(tmp_path, rules, "blackhole", from_s=5.0, until_s=7.5)
    for at_s, passes in ((0.0, True), (4.9, True), (5.0, False), (7.4, False), (7.5, True), (1e6, True)):
        assert got(holed, "client", datagram(CLIENT, SERVER), at_s=at_s) == ["servers"] * passes
    assert got(net(tmp_path, rules, "blackhole", from_s=1.0), "client", datagram(CLIENT, SERVER), at_s=1e9) == []


@pytest.mark.parametrize("hop", [1, PLACE - 1, PLACE, HOPS])
def test_beyond_a_hop_everything_vanishes_and_before_it_routers_answer(tmp_path: Path, rules: Rules, hop: int) -> None:
    holed = net(tmp_path, rules, "blackhole", hop=hop)
    for ttl in range(1, HOPS + 2):
        answers = got(holed, "client", datagram(CLIENT, SERVER, ttl=ttl))
        assert answers == ["client"] * (ttl <= hop), ttl
    assert got(holed, "servers", datagram(SERVER6, CLIENT6)) == []
    assert got(holed, "vantage", datagram(VANTAGE, SERVER)) == ["servers"]


@pytest.mark.parametrize(("match", "lost"), [
    ((), {SERVER, SERVER6, OTHER}),
    ((SERVER,), {SERVER}),
    (("t.example", SERVER6), {SERVER6}),
    (("151.101.1.0/24", "2a04:4e42::/48"), {SERVER, SERVER6}),
    (("151.101.0.0/16",), {SERVER, OTHER}),
    ((f"{SERVER}/32",), {SERVER}),
])
@pytest.mark.parametrize("kind", ["blackhole", "mtu"])
def test_a_link_is_lost_for_those_who_are_listed_alone(
    tmp_path: Path, rules: Rules, kind: str, match: tuple[str, ...], lost: set[str]
) -> None:
    cut = net(tmp_path, rules, kind, *match, hop=2, **({"bytes": 100} if kind == "mtu" else {}))
    ends = {SERVER: CLIENT, SERVER6: CLIENT6, OTHER: CLIENT}
    for dst, src in ends.items():
        assert got(cut, "client", datagram(src, dst, payload=bytes(200))) == ["servers"] * (dst not in lost)
        assert got(cut, "servers", datagram(dst, src, payload=bytes(200))) == ["client"] * (dst not in lost)


def test_a_link_to_names_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no address"):
        net(tmp_path, (), "blackhole", "nobody.example", hop=2)


@pytest.mark.parametrize(("src", "dst", "code"), [(CLIENT, SERVER, (3, 0)), (CLIENT6, SERVER6, (1, 0))])
def test_a_router_without_a_route_may_say_so(
    tmp_path: Path, rules: Rules, src: str, dst: str, code: tuple[int, int]
) -> None:
    cut = net(tmp_path, rules, "blackhole", SERVER, SERVER6, hop=2, icmp=True)
    ((where, _, raw),) = cut.send("client", datagram(src, dst))
    assert (where, read(raw).src) == ("client", draw_line(WORLD).address(2, version=6 if ":" in src else 4))
    assert (read(raw).icmp_type, read(raw).icmp_code) == code


# a slow line


def test_a_slow_line_sends_one_packet_after_another(tmp_path: Path, rules: Rules) -> None:
    size = len(datagram(CLIENT, SERVER, payload=bytes(972)))
    assert size == 1000
    for leg, src, dst in (("client", CLIENT, SERVER), ("servers", SERVER, CLIENT)):
        slow = net(tmp_path, rules, "slow_line", rate_bps=80_000, queue_ms=1000)
        arrived = slow.send(leg, *[datagram(src, dst, payload=bytes(972))] * 20)
        times = [when_s for _, when_s, _ in arrived]
        assert times == pytest.approx([DELAY_S + 0.1 * number for number in range(1, 12)])  # the queue holds a second


def test_both_directions_have_the_whole_rate(tmp_path: Path) -> None:
    slow = net(tmp_path, (), "slow_line", rate_bps=80_000)
    slow.send("servers", *[datagram(SERVER, CLIENT, payload=bytes(972))] * 5)
    ((_, when_s, _),) = slow.send("client", datagram(CLIENT, SERVER, payload=bytes(972)))
    assert when_s == pytest.approx(DELAY_S + 0.1)
    assert got(slow, "vantage", datagram(VANTAGE, SERVER)) == ["servers"]


def test_an_idle_link_saves_nothing_up() -> None:
    link = Shaper(rate_bps=8000, queue_s=0.0)
    assert link.send(1000, 5.0) == pytest.approx(6.0)
    assert link.send(1000, 5.5) is None
    assert link.send(1000, 100.0) == pytest.approx(101.0)
    for rate_bps, queue_s in ((0, 1), (1, -1)):
        with pytest.raises(ValueError, match="carries nothing"):
            Shaper(rate_bps=rate_bps, queue_s=queue_s)


# a narrow link


ENDS = {4: (CLIENT, SERVER), 6: (CLIENT6, SERVER6)}


@pytest.mark.parametrize("hop", [1, PLACE, HOPS - 1])
@pytest.mark.parametrize("version", [4, 6])
def test_too_large_packets_vanish_in_silence(tmp_path: Path, rules: Rules, hop: int, version: int) -> None:
    narrow = net(tmp_path, rules, "mtu", bytes=1280, hop=hop)
    client, server = ENDS[version]
    header = 28 if version == 4 else 48
    for leg, src, dst, there in (("client", client, server, "servers"), ("servers", server, client, "client")):
        fits, too_large = (datagram(src, dst, payload=bytes(size - header)) for size in (1280, 1281))
        assert got(narrow, leg, fits) == [there]
        assert got(narrow, leg, too_large) == []
    assert got(narrow, "vantage", datagram(VANTAGE, SERVER, payload=bytes(1400))) == ["servers"]


def test_a_narrow_link_to_one_address_leaves_the_others_alone(tmp_path: Path, rules: Rules) -> None:
    narrow = net(tmp_path, rules, "mtu", SERVER6, "t.example", bytes=1280)
    assert got(narrow, "client", datagram(CLIENT6, SERVER6, payload=bytes(1400))) == []
    assert got(narrow, "servers", datagram(SERVER6, CLIENT6, payload=bytes(1400))) == []
    assert got(narrow, "client", datagram(CLIENT, SERVER, payload=bytes(1400))) == ["servers"]


@pytest.mark.parametrize("hop", [1, PLACE - 1, PLACE, HOPS - 1])
@pytest.mark.parametrize("version", [4, 6])
def test_a_router_that_may_says_how_much_fits(tmp_path: Path, rules: Rules, hop: int, version: int) -> None:
    narrow = net(tmp_path, rules, "mtu", bytes=1280, hop=hop, icmp=True)
    client, server = ENDS[version]
    line = draw_line(WORLD)
    ways = (
        ("client", client, server, "client", hop, 64 - (hop - 1), 2 * DELAY_S * hop / HOPS),
        ("servers", server, client, "servers", hop + 1, 64 - (HOPS - hop - 1), 2 * DELAY_S * (1 - hop / HOPS)),
    )
    for leg, src, dst, back, sender, ttl, most_s in ways:
        ((where, when_s, raw),) = narrow.send(leg, datagram(src, dst, payload=bytes(1400)))
        packet = read(raw)
        about = read_quoted(packet)
        assert about is not None
        assert (where, packet.src, read_ttl(raw)) == (back, line.address(sender, version=version), ttl)
        assert (packet.icmp_type, packet.icmp_code) == {4: (3, 4), 6: (2, 0)}[version]
        assert int.from_bytes(raw[packet.offset + 4 : packet.offset + 8]) == 1280
        assert (about.src, about.dst) == (src, dst)
        assert when_s <= most_s + 1e-6
    error = narrow.send("vantage", datagram({4: VANTAGE, 6: VANTAGE6}[version], client, payload=bytes(1400)))
    assert [where for where, _, _ in error] == ["vantage"]


# the client's own router


def test_new_connections_beyond_so_many_in_a_window(tmp_path: Path, rules: Rules) -> None:
    limited = net(tmp_path, rules, "nat_limit", syns=3, window_s=10.0)
    flows = [Flow(cport=40_000 + number, server=server) for number, server in enumerate((SERVER, RESOLVER) * 3)]
    passed = [got(limited, "client", flow.syn(), at_s=1.0) for flow in flows]
    assert passed == [["servers"]] * 3 + [[]] * 3
    assert got(limited, "client", flows[0].syn(), at_s=2.0) == ["servers"], "the same connection again"
    assert got(limited, "client", flows[0].data(get("x")), at_s=2.0) == ["servers"]
    assert got(limited, "client", flows[5].syn(), at_s=10.9) == []
    assert got(limited, "client", flows[5].syn(), at_s=11.0) == ["servers"]
    assert got(limited, "client", query("t.example"), at_s=2.0) == ["servers"], "datagrams are not counted"
    assert got(limited, "servers", Flow(cport=9).answer(flags=SYN), at_s=2.0) == ["client"]
    assert got(limited, "vantage", datagram(VANTAGE, SERVER), at_s=2.0) == ["servers"]


def test_a_full_table_and_connections_that_it_forgets(tmp_path: Path, rules: Rules) -> None:
    limited = net(tmp_path, rules, "nat_limit", flows=2, timeout_s=30.0)
    one, two, three = (Flow(cport=port) for port in (1, 2, 3))
    assert [got(limited, "client", flow.syn(), at_s=0.0) for flow in (one, two, three)] == [["servers"]] * 2 + [[]]
    assert got(limited, "servers", one.answer(flags=SYN | ACK), at_s=20.0) == ["client"]
    assert got(limited, "servers", three.answer(flags=SYN | ACK), at_s=20.0) == [], "not in the table"
    assert got(limited, "client", three.syn(), at_s=31.0) == ["servers"], "the second has been idle for too long"
    assert got(limited, "client", two.data(b"late"), at_s=31.0) == []
    assert got(limited, "servers", two.answer(b"late"), at_s=31.0) == []
    assert got(limited, "client", one.data(b"kept"), at_s=31.0) == ["servers"]


def test_ipv6_connections_count_as_well(tmp_path: Path) -> None:
    limited = net(tmp_path, (), "nat_limit", syns=1)
    flows = [Flow(cport=port, client=CLIENT6, server=SERVER6) for port in (1, 2)]
    assert [got(limited, "client", flow.syn()) for flow in flows] == [["servers"], []]


# volume


def test_a_volume_that_is_used_up(tmp_path: Path, rules: Rules) -> None:
    line = net(tmp_path, rules, "quota", after_bytes=3000)
    up, down = datagram(CLIENT, SERVER, payload=bytes(972)), datagram(SERVER, CLIENT, payload=bytes(972))
    assert [got(line, "client", up), got(line, "servers", down), got(line, "client", up)] == [
        ["servers"], ["client"], ["servers"],
    ]
    assert got(line, "client", up, query("t.example"), Flow(sport=80).syn()) == []
    assert got(line, "servers", down) == []
    assert got(line, "vantage", datagram(VANTAGE, SERVER)) == ["servers"]


def test_a_used_up_volume_leads_plain_http_to_the_operator(tmp_path: Path, rules: Rules) -> None:
    line = net(tmp_path, rules, "quota", after_bytes=0, reply="portal")
    ((to, _, raw),) = line.send("client", Flow(sport=80).syn())
    out = read(raw)
    assert (to, out.dst, out.dport) == ("servers", WORLD.portal, 80)
    reply = Flow(cport=out.sport, server=WORLD.portal, sport=80).answer(flags=SYN | ACK)
    ((to, _, raw),) = line.send("servers", reply)
    assert (to, read(raw).src) == ("client", SERVER)
    assert got(line, "client", Flow(sport=443).syn(), Flow(sport=80, client=CLIENT6, server=SERVER6).syn()) == []
    assert got(line, "client", query("t.example")) == ["servers"]
    assert got(line, "servers", Flow(sport=53).answer(b"answer")) == ["client"]
    assert got(line, "servers", Flow(sport=443).answer(b"late")) == []


# hosts that refuse


@pytest.mark.parametrize("version", [4, 6])
def test_a_host_that_resets_the_syn_as_its_kernel_would(tmp_path: Path, rules: Rules, version: int) -> None:
    refusing = net(tmp_path, rules, "host_resets_syn", "t.example")
    client, server = ENDS[version]
    flow = Flow(client=client, server=server)
    ((_, _, genuine),) = refusing.send("servers", kernel_like(flow, flags=SYN | ACK))
    ((to, when_s, raw),) = refusing.send("client", flow.syn())
    packet = read(raw)
    assert to == "client"
    assert when_s == pytest.approx(2 * DELAY_S)
    assert (packet.src, packet.sport, packet.dport) == (server, 443, flow.cport)
    assert (packet.flags, packet.seq, packet.ack, packet.window) == (RST | ACK, 0, flow.next_seq, 0)
    assert (packet.ttl, packet.df, packet.ip_id) == (read(genuine).ttl, version == 4, 0)
    assert (packet.options, packet.payload) == (b"", b"")
    assert raw == scapy_copy(raw)
    assert got(refusing, "client", flow.data(b"", flags=ACK)) == ["servers"], "only the SYN is refused"
    vantage = {4: VANTAGE, 6: VANTAGE6}[version]
    assert got(refusing, "vantage", Flow(client=vantage, server=server).syn()) == ["servers"]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("only_client", [True, False])
def test_a_load_balancer_resets_with_headers_of_its_own(
    tmp_path: Path, rules: Rules, version: int, only_client: bool,
) -> None:
    balanced = net(tmp_path, rules, "host_resets_data", "t.example", ttl=128, df=False, only_client=only_client)
    client, server = ENDS[version]
    flow = Flow(client=client, server=server)
    assert got(balanced, "client", flow.syn(), flow.data(b"", flags=ACK)) == ["servers", "servers"]
    begin = flow.next_seq
    ((to, when_s, raw),) = balanced.send("client", flow.data(b"hello"))
    packet = read(raw)
    assert to == "client"
    assert when_s == pytest.approx(2 * DELAY_S)
    assert (packet.flags, packet.ack, packet.window, packet.payload) == (RST | ACK, begin + 5, 0, b"")
    assert packet.ttl == 128 - HOPS
    assert not (version == 4 and packet.df)
    vantage = Flow(client={4: VANTAGE, 6: VANTAGE6}[version], server=server)
    assert got(balanced, "vantage", vantage.data(b"hello")) == (["servers"] if only_client else ["vantage"])


def test_routers_that_keep_silent(tmp_path: Path, rules: Rules) -> None:
    silent = net(tmp_path, rules, "routers_silent")
    for ttl in range(1, HOPS + 2):
        assert got(silent, "client", datagram(CLIENT, SERVER, ttl=ttl)) == ["servers"] * (ttl > HOPS)


def kernel_like(flow: Flow, *, flags: int) -> bytes:
    """What the host's kernel sends, before it has passed any router."""
    header = IpHeader(src=flow.server, dst=flow.client, ttl=64, ip_id=0, df=True)
    return build_tcp(header, sport=flow.sport, dport=flow.cport, flags=flags, seq=SERVER_ISN, ack=flow.next_seq)


def scapy_copy(raw: bytes) -> bytes:
    """The packet with every sum and length filled in by another implementation."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6

    packet = (IP if raw[0] >> 4 == 4 else IPv6)(raw)
    for layer, fields in ((packet, ("chksum", "len", "plen")), (packet[TCP], ("chksum",))):
        for field in fields:
            if field in layer.fields:
                delattr(layer, field)
    return bytes(packet)


def test_a_ban_after_some_connections_and_its_end(tmp_path: Path, rules: Rules) -> None:
    banning = net(tmp_path, rules, "host_bans", "t.example", after=2, cooldown_s=60.0)
    flows = [Flow(cport=port) for port in range(1, 9)]
    assert [got(banning, "client", flow.syn(), at_s=1.0) for flow in flows[:2]] == [["servers"]] * 2
    assert got(banning, "client", flows[1].syn(), at_s=1.5) == ["servers"], "a repeated SYN is no new connection"
    assert got(banning, "client", flows[2].syn(), at_s=2.0) == []
    ban = (flows[0].data(get("x")), datagram(CLIENT, SERVER), Flow(client=CLIENT6, server=SERVER6).syn())
    assert got(banning, "client", *ban, at_s=3.0) == [], "whatever comes from there, at every address of the host"
    assert got(banning, "client", datagram(CLIENT, RESOLVER), at_s=3.0) == ["servers"]
    assert got(banning, "vantage", *[Flow(client=VANTAGE, cport=n).syn() for n in range(1, 9)]) == ["servers"] * 8
    assert [got(banning, "client", flow.syn(), at_s=63.0) for flow in flows[3:6]] == [["servers"]] * 2 + [[]]


def test_a_ban_from_the_start_for_ever_that_says_so(tmp_path: Path, rules: Rules) -> None:
    banning = net(tmp_path, rules, "host_bans", "t.example", reply="reset")
    flow = Flow()
    for at_s in (0.0, 1e6):
        ((to, _, raw),) = banning.send("client", flow.syn(), at_s=at_s)
        assert (to, read(raw).flags) == ("client", RST | ACK)
    ((_, _, raw),) = banning.send("client", flow.data(b"data", flags=ACK))
    assert (read(raw).flags, read(raw).seq, read(raw).ack) == (RST, SERVER_ISN + 1, 0)
    end = build_tcp(IpHeader(src=CLIENT, dst=SERVER), sport=7, dport=443, flags=SYN | FIN, seq=5, payload=b"abc")
    ((_, _, raw),) = banning.send("client", end)
    assert read(raw).ack == 5 + 3 + 2
    reset = build_tcp(IpHeader(src=CLIENT, dst=SERVER), sport=7, dport=443, flags=RST, seq=5)
    assert got(banning, "client", reset) == [], "nobody answers a reset"
    assert got(banning, "client", datagram(CLIENT, SERVER)) == ["servers"]


def test_a_fault_of_every_host_counts_for_each_by_itself(tmp_path: Path) -> None:
    banning = net(tmp_path, (), "host_bans", after=1)
    assert got(banning, "client", Flow().syn(), Flow(server=RESOLVER).syn()) == ["servers"] * 2
    assert got(banning, "client", Flow(cport=5).syn()) == []


def test_censorship_by_a_fault_is_written_down(tmp_path: Path) -> None:
    faults = (
        Fault(kind="host_resets_syn", match=("t.example",), block_type="ip.reset", alias="t"),
        Fault(kind="blackhole", params={"hop": 2, "from_s": 9.0}, block_type="ip.blackhole", alias="u"),
    )
    acting = Net(tmp_path, faults=faults)
    acting.send("client", Flow().syn(), Flow(server=RESOLVER).syn())
    acting.send("servers", datagram(SERVER, CLIENT), at_s=10.0)
    seen = [(entry.action, entry.alias, entry.address, entry.direction) for entry in acting.log]
    assert seen == [("host_resets_syn", "t", SERVER, "to_server"), ("blackhole", "u", SERVER, "to_client")]
