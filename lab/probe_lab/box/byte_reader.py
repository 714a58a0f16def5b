"""Reading structures off a piece of bytes from the front, never beyond the end."""

from __future__ import annotations


class TooShortError(Exception):
    """The bytes end before the structure does."""


class ByteReader:
    """A place in a piece of bytes, which moves forward."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    @property
    def left(self) -> int:
        """How many bytes are still to come."""
        return len(self._data) - self.at

    def take(self, count: int) -> bytes:
        """The next bytes. Raises Short when there are fewer."""
        end = self.at + count
        if end > len(self._data):
            raise TooShortError
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def number(self, size: int) -> int:
        """The next bytes as one number, most significant first."""
        return int.from_bytes(self.take(size))
