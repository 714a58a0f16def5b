"""How hellos in the shapes of people's programs fare at an address where the library's own passes.

A box on the way may strike browsers and spare us. So may the service's front, which knows programs by their hellos as
well; or a server, or a line, that takes no hello of two segments. What tells them apart is kept here as words and
counts: whether the library's passes between two failures of the program's, whether an innocent name passes in the same
shape at the same address, what else is struck and spared, and how large that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from probe.catalogue.owners import ServiceAt, choose_unrelated, describe_service, may_refuse
from probe.catalogue.programs import PROGRAM_HELLOS
from probe.catalogue.sites import Site
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.evidence_words import Answered, InnocentState
from probe.core.tables.failures import Failure, FailureKind, kind_of
from probe.core.tables.shapes import ProgramShape, ShapeWord
from probe.core.tables.words import Empty
from probe.judge.common.control_counts import count_networks, count_vantages
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.packets.end_timing import UNTIMED, EndTiming, gather_end_timing
from probe.judge.packets.packet_anatomy import UNSEEN, PacketAnatomy, gather_packet_anatomy
from probe.judge.program.user_shapes import NO_USERS, UserShapes, is_answered

STRUCK_TRIES = 2
"""So often a shape must fail, every time, to be called struck."""
_STRIKES: frozenset[Failure] = frozenset(("connection_reset", "eof_error", "generic_timeout_error", "timed_out"))
"""How a hello ends that a box, a front or a narrow line does not let through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramEvidence:
    """What programs' hellos with the site's own name met at one address."""

    struck: tuple[ProgramShape, ...] = ()
    """Those that failed every time, and more than once."""
    spared: tuple[ShapeWord, ...] = ()
    """Those that were answered every time, the library's own among them where any fails."""
    chief: ProgramShape | Empty = ""
    """The one of them that failed first; what follows is of that."""
    failed: int = 0
    """Its failures, connections that did not come about after one of them among them; none of its hellos was answered.
    """
    turns: int = 0
    """Hellos of the library's that were answered between two of its failures."""
    failure: Failure = ""
    """The word of its last failure; empty where nothing is struck."""
    same_failure: bool = False
    acked: Answered = ""
    """no: none of what it said was acknowledged."""
    innocent: InnocentState = "unasked"
    """reached, failed or unasked: an innocent name in that shape, after it failed."""
    only_large: bool = False
    """Every shape that is struck takes several segments, and none that is spared does."""
    verified: bool = False
    """One of those that are struck was captured from a program itself."""
    lost_at_last: bool = False
    """The last that were sent under the site's own name all failed, one of the library's and one of a program's among
    them: what was answered before was not for long."""
    fails_at_times: bool = False
    """A shape failed more than once and was answered as well, while the library's was answered each time."""
    tainted: bool = False
    timing: EndTiming = UNTIMED
    anatomy: PacketAnatomy = UNSEEN
    control_ok: int = 0
    """Networks of controls that were answered in that shape at this very address."""
    control_failed: int = 0
    """Those that met the same failure there."""
    others_pass: int = 0
    """Owners unrelated to this one, and to each other, that answered such a shape in this run."""
    others_alike: int = 0
    """Those at which such a shape fails in the same way, while an innocent name passes in it there."""
    others_lost: int = 0
    """Those at which it fails in the same way, whatever name is in it."""
    unasked: tuple[ProgramShape, ...] = ()
    """Shapes of this site's users that are struck at other sites of the run, and were not answered here."""
    users: UserShapes = NO_USERS
    evidence: tuple[str, ...] = ()


UNTRIED = ProgramEvidence()
"""No program's hello failed."""


def is_struck_hello(seen: Observation) -> bool:
    """Whether a hello ended as one does that is not let through."""
    return seen.operation == "tls_handshake" and seen.failure in _STRIKES


def gather_program_evidence(site: Site, address: str, around: Sequence[Observation],
                            at_port: Sequence[Observation], controls: Sequence[ControlAnswer] = (), *,
                            known_as: str = "") -> ProgramEvidence:
    """`around`: what was seen near the site; `at_port`: all that was seen at this address and port, in order. Controls
    know the address as `known_as`."""
    asked = [o for o in around if o.purpose == "program" and (o.address, o.port) == (address, site.port)
             and (o.operation == "tls_handshake" or _is_shut_out(o))]
    own = [o for o in asked if o.hostname == site.host]
    ends = _first_struck(own)
    shapes = [shape for shape in PROGRAM_HELLOS if any(o.tls.shape == shape for o in own)]
    struck = tuple(shape for shape in shapes if _is_struck([o for o in own if o.tls.shape == shape]))
    spared = tuple(shape for shape in shapes if is_answered([o for o in own if o.tls.shape == shape]))
    lost_at_last, at_times = _is_lost_at_last(site, at_port), _fails_at_times(own)
    if not ends:
        return replace(UNTRIED, spared=spared, lost_at_last=lost_at_last, fails_at_times=at_times)
    library = [o for o in own if not o.tls.shape]
    passes = [o.sequence for o in library if is_answered([o])]
    chief = next(shape for shape in struck if shape == ends[0].tls.shape)
    words = [(c, word) for c in controls for place, word in c.shapes if place == Place(known_as, site.port)]
    innocent = [o for o in asked if o.hostname != site.host and o.tls.shape == ends[0].tls.shape]
    ours: tuple[ShapeWord, ...] = ("library",) if is_answered(library) else ()
    return ProgramEvidence(
        struck=struck, spared=(*ours, *spared),
        chief=chief, failed=len(ends),
        turns=sum(ends[0].sequence < at < ends[-1].sequence for at in passes),
        failure=ends[-1].failure, same_failure=len({kind_of(o.failure) for o in ends}) == 1,
        acked="no" if all(o.tcp.acked == "no" for o in ends if is_struck_hello(o)) else "yes",
        innocent=_judge_innocent(innocent), verified=any(PROGRAM_HELLOS[shape].verified for shape in struck),
        only_large=_is_only_large(struck, spared), tainted=all(o.tainted_by for o in ends), lost_at_last=lost_at_last,
        fails_at_times=at_times,
        timing=gather_end_timing(ends, at_port),
        anatomy=gather_packet_anatomy(ends, [o for o in at_port if o.purpose != "target"]),
        control_ok=count_networks(c for c, word in words if word == f"{chief} answered"),
        control_failed=count_vantages(c for c, word in words if word == f"{chief} {ends[-1].failure}"),
        evidence=tuple(o.observation_id for o in asked))


def _first_struck(own: Sequence[Observation]) -> list[Observation]:
    """The failures of the shape that failed first of those that are struck, a captured one before an imitation."""
    order = list(dict.fromkeys(o.tls.shape for o in own))
    for shape in sorted((shape for shape in PROGRAM_HELLOS if shape in order),
                        key=lambda shape: (not PROGRAM_HELLOS[shape].verified, order.index(shape))):
        tries = [o for o in own if o.tls.shape == shape]
        if _is_struck(tries):
            return tries
    return []


def _is_struck(tries: Sequence[Observation]) -> bool:
    """Every hello failed, or could not be sent any more after one had."""
    return (len(tries) >= STRUCK_TRIES and is_struck_hello(tries[0])
            and all(is_struck_hello(o) or _is_shut_out(o) for o in tries))


def _is_shut_out(seen: Observation) -> bool:
    """No connection came about for a program's hello: what struck the one before may have left something behind, for
    whoever comes."""
    return seen.operation == "connect" and bool(seen.failure) and bool(seen.tls.shape)


def _is_lost_at_last(site: Site, at_port: Sequence[Observation]) -> bool:
    own = [o for o in at_port if o.hostname == site.host and o.purpose in (*NETWORK_PURPOSES, "program")
           and (o.operation == "tls_handshake" or (o.operation == "connect" and o.failure))]
    last = list(takewhile(lambda o: o.failure in _STRIKES, reversed(own)))
    return {bool(o.tls.shape) for o in last} == {True, False}


def _fails_at_times(own: Sequence[Observation]) -> bool:
    library = [o for o in own if not o.tls.shape]
    by_shape = [[o for o in own if o.tls.shape == shape] for shape in {o.tls.shape for o in own if o.tls.shape}]
    mixed = any(sum(map(is_struck_hello, tries)) >= STRUCK_TRIES and any(is_answered([o]) for o in tries)
                for tries in by_shape)
    return mixed and is_answered(library)


def _judge_innocent(asked: Sequence[Observation]) -> InnocentState:
    """One answer is enough: what was struck before it may have left something behind for a while."""
    if not asked:
        return "unasked"
    return "reached" if any(not o.failure for o in asked) else "failed"


def _is_only_large(struck: Iterable[ProgramShape], spared: Iterable[ProgramShape]) -> bool:
    return (all(PROGRAM_HELLOS[shape].is_large for shape in struck)
            and not any(PROGRAM_HELLOS[shape].is_large for shape in spared))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramMeeting:
    """What one program's shape met at one service in a run."""

    shape: ProgramShape
    failure: FailureKind | Empty
    """Empty: it was answered."""
    others_served: bool
    """An innocent name passes in the same shape at the same address, and the library's own between the failures."""
    whose: ServiceAt


def list_program_meetings(site: Site, visits: Sequence[Observation], around: Sequence[Observation],
                          networks: Mapping[str, int]) -> frozenset[ProgramMeeting]:
    """Of one site; controls are no company, and no program asks them."""
    asked = [o for o in around if o.purpose == "program" and o.operation == "tls_handshake"]
    addresses = {o.address for o in asked if (o.hostname, o.port) == (site.host, site.port)}
    if not addresses:
        return frozenset()
    whose = describe_service(site.endpoints[0].service, site.host, {o.address for o in visits} | addresses, networks)
    found: set[ProgramMeeting] = set()
    for address in addresses:
        seen = gather_program_evidence(site, address, around, ())
        found |= {ProgramMeeting(shape=shape, failure=kind_of(seen.failure), whose=whose,
                                 others_served=seen.innocent == "reached" and seen.turns > 0) for shape in seen.struck}
        own = [o for o in asked if (o.address, o.hostname) == (address, site.host)]
        found |= {ProgramMeeting(shape=shape, failure="", others_served=True, whose=whose) for shape in PROGRAM_HELLOS
                  if is_answered([o for o in own if o.tls.shape == shape])}
    return frozenset(found)


def list_unasked(unseen: Iterable[ProgramShape], known: Iterable[ProgramMeeting]) -> tuple[ProgramShape, ...]:
    """Those of a site's shapes that are struck at others for their name, and were not answered at it."""
    struck = {m.shape for m in known if m.failure and m.others_served}
    return tuple(shape for shape in unseen if shape in struck)


def count_passes(seen: ProgramEvidence, known: Iterable[ProgramMeeting], ours: ServiceAt) -> int:
    """Unrelated owners that answered a shape which is struck here."""
    return _count_owners((m.whose for m in known if m.shape in seen.struck and not m.failure), ours)


def count_silent(seen: ProgramEvidence, known: Iterable[ProgramMeeting], ours: ServiceAt) -> int:
    """Unrelated owners at which a shape of several segments fails in the same way, and an innocent name in it as well.
    """
    return _count_owners((m.whose for m in known if m.failure == kind_of(seen.failure) and not m.others_served
                          and PROGRAM_HELLOS[m.shape].is_large), ours)


def count_alike(seen: ProgramEvidence, known: Iterable[ProgramMeeting], ours: ServiceAt, *, cc: str) -> int:
    """Unrelated owners at which a captured shape that is struck here fails in the same way; none that may refuse the
    country."""
    if may_refuse(ours, cc):
        return 0
    captured = [shape for shape in seen.struck if PROGRAM_HELLOS[shape].verified]
    return _count_owners((m.whose for m in known if m.shape in captured and m.failure == kind_of(seen.failure)
                          and m.others_served and not may_refuse(m.whose, cc)), ours)


def _count_owners(services: Iterable[ServiceAt], ours: ServiceAt) -> int:
    others = sorted(services, key=lambda whose: (len(whose.addresses), whose.owner, sorted(whose.addresses)))
    return len(choose_unrelated((ours, *others))) - 1
