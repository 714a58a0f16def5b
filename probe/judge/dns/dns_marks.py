"""Who denied a name: what DNS's own marks say of a resolver's denials.

A zone's own servers deny with their zone's SOA, and a resolver that keeps the denial lets its TTL fall second by
second (RFC 2308 sections 3 and 5). They may have denied the name for a moment, or deny it to this network's resolvers
alone: such a denial accuses nobody. What a resolver makes up by itself betrays it: a response policy zone signs with
its own SOA (draft-vixie-dnsop-dns-rpz section 6), others with none or with that of no zone above the name, and its TTL
never falls.

Not every denial without these marks is made up: a resolver of many machines gives one from each machine's own cache;
one that answers out of a zone of its own (AA) may have been left behind when the service moved; a copy of the root
(RFC 8806) may be old; and forwarders of households drop the SOA. So a TTL that stands still counts only beside an
innocent name whose TTL falls here, and a missing SOA only where the resolver keeps those of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.core.addresses import is_private
from probe.core.observations import Observation
from probe.core.replies import SoaRecord
from probe.core.tables.evidence_words import DenialMark, DnsSection
from probe.core.tables.failures import Failure
from probe.core.tables.resolvers import ResolverRole
from probe.judge.dns.answer_lengths import find_longest_reply

DENIED: tuple[Failure, ...] = ("dns_nxdomain_error", "dns_no_answer")
"""Failure words of a lookup that was denied: the name does not exist, or has no such record."""
_BOTH: tuple[ResolverRole, ...] = ("network", "public")
_OF_DENIALS: tuple[DnsSection, ...] = ("authority", "answer")
"""Where the SOA of the zone that denies stands."""
FALLS_WITHIN_S = 1.5
"""TTLs are whole seconds, and an answer takes a moment."""
REGISTRY_LABEL = 4
"""Letters at most of what registries of countries put before their own: co, com, gov, asso."""
LEAST_SPAN_S = 2.5
"""Between two answers, for their TTLs to be compared."""
LEAST_ALIKE = 3
"""Answers with one TTL that never falls."""
OTHER_CACHE_S = 2.5
LEAST_OTHERS = 3
"""Names whose answers run out so far apart at two resolvers that one cache cannot hold both."""
_SISTER = "www"
"""Of a name that is the first of its zone."""
_SERVED = ("NOERROR", "NXDOMAIN")
"""What the zone's own servers say of a name, or of one that does not exist."""
STALE_TTL_S = 30
"""TTL with which resolvers give, for ever, what they could not renew (RFC 8767 section 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverHabits:
    """How the network's resolver answers about all names of a run."""

    keeps_soas: bool = False
    """A denial of some name came with the SOA of a zone above it."""
    ttls_fall: bool = False
    """An innocent name's TTL, or that of its denial, fell by the seconds that passed: questions meet one cache."""
    apart: bool = False
    """It is not the public resolver, nor is that one's address led to it: their replies come from other distances, or
    out of other caches."""
    longest_reply: int = 0
    """Bytes of its longest reply over UDP; 0 where it was not asked so."""


def gather_resolver_habits(seen: Iterable[Observation]) -> ResolverHabits:
    """From all lookups of a run."""
    lookups = [o for o in seen if o.dns.engine == "udp"]
    mine = [o for o in lookups if o.dns.resolver == "network"]
    answers = sorted({(o.t_s, max(o.dns.answer_ttl_s, _ttl_s(o)), o.hostname, o.dns.query_type) for o in mine
                      if o.purpose == "yardstick" and max(o.dns.answer_ttl_s, _ttl_s(o)) > 0})
    ttls_fall = any(_falls(a[:2], b[:2]) for a in answers for b in answers if a[2:] == b[2:])
    distances = [{o.dns.replies[0].ip_ttl for o in lookups if o.dns.resolver == resolver and not o.failure
                  and o.purpose == "target" and o.dns.replies} - {-1} for resolver in _BOTH]
    return ResolverHabits(
        keeps_soas=any(_has_ancestor(o) for o in mine if o.failure in DENIED),
        ttls_fall=ttls_fall,
        longest_reply=find_longest_reply(mine),
        apart=(all(distances) and distances[0].isdisjoint(distances[1])) or (ttls_fall and _has_other_cache(lookups)),
    )


def _has_other_cache(lookups: Iterable[Observation]) -> bool:
    """Whether what the two resolvers keep runs out at other times, for several names and for most. Where each has one
    cache, they are two then."""
    ends: dict[tuple[str, str], dict[str, float]] = {}
    for o in lookups:
        first = o.purpose == "target" and o.attempt == 1 and o.dns.resolver in _BOTH
        if first and o.dns.answers and o.dns.answer_ttl_s >= 0:
            ends.setdefault((o.hostname, o.dns.query_type), {})[o.dns.resolver] = o.t_s + o.dns.answer_ttl_s
    both = [max(end.values()) - min(end.values()) > OTHER_CACHE_S for end in ends.values()
            if end.keys() >= set(_BOTH)]
    return sum(both) >= LEAST_OTHERS and sum(both) * 2 > len(both)


def read_denial(own: Sequence[Observation], again: Sequence[Observation], zones: Sequence[Observation],
                habits: ResolverHabits) -> DenialMark:
    """The mark of one name's denials: its `own` questions to the network's resolver, that one once more, and those for
    a zone's SOA."""
    denials = [o for o in (*own, *again) if o.failure in DENIED and o.dns.authority_records >= 0]
    if not denials or any(not o.failure for o in own):
        return ""
    if any(map(_names_policy_zone, denials)) or any(map(_contradicts_itself, denials)):
        return "made_up"
    if any(_falls((a.t_s, _ttl_s(a)), (b.t_s, _ttl_s(b))) for a in denials for b in denials
           if _soa(a) and _soa(b) and a.dns.query_type == b.dns.query_type):
        return "cached"
    return _read_lasting(denials, any(_contradicts(z, denials) for z in zones), habits)


def _read_lasting(denials: Sequence[Observation], contradicted: bool, habits: ResolverHabits) -> DenialMark:
    """The mark of denials whose TTL was not seen to fall."""
    nonexistent = all(o.dns.rcode == "NXDOMAIN" for o in denials)
    if not any(o.dns.authority_records or o.dns.soas for o in denials):
        private = any(is_private(o.dns.resolver_address) for o in denials)
        return "made_up" if nonexistent and not private and habits.keeps_soas else ""
    if not _stands_still(denials):
        return ""
    if not contradicted and all(o.dns.authoritative for o in denials):
        return "own_zone"
    if not contradicted and all(_zone_of(o) == "." for o in denials):
        return "local_root"
    return "made_up" if habits.ttls_fall else ""


def is_zone_served(host: str, zones: Iterable[Observation]) -> bool:
    """Whether the resolver gave the SOA of a zone in which the name lies. A server that refuses a resolver refuses it
    the whole zone (RFC 8914 section 4.19), so a refusal of the name alone is then the resolver's own."""
    spoken = ((o.hostname, _zone_of(o)) for o in zones if o.dns.rcode in _SERVED)
    return any(owner and asked != host and is_ancestor(owner, host) and not _may_be_registry(owner)
               for asked, owner in spoken)


def _may_be_registry(zone: str) -> bool:
    """A top-level domain, or one like co.uk below which others register: its servers are not the name's own."""
    labels = zone.strip(".").split(".")
    return len(labels) < 2 or (len(labels) == 2 and len(labels[1]) == 2 and len(labels[0]) <= REGISTRY_LABEL)


def choose_zone(host: str, own: Sequence[Observation]) -> str:
    """The name whose SOA to ask for. Where the name is refused, the one above it; below a registry's, another of
    the name's own zone. Where it is denied, the one below the zone that denies, on the way to `host`: where that zone
    spoke of all below it, as a registry's does, this name cannot exist either. `host` itself where no zone spoke."""
    if any(o.dns.rcode == "REFUSED" for o in own):
        above = host.partition(".")[2]
        return f"{_SISTER}.{host}" if _may_be_registry(above) else above
    zone = next((z for o in own if o.failure in DENIED and (z := _zone_of(o)) and is_ancestor(z, host)), "")
    if not zone or zone == host:
        return host
    labels = host.split(".")
    return ".".join(labels[-(1 if zone == "." else zone.count(".") + 2):])


def is_ancestor(zone: str, name: str) -> bool:
    """Whether the zone is the name or lies above it."""
    zone, name = zone.lower().rstrip("."), name.lower().rstrip(".")
    return not zone or name == zone or name.endswith(f".{zone}")


def _soa(seen: Observation) -> SoaRecord | None:
    return next((soa for soa in seen.dns.soas if soa.section in _OF_DENIALS), None)


def _zone_of(seen: Observation) -> str:
    soa = _soa(seen)
    return soa.owner if soa else ""


def _ttl_s(seen: Observation) -> int:
    soa = _soa(seen)
    return soa.ttl_s if soa else -1


def _has_ancestor(seen: Observation) -> bool:
    zone = _zone_of(seen)
    return bool(zone) and any(is_ancestor(zone, name) for name in (seen.hostname, *seen.dns.cnames))


def _names_policy_zone(denial: Observation) -> bool:
    return any(soa.section == "additional" for soa in denial.dns.soas)


def _contradicts_itself(denial: Observation) -> bool:
    """The zone that denies has no say over the name, or exists under the very name whose existence it denies."""
    zone = _zone_of(denial)
    if not zone:
        return False
    last = (denial.dns.cnames or (denial.hostname,))[-1].lower().rstrip(".")
    return not _has_ancestor(denial) or (denial.dns.rcode == "NXDOMAIN" and zone == last)


def _contradicts(asked: Observation, denials: Sequence[Observation]) -> bool:
    """The resolver itself finds the name, or a zone between it and the one that denies its existence."""
    if asked.dns.rcode != "NOERROR" or asked.dns.authority_records < 0:
        return False
    host = denials[0].hostname
    denying = {_zone_of(o) for o in denials}
    if any(o.dns.rcode != "NXDOMAIN" or o.dns.cnames for o in denials):
        return False
    below = _zone_of(asked)
    deeper = bool(below) and is_ancestor(below, host) and all(
        z and below != z and is_ancestor(z, below) for z in denying)
    return asked.hostname == host or deeper


def _falls(early: tuple[float, int], late: tuple[float, int]) -> bool:
    """Whether a TTL fell by the seconds that passed between two answers, each (time, TTL)."""
    passed_s = late[0] - early[0]
    return passed_s >= LEAST_SPAN_S and abs(early[1] - late[1] - passed_s) <= FALLS_WITHIN_S


def _stands_still(denials: Sequence[Observation]) -> bool:
    """One TTL, too long to be renewed between the answers, however much time passed."""
    ttls = {_ttl_s(o) for o in denials}
    span_s = max(o.t_s for o in denials) - min(o.t_s for o in denials)
    return (len(ttls) == 1 and len(denials) >= LEAST_ALIKE and span_s >= LEAST_SPAN_S
            and min(ttls) > max(STALE_TTL_S, 2 * span_s))
