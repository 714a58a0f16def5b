"""Faults of the client's own machine: its variables, its name service, its trust, its tunnel, its families.

Each question is asked where the client is made: by what runs programs on it (`environment`), by what covers its
files (`resolver_of`, `system_roots`), by what wires it (`tunnel_of`, `without_ipv4`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probe_lab.lab_types import Fault, World
from probe_lab.path.nat64_icmp import PREFIX
from probe_lab.pki import FOREIGN_CA, WEB_CA
from probe_lab.servers.faults import text
from probe_lab.wire.packet import pack_address, unpack_address

STUB = "127.0.0.53"
"""Where a local forwarder of DNS listens, as systemd-resolved does."""

_DEAD_PROXY = "http://127.0.0.1:9"
_DEAD_BUNDLE = "/nonexistent/proxy-ca.pem"
_ROUTED_HOSTS = 64
_ROUTED_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """A virtual private network of the client."""

    interface: str
    addresses: tuple[str, ...]
    """With the length of their network, as in `10.8.0.2/24`."""
    routes: tuple[str, ...]
    """Networks behind it; empty: everything, and the addresses are the client's own."""


def environment(faults: Iterable[Fault]) -> Mapping[str, str | None]:
    """Changes to the environment of the client's programs: a value, or None for a variable that is taken away."""
    if not _has(faults, "proxy_environment"):
        return {}
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    bundles = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return {
        **dict.fromkeys((*proxies, *map(str.lower, proxies)), _DEAD_PROXY),
        **dict.fromkeys(bundles, _DEAD_BUNDLE),
        **dict.fromkeys(("NO_PROXY", "no_proxy")),
    }


def change_environment(variables: Mapping[str, str], faults: Iterable[Fault]) -> dict[str, str]:
    """The environment with what the faults change in it."""
    after = {**variables, **environment(faults)}
    return {name: value for name, value in after.items() if value is not None}


def network_resolver(faults: Iterable[Fault], world: World) -> str:
    """The address at which the client reaches the network's resolver."""
    if without_ipv4(faults):
        return unpack_address(PREFIX + pack_address(world.resolver))
    return world.resolver


def has_stub(faults: Iterable[Fault]) -> bool:
    """Whether a forwarder of DNS runs on the client itself."""
    return _has(faults, "stub_resolver")


def resolver_of(faults: Iterable[Fault], world: World) -> str:
    """What the client's resolv.conf names."""
    faults = tuple(faults)
    return STUB if has_stub(faults) else network_resolver(faults, world)


def system_roots(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Stems of the authorities in the client's system store (see `probe_lab.pki`)."""
    return (WEB_CA, FOREIGN_CA) if _has(faults, "root_installed") else (WEB_CA,)


def without_ipv4(faults: Iterable[Fault]) -> bool:
    """Whether the client's network speaks IPv6 alone."""
    return _has(faults, "nat64")


def without_timestamps(faults: Iterable[Fault]) -> bool:
    """Whether the client's TCP has no timestamps."""
    return _has(faults, "no_timestamps")


def tunnel_of(faults: Iterable[Fault], world: World) -> Tunnel | None:
    """The client's tunnel; None where it has none. What goes through a part of the world follows from the seed."""
    fault = next((fault for fault in faults if fault.kind == "vpn"), None)
    if fault is None:
        return None
    rng = random.Random(f"{world.seed}:vpn")
    interface = rng.choice(("tun0", "wg0"))
    if text(fault.params, "kind", "full") != "split":
        return Tunnel(interface=interface, addresses=(f"{world.client4}/32", f"{world.client6}/128"), routes=())
    subnet = rng.randint(1, 250)
    return Tunnel(
        interface=interface,
        addresses=(f"10.{subnet}.0.{rng.randint(2, 250)}/24", f"fd{subnet:02x}::{rng.randint(2, 250):x}/64"),
        routes=("10.0.0.0/8", "fd00::/8", *_some_networks(world, rng)),
    )


def _some_networks(world: World, rng: random.Random) -> list[str]:
    """The networks of some of the world's hosts."""
    names = sorted(name for name in world.hosts if not name.endswith(".lab.example"))
    chosen = rng.sample(names, min(_ROUTED_HOSTS, round(len(names) * _ROUTED_SHARE)))
    addresses = sorted({a for name in chosen for a in (*world.hosts[name].ipv4, *world.hosts[name].ipv6)})
    return [f"{a}/128" if ":" in a else f"{a}/32" for a in addresses if not a.startswith("127.")]


def _has(faults: Iterable[Fault], kind: str) -> bool:
    return any(fault.kind == kind for fault in faults)
