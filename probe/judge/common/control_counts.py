"""How many controls said something: two of one network are one."""

from __future__ import annotations

from collections.abc import Iterable

from probe.core.observations import ControlAnswer


def count_networks(controls: Iterable[ControlAnswer]) -> int:
    """Those whose network is not known count as one."""
    return len({(c.asn, c.cc) for c in controls})


def count_vantages(controls: Iterable[ControlAnswer]) -> int:
    """In how many networks and countries they saw it: a crowd did so in several, though all is one network's word."""
    behind: dict[tuple[int, str], int] = {}
    for c in controls:
        behind[c.asn, c.cc] = max(c.networks, behind.get((c.asn, c.cc), 1))
    return sum(behind.values())
