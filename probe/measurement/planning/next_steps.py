"""Every step that is due for one site; steps are values, and the session takes each only once.

Plain DNS comes first, addresses of it first; innocent names go before a target's; a failing visit is repeated on fresh
connections; controls and trusted resolvers are asked only where something is to be explained.
"""

from __future__ import annotations

from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.tables.protocols import DATAGRAMS
from probe.core.tables.resolvers import OWN_RESOLVERS
from probe.inference.evidence.dns_evidence import DnsEvidence, dns_evidence
from probe.measurement.planning.address_choice import candidates, depths
from probe.measurement.planning.address_plan import at_address
from probe.measurement.planning.control_plan import control_questions
from probe.measurement.planning.datagram_plan import at_udp_address
from probe.measurement.planning.flow_plan import flow_steps
from probe.measurement.planning.locate_plan import locate_steps
from probe.measurement.planning.name_plan import more_lookups, plain_lookups, without_half_answers
from probe.measurement.planning.plan_context import Frame, Seen
from probe.measurement.planning.redirects import redirects
from probe.measurement.planning.steps import Step


def next_steps(site: Site, seen: Seen, frame: Frame) -> list[Step]:
    """Every step that is due for `site`; those already taken may be among them."""
    steps: list[Step] = []
    evidence = DnsEvidence()
    seen = replace(seen, dns=without_half_answers(seen.dns, frame))
    if site.named:
        steps += plain_lookups(site, frame)
        if not any(o.dns.resolver in OWN_RESOLVERS for o in seen.dns):
            return steps
        evidence = dns_evidence(seen.dns, seen.controls, nat64_prefix=frame.nat64_prefix)
        steps += more_lookups(site, seen, frame, evidence)
    places = candidates(site, seen, frame, evidence) if site.kind != "dns" else []
    for address, source, depth in depths(places, site, seen, everywhere=frame.everywhere):
        steps += (at_udp_address(site, address, source, depth, seen, frame) if site.kind in DATAGRAMS else
                  at_address(site, address, source, depth, seen, frame, evidence))
    steps += control_questions(site, seen, frame, evidence, tuple(address for address, _ in places))
    return [*steps, *redirects(seen), *flow_steps(site, seen, frame), *locate_steps(site, seen, frame, evidence)]
