"""How many questions a name server may have open at a time: fewer, the slower it answers. Pure.

What a home router's forwarder has no room for it drops, and what waits there for longer than anybody does is answered
in vain: a server that is asked ever more while it falls behind answers nobody. So who asks follows its pace, as TCP
does a network's (Jacobson and Karels 1988).
"""

from __future__ import annotations

AT_ONCE = 64
"""Questions to one server that may wait for their first answer; small forwarders have room for 150 of all programs."""
LEAST_AT_ONCE = 16
SLOW_S = 1.0
"""Whose answers take longer is asked less: whoever asks waits five seconds, and much of that may be on the way."""
HOLD_S = 0.4
"""After this long a question without an answer holds up no other: a dead server must not cost one timeout after
another. A server that answers, and takes longer, is given three times what it takes."""
_PATIENCE = 3
_WEIGHT = 0.2
"""Of the newest answer, against all before."""


class ResolverPace:
    """What is known of each server's pace."""

    def __init__(self) -> None:
        self._delay_s: dict[str, float] = {}

    def note_answer(self, server: str, delay_s: float) -> None:
        """It answered a question, so long after that was first sent."""
        known_s = self._delay_s.get(server, delay_s)
        self._delay_s[server] = known_s + _WEIGHT * (delay_s - known_s)

    def at_once(self, server: str) -> int:
        """Questions that it may hold."""
        delay_s = self._delay_s.get(server, 0.0)
        return AT_ONCE if delay_s <= SLOW_S else max(LEAST_AT_ONCE, int(AT_ONCE * SLOW_S / delay_s))

    def hold_s(self, server: str) -> float:
        """For how long a question without an answer takes a place."""
        return max(HOLD_S, _PATIENCE * self._delay_s.get(server, 0.0))
