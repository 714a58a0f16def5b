"""Whose programs a site was seen to answer: of the shapes in which people ask it, those that passed in this run.

A run sends one to three of them, once a day: enough that at least half of the site's users send what it sent. So that
a site works is known of those, and of nobody else's program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.programs import PROGRAM_HELLOS, list_programs
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.evidence_words import SPEAKING
from probe.core.tables.shapes import ProgramShape


@dataclass(frozen=True, slots=True, kw_only=True)
class UserShapes:
    """The shapes in which people's programs ask one site; both empty where none does."""

    seen: tuple[ProgramShape, ...] = ()
    """Those that were answered each time, at whichever address."""
    unseen: tuple[ProgramShape, ...] = ()
    """Those that were not sent, or failed."""
    most: bool = True
    """Whether those that were answered are what at least half of its users send."""


NO_USERS = UserShapes()


def list_user_shapes(site: Site) -> dict[ProgramShape, int]:
    """The shapes in which people's programs ask the site, and how often each is drawn."""
    shapes: dict[ProgramShape, int] = {}
    for endpoint in site.endpoints if site.sni and site.kind in SPEAKING else ():
        shapes |= list_programs(endpoint.role, site.alpn)
    return shapes


def speak_for_most(shapes: Iterable[ProgramShape], users: Mapping[ProgramShape, int]) -> bool:
    """Whether at least half of a site's users send one of these; also where nobody's program asks it."""
    return 2 * sum(users[shape] for shape in shapes) >= sum(users.values())


def is_answered(tries: Sequence[Observation]) -> bool:
    """Hellos were sent, and a server's followed each time."""
    return bool(tries) and all(not o.failure and o.tls.alert < 0 for o in tries)


def gather_user_shapes(site: Site, around: Iterable[Observation]) -> UserShapes:
    """`around`: what was seen near the site."""
    users = list_user_shapes(site)
    asked = [o for o in around if o.purpose == "program" and o.operation == "tls_handshake"
             and (o.hostname, o.port) == (site.host, site.port)] if users else []
    order = [shape for shape in PROGRAM_HELLOS if shape in users]
    seen = tuple(shape for shape in order if is_answered([o for o in asked if o.tls.shape == shape]))
    return UserShapes(seen=seen, unseen=tuple(shape for shape in order if shape not in seen),
                      most=speak_for_most(seen, users))
