"""Operators at the far end of the line: routers of their own, and fronts that act on their own visitors alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab_net import DELAY_S, HOPS, VANTAGE, VANTAGE6, VANTAGE_DELAY_S, WORLD, Net, datagram
from lab_traffic import CLIENT, CLIENT6, SERVER, SERVER6, Flow, client_hello, read, rule
from probe_lab.lab_types import Fault, Front, HostPlan, Rule, Value, World
from probe_lab.path.line import draw_line
from probe_lab.wire.packet import ACK, FIN, RST, SYN, pack_address
from probe_lab.wire.packet_edit import read_ttl

DOOR_HOPS = 3
OTHER, OTHER6 = "151.101.2.2", "2a04:4e42::99"
OWNED = replace(
    WORLD,
    hosts={**WORLD.hosts, "o.example": HostPlan(name="o.example", ipv4=(OTHER,), ipv6=(OTHER6,))},
    door_hops=DOOR_HOPS,
    owners={SERVER: "t", SERVER6: "t", OTHER: "o", OTHER6: "o"},
    cc="RU",
)
OWN: dict[str, Value] = {"ttl": "server", "df": True, "ip_id": 0}


def front(trigger: str, match: str, action: str, **params: Value) -> Front:
    """Before the first host, for the client's country."""
    matches = (match,) if match else ()
    return Front(rule=Rule(trigger=trigger, match=matches, action=action, params=params), hosts=(SERVER, SERVER6),
                 countries=("RU",))


def fronted(directory: Path, *fronts: Front, world: World = OWNED, faults: tuple[Fault, ...] = ()) -> Net:
    return Net(directory, fronts=fronts, world=world, faults=faults)


def open_flow(net: Net, flow: Flow) -> Flow:
    assert [where for where, _, _ in net.send("client", flow.syn())] == ["servers"]
    assert [where for where, _, _ in net.send("servers", flow.answer(flags=SYN | ACK))] == ["client"]
    return flow


# routers


@pytest.mark.parametrize("version", [4, 6])
def test_the_last_routers_are_the_owners_own(tmp_path: Path, version: int) -> None:
    ends = {4: (CLIENT, SERVER, OTHER), 6: (CLIENT6, SERVER6, OTHER6)}[version]
    net = fronted(tmp_path)
    seen = {dst: [read(net.send("client", datagram(ends[0], dst, ttl=ttl))[0][2]).src for ttl in range(1, HOPS + 1)]
            for dst in ends[1:]}
    mine, others = seen.values()
    assert mine[: HOPS - DOOR_HOPS] == others[: HOPS - DOOR_HOPS]
    assert not {*mine[HOPS - DOOR_HOPS :]} & {*others[HOPS - DOOR_HOPS :]}
    assert len({*mine, *others}) == HOPS + DOOR_HOPS
    line = draw_line(OWNED)
    assert mine[-1] == line.address(HOPS, version=version, host=pack_address(ends[1]))


def test_a_host_that_is_off_is_reported_by_its_own_last_router(tmp_path: Path) -> None:
    net = fronted(tmp_path, faults=(Fault(kind="host_off", match=(SERVER,)),))
    ((where, _, raw),) = net.send("client", datagram(CLIENT, SERVER))
    assert (where, read(raw).src) == ("client", draw_line(OWNED).address(HOPS, version=4, host=pack_address(SERVER)))


# what fronts do


def test_a_front_resets_as_the_server_would_after_a_whole_round_trip(tmp_path: Path) -> None:
    net = fronted(tmp_path, front("sni", "t.example", "reset", direction="client", swallow=True, **OWN))
    flow = open_flow(net, Flow())
    (_, _, answer), = net.send("servers", flow.answer())
    ((where, when_s, raw),) = net.send("client", flow.data(client_hello("t.example")))
    reset = read(raw)
    assert (where, reset.src, reset.flags & RST, reset.ip_id, reset.df) == ("client", SERVER, RST, 0, True)
    assert when_s == pytest.approx(2 * DELAY_S)
    assert read_ttl(raw) == read_ttl(answer)
    (entry,) = net.log
    assert (entry.actor, entry.action, entry.block_type, entry.address) == ("front", "reset", "", SERVER)


@pytest.mark.parametrize(
    ("cport", "server", "name"), [(1, OTHER, "t.example"), (2, SERVER, "other.example")], ids=["owner", "name"],
)
def test_others_owners_and_other_names_are_served(tmp_path: Path, cport: int, server: str, name: str) -> None:
    net = fronted(tmp_path, front("sni", "t.example", "reset", swallow=True))
    flow = open_flow(net, Flow(cport=cport, server=server))
    assert [where for where, _, _ in net.send("client", flow.data(client_hello(name)))] == ["servers"]
    assert net.log == ()


@pytest.mark.parametrize(
    ("countries", "client", "vantage"),
    [(("RU",), False, True), (("DE",), True, False), (("*",), False, False), (("CN",), True, True)],
)
@pytest.mark.parametrize("at_door", [False, True])
def test_a_front_acts_on_its_countries_alone(
    tmp_path: Path, countries: tuple[str, ...], client: bool, vantage: bool, at_door: bool
) -> None:
    net = fronted(tmp_path, replace(front("all", "", "drop"), countries=countries, at_door=at_door))
    assert bool(net.send("client", datagram(CLIENT, SERVER))) is client
    assert bool(net.send("vantage", datagram(VANTAGE, SERVER))) is vantage
    assert bool(net.send("vantage", datagram(VANTAGE6, SERVER6))) is vantage
    assert net.send("client", datagram(CLIENT6, OTHER6))
    assert net.send("vantage", datagram(VANTAGE, OTHER))


def test_what_a_front_says_to_a_helper_reaches_the_helper(tmp_path: Path) -> None:
    net = fronted(tmp_path, replace(front("address", SERVER, "reset", swallow=True), countries=("*",)))
    ((where, when_s, raw),) = net.send("vantage", Flow(client=VANTAGE).syn())
    assert (where, read(raw).flags & RST) == ("vantage", RST)
    assert when_s == pytest.approx(2 * VANTAGE_DELAY_S)
    ((where, when_s, _),) = net.send("servers", datagram(SERVER, VANTAGE))
    assert where == "vantage"
    assert when_s == pytest.approx(VANTAGE_DELAY_S)


def test_a_front_that_mutes_lets_the_client_speak(tmp_path: Path) -> None:
    net = fronted(tmp_path, front("address", SERVER, "drop_to_client"))
    assert [where for where, _, _ in net.send("client", datagram(CLIENT, SERVER))] == ["servers"]
    assert net.send("servers", datagram(SERVER, CLIENT)) == []


def test_a_front_at_the_door_stands_before_the_owners_own_routers(tmp_path: Path) -> None:
    net = fronted(tmp_path, replace(front("all", "", "drop"), at_door=True))
    for ttl in range(1, HOPS + 2):
        answers = [where for where, _, _ in net.send("client", datagram(CLIENT, SERVER, ttl=ttl))]
        assert answers == ["client"] * (ttl <= HOPS - DOOR_HOPS), ttl
    spoken = fronted(tmp_path, replace(front("sni", "t.example", "fin", ttl="server"), at_door=True))
    flow = open_flow(spoken, Flow())
    (_, _, answer), = spoken.send("servers", flow.answer())
    found = spoken.send("client", flow.data(client_hello("t.example")))
    ((when_s, raw),) = [(when_s, raw) for where, when_s, raw in found if where == "client"]
    assert read(raw).flags & FIN
    assert when_s == pytest.approx(2 * DELAY_S * (HOPS - DOOR_HOPS + 1) / HOPS)
    assert read_ttl(raw) == read_ttl(answer)


def test_a_front_can_lead_its_visitors_to_another_of_its_servers(tmp_path: Path) -> None:
    net = fronted(tmp_path, front("address", SERVER, "redirect", to=OTHER))
    ((where, _, raw),) = net.send("client", Flow().syn())
    led = read(raw)
    assert (where, led.dst) == ("servers", OTHER)
    back = Flow(server=OTHER, cport=led.sport).answer(flags=SYN | ACK)
    ((where, _, raw),) = net.send("servers", back)
    assert (where, read(raw).src, read(raw).dport) == ("client", SERVER, Flow().cport)
    ((where, _, raw),) = net.send("client", Flow(server=OTHER, cport=7).syn())
    assert (where, read(raw).dst) == ("servers", OTHER)


# bans


def ban(**params: Value) -> Front:
    return replace(front("not_sni", "t.example", "ban", residual_s=60, **params), hosts=(SERVER, SERVER6, OTHER))


def say(net: Net, flow: Flow, name: str, *, at_s: float = 0.0) -> list[str]:
    """A connection and its first words; where they, or what answers them, come out."""
    found = []
    for raw in (flow.syn(), flow.data(client_hello(name))):
        found += [where for where, _, _ in net.send("client", raw, at_s=at_s)]
    return found


def test_a_name_of_nobody_is_answered_and_then_its_asker_is_banned_for_a_while(tmp_path: Path) -> None:
    net = fronted(tmp_path, ban())
    assert say(net, Flow(cport=1), "t.example") == ["servers"] * 2
    assert say(net, Flow(cport=2), "innocent.example") == ["servers"] * 2
    assert say(net, Flow(cport=3), "t.example", at_s=1) == []
    assert say(net, Flow(cport=4, server=OTHER), "t.example", at_s=59) == []
    assert say(net, Flow(cport=5), "t.example", at_s=61) == ["servers"] * 2
    assert {(entry.action, entry.block_type) for entry in net.log} == {("residual:drop", "")}


def test_a_ban_may_want_several_flows_within_its_window(tmp_path: Path) -> None:
    net = fronted(tmp_path, ban(after=3, window_s=10))
    for at_s in (0, 1, 20, 21):
        assert say(net, Flow(cport=100 + at_s), "innocent.example", at_s=at_s) == ["servers"] * 2
    assert say(net, Flow(cport=2), "t.example", at_s=22) == ["servers"] * 2
    assert say(net, Flow(cport=3), "innocent.example", at_s=23) == ["servers"] * 2
    assert say(net, Flow(cport=4), "t.example", at_s=24) == []


def test_a_ban_of_connections_can_be_spoken(tmp_path: Path) -> None:
    refused = front("address", SERVER, "ban", after=2, residual_s=60, residual_action="reset", residual_on="syn")
    net = fronted(tmp_path, refused)
    found = [net.send("client", Flow(cport=port).syn()) for port in (1, 2, 3)]
    assert [where for answers in found for where, _, _ in answers][:2] == ["servers", "servers"]
    assert [where for where, _, raw in found[2] if read(raw).flags & RST and where == "client"] == ["client"]


def test_a_ban_that_lasts_no_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="residual_s"):
        fronted(tmp_path, front("address", SERVER, "ban", residual_s=0))


# faults that strike one owner


def test_a_transit_that_fails_on_the_way_to_some_hosts_alone(tmp_path: Path) -> None:
    net = fronted(tmp_path, faults=(Fault(kind="blackhole", match=(SERVER, SERVER6), params={"hop": 4}),))
    assert net.send("client", datagram(CLIENT, SERVER)) == []
    assert net.send("client", datagram(CLIENT6, SERVER6)) == []
    assert [where for where, _, _ in net.send("client", datagram(CLIENT, OTHER))] == ["servers"]
    assert [where for where, _, _ in net.send("vantage", datagram(VANTAGE, SERVER))] == ["servers"]
    assert [where for where, _, _ in net.send("client", datagram(CLIENT, SERVER, ttl=4))] == ["client"]


@pytest.mark.parametrize("kind", ["host_silent", "host_off"])
def test_a_host_may_be_gone_for_the_client_alone(tmp_path: Path, kind: str) -> None:
    net = fronted(tmp_path, faults=(Fault(kind=kind, match=(SERVER,), params={"only_client": True}),))
    assert "servers" not in [where for where, _, _ in net.send("client", datagram(CLIENT, SERVER))]
    assert [where for where, _, _ in net.send("vantage", datagram(VANTAGE, SERVER))] == ["servers"]


def test_a_censor_and_a_front_can_meet_one_flow(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("address", OTHER, "drop"), fronts=(front("all", "", "drop"),), world=OWNED)
    assert net.send("client", datagram(CLIENT, OTHER), datagram(CLIENT, SERVER)) == []
    assert {(entry.actor, entry.block_type) for entry in net.log} == {("middlebox", "x.drop"), ("front", "")}
