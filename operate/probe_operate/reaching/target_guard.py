"""What a helper refuses, so that nobody can use it as a proxy into other people's networks."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass

from probe.controls.reaching.public_addresses import is_shortage
from probe.core.addresses import is_bogon, parse_address

PORTS: dict[int, str] = {
    80: "HTTP",
    81: "HTTP, alternative of messengers",
    143: "IMAP",
    443: "HTTPS and messengers beside it",
    465: "SMTP over TLS",
    587: "mail submission",
    853: "DNS over TLS",
    993: "IMAP over TLS",
    995: "POP3 over TLS, Threema",
    2197: "Apple push",
    4222: "OpenDHT",
    4244: "Viber",
    4443: "HTTPS, alternative",
    5222: "XMPP",
    5223: "XMPP over TLS, Apple push",
    5228: "Google push",
    5229: "Google push",
    5230: "Google push",
    5242: "Viber",
    8080: "HTTP, alternative",
    8443: "HTTPS, alternative",
    14000: "WeChat",
}
"""TCP ports that a helper may connect to; there is a messenger behind each."""

UDP_PORTS: dict[int, str] = {
    443: "QUIC",
    3478: "STUN",
    3479: "STUN, Teams",
    3480: "STUN, Teams",
    3481: "STUN, Teams",
    19302: "STUN, Google",
}
"""UDP ports that a helper may send to, by the protocol alone that is meant for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGuard:
    """What may be connected to. `exempt` names `(address, port)` pairs on one's own machine, for tests alone."""

    exempt: frozenset[tuple[str, int]] = frozenset()
    translated: tuple[str, ...] = ()
    """Prefixes under which this network's own translator reaches IPv4 addresses, private ones included (RFC 6052)."""

    def refusal(self, address: str, port: int, *, proto: str = "tcp") -> str:
        """Why not to connect there: not_public, own_address, port; empty when it may be done. `proto` is tcp, quic or
        stun."""
        if (address, port) in self.exempt:
            return ""
        if is_bogon(address) or is_tunnelled(address) or self._is_translated(address):
            return "not_public"
        if port not in PORTS if proto == "tcp" else not UDP_PORTS.get(port, "").lower().startswith(proto):
            return "port"
        return "own_address" if _is_own(address) else ""

    def _is_translated(self, address: str) -> bool:
        literal = parse_address(address)
        return any(literal in ipaddress.ip_network(prefix) for prefix in self.translated) if literal else False


def is_tunnelled(address: str) -> bool:
    """True for an ISATAP address (RFC 5214): a router of that network takes it to the IPv4 address inside, which may
    be private."""
    literal = parse_address(address)
    return literal is not None and literal.version == 6 and (int(literal) >> 32) & 0xFDFF_FFFF == 0x5EFE


def _is_own(address: str) -> bool:
    """True for an address of this machine: its services may trust what comes from itself."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError as error:  # what cannot be looked at for want of descriptors is not connected to; nobody's port 0
        return is_shortage(error) and error.errno != errno.EADDRNOTAVAIL  # is taken: the address is not here
    return True
