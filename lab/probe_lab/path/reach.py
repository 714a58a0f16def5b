"""Whom a fault of the line concerns: those at listed addresses or in listed networks."""

from __future__ import annotations

from collections.abc import Callable

from probe_lab.box.matches import MATCHERS
from probe_lab.lab_types import Fault
from probe_lab.wire.packet import unpack_address
from probe_lab.world import is_address

Reach = Callable[[bytes], bool]
"""Whether the host at a packed address is concerned."""


def find_reach(fault: Fault) -> Reach:
    """Everybody, where the fault lists nobody. Names are not looked at; raises ValueError for names alone."""
    if not fault.match:
        return lambda _host: True
    places = tuple(text for text in fault.match if is_address(text.partition("/")[0]))
    if not places:
        raise ValueError(f"{fault.kind}: no address among {', '.join(fault.match)}")
    listed = MATCHERS["address"](places)
    return lambda host: listed.holds_address(unpack_address(host))
