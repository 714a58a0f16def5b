"""Does this device stay in one network while a run measures? Compared in memory; nothing of it is written or sent.

A run that begins at home and ends on a telephone saw two networks, and what failed at the change failed for neither's
sake. Everything is kept as keyed hashes under a key that dies with the process, because among it is the own address.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from probe.instruments.device.own_addresses import list_own_addresses
from probe.instruments.names.system_dns import read_network_resolvers

EVERY_S = 2.0
"""Between two looks: a look costs a fraction of a millisecond."""
_AGAIN_S = 0.3
_STUB = "127.0.0.53"
_KEY = secrets.token_bytes(16)
_REACHABLE = 0x2
"""ATF_COM of arp(7): the hardware address is known."""
_NOBODY = "00000000000000000000000000000000"


@dataclass(frozen=True, slots=True)
class NetworkMark:
    """What tells one network from another, as hashes."""

    ways: frozenset[tuple[str, str]]
    """(what it is, hash): the default route's interface and gateway, the gateway's own hardware, the network of the own
    address, of each family."""
    resolvers: frozenset[str]


def read_network_mark(*, proc: Path = Path("/proc/net"), resolv: Path = Path("/etc/resolv.conf"),
                      upstream: Path = Path("/run/systemd/resolve/resolv.conf"),
                      own: Callable[[], Iterable[str]] = list_own_addresses) -> NetworkMark:
    """The mark of the network that this device is in now. What cannot be read is left out."""
    ways: dict[str, str] = {}
    if any(route := _default4(proc / "route")):
        ways["route4"] = " ".join(route)
        ways["hardware4"] = _hardware(proc / "arp", *route)
    ways["route6"] = " ".join(_default6(proc / "ipv6_route")).strip()
    ways |= {f"own{ipaddress.ip_address(address).version}": _network_of(address) for address in own()}
    servers = read_network_resolvers(str(resolv))
    if servers == (_STUB,):
        servers = read_network_resolvers(str(upstream)) or servers
    return NetworkMark(ways=frozenset((what, _hash(text)) for what, text in ways.items() if text),
                       resolvers=frozenset(map(_hash, servers)))


def is_other_network(before: NetworkMark, now: NetworkMark) -> bool:
    """Whether these are two networks, or the way out was lost. What one mark lacks and the later one has is no change:
    IPv6 and the gateway's hardware become known a moment after the network is joined."""
    then, here = dict(before.ways), dict(now.ways)
    lost = any(what not in here for what in then if what != "hardware4")
    other = any(here[what] != text for what, text in then.items() if what in here)
    return lost or other or not before.resolvers <= now.resolvers


class NetworkWatch:
    """Looks again and again from a thread of its own; `changed` once two looks in a row saw another network."""

    def __init__(self, look: Callable[[], NetworkMark] = read_network_mark, *, every_s: float = EVERY_S) -> None:
        self._look, self._every_s = look, every_s
        self._first = look()
        self._over = threading.Event()
        self._changed = False
        self._thread = threading.Thread(target=self._watch, name="network watch", daemon=True)

    @property
    def has_changed(self) -> bool:
        return self._changed

    def __enter__(self) -> NetworkWatch:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._over.set()

    def finish(self) -> bool:
        """A last look, for a change that no look saw yet; whether there was any. To be called once, at the end."""
        self._over.set()
        self._thread.join()
        self._note(threading.Event())
        return self._changed

    def _watch(self) -> None:
        while not self._changed and not self._over.wait(self._every_s):
            self._note(self._over)

    def _note(self, over: threading.Event) -> None:
        """One look, and where it sees another network a second one: files that are being written can look like that."""
        if self._changed:
            return
        now = self._look()
        if is_other_network(self._first, now):
            over.wait(_AGAIN_S)
            now = self._look()
            self._changed = is_other_network(self._first, now)
        if not self._changed:
            known = dict(self._first.ways)
            self._first = NetworkMark(ways=self._first.ways | {way for way in now.ways if way[0] not in known},
                                      resolvers=self._first.resolvers)


def _hash(text: str) -> str:
    return hashlib.blake2s(text.encode(), key=_KEY, digest_size=16).hexdigest()


def _default4(path: Path) -> tuple[str, str]:
    """(interface, gateway in hexadecimal) of the IPv4 default route that is taken (proc(5)); empty texts: none."""
    routes = []
    for fields in _fields(path):
        with contextlib.suppress(ValueError, IndexError):
            if fields[1] == "00000000" and int(fields[7], 16) == 0:
                routes.append((int(fields[6]), fields[0], fields[2]))
    return min(routes)[1:] if routes else ("", "")


def _default6(path: Path) -> tuple[str, str]:
    """The same for IPv6; the loopback's own default, which leads nowhere, does not count."""
    routes = []
    for fields in _fields(path):
        with contextlib.suppress(ValueError, IndexError):
            if (fields[0], fields[1]) == (_NOBODY, "00") and fields[9] != "lo":
                routes.append((int(fields[5], 16), fields[9], fields[4]))
    return min(routes)[1:] if routes else ("", "")


def _hardware(path: Path, interface: str, gateway: str) -> str:
    """The hardware address of the gateway, where it is known: two networks may both have a 192.168.1.1."""
    for fields in _fields(path):
        with contextlib.suppress(ValueError, IndexError):
            address = f"{int.from_bytes(ipaddress.IPv4Address(fields[0]).packed, 'little'):08X}"
            if (address, fields[5]) == (gateway, interface) and int(fields[2], 16) & _REACHABLE:
                return fields[3]
    return ""


def _network_of(address: str) -> str:
    """The address; of IPv6 its network of 64 bits alone, since privacy addresses come and go in it (RFC 8981)."""
    found = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((address, 64), strict=False) if found.version == 6 else found)


def _fields(path: Path) -> Iterator[list[str]]:
    with contextlib.suppress(OSError):
        for line in path.read_text(errors="replace").splitlines():
            yield line.split()
