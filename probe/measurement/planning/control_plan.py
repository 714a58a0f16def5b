"""When to ask the controls, and about which inputs."""

from __future__ import annotations

from probe.catalogue.sites import Site
from probe.core.nat64 import from_outside
from probe.inference.evidence.dns_evidence import DnsEvidence
from probe.inference.evidence.visit_outcomes import NETWORK_PURPOSES, failed_inputs, http_needs_control
from probe.measurement.planning.name_plan import wants_trusted
from probe.measurement.planning.plan_context import Frame, Seen
from probe.measurement.planning.steps import Ask, Step

MAX_ASKED = 6


def control_questions(site: Site, seen: Seen, frame: Frame, evidence: DnsEvidence,
                      places: tuple[str, ...]) -> list[Step]:
    """One question to each control about each input that is not plainly well, and all addresses visited for it."""
    if not (frame.controls or frame.feeds):
        return []
    doh_pending = wants_trusted(site, seen, evidence) and bool(frame.doh) and site.named and not any(
        o.dns.engine == "doh" for o in seen.dns)
    if doh_pending:
        return []
    if site.kind != "dns" and not places and evidence.known_elsewhere:
        return []  # no address of it can be visited from here
    unwell = [e.input for e in site.endpoints if _is_unwell(site, e.input, seen, evidence)]
    if unwell and not any(o.operation == "http_round_trip" and not o.failure for o in seen.visits):
        unwell = unwell[:1]  # what fails below HTTP fails alike for every page of the site
    places = tuple(from_outside(a, frame.nat64_prefix) for a in places[:MAX_ASKED])
    return [*(Ask(control_id=feed, input=url, addresses=()) for url in unwell for feed in frame.feeds),
            *(Ask(control_id=control, input=url, addresses=places) for url in unwell for control in frame.controls)]


def _is_unwell(site: Site, url: str, seen: Seen, evidence: DnsEvidence) -> bool:
    if site.named and (evidence.network != "ok" or evidence.bogus or evidence.fingerprint or evidence.injected):
        return True
    if site.kind == "dns":
        return not evidence.agrees
    mine = [o for o in seen.visits if o.purpose in NETWORK_PURPOSES]
    if url in failed_inputs(site, mine) if mine else False:
        return True
    return any(o.failure for o in mine) or any(
        http_needs_control(site, o) for o in mine if o.input == url and o.operation == "http_round_trip")
