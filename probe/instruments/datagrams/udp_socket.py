"""A UDP socket to one place: it counts its bytes, bounds what it reads, and hears ICMP errors (IP_RECVERR)."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from types import TracebackType

from probe.core.icmp_errors import IcmpError
from probe.core.tables.failures import Failure, classify_datagram_failure, classify_failure
from probe.instruments.streams.sockets import read_icmp_error, report_icmp
from probe.judge.hops.hop_evidence import anonymize_icmp

MAX_DATAGRAMS = 256
"""What one operation reads at most: no sender decides how much we do."""
_MOST_BYTES = 65535
_IPV6_UNICAST_HOPS = getattr(socket, "IPV6_UNICAST_HOPS", 16)


class UdpFlow:
    """One flow from a fresh port. `failure` and `icmp` tell of the first error; after it nothing is sent or read.
    `icmp` names the sender, and is not to be stored; `anonymous_icmp` is.

    Raises OSError when made without descriptors, or for a family that this system lacks.
    """

    def __init__(self, address: str, port: int, *, ttl: int = 0) -> None:
        self.address, self.port, self.family = address, port, 6 if ":" in address else 4
        self._sock = socket.socket(socket.AF_INET6 if self.family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        self.bytes_written = self.bytes_read = self.datagrams_read = 0
        self.failure: Failure = ""
        self.icmp: IcmpError | None = None
        with contextlib.suppress(OSError):
            report_icmp(self._sock, 1)
        try:
            if ttl:
                self._limit(ttl)
            self._sock.connect((address, port))
        except OSError as error:
            self._fail(error)

    @property
    def anonymous_icmp(self) -> IcmpError | None:
        """The first ICMP error without the address of who sent it."""
        return anonymize_icmp(self.icmp, self.address)

    def _limit(self, ttl: int) -> None:
        if self.family == 6:
            self._sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_UNICAST_HOPS, ttl)
        else:
            self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)

    def _fail(self, error: OSError) -> None:
        self.failure = classify_datagram_failure(error)
        self.icmp = read_icmp_error(self._sock)

    def send(self, data: bytes) -> None:
        """Send one datagram, unless the flow has failed."""
        if self.failure:
            return
        try:
            self._sock.settimeout(1.0)
            self.bytes_written += self._sock.send(data)
        except OSError as error:
            self._fail(error)

    def receive(self, until: float) -> bytes | None:
        """The next datagram; None at `until` (monotonic seconds) or after a failure; too many are one."""
        if self.datagrams_read >= MAX_DATAGRAMS:
            self.failure = self.failure or classify_failure(OSError(errno.EMSGSIZE, ""))
        if self.failure:
            return None
        try:
            self._sock.settimeout(max(0.0, min(until - time.monotonic(), 3600.0)))
            data = self._sock.recv(_MOST_BYTES)
        except (TimeoutError, BlockingIOError):
            return None
        except OSError as error:
            self._fail(error)
            return None
        self.datagrams_read += 1
        self.bytes_read += len(data)
        return data

    def fileno(self) -> int:
        """For selectors."""
        return self._sock.fileno()

    def __enter__(self) -> UdpFlow:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._sock.close()
