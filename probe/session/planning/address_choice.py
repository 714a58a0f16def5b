"""Which addresses to visit, and how far to go at each."""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.sites import Site
from probe.core.addresses import family_of, may_connect
from probe.core.nat64 import to_translated_address
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import Depth
from probe.core.tables.resolvers import ENCRYPTED, OWN_RESOLVERS
from probe.judge.common.nearness import classify_nearness
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.dns.dns_evidence import DnsEvidence
from probe.judge.dns.port53 import select_own_questions
from probe.session.planning.plan_context import PlanContext, SiteHistory


def choose_addresses(site: Site, history: SiteHistory, context: PlanContext,
                     evidence: DnsEvidence) -> list[tuple[str, AddressSource]]:
    """(address, source) pairs to visit, the network's own answers first, bounded per family."""
    if site.address:
        return [(site.address, "literal")] if family_of(site.address) in context.families else []
    own = select_own_questions(history.dns)  # no service lives where an innocent name does
    plain = [a for o in own if o.dns.resolver in OWN_RESOLVERS for a in o.dns.answers]
    chosen = _bound(plain, context)
    trusted: list[str] = []
    if _behind(site, history, evidence, chosen):
        known = [a for o in own if o.dns.engine in ENCRYPTED for a in o.dns.answers]
        known += [a for c in history.controls for a in c.addresses]
        if context.nat64_prefix and 4 not in context.families:
            known = [to_translated_address(a, context.nat64_prefix) for a in known]
        trusted = [a for a in _bound(known, context) if a not in chosen]
    return [*((a, "network") for a in chosen), *((a, "trusted") for a in trusted)]


def _behind(site: Site, history: SiteHistory, evidence: DnsEvidence, chosen: list[str]) -> bool:
    """Whether to go on behind the network's answers, with addresses from elsewhere."""
    if not chosen or evidence.bogus or evidence.fingerprint or evidence.injected or evidence.dark_answered:
        return True
    if evidence.agrees or not evidence.trusted_answers:
        return False
    reached = {o.address for o in history.visits if o.operation == "tls_handshake" and o.tls.trust == "valid"}
    return not reached & set(chosen)


def _bound(addresses: Sequence[str], context: PlanContext) -> list[str]:
    usable = [a for a in dict.fromkeys(addresses) if may_connect(a, context.nat64_prefix)
              and not classify_nearness(a, context.ours)]
    v4 = [a for a in usable if family_of(a) == 4 and 4 in context.families][: context.addresses_per_family]
    v6 = [a for a in usable if family_of(a) == 6 and 6 in context.families][: context.addresses_per_family // 2]
    return v4 + v6


def choose_depths(addresses: Sequence[tuple[str, AddressSource]], site: Site, history: SiteHistory, *,
                  everywhere: bool = False) -> list[tuple[str, AddressSource, Depth]]:
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
            mine = [o for o in history.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
            whole[source] = not mine or not any(o.failure for o in mine)
        else:
            depth = "connect" if ((source, family) in shaken and not everywhere) or not site.sni else "tls"
        shaken.add((source, family))
        planned.append((address, source, depth))
    return planned
