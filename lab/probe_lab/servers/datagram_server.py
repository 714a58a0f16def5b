"""UDP sockets of which one stands for every address of the world, and the refusals of hosts without a server.

The kernel says to which address a datagram came and is told from which one the reply leaves (ip(7), ipv6(7)).
A socket that hears for everybody also hears for those who have no server there; for them the kernel's own answer,
ICMP port unreachable, is made here.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

from probe_lab.wire.icmp_errors import UNREACHABLE, make_icmp_error
from probe_lab.wire.packet import IpHeader, build_udp, pack_address, parse_packet, unpack_address

_IP_TTL = 2
_IP_PKTINFO = 8
_IP_RECVTTL = 12
_IPV6_HOPLIMIT = 52
_IPV6_FREEBIND = 78
"""Numbers of Linux that Python does not name everywhere."""

_MOST_BYTES = 65535
_CONTROL_BYTES = 256
_WAITING_BYTES = 4 << 20
_PORT_UNREACHABLE = {4: 3, 6: 4}
_INTERNET_CONTROL = b"\xc0"
"""The type of service that Linux gives to ICMP errors over IPv4 (RFC 1812 4.3.2.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """What came, from whom, and to which address."""

    data: bytes
    client: str
    client_port: int
    local: str
    ttl: int


class AnyAddressSocket:
    """One UDP port on all addresses of a family. Raises OSError where it cannot be bound."""

    def __init__(self, family: socket.AddressFamily, port: int) -> None:
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._family = family
        self.port = port
        try:
            self._prepare(port)
        except OSError:
            self._socket.close()
            raise

    def _prepare(self, port: int) -> None:
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING_BYTES)
        if self._family == socket.AF_INET6:
            for option in (socket.IPV6_V6ONLY, socket.IPV6_RECVPKTINFO, socket.IPV6_RECVHOPLIMIT, _IPV6_FREEBIND):
                self._socket.setsockopt(socket.IPPROTO_IPV6, option, 1)
            self._socket.bind(("::", port))
        else:
            for option in (_IP_PKTINFO, _IP_RECVTTL):
                self._socket.setsockopt(socket.IPPROTO_IP, option, 1)
            self._socket.bind(("0.0.0.0", port))

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> Datagram | None:
        """The next datagram, or None when none waits now."""
        try:
            data, control, _, source = self._socket.recvmsg(_MOST_BYTES, _CONTROL_BYTES)
        except OSError:
            return None  # nothing waits, or an earlier reply could not be delivered
        said = {(level, kind): value for level, kind, value in control}
        if self._family == socket.AF_INET6:
            local = unpack_address(said[socket.IPPROTO_IPV6, socket.IPV6_PKTINFO][:16])
            ttl = said[socket.IPPROTO_IPV6, _IPV6_HOPLIMIT]
        else:
            local = unpack_address(said[socket.IPPROTO_IP, _IP_PKTINFO][8:12])
            ttl = said[socket.IPPROTO_IP, _IP_TTL]
        (hops,) = struct.unpack("i", ttl)
        return Datagram(data=data, client=source[0], client_port=source[1], local=local, ttl=hops)

    def send(self, data: bytes, *, client: str, client_port: int, local: str) -> None:
        """Send from one of the world's addresses; what cannot be sent is lost, as datagrams are."""
        if self._family == socket.AF_INET6:
            control = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, pack_address(local) + struct.pack("I", 0))
        else:
            control = (socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("I", 0) + pack_address(local) + bytes(4))
        with suppress(OSError):
            self._socket.sendmsg([data], [control], 0, (client, client_port))

    def close(self) -> None:
        self._socket.close()


class Refusals:
    """Says `port unreachable` in the name of any host (RFC 1122 4.1.3.1, RFC 4443 3.1).

    Raises PermissionError where raw sockets are refused; the servers own their network.
    """

    def __init__(self) -> None:
        self._sockets = {
            version: socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
            for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6))
        }

    def refuse(self, datagram: Datagram, *, port: int) -> None:
        """Answer a datagram to a port that this host does not serve."""
        header = IpHeader(src=datagram.client, dst=datagram.local, ttl=datagram.ttl, df=True)
        about = parse_packet(build_udp(header, sport=datagram.client_port, dport=port, payload=datagram.data))
        assert about is not None
        version = about.version
        error = make_icmp_error(
            about, sender=datagram.local, kind=UNREACHABLE[version], code=_PORT_UNREACHABLE[version]
        )
        assert error is not None
        if version == 4:
            error = error[:1] + _INTERNET_CONTROL + error[2:]  # the kernel fills in the header's checksum
        with suppress(OSError):
            self._sockets[version].sendto(error, (datagram.client, 0))

    def close(self) -> None:
        for raw in self._sockets.values():
            raw.close()
