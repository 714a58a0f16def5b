"""Small records on a connection that works: on one that is open anyway, and in turns where that falls silent. Pure.

About once a day a site's first visit that goes well sends them once its pages have come; that costs no handshake, about
4 kB, and two seconds in which nothing waits but that address. The rest of a large page has to be read first: up to
32 KiB, in runs that are not in haste. Beside a rest that nobody reads they would not do, since a receiver without room
drops what comes, acknowledgements included. Where no acknowledgement comes any more, and the person
agreed to level 2, two more connections of the site's own follow, and one under an innocent name at the same address
after each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.evidence_words import TLS_OR_HTTP
from probe.instruments.steps import Step, Visit
from probe.judge.common.visit_outcomes import must_not_answer
from probe.judge.flow.record_evidence import (
    ENOUGH,
    RECORDS,
    RecordEvidence,
    gather_record_evidence,
    is_silent,
)
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.site_visits import make_innocent_visit, make_target_visit

CONSENT = 2
"""For connections that only this is for."""
MOST_OWN = 5
"""Connections of its own, those included that ended otherwise and tell nothing."""


def takes_small_records(site: Site, context: PlanContext) -> bool:
    """Whether it is the site's turn, and what it speaks has room for them: a page within TLS, or TLS alone."""
    first = site.endpoints[0]
    spoken = bool(site.sni) and site.kind in TLS_OR_HTTP
    return context.programs and spoken and first.role != "control" and not must_not_answer(first)


def plan_records(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """The next connection that is due, where an own one fell silent."""
    seen = [o for o in history.turns if o.purpose == RECORDS]
    address = _find_silent_address(site, seen)
    if not address:
        return []
    found = gather_record_evidence(seen, site.host, address, site.port)
    if found.asked_beside < found.asked:
        return [_beside(site, address, context, found.asked)]
    return [_own(site, address, context, seen)] if _is_more_wanted(found) else []


def _find_silent_address(site: Site, seen: Sequence[Observation]) -> str:
    """The first at which an own connection fell silent; empty for none."""
    return next((o.address for o in seen if (o.hostname, o.port) == (site.host, site.port) and is_silent(o)), "")


def _is_more_wanted(found: RecordEvidence) -> bool:
    return found.made < ENOUGH and found.asked < MOST_OWN and not found.silent_beside


def _own(site: Site, address: str, context: PlanContext, seen: Sequence[Observation]) -> Visit:
    number = 1 + max(o.attempt for o in seen if o.hostname == site.host)
    own = make_target_visit(site, address, "", context, attempt=number, depth="tls")
    return replace(own, purpose=RECORDS, small_records=True, needs_alpn=False)


def _beside(site: Site, address: str, context: PlanContext, number: int) -> Visit:
    first, plain = site.endpoints[0], make_innocent_visit(site, address, context)
    return replace(plain, purpose=RECORDS, attempt=number, until_server_hello=False, alpn=site.alpn, small_records=True,
                   input=first.input, target_id=first.target_id)
