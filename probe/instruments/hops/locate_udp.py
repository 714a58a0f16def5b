"""Datagrams with small TTLs: which routers lie on the way, and who answers questions that cannot arrive."""

from __future__ import annotations

import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from probe.core.addresses import parse_address
from probe.core.icmp_errors import IcmpError
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import HopWord
from probe.instruments.device.gateway import read_default_gateway
from probe.instruments.hops.trace import hash_router, is_exceeded
from probe.instruments.streams.sockets import IP_RECVERR, IPV6_RECVERR, read_icmp_error
from probe.judge.hops.hop_evidence import classify_router_space

MAX_TTL = 20
FIRST_PORT = 33434
"""Where traceroute's datagrams have gone since 1988: every operator knows what they are."""
WAIT_S = 1.8
APART_S = 0.3
"""Between two datagrams where flows are spread."""
_IP_RECVTTL = 12
_IPV6_UNICAST_HOPS = getattr(socket, "IPV6_UNICAST_HOPS", 16)
_UNREACHED_PORT = frozenset({(3, 3), (1, 4)})


@dataclass(slots=True, kw_only=True)
class TtlDatagram:
    """One datagram on a socket of its own, and what came back."""

    ttl: int
    data: bytes
    port: int
    begin_s: float = 0.0
    line: TraceLine | None = None
    """What came back; None while nothing has."""
    bytes_read: int = field(default=0)


def send_all(address: str, datagrams: Sequence[TtlDatagram], *, key: bytes, together: bool,
             is_answer: Callable[[bytes], bool]) -> None:
    """Send them in order and wait for the last; fills in what came back. Never raises for the network."""
    with selectors.DefaultSelector() as selector:
        try:
            for datagram in datagrams:
                with suppress(OSError):
                    selector.register(_send(address, datagram), selectors.EVENT_READ, datagram)
                _collect(selector, address, key, 0.0 if together else APART_S, is_answer)
            _collect(selector, address, key, WAIT_S, is_answer)
        finally:
            for ready in list(selector.get_map().values()):
                _close(ready.fileobj)


def _send(address: str, datagram: TtlDatagram) -> socket.socket:
    six = ":" in address
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_UNICAST_HOPS, datagram.ttl)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, datagram.ttl)
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        sock.connect((address, datagram.port))
        datagram.begin_s = time.monotonic()
        sock.send(datagram.data)
    except OSError:
        sock.close()
        raise
    return sock


def _collect(selector: selectors.BaseSelector, address: str, key: bytes, wait_s: float,
             is_answer: Callable[[bytes], bool]) -> None:
    until_s = time.monotonic() + wait_s
    while selector.get_map():
        for ready, _ in selector.select(max(0.0, until_s - time.monotonic())):
            sock, datagram = ready.fileobj, ready.data
            assert isinstance(sock, socket.socket)
            if _hear(sock, datagram, address, key, is_answer):
                selector.unregister(sock)
                _close(sock)
        if time.monotonic() >= until_s:
            return


def _close(sock: object) -> None:
    if isinstance(sock, socket.socket):
        with suppress(OSError):
            sock.close()


def _hear(sock: socket.socket, datagram: TtlDatagram, address: str, key: bytes,
          is_answer: Callable[[bytes], bool]) -> bool:
    """Note what a socket has; True when it is decided."""
    delay_ms = 1000 * (time.monotonic() - datagram.begin_s)
    if icmp := read_icmp_error(sock):
        space = classify_router_space(icmp.sender, address)
        datagram.line = TraceLine(ttl=datagram.ttl, word=_icmp_word(icmp, address), delay_ms=round(delay_ms, 1),
                                  router=hash_router(icmp.sender, key), space=space)
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return False  # a box's answer may still follow a router's error
    try:
        wire, ancillary, _, _ = sock.recvmsg(4096, 64)
    except BlockingIOError:
        return False
    except OSError:
        return datagram.line is not None
    datagram.bytes_read += len(wire)
    if datagram.bytes_read > 65535 or not is_answer(wire):
        return datagram.bytes_read > 65535
    datagram.line = TraceLine(ttl=datagram.ttl, word="answered", delay_ms=round(delay_ms, 1),
                              ip_ttl=_ip_ttl(ancillary))
    return True


def _icmp_word(icmp: IcmpError, address: str) -> HopWord:
    if is_exceeded(icmp):
        return "exceeded"
    here = parse_address(icmp.sender) == parse_address(address)
    return "end" if icmp.kind in _UNREACHED_PORT and here else "rejected"


def _ip_ttl(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == socket.IP_TTL and len(data) >= 4:
            return int(struct.unpack_from("@i", data)[0])
    return -1


def list_lines(datagrams: Sequence[TtlDatagram]) -> tuple[TraceLine, ...]:
    """What became of each; of one that nothing came of, `silent`."""
    return tuple(datagram.line or TraceLine(ttl=datagram.ttl, word="silent") for datagram in datagrams)


def trace_routers(address: str, *, key: bytes, together: bool) -> tuple[TraceLine, ...]:
    """The routers on the way to an address. Where the first one keeps silent, the default route says who it is."""
    walked = [TtlDatagram(ttl=ttl, data=os.urandom(8), port=FIRST_PORT + ttl) for ttl in range(1, MAX_TTL + 1)]
    send_all(address, walked, key=key, together=together, is_answer=lambda wire: False)
    if walked[0].line is None and ":" not in address and (gateway := read_default_gateway()):
        walked[0].line = TraceLine(ttl=1, word="gateway", delay_ms=0.0, router=hash_router(gateway, key),
                                   space=classify_router_space(gateway, address))
    lines = list_lines(walked)
    reached = min((line.ttl for line in lines if line.word == "end"), default=MAX_TTL)
    return tuple(line for line in lines if line.ttl <= reached)


def make_questions(name: str, *, recursion: bool, ttls: Sequence[int],
                   query_type: str = "A") -> tuple[list[TtlDatagram], Callable[[bytes], bool]]:
    """A question for records of the name with each TTL, and what recognises a response to one of them."""
    from probe.instruments.names.dns_wire import make_query, parse_reply

    identity = int.from_bytes(os.urandom(2), "big")
    wire = make_query(name, query_type, identity=identity, recursion=recursion)

    def is_answer(reply: bytes) -> bool:
        return not parse_reply(reply, name=name, query_type=query_type, identity=identity).failure

    return [TtlDatagram(ttl=ttl, data=wire, port=53) for ttl in ttls], is_answer
