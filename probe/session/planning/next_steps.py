"""Every step that is due for one site; steps are values, and the session takes each only once.

Theory of operation
-------------------
The planner is one pure function. It is given a site, what is known of it so far (`SiteHistory`) and what the run may
use (`PlanContext`), and returns every step that is due now, also those that were taken. The run loop
(`probe.session.run_loop`) calls it again whenever an observation of the site has come in.

The order comes from what each part waits for; no part keeps a state of its own:

1. Names (`name_plan`): the network's own resolution first. Nothing else is planned before it has answered. Trusted
   resolvers follow where plain DNS failed or looks wrong, or where the connection will prove nothing.
2. Addresses (`address_choice`): those that the network gave come first, each family bounded, each with a depth.
3. Each address (`address_plan`; `datagram_plan` for UDP): the innocent name, then the site, then again on fresh
   connections while it fails alike, then other shapes, later time slots and residual blocking.
   Before or after the site's own first visit goes one hello of a program that people use (`program_plan`).
4. Controls (`control_plan`): asked only where something is to be explained.
5. The rest: redirects served in the clear, transfers, the way to where connections end too soon (`route_plan`), kept
   connections, small records, exchanges in turns, the search for the hop.

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
from probe.instruments.steps import Step
from probe.judge.dns.dns_evidence import DnsEvidence, gather_dns_evidence
from probe.judge.dns.port53 import select_own_questions
from probe.session.planning.address_choice import choose_addresses, choose_depths
from probe.session.planning.address_plan import plan_address
from probe.session.planning.control_plan import plan_control_questions
from probe.session.planning.datagram_plan import plan_udp_address
from probe.session.planning.flow_plan import plan_transfers
from probe.session.planning.locate_plan import plan_hop_searches
from probe.session.planning.loss_plan import plan_loss_turns
from probe.session.planning.name_plan import drop_half_answers, plan_further_lookups, plan_plain_lookups
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.program_plan import plan_program_turns
from probe.session.planning.record_plan import plan_records
from probe.session.planning.redirects import plan_redirects
from probe.session.planning.route_plan import plan_route_traces
from probe.session.planning.stay_plan import plan_stays


def plan_next_steps(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """Every step that is due for `site`; those already taken may be among them."""
    steps: list[Step] = []
    evidence = DnsEvidence()
    history = replace(history, dns=drop_half_answers(history.dns, context))
    if site.has_name:
        steps += plan_plain_lookups(site, context)
        if not any(o.dns.resolver in OWN_RESOLVERS for o in select_own_questions(history.dns)):
            return steps
        evidence = gather_dns_evidence(history.dns, history.controls, nat64_prefix=context.nat64_prefix)
        steps += plan_further_lookups(site, history, context, evidence)
    places = choose_addresses(site, history, context, evidence) if site.kind != "dns" else []
    for address, source, depth in choose_depths(places, site, history, everywhere=context.everywhere):
        steps += (plan_udp_address(site, address, source, depth, history, context) if site.kind in DATAGRAMS else
                  plan_address(site, address, source, depth, history, context, evidence))
    steps += plan_program_turns(site, history, context)
    steps += plan_control_questions(site, history, context, evidence, tuple(address for address, _ in places))
    return [*steps, *plan_redirects(history), *plan_transfers(site, history, context),
            *plan_route_traces(site, history, context), *plan_stays(site, history, context),
            *plan_records(site, history, context),
            *plan_loss_turns(site, context),
            *plan_hop_searches(site, history, context, evidence)]
