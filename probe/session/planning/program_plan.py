"""A hello in the shape of a program that people use, though the library's own passes.

A site gets one, before or after its own first visit as the run has drawn. If less than half of its users send that one,
or it is an imitation, which accuses nobody by itself, then what most users send follows; in haste that one goes alone.
Where users send hellos of one segment and of several, one of each is sent. Sites that are asked because a shape was
struck elsewhere get that one. Where a shape fails and the library's passes, the two are sent in turns, then an innocent
name is asked for in the same shape, and then the site in the shapes of its other programs; helpers are asked to send
the one that failed. At most twenty further handshakes for a site, one after the other, all at one address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from probe.catalogue.programs import PROGRAM_HELLOS
from probe.catalogue.sites import Site
from probe.core.nat64 import to_public_address
from probe.core.observations import Observation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import Depth
from probe.core.tables.failures import is_timeout
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.words import Empty
from probe.instruments.steps import AskControl, Step, Visit
from probe.judge.program.program_evidence import is_struck_hello
from probe.judge.program.user_shapes import list_user_shapes, speak_for_most
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.struck_shapes import list_answering_addresses

TURNS, QUICK_TURNS = 3, 4
"""Hellos of the program that must fail, each after one of the library's: more where a failure costs no time."""
INNOCENT_TRIES = 2
OTHER_TRIES = 2
"""In the shape of each other program, the second only where the first fails as well."""
PATIENCE_S = 4.0
Hello = tuple[str, ProgramShape | Empty, int]
"""Name, shape, attempt."""


def plan_program_before(site: Site, address: str, source: AddressSource | Empty, depth: Depth,
                        history: SiteHistory, context: PlanContext) -> list[Step]:
    """The program's hello, where it goes before the library's and has not gone yet."""
    shapes = _choose_firsts(site, _draw_shapes(site, context), context) if context.programs else ()
    elsewhere = depth != "all" or source == "trusted" or not _goes_first(site, context)
    if not shapes or elsewhere or _list_own(site, history):
        return []
    return [make_program_visit(site, address, (site.host, shapes[0], 1), context)]


def plan_program_turns(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """The next hello that is due; nothing where the library's own was never answered, or all is known."""
    shapes = _draw_shapes(site, context)
    firsts = _choose_firsts(site, shapes, context)
    address = _find_address(site, history) if firsts else ""
    if not address or (context.programs and _goes_first(site, context) and not _list_own(site, history)):
        return []
    turns = _Turns(site=site, firsts=firsts, shapes=shapes, innocent=context.innocent,
                   asked_for_others=site.endpoints[0].input in context.struck.inputs, seen=[
        o for o in history.around if o.purpose == "program" and (o.address, o.port) == (address, site.port)
        and (o.failure or o.operation == "tls_handshake")])
    hello = next((due for due in turns.list_due() if not turns.find(due)), None)
    steps: list[Step] = [replace(make_program_visit(site, address, hello, context),
                                 may_be_left_out=context.together and turns.may_miss(hello))] if hello else []
    known_as = to_public_address(address, context.nat64_prefix)
    return [*steps, *(AskControl(control_id=control, input=site.endpoints[0].input, addresses=(known_as,),
                                 shape=turns.chief) for control in context.controls if turns.is_chief_struck)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turns:
    """What was sent for one site at one address, and how each ended."""

    site: Site
    firsts: Sequence[ProgramShape]
    """Those that are sent though nothing failed."""
    shapes: Sequence[ProgramShape]
    """Those of all programs that ask the site."""
    innocent: str
    asked_for_others: bool
    """Whether a shape that is struck at another site is the reason."""
    seen: Sequence[Observation]

    def find(self, hello: Hello) -> Observation | None:
        """How that hello ended, or nothing if it has not gone yet."""
        return next((o for o in self.seen if (o.hostname, o.tls.shape, o.attempt) == hello), None)

    @property
    def is_chief_struck(self) -> bool:
        """Whether it has failed as often as is asked for."""
        return bool(self.chief) and self._fails((self.site.host, self.chief, TURNS))

    @property
    def chief(self) -> ProgramShape | Empty:
        """Of those that fail the first, a captured one before an imitation: the others are held against it."""
        failing = [shape for shape in self.firsts if self._fails((self.site.host, shape, 1))]
        if not failing:
            return ""
        first: ProgramShape = min(failing, key=lambda shape: not PROGRAM_HELLOS[shape].verified)
        return first

    def may_miss(self, hello: Hello) -> bool:
        """Whether it is not worth waiting for: nothing failed, neither here nor elsewhere."""
        return not self.chief and hello[1] in self.firsts and not self.asked_for_others

    def list_due(self) -> Iterator[Hello]:
        """What is to be sent one after the other, as far as what has ended tells; the rest follows from its ends."""
        name = self.site.host
        for shape in self.firsts:
            if self.chief and PROGRAM_HELLOS[self.chief].verified:
                break
            yield name, shape, 1
            if not self.find((name, shape, 1)):
                return
        if self.chief:
            yield from self._list_after(self.chief)

    def _list_after(self, chief: ProgramShape) -> Iterator[Hello]:
        """What follows the first failure of a shape."""
        name = self.site.host
        first = self.find((name, chief, 1))
        for attempt in range(2, (TURNS if first and is_timeout(first.failure) else QUICK_TURNS) + 1):
            for hello in ((name, "", attempt - 1), (name, chief, attempt)):
                yield hello
                if self._contradicts(hello):
                    return
        for attempt in range(1, INNOCENT_TRIES + 1):
            yield self.innocent, chief, attempt
            if not self._fails((self.innocent, chief, attempt)):
                break
        yield name, "", QUICK_TURNS
        for shape in (shape for shape in self.shapes if shape != chief):
            for attempt in range(1, OTHER_TRIES + 1):
                yield name, shape, attempt
                if not self._fails((name, shape, attempt)):
                    break

    def _fails(self, hello: Hello) -> bool:
        found = self.find(hello)
        return found is not None and is_struck_hello(found)

    def _contradicts(self, hello: Hello) -> bool:
        """The library's fails as well, or the program's passes: then it is not the shape."""
        found = self.find(hello)
        return found is not None and is_struck_hello(found) == (hello[1] == "")


def _draw_shapes(site: Site, context: PlanContext) -> list[ProgramShape]:
    """The shapes in which people's programs ask the site, in an order that this run has drawn: those that many use are
    likely to come first."""
    shapes = list_user_shapes(site)
    # A weighted draw without replacement (Efraimidis and Spirakis 2006).
    return sorted(shapes, key=lambda shape: -(_draw(site, context, shape) / 2**64) ** (1 / shapes[shape]))


def _choose_firsts(site: Site, drawn: Sequence[ProgramShape], context: PlanContext) -> tuple[ProgramShape, ...]:
    """What is sent though nothing failed: what is struck elsewhere, where this site is asked for that; the shape that
    was drawn; and then what most users send, until they are at least half and one shape was captured."""
    own = _choose_own(site, drawn, in_haste=context.together) if context.programs else []
    elsewhere = context.struck.shapes if site.endpoints[0].input in context.struck.inputs else ()
    return tuple(dict.fromkeys((*(shape for shape in elsewhere if shape in drawn), *own)))


def _choose_own(site: Site, drawn: Sequence[ProgramShape], *, in_haste: bool) -> list[ProgramShape]:
    """The first that was drawn, and as many more as an `ok` needs: to speak for half of the site's users, and for
    hellos of one segment and of several, which boxes, servers and lines tell apart. In haste what most users send."""
    users = list_user_shapes(site)
    by_lot = 0 if in_haste else 1
    chosen = list(drawn[:by_lot])
    for shape in sorted(drawn[by_lot:], key=lambda shape: (-users[shape], not PROGRAM_HELLOS[shape].verified)):
        is_enough = speak_for_most(chosen, users) and _list_sizes(chosen)
        if not is_enough or (not in_haste and _list_sizes([shape]) - _list_sizes(chosen)):
            chosen.append(shape)
    return chosen


def _list_sizes(shapes: Iterable[ProgramShape]) -> set[bool]:
    """Of the captured ones among these: whether they take several segments."""
    return {PROGRAM_HELLOS[shape].is_large for shape in shapes if PROGRAM_HELLOS[shape].verified}


def _goes_first(site: Site, context: PlanContext) -> bool:
    """By lot. In a run that must be over soon never: what waits for the address's turn then would hold up our own."""
    return not context.together and _draw(site, context, "first") % 2 == 0


def _draw(site: Site, context: PlanContext, word: str) -> int:
    text = f"{context.draw} {site.host} {site.port} {word}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _list_own(site: Site, history: SiteHistory) -> list[Observation]:
    return [o for o in history.around if o.purpose == "program" and (o.hostname, o.port) == (site.host, site.port)]


def _find_address(site: Site, history: SiteHistory) -> str:
    """Where the program was asked already, else where the library's hello was answered first; empty where it never was,
    or fails there."""
    answered = list_answering_addresses(history.visits)
    asked = [o.address for o in _list_own(site, history)]
    address = next(iter((*asked, *answered)), "")
    failed = any(o.address == address and o.failure and o.operation == "tls_handshake" for o in history.visits)
    return address if address in answered and not failed else ""


def is_late_turn(step: Step) -> bool:
    """Whether its failure is as often as one is asked for: a site's own name in a program's shape."""
    return isinstance(step, Visit) and step.purpose == "program" and bool(
        step.shape and step.input) and step.attempt >= TURNS


def make_program_visit(site: Site, address: str, hello: Hello, context: PlanContext) -> Visit:
    """One hello, as far as the server's answer; the library's own where it names no shape."""
    hostname, shape, attempt = hello
    own = hostname == site.host
    patience_s = min(context.timeout_s, PATIENCE_S)
    return Visit(
        purpose="program", address=address, port=site.port, hostname=hostname, attempt=attempt,
        sni=site.sni if own else hostname, shape=shape, alpn=site.alpn, trust=site.trust if own else "none",
        until_server_hello=True,
        target_id=site.endpoints[0].target_id if own else "",
        input=site.endpoints[0].input if own else "", connect_timeout_s=patience_s, tls_timeout_s=patience_s,
    )
