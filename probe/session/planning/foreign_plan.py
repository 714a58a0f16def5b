"""The name at somebody else's address: at a server whose operator agreed, or at helpers whose operators did.

At each place an innocent name is asked first, then the site's own, until it is answered or has failed often enough,
and the innocent one again. Each server is asked for three names a run (`probe.session.name_quota` counts
them). A helper could end what it likes by itself, so helpers are asked several at a time, in different networks
(`probe.session.context_making.choose_agreed_helpers`), and last of all (`PlanContext.names_due`).

No other step waits for these: a server that is asked for enough names already is not asked for more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from probe.catalogue.sites import Site
from probe.core.addresses import family_of
from probe.core.observations import Observation
from probe.core.tables.consent_words import SENT
from probe.core.tables.evidence_words import Elsewhere
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import Step, Visit
from probe.judge.common.rule import decide
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_evidence import gather_path_evidence
from probe.judge.path.path_rules import PATH_TABLE
from probe.judge.tls.foreign_names import (
    ELSEWHERE_ATTEMPTS,
    is_name_answered,
    is_unrelated_helper,
    sort_attempts,
)
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.site_visits import make_innocent_visit

NAMES_PER_SERVER = 3
MOST_ATTEMPTS = 5
"""With the site's own name, those that came too soon after another name had failed there among them."""
MOST_INNOCENTS = 3
"""Before, after, and once more where another name failed in between."""
ELSEWHERE_LEVEL = next(row.level for row in SENT if row.word == "elsewhere")
"""The name of a messenger sent to somebody else's address is something to ask a volunteer about."""

WELL = LadderEvidence(foreign_ok=2)
"""A network that is well: where it is not, nothing is decided anyway."""


class _Place(NamedTuple):
    """A server that may be asked, and what asking it is called."""

    purpose: Purpose
    address: str
    port: int


def plan_foreign_names(site: Site, address: str, history: SiteHistory, context: PlanContext) -> list[Step]:
    """What is due at servers that agreed, for the sake of `address`, where the site fails."""
    places = _choose_places(site, address, history, context)
    return [step for place in places for step in _plan_at(place, site, history, context)]


def _choose_places(site: Site, address: str, history: SiteHistory, context: PlanContext) -> list[_Place]:
    """One server that serves what the site serves, else the helpers, all of them or none."""
    fit = [_Place("foreign", address, port) for address, port in context.agreed
           if _fits(address, port, site, context)]
    if fit:
        return fit[:1]
    helpers = [_Place("foreign_helper", *place) for place in context.agreed_helpers if context.names_due]
    if any(o.purpose == "foreign_helper" and is_name_answered(o, site) for o in history.around):
        return []
    met = {o.address for o in history.visits}
    fitting = all(fits_site((h.address, h.port), met, site, context) for h in helpers)
    return helpers if helpers and fitting and _would_decide(site, address, history, context) else []


def _would_decide(site: Site, address: str, history: SiteHistory, context: PlanContext) -> bool:
    """Whether helpers that meet the same would show a block, and nothing else does. A forbidden name may cut us off
    from the helper, so it is not said there in vain."""
    path = gather_path_evidence(site, site.endpoints[0], address, visits=history.visits, around=history.around,
                                controls=history.controls, traces=history.traces, nat64_prefix=context.nat64_prefix)
    words: tuple[Elsewhere, ...] = ("", "helpers")
    variants = [replace(path, tls=replace(path.tls, shapes=replace(path.tls.shapes, elsewhere=word))) for word in words]
    judged = [decide(PATH_TABLE, PathContext(path=one, ladder=WELL)).rule.outcome for one in variants]
    return judged[0] != "blocked" and judged[1] == "blocked"


def fits_site(helper: tuple[str, int], met: Collection[str], site: Site, context: PlanContext) -> bool:
    """Whether a helper can be asked for the name of a site, which is served at the addresses `met`."""
    return _fits(*helper, site, context) and is_unrelated_helper(helper[0], met)


def _fits(address: str, port: int, site: Site, context: PlanContext) -> bool:
    return (port == 80) != bool(site.sni) and family_of(address) in context.families


def _plan_at(place: _Place, site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    there = sorted((o for o in history.around if o.purpose == place.purpose
                    and (o.address, o.port) == (place.address, place.port)), key=lambda o: o.sequence)
    url = site.endpoints[0].input
    mine = [o for o in there if o.input == url]
    own = [o for o in mine if o.hostname == site.host]
    tried, innocents = len({o.attempt for o in own}), len({o.attempt for o in mine if o.hostname != site.host})
    known = sort_attempts(site, there)
    answered = any(is_name_answered(o, site) for o in own)
    if answered or len(known.clean) >= ELSEWHERE_ATTEMPTS or _is_shut(there, context.innocent):
        return []
    if not innocents or known.spoilt or len((*known.clean, *known.unclosed)) >= ELSEWHERE_ATTEMPTS:
        innocent = make_innocent_visit(replace(site, port=place.port), place.address, context, attempt=innocents + 1)
        return [_rename_visit(innocent, place, url, context.innocent)] if innocents < MOST_INNOCENTS else []
    if tried >= MOST_ATTEMPTS:
        return []
    visit = make_innocent_visit(replace(site, port=place.port), place.address, context, attempt=tried + 1)
    return [replace(_rename_visit(visit, place, url, site.host), sni=site.sni)]


def _is_shut(there: Sequence[Observation], innocent: str) -> bool:
    """An innocent name was not answered there, the last time that one was asked for."""
    last = next((o for o in reversed(there) if o.hostname == innocent), None)
    return last is not None and bool(last.failure)


def _rename_visit(visit: Visit, place: _Place, url: str, name: str) -> Visit:
    """For the sake of `url`: over plain HTTP the root page, which names the host and nothing else."""
    pages = tuple(replace(page, input=url, url=f"http://{name}/") for page in visit.pages)
    return replace(visit, purpose=place.purpose, input=url, hostname=name, pages=pages)
