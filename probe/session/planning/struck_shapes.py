"""In whose shapes a site is asked, and which sites besides once a shape is struck somewhere. Pure.

A box may strike a shape under two names, or whatever name is in it. The day's turn leaves most sites unasked, so a run
that meets a shape that is struck asks a few other owners' sites in it, each once a day at most.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from probe.catalogue.owners import find_owner
from probe.catalogue.programs import PROGRAM_HELLOS
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.shapes import ProgramShape
from probe.judge.program.program_evidence import list_program_meetings
from probe.judge.program.user_shapes import list_user_shapes

MOST_SITES = 5
"""Of a run: with the one that was struck twice the three owners that are company."""
Seen = tuple[Site, Sequence[Observation], Sequence[Observation]]
"""A site with its own visits, and what was seen around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StruckShapes:
    """What the planner may do about shapes that are struck; empty until all else is done."""

    shapes: tuple[ProgramShape, ...] = ()
    inputs: frozenset[str] = frozenset()
    """First endpoints of the sites that are asked in them."""


NONE_STRUCK = StruckShapes()


def list_answering_addresses(visits: Iterable[Observation]) -> list[str]:
    """Where the library's hello was answered under the site's own name."""
    return [o.address for o in visits if o.purpose == "target" and o.operation == "tls_handshake"
            and o.tls.server_hello and not o.failure]


def choose_struck_shapes(sites: Sequence[Seen], asked_before: Callable[[], Collection[str]],
                         chosen: StruckShapes = NONE_STRUCK) -> StruckShapes:
    """What was `chosen`, and further owners' sites to ask in the shapes that were struck, as far as they are not asked
    in them yet: the first of `sites`. `asked_before`: targets that runs of the last day asked as programs do; called
    where it matters."""
    met = {site.endpoints[0].input: list_program_meetings(site, visits, around, {}) for site, visits, around in sites}
    struck = {m.shape for meetings in met.values() for m in meetings if m.failure}
    if not struck or len(chosen.inputs) >= MOST_SITES:
        return chosen
    before = asked_before()
    owners = {_name_owner(site) for site, *_ in sites if site.endpoints[0].input in chosen.inputs
              or any(m.failure for m in met[site.endpoints[0].input])}
    inputs = set(chosen.inputs)
    for site, visits, around in sites:
        first, owner = site.endpoints[0].input, _name_owner(site)
        due = struck & set(list_user_shapes(site)) - _list_asked(site, around)
        known = any(e.target_id in before for e in site.endpoints)
        if due and not known and owner not in owners and list_answering_addresses(visits):
            inputs.add(first)
            owners.add(owner)
        if len(inputs) == MOST_SITES:
            break
    return StruckShapes(shapes=tuple(shape for shape in PROGRAM_HELLOS if shape in struck), inputs=frozenset(inputs))


def _name_owner(site: Site) -> str:
    return find_owner(site.endpoints[0].service, site.host)


def _list_asked(site: Site, around: Iterable[Observation]) -> set[str]:
    return {o.tls.shape for o in around if o.purpose == "program" and o.hostname == site.host}
