"""Counting HTTP/1.1 answers in a stream of bytes (RFC 9112): where one ends and the next begins, and no more.

For transfers the volume matters, not the content; nothing is kept but a head, which is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from probe.core.tables.http_status import BODILESS

MAX_HEAD_BYTES = 65_536
_MAX_LINE = 1024
_TO_THE_END = -1


@dataclass(slots=True)
class HttpResponses:
    """Feed it what comes; `done` counts whole answers. `broken`: this is no HTTP; then nothing counts any more."""

    head_only: bool = False
    """The requests are HEAD: no answer has a body."""
    done: int = 0
    status: int = 0
    """Of the first answer."""
    size: int = 0
    """Bytes of the first answer's body, as it announces them or as far as they came; 0: none."""
    closing: bool = False
    """The server says that it will close, or ends a body in no other way."""
    broken: bool = False
    _buffer: bytes = b""
    _left: int = 0
    """Bytes of the body (or chunk) that are still to come; -1: all up to the end of the connection."""
    _state: str = field(default="head")

    def feed(self, data: bytes) -> None:
        """Take in what came next."""
        self._buffer += data
        steps = {"head": self._head, "body": self._body, "size": self._size, "chunk": self._chunk, "tail": self._tail}
        while self._buffer and not self.broken and steps[self._state]():
            pass

    def _head(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            self.broken = len(self._buffer) > MAX_HEAD_BYTES or not _may_be_http(self._buffer)
            return False
        self._buffer = rest
        lines = head.split(b"\r\n")
        words = lines[0].split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not (words[1].isdigit() and len(words[1]) == 3):
            self.broken = True
            return False
        status = int(words[1])
        if 100 <= status < 200:
            return True
        fields = {name.strip().lower(): value.strip().lower() for name, _, value in (li.partition(b":")
                                                                                     for li in lines[1:])}
        self.status = self.status or status
        self.closing |= b"close" in fields.get(b"connection", b"") or (
            words[0] == b"HTTP/1.0" and b"keep-alive" not in fields.get(b"connection", b""))
        return self._begin_body(status, fields)

    def _begin_body(self, status: int, fields: dict[bytes, bytes]) -> bool:
        length = fields.get(b"content-length", b"")
        if self.head_only or status in BODILESS:
            self.done += 1
        elif b"chunked" in fields.get(b"transfer-encoding", b""):
            self._state = "size"
        elif length.isdigit() and len(length) < 16:
            self._left, self._state = int(length), "body"
            self.size = self.size if self.done else self._left
            return self._body()
        else:
            self._left, self._state, self.closing = _TO_THE_END, "body", True
        return True

    def _body(self) -> bool:
        if self._left == _TO_THE_END:
            self.size += 0 if self.done else len(self._buffer)
            self._buffer = b""
            return False
        taken = min(self._left, len(self._buffer))
        self._buffer, self._left = self._buffer[taken:], self._left - taken
        if self._left:
            return False
        self.done, self._state = self.done + 1, "head"
        return True

    def _line(self) -> bytes | None:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            self.broken = len(line) > _MAX_LINE
            return None
        self._buffer = rest
        return line

    def _size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        try:
            self._left = int(line.partition(b";")[0].strip()[:15], 16)
        except ValueError:
            self.broken = True
            return False
        if self._left < 0:
            self.broken = True
        elif not self.done:
            self.size += self._left
        self._state = "chunk" if self._left else "tail"
        self._left += 2  # the line end that follows a chunk
        return not self.broken

    def _chunk(self) -> bool:
        taken = min(self._left, len(self._buffer))
        self._buffer, self._left = self._buffer[taken:], self._left - taken
        if self._left:
            return False
        self._state = "size"
        return True

    def _tail(self) -> bool:
        line = self._line()
        if line is None:
            return False
        if not line:
            self.done, self._state = self.done + 1, "head"
        return True


def _may_be_http(data: bytes) -> bool:
    """Whether an answer may begin so."""
    return data[:7] == b"HTTP/1."[: len(data[:7])]
