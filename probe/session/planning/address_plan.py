"""What to do at one address: one function for each row of the table of steps that is about an address.

Which of them goes before which is written in that table (`probe.session.planning.run_order`), and nowhere here.
"""

from __future__ import annotations

from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.addresses import family_of, find_neighbour
from probe.core.nat64 import to_public_address
from probe.core.places import Place
from probe.core.tables.evidence_words import SPEAKING
from probe.core.tables.failures import is_timeout
from probe.core.tables.handshakes import FOREIGN
from probe.core.tables.operations import Operation
from probe.core.tables.protocols import SiteKind
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import Step, TcpTrace, Visit
from probe.judge.flow.slow_pages import ENOUGH_PAGES
from probe.judge.path.whole_attempts import list_whole_attempts
from probe.session.planning.certificate_tries import ends_by_certificate
from probe.session.planning.other_bytes import plan_other_bytes
from probe.session.planning.plan_view import PlanView
from probe.session.planning.planned_attempts import APART_S, count_planned, plan_further_attempt, plan_innocents
from probe.session.planning.record_plan import takes_small_records
from probe.session.planning.site_visits import make_identity_visit, make_target_visit

LAST_OPERATION: dict[SiteKind, Operation] = {
    "tcp": "connect", "tls": "tls_handshake", "http": "http_round_trip", "app": "app_round_trip",
}
_OTHER_OWN: tuple[Purpose, ...] = ("program", "shape", "records", "stay", "turn")
"""Connections under the site's own name besides its visits."""
_SLOW: tuple[Operation, ...] = ("connect", "app_round_trip")
"""Silence in these costs time."""


def plan_innocent_name(view: PlanView) -> list[Step]:
    """The innocent name, beforehand, or once something failed above TCP."""
    beforehand = view.depth == "all" and view.site.leads and _asks_beforehand(view.site)
    if view.site.kind not in SPEAKING or not (beforehand or _is_odd_above_tcp(view)):
        return []
    return plan_innocents(view.site, view.address, view.history, view.context)


def plan_first_visit(view: PlanView) -> list[Step]:
    """The site itself, for the first time."""
    if view.mine:
        return []
    carries = view.depth == "all" and takes_small_records(view.site, view.context)
    first = make_target_visit(view.site, view.address, view.source, view.context, attempt=1, depth=view.depth)
    return [replace(first, planned=True, small_records=carries)]


def plan_deeper_visit(view: PlanView) -> list[Step]:
    """Once more where nothing failed, and nothing went as far as the site itself."""
    shallow = not any(o.operation == LAST_OPERATION[view.site.kind] for o in view.mine)
    if view.depth != "all" or any(o.failure for o in view.mine) or not shallow or view.last >= view.context.attempts:
        return []
    return [make_target_visit(view.site, view.address, view.source, view.context, attempt=view.last + 1)]


def plan_bytes_between(view: PlanView) -> list[Step]:
    """Bytes that are no TLS, before the last of the attempts that all vanished."""
    made = len(list_whole_attempts(view.mine))
    return plan_other_bytes(view.site, view.address, view.mine, made, view.history,
                            view.context) if made < _most_attempts(view) else []


def plan_another_try(view: PlanView) -> list[Step]:
    """What failed, again on a fresh connection, until it failed often enough."""
    if len(list_whole_attempts(view.mine)) >= _most_attempts(view):
        return []
    refused = any(ends_by_certificate(o) for o in view.mine if o.attempt == view.last)
    again = make_target_visit(view.site, view.address, view.source, view.context, attempt=view.last + 1,
                              inputs=view.failing, depth="tls" if refused else view.depth)
    return [replace(again, planned=view.last < count_planned(view.site, view.context))]


def plan_planned_try(view: PlanView) -> list[Step]:
    """The next of the attempts that are made whatever those before them met."""
    return plan_further_attempt(view.site, view.address, view.source, view.mine, view.history, view.context)


def plan_try_after_failure(view: PlanView) -> list[Step]:
    """The site once more, where another connection under its name failed since its last try went well: does it still
    go well?"""
    since_s = max(o.t_s for o in view.mine)
    failed = any(o.failure and o.purpose in _OTHER_OWN and o.hostname == view.site.host and o.t0_s >= since_s
                 and (o.address, o.port) == (view.address, view.site.port)
                 for o in (*view.history.around, *view.history.turns))
    if not failed or view.last >= view.context.attempts:
        return []
    return [make_target_visit(view.site, view.address, view.source, view.context, attempt=view.last + 1,
                              inputs=frozenset((view.site.endpoints[0].input,)), depth="all")]


def plan_slow_again(view: PlanView) -> list[Step]:
    """A page that took long beside those of others, until enough of them tell whether each does."""
    if (view.site.host, view.site.port, view.address) not in view.context.slow:
        return []
    pages = sum(o.operation == "http_round_trip" for o in view.mine)
    if pages >= ENOUGH_PAGES * len(view.site.pages()):
        return []
    begin_s = 0.0 if view.context.together else max(o.t_s for o in view.mine) + APART_S
    again = make_target_visit(view.site, view.address, view.source, view.context, attempt=view.last + 1,
                              inputs=frozenset(page.input for page in view.site.pages()), depth="all")
    return [replace(again, not_before_s=begin_s)]


def plan_identity(view: PlanView) -> list[Step]:
    """Whose certificate an address shows that trusted resolvers do not give, where nothing has proven it."""
    evidence = view.evidence
    if view.source != "network" or not evidence.trusted_answers or evidence.agrees or view.site.port == 443:
        return []
    if any(o.tls.trust == "valid" for o in view.history.visits if o.purpose == "target"):
        return []
    return [make_identity_visit(view.site, view.address, view.source, view.context)]


def plan_other_port(view: PlanView) -> list[Step]:
    """Another port of an address that did not connect."""
    if view.is_hopeless or not any(o.operation == "connect" and o.failure for o in view.mine):
        return []
    return [Visit(purpose="port", address=view.address, port=80 if view.site.port != 80 else 443,
                  hostname=view.site.host, source=view.source, connect_timeout_s=view.context.timeout_s)]


def plan_traces(view: PlanView) -> list[Step]:
    """Controls reach what does not answer here: does the network swallow it, or does the operator refuse us? They do
    not either: is it out of order, or do our attempts not even come near it?"""
    if not view.failing or view.is_hopeless or view.last < view.context.attempts or (
            view.mine[-1].operation != "connect"):
        return []
    where = Place(to_public_address(view.address, view.context.nat64_prefix), view.site.port)
    if not any(place == where for c in view.history.controls for place, _ in c.tcp):
        return []
    together, family = view.context.together, family_of(view.address)
    others = [place for place in view.history.elsewhere if family_of(place[0]) == family]
    return [TcpTrace(purpose="trace", address=view.address, port=view.site.port, together=together),
            TcpTrace(purpose="neighbour", address=find_neighbour(view.address), port=view.site.port, together=together),
            *(TcpTrace(purpose="reference", address=other, port=at, together=together) for other, at in others)]


def _most_attempts(view: PlanView) -> int:
    ended = next((o for o in view.mine if o.attempt == view.last and o.failure), None)
    slow = ended is None or ended.operation in _SLOW or is_timeout(ended.failure) or ends_by_certificate(ended)
    return view.context.attempts if slow else view.context.quick_attempts


def _is_odd_above_tcp(view: PlanView) -> bool:
    """Something failed there, or is not what the service says: its words, or a page in the clear."""
    return any(o.address == view.address and o.operation != "connect" and (
                   o.failure or o.app.proof == FOREIGN or (o.met_expectation == "no" and not view.site.sni))
               for o in view.history.visits)


def _asks_beforehand(site: Site) -> bool:
    """A messenger's port is not asked for anything else until it fails: what it is asked for is no name."""
    return site.kind != "app" or bool(site.sni)
