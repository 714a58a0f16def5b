"""Which addresses to visit, and how far to go at each."""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.sites import Site
from probe.core.addresses import family_of, may_connect
from probe.core.nat64 import through
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import Depth
from probe.core.tables.resolvers import ENCRYPTED, OWN_RESOLVERS
from probe.inference.evidence.dns_evidence import DnsEvidence
from probe.inference.evidence.nearness import nearness
from probe.inference.evidence.port53 import of_the_name
from probe.inference.evidence.visit_outcomes import NETWORK_PURPOSES
from probe.measurement.planning.plan_context import Frame, Seen


def candidates(site: Site, seen: Seen, frame: Frame, evidence: DnsEvidence) -> list[tuple[str, AddressSource]]:
    """(address, source) pairs to visit, the network's own answers first, bounded per family."""
    if site.address:
        return [(site.address, "literal")] if family_of(site.address) in frame.families else []
    own = of_the_name(seen.dns)  # no service lives where an innocent name does
    plain = [a for o in own if o.dns.resolver in OWN_RESOLVERS for a in o.dns.answers]
    chosen = _bounded(plain, frame)
    trusted: list[str] = []
    if _behind(site, seen, evidence, chosen):
        known = [a for o in own if o.dns.engine in ENCRYPTED for a in o.dns.answers]
        known += [a for c in seen.controls for a in c.addresses]
        if frame.nat64_prefix and 4 not in frame.families:
            known = [through(a, frame.nat64_prefix) for a in known]
        trusted = [a for a in _bounded(known, frame) if a not in chosen]
    return [(a, "network") for a in chosen] + [(a, "trusted") for a in trusted]


def _behind(site: Site, seen: Seen, evidence: DnsEvidence, chosen: list[str]) -> bool:
    """Whether to go on behind the network's answers, with addresses from elsewhere."""
    if not chosen or evidence.bogus or evidence.fingerprint or evidence.injected or evidence.dark_answered:
        return True
    if evidence.agrees or not evidence.trusted_answers:
        return False
    reached = {o.address for o in seen.visits if o.operation == "tls_handshake" and o.tls.trust == "valid"}
    return not reached & set(chosen)


def _bounded(addresses: Sequence[str], frame: Frame) -> list[str]:
    usable = [a for a in dict.fromkeys(addresses) if may_connect(a, frame.nat64_prefix) and not nearness(a, frame.ours)]
    v4 = [a for a in usable if family_of(a) == 4 and 4 in frame.families][: frame.addresses_per_family]
    v6 = [a for a in usable if family_of(a) == 6 and 6 in frame.families][: frame.addresses_per_family // 2]
    return v4 + v6


def depths(addresses: Sequence[tuple[str, AddressSource]], site: Site, seen: Seen, *, everywhere: bool = False,
           ) -> list[tuple[str, AddressSource, Depth]]:
    """How far to go at each address: everything at the first one of a source, TLS at the first IPv6 one, or where
    asked for `everywhere`, else connect.

    A page is fetched once, not once an address; the next address gets the whole visit only when one before failed.
    """
    planned: list[tuple[str, AddressSource, Depth]] = []
    whole: dict[AddressSource, bool] = {}
    shaken: set[tuple[AddressSource, int]] = set()
    for address, source in addresses:
        family = family_of(address)
        if not whole.get(source):
            depth: Depth = "all"
            mine = [o for o in seen.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
            whole[source] = not mine or not any(o.failure for o in mine)
        else:
            depth = "connect" if ((source, family) in shaken and not everywhere) or not site.sni else "tls"
        shaken.add((source, family))
        planned.append((address, source, depth))
    return planned
