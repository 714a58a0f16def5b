"""How a resolver denies a name: as the zone's own servers did, or as one that makes the denial up. No IO.

A denial carries the SOA of the zone that denies, and a cache lets its TTL fall (RFC 2308). A response policy zone's own
SOA stands in the additional section (draft-vixie-dnsop-dns-rpz section 6).
"""

from __future__ import annotations

import random
import time
from collections.abc import Hashable
from functools import cache

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

NEGATIVE_TTL_S = 300
"""For how long a zone of the world lets a denial be kept."""
STYLES = ("zone", "bare", "policy", "foreign", "own", "root", "cached")
_POLICY_TTL_S = 60
_ROOT_SOA = "a.root-servers.net. nstld.verisign-grs.com. 2026010100 1800 900 604800 86400"
_ROOT_TTL_S = 86400


_KEPT_SHARE = 0.6
"""How much of its time at most is over when we first ask for an answer."""


class AnswerAges:
    """Since when a resolver has kept each answer, which others asked for before; what has run out is fetched anew."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}:ages")
        self._since_s: dict[Hashable, float] = {}

    def left_s(self, key: Hashable, ttl_s: int) -> int:
        """For how much longer the answer may be kept."""
        now_s = time.monotonic()
        if key not in self._since_s:
            self._since_s[key] = now_s - int(ttl_s * self._rng.uniform(0, _KEPT_SHARE))
        return ttl_s - int(now_s - self._since_s[key]) % max(1, ttl_s)


def deny(reply: dns.message.Message, style: str, *, name: str, zone: str, ages: AnswerAges) -> None:
    """Add to a reply without an answer what a resolver of this style signs it with; `zone` is the name's own."""
    if style == "bare":
        return
    if style == "policy":
        reply.additional.append(make_soa("rpz.resolver.example", _POLICY_TTL_S))
    elif style == "root":
        reply.authority.append(make_rrset(dns.name.root, _ROOT_TTL_S, dns.rdatatype.SOA, _ROOT_SOA))
    elif style == "foreign":
        reply.authority.append(make_soa("blocked.invalid", NEGATIVE_TTL_S))
    elif style == "cached":
        reply.authority.append(make_soa(zone, ages.left_s(("denial", name), NEGATIVE_TTL_S)))
    else:
        reply.authority.append(make_soa(zone, NEGATIVE_TTL_S))
    if style == "own":
        reply.flags |= dns.flags.AA


def make_soa(zone: str, ttl_s: int) -> dns.rrset.RRset:
    """The SOA of a zone of the world."""
    owner = dns.name.from_text(zone)
    below = owner.to_text().lstrip(".")
    values = f"ns1.{below} hostmaster.{below} 2026010101 7200 1800 1209600 {NEGATIVE_TTL_S}"
    return make_rrset(owner, ttl_s, dns.rdatatype.SOA, values)


def make_rrset(owner: dns.name.Name, ttl_s: int, kind: dns.rdatatype.RdataType, *values: str) -> dns.rrset.RRset:
    """Records of one owner and type."""
    return dns.rrset.from_rdata_list(owner, ttl_s, [_rdata(kind, value) for value in values])


@cache
def _rdata(kind: dns.rdatatype.RdataType, value: str) -> dns.rdata.Rdata:
    """Parsed once: a name is asked for by several ways, over and over."""
    return dns.rdata.from_text(dns.rdataclass.IN, kind, value)
