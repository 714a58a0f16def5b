"""The first bytes that one side of a TCP flow sends, put in order: a bounded reassembly."""

from __future__ import annotations

from probe_lab.box.tls_hello import MAX_STREAM_BYTES

_MAX_HELD_SEGMENTS = 16
_WINDOW = 1 << 31


class FirstBytes:
    """Bytes in order from where the stream is known to begin, and some segments that came too early."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, bytes] = {}
        self.data = bytearray()

    def restart(self, seq: int) -> None:
        """Forget everything; the stream begins with this sequence number."""
        self._next = seq & 0xFFFFFFFF
        self._held.clear()
        self.data.clear()

    def release(self) -> None:
        """Give the memory back: nobody will read on."""
        self.data.clear()
        self._held.clear()

    def consume(self, count: int) -> None:
        """Forget so many bytes at the front, which have been understood."""
        del self.data[:count]

    def add(self, seq: int, payload: bytes) -> bool:
        """Take a segment; True when bytes in order were added. A stream without a known start begins here."""
        if self._next is None:
            self._next = seq
        grew = self._append(seq, payload)
        if not grew and self._ahead(seq) > 0 and len(self._held) < _MAX_HELD_SEGMENTS:
            self._held[seq] = payload
        while grew and self._held and any(self._append(seq, self._held.pop(seq)) for seq in self._ripe()):
            pass
        return grew

    @property
    def next_seq(self) -> int:
        """Sequence number of the byte after the last in order."""
        return self._next or 0

    def _ahead(self, seq: int) -> int:
        """Distance from the next byte expected; negative for bytes already seen."""
        return (seq - self.next_seq + _WINDOW) % (2 * _WINDOW) - _WINDOW

    def _ripe(self) -> list[int]:
        return [seq for seq in self._held if self._ahead(seq) <= 0]

    def _append(self, seq: int, payload: bytes) -> bool:
        ahead = self._ahead(seq)
        fresh = payload[-ahead:] if ahead <= 0 else b""
        if not fresh or len(self.data) >= MAX_STREAM_BYTES:
            return False
        self.data += fresh[: MAX_STREAM_BYTES - len(self.data)]
        self._next = (self.next_seq + len(fresh)) & 0xFFFFFFFF
        return True
