"""Connections that are open at once: how many a place has, and whether it may have one more."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from probe_lab.box.flows import FlowKey

MAX_PLACES = 4096
IDLE_S = 300.0
"""A connection that was silent for so long counts no more."""


class OpenConnections:
    """The open connections of one box; the place longest unused makes room."""

    def __init__(self) -> None:
        self._places: OrderedDict[Hashable, dict[FlowKey, float]] = OrderedDict()

    def admits(self, whose: Hashable, key: FlowKey, *, most: int, now_s: float) -> bool:
        """Whether a connection may be open, too; from now on it is."""
        place = self._places.setdefault(whose, {})
        self._places.move_to_end(whose)
        if len(self._places) > MAX_PLACES:
            self._places.popitem(last=False)
        for silent in [each for each, seen_s in place.items() if now_s - seen_s >= IDLE_S]:
            del place[silent]
        if key not in place and len(place) >= most:
            return False
        place[key] = now_s
        return True

    def note(self, whose: Hashable, key: FlowKey, now_s: float, *, ended: bool) -> None:
        """A packet of an open connection, which may be its last."""
        place = self._places.get(whose, {})
        if key in place:
            place[key] = now_s
            if ended:
                del place[key]
