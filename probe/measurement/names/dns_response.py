"""What one DNS response said, apart from the codec that read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsResponse:
    """What one DNS response said; `failure` is a reason why it counts as none (malformed, another question)."""

    rcode: str = ""
    answers: tuple[str, ...] = ()
    cnames: tuple[str, ...] = ()
    ttl_s: int = -1
    authoritative: bool = False
    truncated: bool = False
    ede: tuple[str, ...] = ()
    flags: str = ""
    failure: str = ""
