"""A virtual private network on the client: a second interface with routes, whose packets the world gets all the same.

Nothing is encrypted: what matters is what the client can see of it, and that the world sees the client's address.
"""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass

from pyroute2 import IPRoute

from probe_lab.host import network
from probe_lab.host.client_faults import Tunnel
from probe_lab.host.namespaces import visiting_net
from probe_lab.lab_types import WireEnd, World
from probe_lab.wire.composite import CompositeLeg
from probe_lab.wire.frames import INTERFACE
from probe_lab.wire.tun import open_tun

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_EVERYTHING = {4: "0.0.0.0/0", 6: "::/0"}
_METRIC_TUNNEL, _METRIC_CARD = 50, 600
"""As network managers set them: the lower one is taken."""
_MTU = {"wg": 1420, "tu": 1500}


@dataclass(frozen=True, slots=True, kw_only=True)
class _HomeNetwork:
    """What the network card has while everything goes through the tunnel."""

    address: str
    gateway: str


def wire_tunnel(
    tunnel: Tunnel, world: World, *, net: int, card: WireEnd, veth: Callable[[int, str, str], WireEnd] | None
) -> WireEnd:
    """Give the client a tunnel beside its card; both together as one leg of the router.

    `veth` makes a wire of that kind where TUN devices are closed. Raises OSError where the kernel refuses.
    """
    if veth is not None:
        inner = veth(net, "tunnel", tunnel.interface)
    else:
        with visiting_net(net):
            inner = open_tun(tunnel.interface)
    with visiting_net(net):
        if not tunnel.routes:
            _configure_card(_home_network(world), veth=veth is not None)
        _configure_tunnel(tunnel, world, veth=veth is not None)
    own = (world.client4, world.client6)
    behind, beside = (card, inner) if tunnel.routes else (inner, card)
    return CompositeLeg([(own, behind), ((), beside)])


def _home_network(world: World) -> _HomeNetwork:
    rng = random.Random(f"{world.seed}:home")
    subnet = rng.randint(0, 250)
    return _HomeNetwork(address=f"192.168.{subnet}.{rng.randint(2, 250)}", gateway=f"192.168.{subnet}.1")


def _configure_card(home: _HomeNetwork, *, veth: bool) -> None:
    with IPRoute() as route:
        index = network.raise_interface(route, INTERFACE, veth=veth)
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
        route.addr("add", index=index, address=home.address, prefixlen=24)
        network.add_neighbour(route, index, home.gateway)
        route.route("add", dst="default", gateway=home.gateway, oif=index, priority=_METRIC_CARD)


def _configure_tunnel(tunnel: Tunnel, world: World, *, veth: bool) -> None:
    sources = {4: {"prefsrc": world.client4}, 6: {"prefsrc": world.client6}} if tunnel.routes else {}
    with IPRoute() as route:
        index: int = route.link_lookup(ifname=tunnel.interface)[0]
        if veth:
            network.raise_interface(route, tunnel.interface, veth=True)
        route.link("set", index=index, mtu=_MTU[tunnel.interface[:2]], state="up")
        for text in tunnel.addresses:
            own = ipaddress.ip_interface(text)
            route.addr("add", index=index, address=str(own.ip), prefixlen=own.network.prefixlen)
        for network_text in tunnel.routes or _EVERYTHING.values():
            version = ipaddress.ip_network(network_text).version
            way = {"oif": index, "family": _FAMILIES[version], "priority": _METRIC_TUNNEL}
            route.route("add", dst=network_text, **way, **sources.get(version, {}))
