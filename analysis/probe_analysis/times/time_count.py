"""What was counted of times: one row of a network, a name and an hour. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

TimedStep = Literal["connect", "handshake", "first_byte"]
STEPS: Final[tuple[TimedStep, ...]] = ("connect", "handshake", "first_byte")
HOURS_OF_QUARTER = 6
SLOTS = 16
"""Probes of a network are told apart as far as so many slots do: a bound of what is kept."""
Network = tuple[str, int]
"""Country and AS number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCount:
    """So many operations took so long."""

    network: Network
    hour: int
    """Since 1970."""
    slot: int
    """Of the probe."""
    version: int
    """A number for the program's version; equal ones are one version."""
    fresh: bool
    """Nobody was known in the network that day, so names count that nobody knew before."""
    name: str
    """What the ClientHello names, else the host."""
    service: str
    """Empty: of names that are asked for beside a target."""
    prefix: str
    """Of the address: the first three bytes, or 48 bits of IPv6."""
    step: TimedStep
    bin: int
    """See `time_sketch`."""
    censored: bool
    n: int
