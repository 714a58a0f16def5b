"""Every step that is due for one site; steps are values, and the session takes each only once.

Plain DNS comes first, addresses of it first; innocent names go before a target's; a failing visit is repeated on fresh
connections; controls and trusted resolvers are asked only where something is to be explained.
"""

from __future__ import annotations

from dataclasses import replace

from probe.compare.dns import DnsEvidence, dns_evidence
from probe.plan.address import at_address
from probe.plan.controls import control_questions
from probe.plan.flow import flow_steps
from probe.plan.frame import Frame, Seen
from probe.plan.locate import locate_steps
from probe.plan.names import more_lookups, plain_lookups, without_half_answers
from probe.plan.places import candidates, depths
from probe.plan.redirects import redirects
from probe.plan.udp import at_udp_address
from probe.sites import Site
from probe.steps import Step
from probe.tables.protocols import DATAGRAMS


def next_steps(site: Site, seen: Seen, frame: Frame) -> list[Step]:
    """Every step that is due for `site`; those already taken may be among them."""
    steps: list[Step] = []
    evidence = DnsEvidence()
    seen = replace(seen, dns=without_half_answers(seen.dns, frame))
    if site.named:
        steps += plain_lookups(site, frame)
        if not any(o.resolver in ("system", "network") for o in seen.dns):
            return steps
        evidence = dns_evidence(seen.dns, seen.controls, nat64_prefix=frame.nat64_prefix)
        steps += more_lookups(site, seen, frame, evidence)
    places = candidates(site, seen, frame, evidence) if site.kind != "dns" else []
    for address, source, depth in depths(places, site, seen, everywhere=frame.everywhere):
        steps += (at_udp_address(site, address, source, depth, seen, frame) if site.kind in DATAGRAMS else
                  at_address(site, address, source, depth, seen, frame, evidence))
    steps += control_questions(site, seen, frame, evidence, tuple(address for address, _ in places))
    return [*steps, *redirects(seen), *flow_steps(site, seen, frame), *locate_steps(site, seen, frame, evidence)]
