"""A TCP socket with one absolute deadline that counts its bytes and remembers how it failed."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import struct
import time
from collections.abc import Iterable
from typing import Any, TypeVar

from probe.core.icmp_errors import IcmpError
from probe.core.tables.evidence_words import Answered
from probe.core.tables.failures import Failure, classify_failure
from probe.core.tables.systems import LINUX

MAX_READ_BYTES = 1 << 19
"""What one exchange (or handshake) may read: headers, a capped body, and what a buffer takes ahead."""

ROOM_BYTES = 32_768
"""For what has come and is not read yet; Linux doubles it (socket(7)), and the first window fits."""

MAX_DESCRIPTORS = 8192
IP_RECVERR = 11
IPV6_RECVERR = 25
_EXTENDED_ERROR = struct.Struct("@IBBBBII")
_ARRIVAL = 35
"""SO_TIMESTAMPNS, and the kind of the message that tells it (asm-generic/socket.h)."""
_TIMESPEC = struct.Struct("@ll")
_ORIGIN_ICMP = (2, 3)
_SEND_MSS_OFFSET, _UNACKED_OFFSET = 16, 24
"""struct tcp_info: eight bytes of flags, then u32 rto, ato, snd_mss, rcv_mss, unacked."""


class RecordedSocket(socket.socket):
    """Counts bytes and keeps the last failure word; every wait ends at `deadline` (monotonic seconds).

    It subclasses `socket.socket` because a wrapper would be bypassed by `makefile`.
    """

    bytes_written = 0
    bytes_read = 0
    last_read_s = 0.0
    """When bytes last came (monotonic)."""
    asked_s = 0.0
    """Just before the first bytes of the present operation were handed to the system (monotonic); 0: none were yet."""
    heard_s = 0.0
    """When the first bytes since that operation began, or the end of the connection, came (monotonic); 0: neither."""
    failure: Failure = ""
    deadline = float("inf")
    read_limit = MAX_READ_BYTES
    """`bytes_read` at which reading ends with EMSGSIZE: no sender decides how much we keep."""

    def begin_operation(self) -> None:
        """What is said and heard from now on is another operation's."""
        self.asked_s = self.heard_s = 0.0

    @property
    def end_ms(self) -> float:
        """From the operation's first bytes to the first answer or the end; 0 where none came, or one came before."""
        return max(0.001, round(1000 * (self.heard_s - self.asked_s), 3)) if 0 < self.asked_s <= self.heard_s else 0.0

    def _ask(self) -> None:
        self.asked_s = self.asked_s or time.monotonic()

    def _hear(self) -> None:
        self.heard_s = self.heard_s or time.monotonic()

    def _fail(self, error: OSError) -> None:
        self.failure = classify_failure(error)
        if isinstance(error, ConnectionError):  # neither our own deadline nor an ICMP error ends a connection
            self._hear()

    def _wait(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(min(left, 3600.0))

    def _wait_to_read(self) -> None:
        if self.bytes_read >= self.read_limit:
            raise OSError(errno.EMSGSIZE, "more bytes than any answer has")
        self._wait()

    def connect(self, address: Any) -> None:
        try:
            self._wait()
            self._ask()
            super().connect(address)
        except OSError as error:
            self._fail(error)
            raise
        self._hear()

    def sendall(self, data: Any, flags: int = 0) -> None:
        try:
            self._wait()
            self._ask()
            super().sendall(data, flags)
        except OSError as error:
            self._fail(error)
            raise
        self.bytes_written += len(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        try:
            self._wait_to_read()
            data = super().recv(size, flags)
        except OSError as error:
            self._fail(error)
            raise
        self._took(len(data))
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        try:
            self._wait_to_read()
            count = super().recv_into(buffer, nbytes, flags)
        except OSError as error:
            self._fail(error)
            raise
        self._took(count)
        return count

    def _took(self, count: int) -> None:
        self._hear()
        self.bytes_read += count
        if count:
            self.last_read_s = time.monotonic()
        else:
            self.failure = "eof_error"

    def close(self) -> None:
        """Nothing: a library closes after one answer what the next page is asked on; `abort` closes."""


S = TypeVar("S", bound=RecordedSocket)


def open_socket(family: int, *, deadline: float) -> RecordedSocket:
    """A TCP socket for `family` (4 or 6) that reports ICMP errors while it connects (IP_RECVERR)."""
    return open_socket_as(RecordedSocket, family, deadline=deadline)


def open_socket_as(kind: type[S], family: int, *, deadline: float) -> S:
    """The same, of a kind of one's own."""
    sock = kind(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    sock.deadline = deadline
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        report_icmp(sock, 1)
    return sock


def stop_icmp_reports(sock: RecordedSocket) -> None:
    """Stop reporting ICMP errors: once established, a stray one must not end the connection."""
    with contextlib.suppress(OSError):
        report_icmp(sock, 0)


def bound_window(sock: socket.socket) -> None:
    """Let the window not grow beyond the first one, which an established connection has offered: what is under way
    when enough of a page has been read is thrown away, and costs the volunteer all the same."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_BYTES)


def report_icmp(sock: socket.socket, on: int) -> None:
    """Let ICMP errors about what was sent reach this socket, or no longer; raises OSError where that is unknown."""
    if not LINUX:
        raise OSError(errno.EOPNOTSUPP, "this system does not report them")
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, on)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, on)


def raise_socket_limit() -> None:
    """Let this process have as many sockets as it may: questions to resolvers keep theirs open for seconds, and the
    usual 1024 would be too few for a large catalogue beside 128 visits."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def ask_arrival_times(sock: socket.socket) -> None:
    """Let the system note when errors arrive (socket(7), SO_TIMESTAMPNS), where it can."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _ARRIVAL, 1)


def read_icmp_error(sock: socket.socket) -> IcmpError | None:
    """The ICMP error in the socket's error queue (ip(7)), with its sender's address; None when there is none."""
    return read_timed_icmp_error(sock)[0]


def read_timed_icmp_error(sock: socket.socket) -> tuple[IcmpError | None, float]:
    """And when it arrived, in seconds of `time.time`; 0 where the system was not asked to note it, or cannot."""
    if not LINUX:
        return None, 0.0
    try:
        sock.setblocking(False)  # else an empty queue is waited for until the time is up, whatever the flags say
        _, ancillary, _, _ = sock.recvmsg(64, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        return None, 0.0
    times = (_TIMESPEC.unpack_from(data) for level, kind, data in ancillary
             if (level, kind) == (socket.SOL_SOCKET, _ARRIVAL) and len(data) >= _TIMESPEC.size)
    arrived_s = next((seconds + nanoseconds / 1e9 for seconds, nanoseconds in times), 0.0)
    return _find_icmp_error(ancillary), arrived_s


def _find_icmp_error(ancillary: Iterable[tuple[int, int, bytes]]) -> IcmpError | None:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET or kind not in (IP_RECVERR, IPV6_RECVERR) or len(data) < _EXTENDED_ERROR.size:
            continue
        _errno, origin, icmp_type, code, _pad, _info, _data = _EXTENDED_ERROR.unpack_from(data)
        if origin in _ORIGIN_ICMP:
            return IcmpError(type=icmp_type, code=code, sender=_offender(data[_EXTENDED_ERROR.size:]))
    return None


def _offender(sockaddr: bytes) -> str:
    family = int.from_bytes(sockaddr[:2], "little") if len(sockaddr) >= 2 else 0
    if family == socket.AF_INET and len(sockaddr) >= 8:
        return str(ipaddress.IPv4Address(sockaddr[4:8]))
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return str(ipaddress.IPv6Address(sockaddr[8:24]))
    return ""


def ask_acknowledged(sock: socket.socket) -> Answered:
    """`yes` when the peer's TCP acknowledged every byte sent, `no` when not, empty when unknown (TCP_INFO)."""
    info = read_kernel_info(sock, 104)
    if len(info) < _UNACKED_OFFSET + 4:
        return ""
    return "no" if struct.unpack_from("@I", info, _UNACKED_OFFSET)[0] else "yes"


def read_kernel_info(sock: socket.socket, length: int) -> bytes:
    """struct tcp_info of Linux (tcp(7)), or as much of it as the kernel has; empty where there is none."""
    if not LINUX:  # FreeBSD has another structure under that name
        return b""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, length)
    except OSError:
        return b""


def receive_datagram(sock: socket.socket, most: int) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    """One datagram and what the kernel says of it; Windows has no `recvmsg` and says nothing."""
    if not hasattr(sock, "recvmsg"):
        return sock.recv(most), []
    data, ancillary, _, _ = sock.recvmsg(most, 64)
    return data, ancillary


def bind_any_port(sock: socket.socket) -> int:
    """Take a free port of ours before the connection begins, to find its packets by: of one that is reset while it
    opens the kernel tells none afterwards. 0 where there is none to be had; it is never stored."""
    try:
        sock.bind(("", 0))
        return int(sock.getsockname()[1])
    except OSError:
        return 0


def count_segments(sock: socket.socket, *sizes: int) -> int:
    """Into how many TCP segments parts of these sizes, sent one by one, are cut; 0 when unknown (TCP_INFO)."""
    info = read_kernel_info(sock, 104)
    most = struct.unpack_from("@I", info, _SEND_MSS_OFFSET)[0] if len(info) >= _SEND_MSS_OFFSET + 4 else 0
    return sum(-(-size // most) for size in sizes) if most else 0


def abort(sock: RecordedSocket) -> None:
    """Close for good; errors do not matter any more."""
    with contextlib.suppress(OSError):
        socket.socket.close(sock)
