"""What one row of the table of steps looks at: a site, what is known of it, and mostly one address of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from probe.catalogue.sites import Site
from probe.core.addresses import family_of
from probe.core.observations import Observation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import Depth
from probe.core.tables.resolvers import OWN_RESOLVERS
from probe.core.tables.words import Empty
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES, list_failed_inputs
from probe.judge.dns.dns_evidence import DnsEvidence, gather_dns_evidence
from probe.judge.dns.port53 import select_own_questions
from probe.session.planning.address_choice import choose_addresses, choose_depths
from probe.session.planning.certificate_tries import is_certificate_settled
from probe.session.planning.name_plan import drop_half_answers
from probe.session.planning.plan_context import PlanContext, SiteHistory


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """A site; for rows of an address with that address, whose words say nothing of it otherwise."""

    site: Site
    history: SiteHistory
    context: PlanContext
    has_answer: bool
    """The network's own resolution has answered, or there is no name to resolve."""
    evidence: DnsEvidence = field(default_factory=DnsEvidence)
    places: tuple[tuple[str, AddressSource], ...] = ()
    """The addresses to visit."""
    address: str = ""
    source: AddressSource | Empty = ""
    depth: Depth = "all"
    """How far to go at this address."""

    def list_addresses(self) -> list[PlanView]:
        """The same site at each of its addresses."""
        return [replace(self, address=address, source=source, depth=depth) for address, source, depth in choose_depths(
            self.places, self.site, self.history, everywhere=self.context.everywhere)]

    @cached_property
    def mine(self) -> list[Observation]:
        """The site's own visits of this address."""
        return [o for o in self.history.visits if o.address == self.address and o.purpose in NETWORK_PURPOSES]

    @property
    def last(self) -> int:
        """The number of the last attempt here; 0 before the first."""
        return max((o.attempt for o in self.mine), default=0)

    @cached_property
    def failing(self) -> frozenset[str]:
        """The inputs that failed in the last attempt here."""
        return list_failed_inputs(self.site, [o for o in self.mine if o.attempt == self.last]) if self.mine else (
            frozenset())

    @property
    def is_hopeless(self) -> bool:
        """Whether this network carries nothing there."""
        return self.context.ipv6_broken and family_of(self.address) == 6

    @cached_property
    def is_settled(self) -> bool:
        """Whether more attempts would meet the same refused certificate."""
        return is_certificate_settled(self.mine, self.history.controls, self.site.port)


def make_plan_view(site: Site, history: SiteHistory, context: PlanContext) -> PlanView:
    """What is known of a site now. While its name has no answer, nothing is made of what came of it."""
    history = replace(history, dns=drop_half_answers(history.dns, context))
    if site.has_name and not any(o.dns.resolver in OWN_RESOLVERS for o in select_own_questions(history.dns)):
        return PlanView(site=site, history=history, context=context, has_answer=False)
    evidence = gather_dns_evidence(history.dns, history.controls,
                                   nat64_prefix=context.nat64_prefix) if site.has_name else DnsEvidence()
    places = choose_addresses(site, history, context, evidence) if site.kind != "dns" else []
    return PlanView(site=site, history=history, context=context, has_answer=True, evidence=evidence,
                    places=tuple(places))
