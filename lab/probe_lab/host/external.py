"""Any program as the censor: a namespace between the client and the router whose kernel forwards.

    client --- (this process copies) --- inside [censor's kernel] outside --- router

The client's wire stays as it is; what it sends is handed to the censor's interface `inside`, and what the censor's
kernel lets through comes out of `outside` as if the client had sent it. Kernel forwarding costs one TTL.
"""

from __future__ import annotations

import ipaddress
import random
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute

from probe_lab.host import network
from probe_lab.host.namespaces import new_net, open_own, visiting_net
from probe_lab.lab_errors import LabUnavailable, wire_advice
from probe_lab.lab_types import WireEnd, World
from probe_lab.path.line import draw_line
from probe_lab.wire.frames import HOST_MAC, ROUTER_MAC
from probe_lab.wire.tun import open_tap
from probe_lab.wire.veth import PacketLeg, make_pair, offloads_off

INSIDE, OUTSIDE = "inside", "outside"
"""The censor's interfaces: towards the client, and towards the rest of the world."""

_BATCH = 128
_QUEUE_PACKETS = 8192
_IFF_UP, _IFF_NOARP = 0x1, 0x80
_RTNH_F_ONLINK = 4
_NUD_PERMANENT = 0x80
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_SETTINGS = {
    "net/ipv4/conf/all/forwarding": "1",
    "net/ipv4/conf/default/forwarding": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/forwarding": "1",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the censor is: its network namespace, and this side's ends of its two wires."""

    net: int
    inside: WireEnd
    outside: WireEnd


class CensoredLeg:
    """The client's leg as the router sees it when a site lies in between."""

    def __init__(self, client: WireEnd, site: Site) -> None:
        self._client = client
        self._inside = site.inside
        self._outside = site.outside
        self._epoll = select.epoll()
        for leg in (client, site.inside, site.outside):
            self._epoll.register(leg.fileno(), select.EPOLLIN)

    def fileno(self) -> int:
        """The descriptor to poll for reading: an epoll instance is readable when a wire is."""
        return self._epoll.fileno()

    def read(self) -> bytes | None:
        """The next packet that has passed the censor, or None when there is none now; feeds the censor on the way."""
        _copy(self._client, self._inside)
        _copy(self._inside, self._client)
        return self._outside.read()

    def write(self, packet: bytes) -> None:
        """Hand a packet for the client to the censor."""
        self._outside.write(packet)


def _copy(source: WireEnd, target: WireEnd) -> None:
    for _ in range(_BATCH):
        packet = source.read()
        if packet is None:
            return
        target.write(packet)


def _tap(net: int, name: str) -> WireEnd:
    with visiting_net(net):
        return open_tap(name)


def _veth(net: int, name: str) -> WireEnd:
    outer = f"censor-{name}"
    with IPRoute() as route:
        make_pair(route, outer=outer, inner=name, inner_net=net)
        network.raise_router_end(route, outer)
    with visiting_net(net):
        offloads_off(name)
    return PacketLeg(outer)


_WIRES: dict[str, Callable[[int, str], WireEnd]] = {"tun": _tap, "veth": _veth}


def _wire(net: int, name: str, transport: str) -> WireEnd:
    if transport:
        return _WIRES[transport](net, name)
    try:
        return _tap(net, name)
    except OSError as tun:
        try:
            return _veth(net, name)
        except Exception as veth:
            raise LabUnavailable(wire_advice(tun, veth)) from veth


def _own_addresses(world: World) -> tuple[str, str]:
    """What the censor's kernel sends ICMP from: addresses that look public and that nobody else has."""
    rng = random.Random(f"external {world.seed}")
    line = draw_line(world)
    while True:
        four = ipaddress.IPv4Address(rng.getrandbits(32))
        inhabited = {address for host in world.hosts.values() for address in host.ipv4}
        if four.is_global and not four.is_multicast and str(four) not in inhabited.union(line.routers4):
            return str(four), str(ipaddress.IPv6Address((0x2A00 << 112) | rng.getrandbits(108)))


def _configure(world: World) -> None:
    for name, value in _SETTINGS.items():
        Path("/proc/sys", name).write_text(value)
    own = _own_addresses(world)
    with IPRoute() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
        indexes: dict[str, int] = {}
        for name in (INSIDE, OUTSIDE):
            index = indexes[name] = route.link_lookup(ifname=name)[0]
            route.link("set", index=index, address=HOST_MAC, txqlen=_QUEUE_PACKETS, mtu=1500)
            route.link("set", index=index, flags=_IFF_UP | _IFF_NOARP, change=_IFF_UP | _IFF_NOARP)
        for address in own:
            length = ipaddress.ip_address(address).max_prefixlen
            route.addr("add", index=indexes[INSIDE], address=address, prefixlen=length)
        for client, gateway in ((world.client4, world.gateway4), (world.client6, world.gateway6)):
            version = ipaddress.ip_address(client).version
            family, length = _FAMILIES[version], ipaddress.ip_address(client).max_prefixlen
            for address, name in ((client, INSIDE), (gateway, OUTSIDE)):
                route.neigh("replace", dst=address, lladdr=ROUTER_MAC, ifindex=indexes[name], state=_NUD_PERMANENT,
                            family=family)
            route.route("add", dst=f"{client}/{length}", oif=indexes[INSIDE], family=family)
            route.route("add", dst="default", gateway=gateway, oif=indexes[OUTSIDE], flags=_RTNH_F_ONLINK,
                        family=family)


def make_site(world: World, *, transport: str = "") -> Site:
    """Build the censor's namespace from within the router's; `transport` is tun, veth, or "" for the first that works.

    Raises LabUnavailable where no wire can be made and OSError where the kernel refuses anything else.
    """
    home = open_own("net")
    with visiting_net(home):
        net = new_net()
        network.prepare_host()
    inside, outside = (_wire(net, name, transport) for name in (INSIDE, OUTSIDE))
    with visiting_net(net):
        _configure(world)
    return Site(net=net, inside=inside, outside=outside)
