"""The name at somebody else's address: at a server whose operator agreed, or at helpers whose operators did.

At each place an innocent name is asked first, and then the site's own, until it is answered or has failed often
enough. Each server is asked for three names a run. A helper could end what it likes by itself, so helpers are asked
several at a time, in different networks (`probe.measurement.session.run_plan.choose_agreed_helpers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from probe.catalogue.sites import Site
from probe.core.addresses import family_of
from probe.core.observations import Observation
from probe.core.tables.consent_words import SENT
from probe.core.tables.purposes import Purpose
from probe.inference.evidence.foreign_names import (
    ELSEWHERE_ATTEMPTS,
    find_last_operation,
    is_unrelated_helper,
    select_clean_attempts,
)
from probe.measurement.planning.plan_context import PlanContext, SiteHistory
from probe.measurement.planning.site_visits import make_innocent_visit
from probe.measurement.planning.steps import Step, Visit

NAMES_PER_SERVER = 3
MOST_ATTEMPTS = 5
"""With the site's own name, those that came too soon after another name had failed there among them."""
MOST_INNOCENTS = 2
ELSEWHERE_LEVEL = next(row.level for row in SENT if row.word == "elsewhere")
"""The name of a messenger sent to somebody else's address is something to ask a volunteer about."""


class _Place(NamedTuple):
    """A server that may be asked, and what asking it is called."""

    purpose: Purpose
    address: str
    port: int


def plan_foreign_names(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """What is due at servers that agreed."""
    places = _choose_places(site, history, context)
    return [step for place in places for step in _plan_at(place, site, history, context)]


def _choose_places(site: Site, history: SiteHistory, context: PlanContext) -> list[_Place]:
    """One server that serves what the site serves, else the helpers, all of them or none."""
    if context.consent_level < ELSEWHERE_LEVEL:
        return []
    fit = [_Place("foreign", address, port) for address, port in context.agreed
           if _fits(address, port, site, context)]
    if fit:
        return fit[:1]
    helpers = [_Place("foreign_helper", address, port) for address, port in context.agreed_helpers]
    met = {o.address for o in history.visits}
    fitting = all(_fits(h.address, h.port, site, context) and is_unrelated_helper(h.address, met) for h in helpers)
    return helpers if fitting else []


def _fits(address: str, port: int, site: Site, context: PlanContext) -> bool:
    return (port == 80) != bool(site.sni) and family_of(address) in context.families


def _plan_at(place: _Place, site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    there = sorted((o for o in history.around if o.purpose == place.purpose
                    and (o.address, o.port) == (place.address, place.port)), key=lambda o: o.sequence)
    url = site.endpoints[0].input
    mine = [o for o in there if o.input == url]
    if not mine and len({o.input for o in there}) >= NAMES_PER_SERVER:
        return []
    own = [o for o in mine if o.hostname == site.host]
    asked = [o for o in mine if o.hostname != site.host]
    tried, innocents = len({o.attempt for o in own}), len({o.attempt for o in asked})
    answered = any(not o.failure and o.operation == find_last_operation(site) for o in own)
    clean = len(select_clean_attempts(site, there))
    if answered or clean >= ELSEWHERE_ATTEMPTS or tried >= MOST_ATTEMPTS or any(o.failure for o in asked):
        return []
    innocent = make_innocent_visit(replace(site, port=place.port), place.address, context, attempt=innocents + 1)
    innocent = replace(innocent, until_server_hello=bool(site.sni) and not _ends_after_hello(history))
    if not asked or (tried and not clean and innocents < MOST_INNOCENTS and _is_spoilt(site, there)):
        return [_rename_visit(innocent, place, url, context.innocent)]
    return [replace(_rename_visit(innocent, place, url, site.host), attempt=tried + 1, sni=site.sni)]


def _ends_after_hello(history: SiteHistory) -> bool:
    """The site's own handshakes end once a ServerHello has come: then those elsewhere must go as far."""
    return any(o.tls.server_hello and o.failure and o.operation == "tls_handshake" for o in history.visits)


def _is_spoilt(site: Site, there: Sequence[Observation]) -> bool:
    """Another name failed there, and none but the site's own was asked for since."""
    last = next((o for o in reversed(there) if o.hostname != site.host), None)
    return last is not None and bool(last.failure)


def _rename_visit(visit: Visit, place: _Place, url: str, name: str) -> Visit:
    """For the sake of `url`: over plain HTTP the root page, which names the host and nothing else."""
    pages = tuple(replace(page, input=url, url=f"http://{name}/") for page in visit.pages)
    return replace(visit, purpose=place.purpose, input=url, hostname=name, pages=pages)
