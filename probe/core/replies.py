"""What came back for one question: a reply to a DNS question and records in it; what became of a packet of a trace."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.evidence_words import AddressSpace, DnsSection, HopWord
from probe.core.tables.words import Empty


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsReply:
    """One of the replies to one question."""

    delay_ms: float = float("inf")
    """From the question, in tenths; infinite where a stored reply cannot be read."""
    ip_ttl: int = -1
    """IP TTL with which it arrived; -1 when unknown."""
    rcode: str = ""
    """Response code, or a failure word instead."""
    flags: tuple[str, ...] = ()
    """QR, AA, TC, RD, RA (RFC 1035 section 4.1.1)."""
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SoaRecord:
    """An SOA record of a reply. A denial carries that of the zone which denies, in its authority section, and a cache
    lets its TTL fall (RFC 2308 sections 3 and 5). Of an answer that a response policy zone changed, the additional
    section holds that zone's (draft-vixie-dnsop-dns-rpz section 6)."""

    section: DnsSection | Empty = ""
    ttl_s: int = -1
    """How long the denial may be kept; -1 where a stored record cannot be read."""
    minimum_s: int = -1
    """The zone's own value for that (RFC 2308 section 4)."""
    serial: int = -1
    """Version of the zone, 32 bits (RFC 1982)."""
    owner: str = ""
    """The zone, in lower case, without its last dot but for the root, which is `.`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsRecord:
    """An HTTPS record (type 65, RFC 9460) of a reply. Its address hints stand among the addresses of the reply."""

    priority: int = -1
    """0: an alias for `target`; -1: the record could not be read, and nothing else is known of it."""
    ech_bytes: int = 0
    """Length of its configurations for Encrypted ClientHello (RFC 9848); 0: it has none."""
    keys: tuple[int, ...] = ()
    """Numbers of its parameters, in order (RFC 9460 section 14.3.2)."""
    alpn: tuple[str, ...] = ()
    """Protocols that it offers."""
    target: str = ""
    """The name that serves, in lower case; `.`: the owner of the record itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """What became of a packet that was sent with a small TTL."""

    ttl: int
    word: HopWord | Empty = ""
    """exceeded, open, refused, reset, unreachable; of a search for a hop also end, gateway, acked, answered, closed,
    rejected, silent."""
    delay_ms: float | None = None
    """In tenths; None where nothing came."""
    router: str = ""
    """Who sent the ICMP error, as a hash that means something within its run alone."""
    space: AddressSpace = ""
    """Address space of the router: private, carrier, public, service."""
    ip_ttl: int | None = None
    """IP TTL of an answer; -1 where the system does not tell, None where there is no answer that has one."""
