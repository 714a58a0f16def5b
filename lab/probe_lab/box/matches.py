"""What a rule lists, in the form that packets are compared with, and indexes that find the rules that list a thing."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from probe_lab.box.hello_shape import Features, features_of
from probe_lab.wire.packet import TCP, UDP, normalise_address, pack_address

TRANSPORTS: Mapping[str, int] = {"any": 0, "tcp": TCP, "udp": UDP}
"""Protocol numbers; 0: any."""

Networks = Mapping[tuple[int, int], frozenset[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The entries of a match by kind; which kinds are filled depends on the trigger."""

    exact: frozenset[str] = frozenset()
    """Names in lower case, addresses as packets spell them, protocols, or QUIC versions in lower case."""
    endings: tuple[str, ...] = ()
    """`.x` for each `*.x`; an empty ending fits any name."""
    sockets: frozenset[tuple[str, int]] = frozenset()
    ports: frozenset[tuple[int, int]] = frozenset()
    """Protocol number, or 0 for any, and port."""
    parts: tuple[str, ...] = ()
    features: Features = ()
    """What the shape of a ClientHello must have: of each key one alternative at least."""
    networks: Networks = field(default_factory=dict)
    """(bytes of an address, bits beyond the prefix) -> prefixes."""

    def holds_address(self, address: str) -> bool:
        """Whether an address is listed, itself or by a network."""
        if address in self.exact:
            return True
        if not self.networks:
            return False
        data = pack_address(address)
        number = int.from_bytes(data)
        return any(size == len(data) and number >> shift in found for (size, shift), found in self.networks.items())


def _names(match: tuple[str, ...]) -> Matches:
    names = [name.lower().removesuffix(".") for name in match]
    return Matches(
        exact=frozenset(name for name in names if not name.startswith("*")),
        endings=tuple(name[1:] for name in names if name.startswith("*")),
    )


def _addresses(match: tuple[str, ...]) -> Matches:
    networks: dict[tuple[int, int], set[int]] = {}
    for text in match:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            shift = network.max_prefixlen - network.prefixlen
            where = (network.max_prefixlen // 8, shift)
            networks.setdefault(where, set()).add(int(network.network_address) >> shift)
    return Matches(
        exact=frozenset(normalise_address(text) for text in match if "/" not in text),
        networks={where: frozenset(prefixes) for where, prefixes in networks.items()},
    )


def _sockets(match: tuple[str, ...]) -> Matches:
    pairs = [text.rpartition(":") for text in match]
    return Matches(sockets=frozenset((normalise_address(host.strip("[]")), int(port)) for host, _, port in pairs))


def _ports(match: tuple[str, ...]) -> Matches:
    pairs = [text.rpartition("/") for text in match]
    return Matches(ports=frozenset((TRANSPORTS[transport or "any"], int(port)) for transport, _, port in pairs))


def _words(match: tuple[str, ...]) -> Matches:
    return Matches(exact=frozenset(text.lower() for text in match))


def _nothing(match: tuple[str, ...]) -> Matches:
    return Matches()


MATCHERS: Mapping[str, Callable[[tuple[str, ...]], Matches]] = {
    "all": _nothing,
    "udp53": _nothing,
    "address": _addresses,
    "not_address": _addresses,
    "address_port": _sockets,
    "port": _ports,
    "sni": _names,
    "fingerprint": lambda match: Matches(features=features_of(match)),
    "not_sni": _names,
    "ech": _names,
    "host": _names,
    "quic_sni": _names,
    "quic_version": _words,
    "protocol": _words,
    "not_protocol": _words,
    "qname": _names,
    "qname_tcp": _names,
    "qname_substring": lambda match: Matches(parts=tuple(text.lower() for text in match)),
}
"""Trigger -> reader of its match. They raise ValueError, OSError or KeyError for what it cannot be matched with."""


class NameIndex:
    """Numbers of rules by the names that they list: a look-up costs the same however many names there are."""

    def __init__(self, lists: Iterable[tuple[int, Matches]]) -> None:
        self._exact: dict[str, list[int]] = {}
        self._below: dict[str, list[int]] = {}
        """By endings that begin with a dot, and by the empty one."""
        self._looks: list[tuple[int, Matches]] = []
        """Those that list endings of another shape, or parts of names."""
        for number, matches in lists:
            for name in matches.exact:
                self._exact.setdefault(name, []).append(number)
            for ending in matches.endings:
                if ending[:1] in ("", "."):
                    self._below.setdefault(ending, []).append(number)
            if matches.parts or any(ending[:1] not in ("", ".") for ending in matches.endings):
                self._looks.append((number, matches))

    def find(self, name: str, *, nameless: bool = False) -> set[int]:
        """The rules that list a name; `nameless`: `*` lists the empty name too."""
        if not name:
            return set(self._below.get("", ())) if nameless else set()
        found = set(self._exact.get(name, ()))
        if self._below:
            for ending in _endings_of(name):
                found.update(self._below.get(ending, ()))
        found.update(number for number, matches in self._looks if _holds_part(name, matches))
        return found


def lists_name(name: str, matches: Matches) -> bool:
    """Whether a match lists a name, itself or by its ending."""
    return name in matches.exact or _holds_part(name, matches)


def _holds_part(name: str, matches: Matches) -> bool:
    return any(part in name for part in matches.parts) or any(name.endswith(ending) for ending in matches.endings)


def _endings_of(name: str) -> Iterable[str]:
    """The empty one, `.b.c` and `.c` for `a.b.c`."""
    yield ""
    at = name.find(".")
    while at >= 0:
        yield name[at:]
        at = name.find(".", at + 1)
