"""Long output is whole where Python does not buffer and a write takes a part."""

from __future__ import annotations

import io
from typing import Any

import pytest

from probe.cli.whole_output import buffer_writes


class Hasty(io.RawIOBase):
    """A file that takes few bytes at a time, as a pipe does whose writer is interrupted."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)[:1000]  # type: ignore[call-overload]
        self.taken += part
        return len(part)


@pytest.mark.parametrize("text", ["", "a line\n", "é" * 20_000 + "\n"])
def test_everything_is_written(text: str) -> None:
    raw: Any = Hasty()
    stream = buffer_writes(io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
    stream.write(text)
    stream.flush()
    assert raw.taken.decode() == text


def test_python_alone_would_lose_the_rest() -> None:
    raw: Any = Hasty()
    io.TextIOWrapper(raw, encoding="utf-8", write_through=True).write("x" * 5000)
    assert len(raw.taken) < 5000


def test_what_has_a_buffer_stays() -> None:
    stream = io.TextIOWrapper(io.BufferedWriter(Hasty()), encoding="utf-8")
    assert buffer_writes(stream) is stream
    other = io.StringIO()
    assert buffer_writes(other) is other
