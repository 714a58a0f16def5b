"""The laboratory's network: one namespace per host, each with one wire into the router's own namespace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyroute2 import IPRoute

from probe_lab.host import network
from probe_lab.host.client_faults import tunnel_of, without_ipv4
from probe_lab.host.namespaces import new_net, open_own, visiting_net
from probe_lab.host.tunnel import wire_tunnel
from probe_lab.lab_errors import LabUnavailable, wire_advice
from probe_lab.lab_types import Fault, WireEnd, World
from probe_lab.wire.composite import CompositeLeg
from probe_lab.wire.frames import INTERFACE
from probe_lab.wire.tun import open_tap
from probe_lab.wire.veth import PacketLeg, make_pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Descriptors of the hosts' network namespaces, and the router's legs; this process is in the router's."""

    client: int
    servers: int
    vantages: Mapping[str, int]
    """control_id -> namespace: every helper is a host of its own."""
    legs: Mapping[str, WireEnd]
    """client, vantage, servers."""


def _tap_wire(net: int, _name: str) -> WireEnd:
    with visiting_net(net):
        return open_tap(INTERFACE)


def _veth_wire(net: int, name: str, interface: str = INTERFACE) -> WireEnd:
    with IPRoute() as route:
        make_pair(route, outer=name, inner=interface, inner_net=net)
        network.raise_router_end(route, name)
    return PacketLeg(name)


_WIRES: Mapping[str, Callable[[int, str], WireEnd]] = {"tun": _tap_wire, "veth": _veth_wire}


def _first_wire(net: int, name: str) -> tuple[str, WireEnd]:
    """The transport that works on this machine, and the first wire made of it."""
    try:
        return "tun", _tap_wire(net, name)
    except OSError as tun:
        try:
            return "veth", _veth_wire(net, name)
        except Exception as veth:
            raise LabUnavailable(wire_advice(tun, veth)) from veth


def _new_host(*, any_address: bool = False) -> int:
    home = open_own("net")
    with visiting_net(home):
        net = new_net()
        network.prepare_host(any_address=any_address)
    return net


def _server_addresses6(world: World) -> set[str]:
    """Every IPv6 address at which this world has a server; vantage points are named too, but have hosts of their own.

    Owning one of theirs, the servers would keep their own answers to it.
    """
    named = {address for host in world.hosts.values() for address in host.ipv6}
    return (named | {address for address in world.literals if ":" in address}) - {v.ipv6 for v in world.vantages}


def try_wire() -> None:
    """Make one wire and leave it; LabUnavailable or OSError where a laboratory cannot be wired."""
    network.prepare_router()
    host = _new_host()
    _first_wire(host, "client")


def _client_leg(world: World, faults: Sequence[Fault], *, net: int, card: WireEnd, veth: bool) -> WireEnd:
    """Configure the client; its leg of the router."""
    tunnel = tunnel_of(faults, world)
    if tunnel is not None and not tunnel.routes:
        return wire_tunnel(tunnel, world, net=net, card=card, veth=_veth_wire if veth else None)
    addresses, gateways = (world.client6, world.client4), (world.gateway6, world.gateway4)
    spoken = 1 if without_ipv4(faults) else 2
    with visiting_net(net):
        network.configure_host(
            network.Host(addresses=addresses[:spoken], gateways=gateways[:spoken]), veth=veth
        )
    if tunnel is None:
        return card
    return wire_tunnel(tunnel, world, net=net, card=card, veth=_veth_wire if veth else None)


def wire_up(world: World, *, transport: str = "", faults: Sequence[Fault] = ()) -> Network:
    """Build every host's namespace and wire from within the router's; `transport` is tun, veth, or "" for either.

    Of the faults those of the client's own machine matter. Raises LabUnavailable where no wire can be made and
    OSError where the kernel refuses anything else.
    """
    network.prepare_router()
    client = _new_host()
    if transport:
        client_leg = _WIRES[transport](client, "client")
    else:
        transport, client_leg = _first_wire(client, "client")
    make, veth = _WIRES[transport], transport == "veth"
    gateways = (world.gateway4, world.gateway6)
    client_leg = _client_leg(world, faults, net=client, card=client_leg, veth=veth)
    servers = _new_host(any_address=True)
    servers_leg = make(servers, "servers")
    vantages: dict[str, int] = {}
    vantage_legs: list[tuple[tuple[str, ...], WireEnd]] = []
    for number, vantage in enumerate(world.vantages):
        net = vantages[vantage.control_id] = _new_host()
        addresses = (vantage.ipv4, vantage.ipv6)
        vantage_legs.append((addresses, make(net, f"vantage{number}")))
        with visiting_net(net):
            network.configure_host(network.Host(addresses=addresses, gateways=gateways), veth=veth)
    beyond = [*world.clients, *(a for addresses, _ in vantage_legs for a in addresses)]
    with visiting_net(servers):
        network.configure_servers(beyond, owned=sorted(_server_addresses6(world)), veth=veth)
    legs = {"client": client_leg, "vantage": CompositeLeg(vantage_legs), "servers": servers_leg}
    return Network(client=client, servers=servers, vantages=vantages, legs=legs)
