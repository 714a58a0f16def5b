"""Does a tunnel carry this device's traffic? Then what is seen is the tunnel's network, not the volunteer's."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from probe.core.tables.run_words import Tunnel
from probe.core.tables.systems import LINUX
from probe.instruments.device.own_addresses import list_own_addresses

_NAMES = re.compile(r"(tun|wg|utun|nordlynx|proton|mullvad|tailscale|zt)[0-9a-z_-]*")
"""What programs call their tunnels, for systems that show no more."""
_ARPHRD_NONE = "65534"
_SIOCGIFADDR = 0x8915
"""Documentation addresses: what leads there leads everywhere. Nothing is sent."""


def detect_tunnel(*, proc: Path = Path("/proc/net"), sys: Path = Path("/sys/class/net")) -> Tunnel:
    """full: everything goes through a tunnel; split: some public addresses do; empty: none, or it cannot be seen."""
    if not LINUX:
        return ""
    tunnels = {name for _, name in socket.if_nameindex() if is_tunnel(name, sys)}
    if not tunnels:
        return ""
    own = {address for name in tunnels for address in _addresses(name, proc)}
    if any(address in own for address in list_own_addresses()):
        return "full"
    nets = [net for name, net in (*read_ipv4_routes(proc), *read_ipv6_routes(proc)) if name in tunnels]
    return "split" if any(_is_public(net) for net in nets) else ""


def is_tunnel(name: str, sys: Path = Path("/sys/class/net")) -> bool:
    """Whether an interface is a tunnel of some program: WireGuard or a TUN device, else by its name.

    A mobile modem has no link layer either (ARPHRD_NONE), but is no TUN device.
    """
    try:
        kind = (sys / name / "type").read_text().strip()
        wireguard = "DEVTYPE=wireguard" in (sys / name / "uevent").read_text()
    except OSError:
        return bool(_NAMES.fullmatch(name))
    return wireguard or (kind == _ARPHRD_NONE and (sys / name / "tun_flags").exists()) or bool(_NAMES.fullmatch(name))


def read_ipv4_routes(proc: Path) -> Iterator[tuple[str, ipaddress.IPv4Network | ipaddress.IPv6Network]]:
    """(interface, network) of the main IPv4 routes (proc(5)); lines that cannot be read are left out."""
    for line in _lines(proc / "route")[1:]:
        with contextlib.suppress(ValueError, IndexError, struct.error):
            fields = line.split()
            target, mask = (socket.inet_ntoa(struct.pack("<I", int(fields[at], 16))) for at in (1, 7))
            yield fields[0], ipaddress.IPv4Network(f"{target}/{mask}")


def read_ipv6_routes(proc: Path) -> Iterator[tuple[str, ipaddress.IPv4Network | ipaddress.IPv6Network]]:
    """(interface, network) of the IPv6 routes (proc(5))."""
    for line in _lines(proc / "ipv6_route"):
        with contextlib.suppress(ValueError, IndexError):
            fields = line.split()
            yield fields[-1], ipaddress.IPv6Network((bytes.fromhex(fields[0]), int(fields[1], 16)))


def _is_public(net: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether the network holds public addresses: a half of the world does, a company's own range does not."""
    if net.is_multicast or net.is_link_local:
        return False
    return net.prefixlen < 8 or net.is_global


def _addresses(name: str, proc: Path) -> Iterator[str]:
    import fcntl

    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
        yield socket.inet_ntoa(answer[20:24])
    for line in _lines(proc / "if_inet6"):
        fields = line.split()
        if fields and fields[-1] == name:
            with contextlib.suppress(ValueError):
                yield str(ipaddress.IPv6Address(bytes.fromhex(fields[0])))


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text().splitlines()
    return []
