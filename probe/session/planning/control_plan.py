"""When to ask the controls, and about which inputs."""

from __future__ import annotations

from collections.abc import Iterable

from probe.catalogue.sites import Site
from probe.core.nat64 import to_public_address
from probe.core.observations import Observation
from probe.instruments.steps import AskControl, Step
from probe.judge.common.control_probation import list_answering
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES, http_needs_control, list_failed_inputs
from probe.judge.dns.dns_evidence import DnsEvidence
from probe.judge.http.refusal_evidence import needs_reason
from probe.session.planning.name_plan import needs_trusted_resolvers
from probe.session.planning.plan_context import PlanContext, SiteHistory

MAX_ASKS = 200
"""Questions of a run."""
MAX_ASKED = 6
"""Addresses of which a control is asked."""
MAX_PUBLIC = 4
"""Addresses of which a public network is asked."""
HELPER_TIMEOUT_S = 20.0
TRIES = 2
"""Attempts that must have failed before one is."""


def plan_control_questions(site: Site, history: SiteHistory, context: PlanContext, evidence: DnsEvidence,
                           places: tuple[str, ...]) -> list[Step]:
    """One question to each control about each input that is not plainly well, and all addresses visited for it."""
    if not (context.controls or context.feeds or context.public):
        return []
    doh_pending = needs_trusted_resolvers(site, history, evidence) and bool(context.doh) and site.has_name and not any(
        o.dns.engine == "doh" for o in history.dns)
    if doh_pending:
        return []
    if site.kind != "dns" and not places and evidence.known_elsewhere:
        return []  # no address of it can be visited from here
    unwell = [e.input for e in site.endpoints if _is_unwell(site, e.input, history, evidence)]
    if unwell and not any(o.operation == "http_round_trip" and not o.failure for o in history.visits):
        unwell = unwell[:1]  # what fails below HTTP fails alike for every page of the site
    failed = [url for url in unwell if _has_failed_throughout(site, url, history, evidence, places)]
    places = tuple(to_public_address(a, context.nat64_prefix) for a in places[:MAX_ASKED])
    return [*(AskControl(control_id=feed, input=url, addresses=()) for url in unwell for feed in context.feeds),
            *(AskControl(control_id=control, input=url, addresses=places[:MAX_PUBLIC]) for url in failed
              for control in context.public),
            *(AskControl(control_id=control, input=url, addresses=places) for url in unwell
              for control in context.controls)]


def plan_probation(control_id: str, seen: Iterable[Observation], context: PlanContext) -> list[AskControl]:
    """Questions by which a helper is tried: a place that answered here, or where none has so far the first of those
    that should, and one at which nothing answers."""
    answering = list_answering(seen, context.known_good)
    if control_id in context.public:  # which are asked of nothing that works
        return [AskControl(control_id=control_id, input=url, addresses=()) for url in context.known_absent[:1]]
    good = sorted(context.known_good, key=lambda url: url not in answering)
    places = (*good[:1], *context.known_absent[:1])
    return [AskControl(control_id=control_id, input=url, addresses=()) for url in places]


def _has_failed_throughout(site: Site, url: str, history: SiteHistory, evidence: DnsEvidence,
                           places: tuple[str, ...]) -> bool:
    """Two attempts or more, at every address that is visited, none of which served it; or an answer for its name that
    is no answer."""
    attempts: dict[tuple[str, int], list[Observation]] = {}
    for o in history.visits:
        if o.purpose in NETWORK_PURPOSES:
            attempts.setdefault((o.address, o.attempt), []).append(o)
    if not attempts:
        return site.has_name and bool(evidence.network != "ok" or evidence.bogus or evidence.injected)
    if not {address for address, _ in attempts}.issuperset(places):
        return False
    return len(attempts) >= TRIES and all(url in list_failed_inputs(site, mine) for mine in attempts.values())


def _is_unwell(site: Site, url: str, history: SiteHistory, evidence: DnsEvidence) -> bool:
    if site.has_name and (evidence.network != "ok" or evidence.bogus or evidence.fingerprint or evidence.injected):
        return True
    if site.kind == "dns":
        return not evidence.agrees
    mine = [o for o in history.visits if o.purpose in NETWORK_PURPOSES]
    if any(needs_reason(o) for o in mine if o.input == url and o.operation == "http_round_trip"):
        return True
    if url in list_failed_inputs(site, mine) if mine else False:
        return True
    return any(o.failure for o in mine) or any(
        http_needs_control(site, o) for o in mine if o.input == url and o.operation == "http_round_trip")
