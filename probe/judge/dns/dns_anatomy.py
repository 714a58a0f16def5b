"""How many answered one question: what the packets of its replies say.

A resolver's repeated reply, and one that the network doubled, come from one place; where a forged answer overtakes the
genuine one, they come from two. (The genuine one may be empty, and then its content alone tells nothing.)
"""

from __future__ import annotations

from probe.core.observations import Observation
from probe.judge.packets.packet_anatomy import TTL_SLACK


def has_two_senders(seen: Observation, false: frozenset[str]) -> bool:
    """A first reply that gives nothing but `false` addresses was followed by another, from another distance."""
    replies = [p for p in seen.packets if p.inbound and p.flags == "udp"]
    if len(replies) < 2 or not seen.dns.replies:
        return False
    first = frozenset(seen.dns.replies[0].answers)
    return bool(first) and first <= false and any(abs(p.ttl - replies[0].ttl) > TTL_SLACK for p in replies[1:])
