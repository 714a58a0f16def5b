"""The name, the address or the shape: how the same address fares with other ClientHellos, the name at other addresses.

Whoever asks for a forbidden name may be punished for minutes, whatever he sends next. So a shape that fails after the
library's hello did says nothing at all; one that passes does, and more so if the library's fails again afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.owners import ServiceAt, choose_unrelated, describe_service
from probe.catalogue.sites import Site
from probe.core.addresses import family_of
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.evidence_words import Elsewhere, NarrowHello
from probe.core.tables.shapes import PLAIN, ShapeName
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.tls.foreign_names import read_foreign_names

SMALL_BYTES = 1280 - 60
"""Less than what every link takes in one packet: IPv6's least MTU (RFC 8200 section 5), headers left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeEvidence:
    """What other hellos showed of one address, and what the name met at servers whose operators agreed."""

    passed: tuple[ShapeName, ...] = ()
    """Shapes that hide nothing with which the own name was answered by a ServerHello, at this or another address of
    the site, where the library's never was."""
    firm: tuple[ShapeName, ...] = ()
    """Those that passed here, and passed again after the library's hello had failed once more in between."""
    split_passed: bool = False
    """The library's own bytes pass when the name is cut in two: something on the way reads single segments."""
    narrow: NarrowHello = "unasked"
    """The library's hello with small segments both ways: passed; cut (it passed, but it had to be cut itself); failed
    (between two hellos that passed); silent (it failed, and what it might have shown is not known); unasked."""
    innocent_small: bool = False
    """The innocent name drew a small answer, an alert or a short certificate: nothing shows that large ones arrive."""
    control_same: int = 0
    """Networks of controls that shook hands at this very address with a hello built like ours."""
    others_alike: int = 0
    """Owners unrelated to this service, and to each other, whose servers show the same in this run: they answer another
    hello again and again, and the library's never."""
    elsewhere: Elsewhere = ""
    """name: it fails alike at an agreed server where an innocent one is answered; helpers: at several helpers that
    agreed; passes: it is answered at an agreed server; empty: not shown."""


UNSHAPED = ShapeEvidence()
"""Nobody looked."""


def gather_shape_evidence(site: Site, address: str, mine: Sequence[Observation], around: Sequence[Observation],
                          controls: Sequence[ControlAnswer], *, known_as: str) -> ShapeEvidence:
    """`mine` are the site's own visits at `address`, which controls know as `known_as`."""
    library = [o for o in mine if o.operation == "tls_handshake"]
    elsewhere = read_foreign_names(site, mine, around)
    small = _small_answer(address, site.port, around)
    if not library or any(o.tls.server_hello or not o.failure for o in library):
        return ShapeEvidence(elsewhere=elsewhere, innocent_small=small)
    own = [o for o in around if o.purpose == "shape" and (o.hostname, o.port) == (site.host, site.port)
           and o.operation == "tls_handshake"]
    plain = [o for o in own if _is_answered(o) and o.tls.shape in PLAIN]
    passed = tuple(dict.fromkeys(o.tls.shape for o in plain if o.tls.shape))
    here = [o for o in plain if o.address == address]
    return ShapeEvidence(
        passed=passed, firm=tuple(shape for shape in passed if _is_firm(shape, here, library)),
        split_passed=any(o.tls.shape == "split" and _is_answered(o) for o in own),
        narrow=_narrow([o for o in own if o.tls.shape == "narrow"], plain, library),
        control_same=_alike_controls(library[-1].tls.ja4, controls, known_as, site.port), elsewhere=elsewhere,
        innocent_small=small,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeDislike:
    """A service at which another hello passes again and again, and the library's never does; all its addresses seen."""

    whose: ServiceAt


def find_shape_dislikes(site: Site, visits: Sequence[Observation], around: Sequence[Observation],
                        networks: Mapping[str, int]) -> frozenset[ShapeDislike]:
    """Whether a site's servers, or something before them, dislike the library's hello."""
    if not any(o.purpose == "shape" for o in around):
        return frozenset()
    own = [o for o in visits if o.purpose in NETWORK_PURPOSES]
    for address in {o.address for o in own if o.operation == "tls_handshake"}:
        mine = [o for o in own if o.address == address]
        if gather_shape_evidence(site, address, mine, around, (), known_as=address).firm:
            return frozenset({ShapeDislike(whose=describe_service(
                site.endpoints[0].service, site.host, (o.address for o in own), networks))})
    return frozenset()


def count_alike_owners(known: Iterable[ShapeDislike], ours: ServiceAt) -> int:
    """How many owners' services are disliked alike that have nothing to do with this one, nor with each other. One
    content network may refuse programs at the addresses of all its customers: those that may be in one network with
    ours count for nothing, nor do those that have no address of a family that we have."""
    others = sorted((d.whose for d in known if _can_be_compared(ours, d.whose)),
                    key=lambda whose: (len(whose.addresses), whose.owner, sorted(whose.addresses)))
    return len(choose_unrelated((ours, *others))) - 1


def _can_be_compared(ours: ServiceAt, theirs: ServiceAt) -> bool:
    return bool(set(map(family_of, ours.addresses)) & set(map(family_of, theirs.addresses)))


def _is_answered(seen: Observation) -> bool:
    """A ServerHello came; an alert shows a TLS server too, but perhaps one that dislikes the shape."""
    return not seen.failure and seen.tls.alert < 0


def _is_firm(shape: ShapeName, passes: Sequence[Observation], library: Sequence[Observation]) -> bool:
    times = [o.sequence for o in passes if o.tls.shape == shape]
    return bool(times) and any(min(times) < o.sequence < max(times) for o in library)


def _narrow(tries: Sequence[Observation], passes: Sequence[Observation], library: Sequence[Observation]) -> NarrowHello:
    """A failure counts only between two that passed, a success only before another failure of the library's own: else
    a block that merely began or ended would show."""
    answered = [o for o in tries if _is_answered(o)]
    if answered:
        whole = all(o.tcp.segments == 1 for o in answered)
        again = any(o.sequence > answered[0].sequence for o in library)
        return ("passed" if whole else "cut") if again else "unasked"
    times = [o.sequence for o in passes]
    between = any(min(times) < o.sequence < max(times) for o in tries) if times else False
    return "failed" if between else "silent" if tries else "unasked"


def _small_answer(address: str, port: int, around: Sequence[Observation]) -> bool:
    answers = [o for o in around if o.purpose == "innocent" and (o.address, o.port) == (address, port)
               and o.operation == "tls_handshake" and not o.failure]
    return bool(answers) and all(o.bytes_read < SMALL_BYTES for o in answers)


def _alike_controls(ja4: str, controls: Sequence[ControlAnswer], known_as: str, port: int) -> int:
    where = Place(known_as, port)
    return len({(c.asn, c.cc) for c in controls if c.state == "answered" and dict(c.tls).get(where) == ""
                and has_same_build(dict(c.ja4s).get(where, ""), ja4)})


def has_same_build(one: str, other: str) -> bool:
    """Whether two JA4 prints are of hellos alike but for the name and the protocols offered (ALPN)."""
    first, second = one.split("_"), other.split("_")
    if len(first) != 3 or len(second) != 3:
        return False
    return (first[0][:3], first[0][4:6], *first[1:]) == (second[0][:3], second[0][4:6], *second[1:])
