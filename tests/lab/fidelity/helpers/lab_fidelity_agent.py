"""The small clients of the fidelity tests: one program on the client side that acts when told and reports packets.

Commands come in as JSON lines, `{"id": 1, "do": "tls", ...}`; out go `{"id": 1, "result": {...}}` and, for each
packet on the client's interface, `{"packet": hex, "sent": bool, "time_s": seconds on CLOCK_MONOTONIC}`. The end of
standard input ends it. It needs nothing but the standard library, and knows nothing of the code under test.
"""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

INTERFACE = "eth0"
ROUNDS = 9
"""Requests on a connection that stays, a second apart."""
_EVERY_PROTOCOL = 0x0003  # linux/if_ether.h: ETH_P_ALL
_OUTGOING = 4  # linux/if_packet.h: PACKET_OUTGOING
_TIMESTAMPS_NS = 35  # asm-generic/socket.h: SO_TIMESTAMPNS
_BUFFER_BYTES = 16_000_000
_FORCE_BUFFER = 33  # asm-generic/socket.h: SO_RCVBUFFORCE

Result = dict[str, Any]
_kept: list[socket.socket] = []
"""Sockets that stay open, so that the kernel does not answer late packets with errors."""
_finished: deque[Result] = deque()
_wake = os.pipe()


def emit(message: Result) -> None:
    """One line of output."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def open_tap() -> socket.socket:
    """Every packet on the interface from now on; the stamps are the kernel's."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERY_PROTOCOL))
    try:
        tap.setsockopt(socket.SOL_SOCKET, _FORCE_BUFFER, _BUFFER_BYTES)
    except PermissionError:  # beyond what the system allows everybody only root may go
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    tap.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS_NS, 1)
    tap.bind((INTERFACE, _EVERY_PROTOCOL))
    tap.setblocking(False)
    return tap


def report(tap: socket.socket) -> None:
    """Report packets, and results after the packets that led to them: the tap sees those before any program does."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    while True:
        if _wake[0] in select.select([tap.fileno(), _wake[0]], [], [])[0]:
            os.read(_wake[0], 4096)
        finished = [_finished.popleft() for _ in range(len(_finished))]
        with suppress(BlockingIOError):
            while True:
                _report_packet(*tap.recvmsg(65_535, 64), offset_ns=offset_ns)
        for result in finished:
            emit(result)


def _report_packet(
    data: bytes, ancillary: list[tuple[int, int, bytes]], _flags: int, sender: Any, *, offset_ns: int
) -> None:
    seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2][:16])
    if data and data[0] >> 4 in (4, 6):
        time_s = (seconds * 1_000_000_000 + nanoseconds - offset_ns) / 1e9
        emit({"packet": data.hex(), "sent": sender[2] == _OUTGOING, "time_s": time_s})


@contextmanager
def noting(result: Result) -> Iterator[None]:
    """Write how the exchange failed into the result: an errno's name, timeout, closed, or tls."""
    try:
        yield
    except TimeoutError:
        result["failure"] = "timeout"
    except EOFError:
        result["failure"] = "closed"
    except ssl.SSLError as error:
        result["failure"] = f"tls {error.reason}"
    except OSError as error:
        result["failure"] = errno.errorcode.get(error.errno or 0, type(error).__name__)


def connect(result: Result, *, address: str, port: int, sport: int = 0, timeout_s: float = 5) -> socket.socket:
    """A connection by the kernel's own TCP; its local port is noted before anything is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(timeout_s)
    sock.bind(("", sport))
    result.update(stage="connect", sport=sock.getsockname()[1])
    try:
        sock.connect((address, port))
    except OSError:
        sock.close()
        raise
    result["stage"] = "connected"
    return sock


def do_connect(result: Result, **where: Any) -> None:
    """Open a connection and close it again."""
    connect(result, **where).close()


def do_tls(
    result: Result, *, name: str, get: str = "", asks: int = 1, read_bytes: int = 65_536, split: int = 0,
    alpn: tuple[str, ...] = (), stays: bool = False, **where: Any,
) -> None:
    """Connect and shake hands under a name, in pieces of `split` bytes; then perhaps fetch a path, or ask so often, or
    ask once a second."""
    with connect(result, **where) as sock:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(list(alpn))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname=name or None)
        _pump(sock, incoming, outgoing, session.do_handshake, split=split)
        result.update(stage="secured", certificate=(session.getpeercert(binary_form=True) or b"").hex())
        for _ in range(ROUNDS if stays else 0):
            head = f"HEAD / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
            _pump(sock, incoming, outgoing, partial(session.write, head))
            _pump(sock, incoming, outgoing, lambda: session.read(16_384))
            time.sleep(1)  # the passing of time is what is watched
        if not get:
            return
        request = f"GET {get} HTTP/1.1\r\nHost: {name}\r\n"
        requests = f"{request}\r\n" * (asks - 1) + f"{request}Connection: close\r\n\r\n"
        _pump(sock, incoming, outgoing, lambda: session.write(requests.encode()))
        while result["bytes"] < read_bytes:
            data = _pump(sock, incoming, outgoing, lambda: session.read(16_384))
            if not data:
                break
            result["bytes"] += len(data)


def _pump(
    sock: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, step: Callable[[], Any], *, split: int = 0
) -> Any:
    """Carry bytes between the TLS engine and the connection until the step succeeds."""
    while True:
        try:
            done = step()
        except ssl.SSLWantReadError:
            _send(sock, outgoing.read(), split=split)
            data = sock.recv(65_536)
            if not data:
                raise EOFError from None
            incoming.write(data)
        else:
            _send(sock, outgoing.read(), split=split)
            return done


def _send(sock: socket.socket, data: bytes, *, split: int) -> None:
    if split:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(0, len(data), split or len(data) or 1):
        sock.sendall(data[at : at + (split or len(data))])


def do_tcp(result: Result, *, payload: str, read_bytes: int = 65_536, **where: Any) -> None:
    """Connect, send bytes, read until the end or so many."""
    with connect(result, **where) as sock:
        sock.sendall(bytes.fromhex(payload))
        result["stage"] = "sent"
        data = b""
        try:
            while len(data) < read_bytes:
                more = sock.recv(65_536)
                if not more:
                    break
                data += more
        finally:
            result.update(bytes=len(data), data=data[:65_536].hex())


def do_udp(
    result: Result, *, address: str, port: int, payload: str, sport: int = 0, ttl: int = 0, timeout_s: float = 5,
) -> None:
    """Send a datagram and await the first reply; the socket stays open for others."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    _kept.append(sock)
    sock.settimeout(timeout_s)
    if ttl:
        level, option = (41, socket.IPV6_UNICAST_HOPS) if family == socket.AF_INET6 else (0, socket.IP_TTL)
        sock.setsockopt(level, option, ttl)
    sock.bind(("", sport))
    result.update(stage="sent", sport=sock.getsockname()[1])
    sock.connect((address, port))
    sock.send(bytes.fromhex(payload))
    data = sock.recv(65_535)
    result.update(bytes=len(data), data=data.hex())


def do_raw(result: Result, *, packet: str) -> None:
    """Send an IPv4 packet as it is; the kernel resets what comes of it."""
    data = bytes.fromhex(packet)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(data, (socket.inet_ntoa(data[16:20]), 0))


def do_sysctl(result: Result, *, name: str, value: str) -> None:
    """Set a kernel parameter of the client's network namespace, as `net/ipv4/tcp_timestamps`."""
    (Path("/proc/sys") / name).write_text(value)


ACTS: dict[str, Callable[..., None]] = {
    "connect": do_connect, "tls": do_tls, "tcp": do_tcp, "udp": do_udp, "raw": do_raw, "sysctl": do_sysctl,
}


def act(command: Result) -> None:
    """Carry out one command and report."""
    number, act_name = command.pop("id"), command.pop("do")
    result: Result = {"stage": "", "failure": "", "sport": 0, "bytes": 0, "data": "", "begin_s": time.monotonic()}
    with noting(result):
        ACTS[act_name](result, **command)
    _finished.append({"id": number, "result": {**result, "end_s": time.monotonic()}})
    os.write(_wake[1], b"\0")


def main() -> None:
    """Act until there are no more commands."""
    tap = open_tap()
    emit({"ready": True})
    threading.Thread(target=report, args=(tap,), daemon=True).start()  # alone writes from now on
    for line in sys.stdin:
        threading.Thread(target=act, args=(json.loads(line),), daemon=True).start()


if __name__ == "__main__":
    main()
