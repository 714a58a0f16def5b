"""The router: who gets which packet, when, with which TTL, and what the hops between say."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_net import (
    DELAY_S,
    HOPS,
    PLACE,
    VANTAGE,
    VANTAGE6,
    VANTAGE_DELAY_S,
    WORLD,
    Net,
    datagram,
)
from lab_traffic import CLIENT, CLIENT6, RESOLVER, SERVER, SERVER6, Flow, client_hello, get, query, read, rule
from probe_lab.lab_types import Fault, Rule, World
from probe_lab.path.line import draw_line
from probe_lab.path.router import route
from probe_lab.truth import TruthEntry, TruthLog, read_log
from probe_lab.wire.icmp_errors import read_quoted
from probe_lab.wire.packet import ACK, RST, SYN, IpHeader, build_udp
from probe_lab.wire.packet_edit import read_ttl


def forever(name: str) -> Rule:
    """A rule that never fires, so that there is a box."""
    return rule("sni", name, "drop")


@pytest.fixture(params=[False, True], ids=["no box", "box"])
def rules(request: pytest.FixtureRequest) -> tuple[Rule, ...]:
    return (forever("nobody.example"),) if request.param else ()


@pytest.mark.parametrize(
    ("leg", "src", "dst", "to", "delay_s", "cost"),
    [
        ("client", CLIENT, SERVER, "servers", DELAY_S, HOPS),
        ("client", CLIENT6, SERVER6, "servers", DELAY_S, HOPS),
        ("client", CLIENT, VANTAGE, "vantage", DELAY_S, HOPS),
        ("servers", SERVER, CLIENT, "client", DELAY_S, HOPS),
        ("servers", SERVER6, CLIENT6, "client", DELAY_S, HOPS),
        ("vantage", VANTAGE6, CLIENT6, "client", DELAY_S, HOPS),
        ("vantage", VANTAGE, SERVER, "servers", VANTAGE_DELAY_S, 0),
        ("vantage", VANTAGE, VANTAGE, "vantage", VANTAGE_DELAY_S, 0),
        ("servers", SERVER, VANTAGE, "vantage", VANTAGE_DELAY_S, 0),
    ],
)
def test_packets_go_where_they_are_addressed(
    tmp_path: Path, rules: tuple[Rule, ...], leg: str, src: str, dst: str, to: str, delay_s: float, cost: int
) -> None:
    ((where, when_s, raw),) = Net(tmp_path, *rules).send(leg, datagram(src, dst))
    assert where == to
    assert when_s == pytest.approx(delay_s)
    assert (read_ttl(raw), read(raw).payload) == (64 - cost, b"x")


@pytest.mark.parametrize(
    ("leg", "raw"),
    [
        ("client", b""),
        ("client", b"\x45short"),
        ("client", b"\x00" * 60),
        ("client", datagram(CLIENT, CLIENT)),
        ("servers", datagram(SERVER, RESOLVER)),
    ],
)
def test_what_leads_nowhere_goes_nowhere(tmp_path: Path, rules: tuple[Rule, ...], leg: str, raw: bytes) -> None:
    assert Net(tmp_path, *rules).send(leg, raw) == []


def test_order_is_kept(tmp_path: Path, rules: tuple[Rule, ...]) -> None:
    packets = [datagram(CLIENT, SERVER, payload=bytes((number,))) for number in range(50)]
    arrived = Net(tmp_path, *rules).send("client", *packets)
    assert [read(raw).payload[0] for _, _, raw in arrived] == list(range(50))


@pytest.mark.parametrize("hop", range(1, HOPS + 1))
@pytest.mark.parametrize("version", [4, 6])
def test_each_hop_answers_when_the_ttl_runs_out(
    tmp_path: Path, rules: tuple[Rule, ...], hop: int, version: int
) -> None:
    src, dst = {4: (CLIENT, SERVER), 6: (CLIENT6, SERVER6)}[version]
    ((where, when_s, raw),) = Net(tmp_path, *rules).send("client", datagram(src, dst, ttl=hop))
    packet = read(raw)
    about = read_quoted(packet)
    assert about is not None
    assert where == "client"
    assert packet.src == draw_line(WORLD).address(hop, version=version)
    assert (packet.icmp_type, packet.icmp_code) == {4: (11, 0), 6: (3, 0)}[version]
    assert when_s == pytest.approx(2 * DELAY_S * hop / HOPS)
    assert read_ttl(raw) == 64 - (hop - 1)
    assert (about.dst, about.ttl) == (dst, 1)


def test_one_more_and_the_server_gets_it(tmp_path: Path, rules: tuple[Rule, ...]) -> None:
    ((where, _, raw),) = Net(tmp_path, *rules).send("client", datagram(CLIENT, SERVER, ttl=HOPS + 1))
    assert (where, read_ttl(raw)) == ("servers", 1)
    assert Net(tmp_path, *rules).send("servers", datagram(SERVER, CLIENT, ttl=HOPS)) == []


def test_hops_have_addresses_of_their_own() -> None:
    line = draw_line(WORLD)
    everybody = {*line.routers4, *line.routers6}
    assert len(everybody) == 2 * HOPS
    assert line.routers4[0] == WORLD.gateway4
    assert line == draw_line(WORLD)
    assert line != draw_line(dataclasses.replace(WORLD, seed=12))


def test_the_box_sees_only_what_reaches_its_hop(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("address", SERVER, "icmp"))
    for ttl in range(1, PLACE):
        net.send("client", datagram(CLIENT, SERVER, ttl=ttl))
    assert net.log == ()
    net.send("client", datagram(CLIENT, SERVER, ttl=PLACE))
    assert len(net.log) == 1


def test_icmp_from_beyond_the_box_passes_it_on_its_way_back(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("all", (), "drop_to_client"))
    answering = [hop for hop in range(1, HOPS + 1) if net.send("client", datagram(CLIENT, SERVER, ttl=hop))]
    assert answering == list(range(1, PLACE))


def test_an_injected_answer_is_early_and_has_fewer_routers_to_cross(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("qname", "t.example", "inject_dns", ttl=90, delay_ms=1))
    arrived = net.send("client", query("t.example"))
    (_, forged_s, forged), (to, _, genuine) = arrived
    assert forged_s == pytest.approx(2 * DELAY_S * PLACE / HOPS + 0.001)
    assert read_ttl(forged) == 90 - (PLACE - 1)
    assert (to, read(genuine).dport) == ("servers", 53)


def test_a_copied_ttl_follows_the_query(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("qname", "t.example", "inject_dns", ttl="copy"))
    question = read(query("t.example")).payload
    raw = build_udp(IpHeader(src=CLIENT, dst=RESOLVER, ttl=20), sport=1, dport=53, payload=question)
    (_, _, forged), _ = net.send("client", raw)
    assert read_ttl(forged) == 20 - 2 * (PLACE - 1)


def test_a_server_like_ttl_looks_like_the_servers(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("address", SERVER, "reset", ttl="server", on="data", direction="client"))
    flow = Flow()
    guessed = [raw for to, _, raw in net.send("client", flow.data(get("x"))) if to == "client"]
    assert [read_ttl(raw) for raw in guessed] == [64 - HOPS]
    flow = Flow(cport=9)
    ((_, _, genuine),) = net.send("servers", flow.answer(flags=SYN | ACK))
    forged = [raw for to, _, raw in net.send("client", flow.data(get("x"))) if to == "client"]
    assert [read_ttl(raw) for raw in forged] == [read_ttl(genuine)]


def test_resets_reach_both_ends_after_what_set_them_off(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("sni", "t.example", "reset", ttl=64))
    flow = Flow()
    net.send("client", flow.syn(), flow.data(client_hello("t.example")))
    arrived = [(to, read(raw).flags & (SYN | RST), read_ttl(raw)) for to, _, raw in net.arrived]
    assert arrived[0] == ("client", RST, 64 - (PLACE - 1))  # the box is nearer than the servers
    assert [(to, flags) for to, flags, _ in arrived[1:]] == [("servers", SYN), ("servers", 0), ("servers", RST)]
    assert arrived[-1][2] == 64 - (HOPS - PLACE + 1)


def test_a_redirected_connection_through_the_router(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("address", SERVER, "redirect", to=WORLD.portal))
    flow = Flow(sport=80)
    ((to, _, raw),) = net.send("client", flow.syn())
    out = read(raw)
    assert (to, out.dst) == ("servers", WORLD.portal)
    reply = Flow(cport=out.sport, server=WORLD.portal, sport=80).answer(flags=SYN | ACK)
    ((to, _, raw),) = net.send("servers", reply)
    assert (to, read(raw).src, read(raw).dport) == ("client", SERVER, flow.cport)


@pytest.mark.parametrize(("loss", "arrivals"), [(0.0, 100), (1.0, 0)])
@pytest.mark.parametrize(("leg", "src", "dst"), [("client", CLIENT, SERVER), ("servers", SERVER, CLIENT)])
def test_loss_on_the_clients_line(
    tmp_path: Path, rules: tuple[Rule, ...], loss: float, arrivals: int, leg: str, src: str, dst: str
) -> None:
    net = Net(tmp_path, *rules, world=dataclasses.replace(WORLD, loss=loss))
    assert len(net.send(leg, *[datagram(src, dst)] * 100)) == arrivals
    assert len(net.send("vantage", datagram(VANTAGE, SERVER))) == 1


def test_some_loss_loses_some(tmp_path: Path) -> None:
    net = Net(tmp_path, world=dataclasses.replace(WORLD, loss=0.3))
    assert 0 < len(net.send("client", *[datagram(CLIENT, SERVER)] * 200)) < 200


# faults


@pytest.mark.parametrize("match", [(SERVER, SERVER6), ("T.example",)])
def test_a_host_that_is_off(tmp_path: Path, rules: tuple[Rule, ...], match: tuple[str, ...]) -> None:
    net = Net(tmp_path, *rules, faults=(Fault(kind="host_off", match=match),))
    for src, dst, version in ((CLIENT, SERVER, 4), (CLIENT6, SERVER6, 6)):
        ((where, when_s, raw),) = net.send("client", datagram(src, dst))
        packet = read(raw)
        assert where == "client"
        assert when_s == pytest.approx(2 * DELAY_S)
        assert (packet.icmp_type, packet.icmp_code) == {4: (3, 1), 6: (1, 3)}[version]
        assert packet.src == draw_line(WORLD).address(HOPS, version=version)
    ((where, when_s, raw),) = net.send("vantage", datagram(VANTAGE, SERVER))
    assert (where, read(raw).icmp_type) == ("vantage", 3)
    assert when_s == pytest.approx(2 * VANTAGE_DELAY_S)
    assert net.send("client", datagram(CLIENT, RESOLVER))[0][0] == "servers"
    assert net.log == ()


def test_a_silent_host_and_everyone_silent(tmp_path: Path, rules: tuple[Rule, ...]) -> None:
    net = Net(tmp_path, *rules, faults=(Fault(kind="host_silent", match=("t.example",)),))
    for leg, src in (("client", CLIENT), ("vantage", VANTAGE)):
        assert net.send(leg, datagram(src, SERVER)) == []
        assert len(net.send(leg, datagram(src, RESOLVER))) == 1
    assert Net(tmp_path, faults=(Fault(kind="host_silent"),)).send("client", datagram(CLIENT, RESOLVER)) == []


def test_a_host_that_is_far_is_so_for_everyone(tmp_path: Path, rules: tuple[Rule, ...]) -> None:
    net = Net(tmp_path, *rules, faults=(Fault(kind="host_far", match=("t.example",), params={"rtt_ms": 300}),))
    for leg, src, dst, usual_s in (("client", CLIENT, SERVER, DELAY_S), ("client", CLIENT6, SERVER6, DELAY_S),
                                   ("vantage", VANTAGE, SERVER, VANTAGE_DELAY_S)):
        ((where, when_s, _),) = net.send(leg, datagram(src, dst))
        assert where == "servers"
        assert when_s == pytest.approx(usual_s + 0.3)
    assert net.send("client", datagram(CLIENT, RESOLVER))[0][1] == pytest.approx(DELAY_S)
    assert net.send("servers", datagram(SERVER, CLIENT))[0][1] == pytest.approx(DELAY_S)


def test_ipv6_that_vanishes(tmp_path: Path, rules: tuple[Rule, ...]) -> None:
    net = Net(tmp_path, *rules, faults=(Fault(kind="ipv6_dropped"), Fault(kind="cert_expired", match=("t.example",))))
    assert net.send("client", datagram(CLIENT6, SERVER6)) == []
    assert net.send("servers", datagram(SERVER6, CLIENT6)) == []
    assert len(net.send("client", datagram(CLIENT, SERVER))) == 1
    assert len(net.send("vantage", datagram(VANTAGE6, SERVER6))) == 1


def test_a_blackhole_that_is_censorship_is_written_down(tmp_path: Path, rules: tuple[Rule, ...]) -> None:
    net = Net(tmp_path, *rules, faults=(Fault(kind="blackhole", block_type="network.shutdown", alias="t"),))
    assert net.send("client", *[datagram(CLIENT, SERVER)] * 300) == []
    assert net.send("servers", datagram(SERVER6, CLIENT6)) == []
    assert len(net.log) == 201
    first, last = net.log[0], net.log[-1]
    assert (first.actor, first.action) == ("router", "blackhole")
    assert (first.block_type, first.alias) == ("network.shutdown", "t")
    assert (first.address, first.direction) == (SERVER, "to_server")
    assert (last.address, last.direction) == (SERVER6, "to_client")


def test_a_fault_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="illegal"):
        Net(tmp_path, faults=(Fault(kind="host_off", match=("unknown.example",)),))


# the loop


class PairLeg:
    """A leg of the router made of a pair of sockets; `far` is the other end."""

    def __init__(self) -> None:
        self._near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._near.setblocking(False)
        self.far.settimeout(20)

    def fileno(self) -> int:
        return self._near.fileno()

    def read(self) -> bytes | None:
        try:
            return self._near.recv(65_536)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> None:
        self._near.send(packet)

    def close(self) -> None:
        self._near.close()
        self.far.close()


@contextlib.contextmanager
def running(directory: Path, world: World, *rules: Rule) -> Iterator[dict[str, PairLeg]]:
    """A router at work in a thread; it must end when told, without an error."""
    legs = {name: PairLeg() for name in ("client", "vantage", "servers")}
    (stopped, stop), (ready, says_ready) = os.pipe(), os.pipe()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            route(
                world, rules, (), legs, str(directory / "truth.jsonl"),
                stop_fd=stopped, ready_fd=says_ready,
            )
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert select.select([ready], [], [], 20)[0]
    assert os.read(ready, 1)
    try:
        yield legs
    finally:
        os.write(stop, b"\0")
        thread.join(20)
        for fd in (stopped, stop, ready, says_ready):
            os.close(fd)
        for leg in legs.values():
            leg.close()
    assert not thread.is_alive()
    assert errors == []


def test_the_loop_carries_packets_between_real_descriptors(tmp_path: Path) -> None:
    world = dataclasses.replace(WORLD, client_delay_ms=2.0, vantage_delay_ms=0.0)
    with running(tmp_path, world, rule("sni", "t.example", "drop")) as legs:
        for number in range(20):
            legs["client"].far.send(datagram(CLIENT, SERVER, payload=bytes((number,))))
        got = [read(legs["servers"].far.recv(65_536)).payload[0] for _ in range(20)]
        assert got == list(range(20))
        legs["servers"].far.send(datagram(SERVER, VANTAGE))
        assert read(legs["vantage"].far.recv(65_536)).dst == VANTAGE
        flow = Flow()
        legs["client"].far.send(flow.syn())
        legs["client"].far.send(flow.data(client_hello("t.example")))
        legs["client"].far.send(datagram(CLIENT, SERVER, payload=b"last"))
        assert read(legs["servers"].far.recv(65_536)).flags == SYN
        assert read(legs["servers"].far.recv(65_536)).payload == b"last"
    assert [entry.name for entry in read_log(tmp_path / "truth.jsonl")] == ["t.example"]


def test_processes_share_the_truth_log(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    assert read_log(path) == ()
    first, second = TruthLog(path), TruthLog(path)
    entries = [TruthEntry(time_s=float(number), actor="x", action="y", name="é\n") for number in range(4)]
    for number, entry in enumerate(entries):
        (first, second)[number % 2].write(entry)
    first.close()
    second.close()
    assert list(read_log(path)) == entries
