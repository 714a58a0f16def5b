"""One ICMP error about our own packets: what it says, and who says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpError:
    """An ICMP error that ended an attempt (RFC 792; RFC 4443 for IPv6)."""

    type: int = -1
    """-1, as `code`, where a stored error cannot be read."""
    code: int = -1
    sender: str = ""
    """`service` (the address itself), or the address space of the router; as it arrives the router's address, which is
    not to be stored. Empty when unknown."""

    @property
    def kind(self) -> tuple[int, int]:
        """(type, code): only together do they say what happened."""
        return self.type, self.code
