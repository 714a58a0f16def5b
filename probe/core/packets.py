"""One captured packet of an observation: header fields, neither an address nor our port."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet of a flow, as far as it is judged. -1 where a field does not exist (IP ID and DF of IPv6)."""

    at_ms: float
    """Since the first packet of the flow, in hundredths."""
    inbound: bool
    ttl: int
    ip_id: int = -1
    df: int = -1
    flags: str
    """Letters of TCP's (SAFRPUEC), `udp`, or `icmp type/code peer` (`other` where not the address itself but somebody
    on the way sent it)."""
    seq: int = 0
    """Counted from its side's first, as `ack` is from the other side's."""
    ack: int = 0
    window: int = 0
    length: int = 0
    """Bytes above TCP or UDP."""

    def has(self, *letters: str) -> bool:
        """Whether the packet is TCP's and carries all of these flags."""
        return self.flags.isupper() and all(letter in self.flags for letter in letters)
