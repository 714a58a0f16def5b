"""The truth log: one JSON line for each act of interference, written by whoever did it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from probe.core.json_decoders import get_decoder


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthEntry:
    """One act: who did what to which traffic, and the cause that it stands for."""

    time_s: float
    """Seconds on the machine's monotonic clock, which all processes share."""
    actor: str
    """middlebox, router, resolver."""
    action: str
    """An action of the middlebox (after `residual:` when it fell on a later flow), or a kind of fault."""
    block_type: str = ""
    """Empty: not censorship."""
    alias: str = ""
    name: str = ""
    """The name that the traffic was about, where one was seen."""
    address: str = ""
    """The server's address, as the client meant it."""
    port: int = 0
    direction: str = ""
    """Where the packet acted upon was going: to_server or to_client."""


class TruthLog:
    """Appends entries to a file that several processes may share: every line is one write in append mode."""

    def __init__(self, path: str | Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def write(self, entry: TruthEntry) -> None:
        """Add one line. Raises OSError when the disk refuses: truth must not be lost in silence."""
        line = msgspec.json.encode(entry) + b"\n"
        if os.write(self._fd, line) != len(line):
            raise OSError("a line of the truth log was cut short")

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def read_log(path: str | Path) -> tuple[TruthEntry, ...]:
    """Every entry in order of writing; none when nobody has written. Raises msgspec.DecodeError for other lines."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    decoder = get_decoder(TruthEntry)
    return tuple(decoder.decode(line) for line in lines)
