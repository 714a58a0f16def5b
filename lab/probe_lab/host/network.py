"""Addresses, routes and kernel settings of the laboratory's hosts, set through netlink in the current namespace."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute

from probe_lab.host.many_addresses import add_ipv6_addresses
from probe_lab.wire.frames import HOST_MAC, INTERFACE, ROUTER_MAC
from probe_lab.wire.veth import offloads_off

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_TABLE_LOCAL = 255
_TABLE_ANY_LOCAL6 = 100
_PRIORITY_ANY_LOCAL6 = 40_000  # after the main table (32766)
_RTNH_F_ONLINK = 4
_NUD_PERMANENT = 0x80
_IFF_UP = 0x1
_IFF_NOARP = 0x80
_QUEUE_PACKETS = 8192

_SETTINGS_HOST = {
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/default/router_solicitations": "0",
    # No link-local address: nothing in the laboratory is reached by one, and its announcements would be noise.
    "net/ipv6/conf/default/addr_gen_mode": "1",
}
_SETTINGS_SERVERS = {
    # Every address is local here, so a router's ICMP error seems to come from ourselves.
    "net/ipv4/conf/all/accept_local": "1",
    "net/ipv6/ip_nonlocal_bind": "1",
    # One namespace stands for hundreds of hosts: a limit per host would be wrong.
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv6/icmp/ratelimit": "0",
}
_SETTINGS_ROUTER = {
    "net/ipv6/conf/all/disable_ipv6": "1",
    "net/ipv6/conf/default/disable_ipv6": "1",
    "net/ipv4/conf/all/forwarding": "0",
    "net/ipv4/conf/default/forwarding": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host with its own addresses and one way out."""

    addresses: tuple[str, ...]
    gateways: tuple[str, ...]
    """Next hop of each family; no packet need ever reach it."""


def ipv6_available() -> bool:
    """Whether this kernel speaks IPv6 at all."""
    return Path("/proc/sys/net/ipv6").is_dir()


def _apply(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        Path("/proc/sys", name).write_text(value)


def prepare_router() -> None:
    """Make the current namespace one that itself neither speaks nor forwards: packets pass in user space only."""
    _apply(_SETTINGS_ROUTER)


def prepare_host(*, any_address: bool = False) -> None:
    """Kernel settings of a host, before its interface exists; `any_address` for the servers."""
    _apply(_SETTINGS_HOST | (_SETTINGS_SERVERS if any_address else {}))
    _allow_echo()


def _allow_echo() -> None:
    """Let ordinary programs send echo requests (icmp(7)), as distributions do and the kernel by itself does not."""
    for groups in ("0 2147483647", "0 0"):  # the second where only one group is mapped
        with suppress(OSError):
            Path("/proc/sys/net/ipv4/ping_group_range").write_text(groups)
            return


def raise_router_end(route: IPRoute, interface: str) -> None:
    """Bring the router's end of a veth pair up."""
    index = route.link_lookup(ifname=interface)[0]
    route.link("set", index=index, flags=_IFF_UP | _IFF_NOARP, change=_IFF_UP | _IFF_NOARP, mtu=1500)


def _raise_interfaces(route: IPRoute, *, veth: bool) -> int:
    """Bring up loopback and the network card; its index."""
    route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
    return raise_interface(route, INTERFACE, veth=veth)


def raise_interface(route: IPRoute, interface: str, *, veth: bool) -> int:
    """Bring up an interface that speaks Ethernet to the router; its index."""
    index: int = route.link_lookup(ifname=interface)[0]
    if veth:
        offloads_off(interface)
    route.link("set", index=index, address=HOST_MAC, txqlen=_QUEUE_PACKETS, mtu=1500)
    route.link("set", index=index, flags=_IFF_UP | _IFF_NOARP, change=_IFF_UP | _IFF_NOARP)
    return index


def add_neighbour(route: IPRoute, index: int, address: str) -> None:
    """Tell the kernel once and for all that the router is at this address."""
    family = _FAMILIES[ipaddress.ip_address(address).version]
    route.neigh("replace", dst=address, lladdr=ROUTER_MAC, ifindex=index, state=_NUD_PERMANENT, family=family)


def configure_host(host: Host, *, veth: bool) -> None:
    """Give the current namespace its addresses and default routes; it owns nothing else."""
    with IPRoute() as route:
        index = _raise_interfaces(route, veth=veth)
        for address in host.addresses:
            length = ipaddress.ip_address(address).max_prefixlen
            route.addr("add", index=index, address=address, prefixlen=length)
        for gateway in host.gateways:
            family = _FAMILIES[ipaddress.ip_address(gateway).version]
            add_neighbour(route, index, gateway)
            route.route("add", dst="default", gateway=gateway, oif=index, flags=_RTNH_F_ONLINK, family=family)


def configure_servers(clients: Iterable[str], *, owned: Iterable[str], veth: bool) -> None:
    """Make every address local to the current namespace except the clients', which lie beyond its interface.

    IPv4 merges the local and the main table, so one route is enough and the clients' longer ones win. IPv6 asks
    the local table first; there the catch-all stands in a table of its own that is asked last. IPv6 addresses in
    `owned` are assigned besides: an ICMPv6 error is sent from `::` unless the host owns the address it speaks for.
    """
    with IPRoute() as route:
        index = _raise_interfaces(route, veth=veth)
        for client in clients:
            parsed = ipaddress.ip_address(client)
            family = _FAMILIES[parsed.version]
            add_neighbour(route, index, client)
            route.route("add", dst=f"{client}/{parsed.max_prefixlen}", oif=index, family=family, scope=253)
        loopback = route.link_lookup(ifname="lo")[0]
        local = {"oif": loopback, "type": "local"}
        route.route("add", dst="0.0.0.0/0", table=_TABLE_LOCAL, scope=254, family=socket.AF_INET, **local)
        route.route("add", dst="::/0", table=_TABLE_ANY_LOCAL6, family=socket.AF_INET6, **local)
        route.rule("add", table=_TABLE_ANY_LOCAL6, priority=_PRIORITY_ANY_LOCAL6, family=socket.AF_INET6)
    add_ipv6_addresses(loopback, owned)
