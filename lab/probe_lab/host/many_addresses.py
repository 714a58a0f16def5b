"""Hundreds of addresses for one interface in one message: a request for each costs most of a laboratory's start."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator

_RTM_NEWADDR = 20
_NLMSG_ERROR = 2
_REQUEST_ACK_CREATE = 0x0001 | 0x0004 | 0x0400
_IFA_ADDRESS = 1
_IFA_F_NODAD = 0x02
_HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence, port (netlink(7))."""
_ADDRESS = struct.Struct("=BBBBI")
"""ifaddrmsg: family, prefix length, flags, scope, interface (rtnetlink(7))."""
_ATTRIBUTE = struct.Struct("=HH")
_AT_ONCE = 200
"""Answers of that many fit a socket's buffer."""
_BUFFER_BYTES = 1 << 16


def _request(number: int, address: str, index: int) -> bytes:
    packed = ipaddress.IPv6Address(address).packed
    body = _ADDRESS.pack(socket.AF_INET6, 128, _IFA_F_NODAD, 0, index)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _IFA_ADDRESS) + packed
    return _HEADER.pack(_HEADER.size + len(body), _RTM_NEWADDR, _REQUEST_ACK_CREATE, number, 0) + body


def _answers(data: bytes) -> Iterator[int]:
    """The error number of each acknowledgement in a datagram; 0 for done."""
    while len(data) >= _HEADER.size + 4:
        length, kind, _, _, _ = _HEADER.unpack_from(data)
        if kind == _NLMSG_ERROR:
            yield -struct.unpack_from("=i", data, _HEADER.size)[0]
        data = data[max(length + 3 & ~3, _HEADER.size):]


def add_ipv6_addresses(index: int, addresses: Iterable[str]) -> None:
    """Give the interface these IPv6 addresses, each by itself (/128). Raises OSError where the kernel refuses one."""
    left = list(addresses)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as sock:
        while left:
            now, left = left[:_AT_ONCE], left[_AT_ONCE:]
            sock.send(b"".join(_request(number, address, index) for number, address in enumerate(now)))
            due = len(now)
            while due > 0:
                for error in _answers(sock.recv(_BUFFER_BYTES)):
                    due -= 1
                    if error:
                        raise OSError(error, os.strerror(error))
