"""Every step that is due for one site; steps are values, and the session takes each only once.

Theory of operation
-------------------
The planner is one pure function. It is given a site, what is known of it so far (`Seen`) and what the run may use
(`Frame`), and returns every step that is due now, also those that were taken. The run loop
(`probe.measurement.session.run_loop`) calls it again whenever an observation of the site has come in.

The order comes from what each part waits for; no part keeps a state of its own:

1. Names (`name_plan`): the network's own resolution first. Nothing else is planned before it has answered. Trusted
   resolvers follow where plain DNS failed or looks wrong, or where the connection will prove nothing.
2. Addresses (`address_choice`): those that the network gave come first, each family bounded, each with a depth.
3. Each address (`address_plan`; `datagram_plan` for UDP): the innocent name, then the site, then again on fresh
   connections while it fails alike, then other shapes, later time slots and residual blocking.
4. Controls (`control_plan`): asked only where something is to be explained.
5. The rest: redirects served in the clear, transfers, the search for the hop.

What must never be broken:

- Pure: no clock, no socket, no chance. The same arguments give the same steps, so a plan can be tested as a table.
- Growing: what was due stays due while more becomes known, or the loop would wait for a step that nobody plans.
- An equal step is the same step. Whoever wants something once more must say so in the step (`attempt`).
- The innocent name goes before the target's at an address: a forbidden name may spoil the address for minutes.
- What sets a box off, or costs others traffic, needs the consent level that its module names.
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
