"""Output that no signal cuts short.

With `PYTHONUNBUFFERED` (`python -u`) a text stream writes straight to its file. A write that a signal interrupts may
take a part of its bytes (write(2)), and the stream drops the others: a long line of JSON would end in its middle. A
buffer between both goes on until all is written.
"""

from __future__ import annotations

import io
from typing import TextIO


def buffer_writes(stream: TextIO) -> TextIO:
    """The stream with a buffer, if it is one that has none; what ends a line is written at once."""
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(stream.buffer, io.RawIOBase):
        return stream
    encoding, errors = stream.encoding, stream.errors
    return io.TextIOWrapper(io.BufferedWriter(stream.detach()), encoding=encoding, errors=errors, line_buffering=True)
