"""Connections that wait for their next question: few, and none for long; thread-safe."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Hashable

from probe.instruments.streams.sockets import MAX_READ_BYTES, RecordedSocket, abort
from probe.instruments.streams.tls_handshake import TlsStream

Stream = RecordedSocket | TlsStream


def hang_up(stream: Stream) -> None:
    """End the connection under a stream."""
    abort(get_socket(stream))


def get_socket(stream: Stream) -> RecordedSocket:
    """The TCP socket that carries a stream."""
    return stream.sock if isinstance(stream, TlsStream) else stream


class KeptStreams:
    """Of each key at most `most`, the oldest ended for a newer one; none unused for longer than `age_s`."""

    def __init__(self, *, most: int, age_s: float) -> None:
        self._most, self._age_s = most, age_s
        self._lock = threading.Lock()
        self._kept: dict[Hashable, deque[tuple[float, Stream]]] = {}

    def take(self, key: Hashable, *, deadline: float) -> Stream | None:
        """The one used last, if it is not too old; it is the caller's now, who is bound to `deadline`."""
        found: Stream | None = None
        with self._lock:
            kept = self._kept.get(key, deque())
            if kept and kept[-1][0] > time.monotonic() - self._age_s:
                found = kept.pop()[1]
        if found is None:
            self._end(key)
        else:
            sock = get_socket(found)
            sock.deadline, sock.failure, sock.read_limit = deadline, "", sock.bytes_read + MAX_READ_BYTES
        return found

    def keep(self, key: Hashable, stream: Stream) -> None:
        """Keep a connection on which the last answer came whole."""
        with self._lock:
            kept = self._kept.setdefault(key, deque())
            kept.append((time.monotonic(), stream))
            oldest = kept.popleft()[1] if len(kept) > self._most else None
        if oldest is not None:
            hang_up(oldest)

    def close(self) -> None:
        """End all that are kept."""
        for key in tuple(self._kept):
            self._end(key)

    def _end(self, key: Hashable) -> None:
        with self._lock:
            old = self._kept.pop(key, deque())
        for _, stream in old:
            hang_up(stream)
