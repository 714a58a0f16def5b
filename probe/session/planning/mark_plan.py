"""Questions that tell whose a failure is that the network's resolver gives of a name which is known elsewhere.

A denial that the zone's own servers gave is kept in the resolver's cache and its TTL falls (RFC 2308); one that the
resolver made up stays as it was. Costs two questions a name at most; two of an innocent name and two to addresses
without a resolver serve the whole run.
"""

from __future__ import annotations

from probe.catalogue.sites import Site
from probe.core.tables.evidence_words import DnsState
from probe.instruments.steps import Lookup, Step
from probe.judge.dns.dns_evidence import DENIALS, DnsEvidence, select_own_lookups
from probe.judge.dns.dns_marks import choose_zone
from probe.session.planning.plan_context import PlanContext, SiteHistory

REPEAT_AFTER_S = 4.0
"""Long enough for a TTL in whole seconds to fall beyond doubt."""
_TELLING: tuple[DnsState, ...] = (*DENIALS, "refused")


def plan_mark_lookups(site: Site, history: SiteHistory, context: PlanContext, evidence: DnsEvidence) -> list[Step]:
    """The questions that are due once a name failed often enough here and is known elsewhere."""
    if evidence.network == "ok" or not evidence.known_elsewhere:
        return []
    steps: list[Step] = []
    own = select_own_lookups(history.dns)
    server, after_s = context.network_resolver, max(o.t_s for o in own) + REPEAT_AFTER_S
    if evidence.network in _TELLING:
        steps.append(Lookup(channel="zone", name=choose_zone(site.host, own), server=server, about=site.host))
    if evidence.network in DENIALS:
        steps.append(Lookup(channel="again", name=site.host, server=server, about=site.host, not_before_s=after_s))
    alike = evidence.public_udp == evidence.network
    if alike or evidence.network in DENIALS:
        steps += [Lookup(channel="again", name=context.innocent, server=server),
                  Lookup(channel="again", name=context.innocent, server=server, attempt=2, not_before_s=after_s)]
    if alike:  # is all of port 53 led to one resolver?
        steps += [Lookup(channel="dark", name=context.innocent, server=nobody)
                  for nobody in (context.dark_server, context.nowhere) if nobody]
    return steps
