"""Fronts of operators at the far end of the line: a middlebox each, which only their own visitors' packets pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probe_lab.box.middlebox import Middlebox
from probe_lab.box.parameters import texts_of
from probe_lab.lab_types import EVERYWHERE, Front, World
from probe_lab.path.line import Line
from probe_lab.truth import TruthLog
from probe_lab.wire.packet import pack_address
from probe_lab.wire.packet_edit import read_source, read_target

ACTOR = "front"
_SERVER_TTL = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontBox:
    """One front; what it remembers is of its own visitors alone."""

    box: Middlebox
    hosts: frozenset[bytes]
    """Packed addresses that it stands before."""
    beyond: frozenset[bytes]
    """Those that it leads visitors to in place of them: their answers come back through it."""
    visitors: frozenset[bytes] | None
    """Vantage points that meet it; None: all."""
    meets_client: bool
    at_door: bool


class Fronts:
    """All fronts of a world, asked for a packet's ends."""

    def __init__(
        self, fronts: Iterable[Front], *, world: World, line: Line, truth: TruthLog, started_s: float
    ) -> None:
        """Raises ValueError for a rule that is not allowed."""
        self._vantages = frozenset(pack_address(a) for point in world.vantages for a in (point.ipv4, point.ipv6))
        groups = sorted(_alike(fronts), key=lambda same: not same[0].at_door)
        self._boxes = tuple(
            _make_box(same, number, world=world, line=line, truth=truth, started_s=started_s)
            for number, same in enumerate(groups)
        )
        """Those at the door first, as visitors meet them."""
        self.at_door = any(front.at_door for front in self._boxes)
        """Whether any stands before the operator's own routers."""

    def __bool__(self) -> bool:
        return bool(self._boxes)

    def met(self, raw: bytes, *, to_server: bool, at_door: bool | None = None) -> tuple[Middlebox, ...]:
        """The boxes that a packet passes, in their order; those at the door, or those beside the server, or with None
        all."""
        src, dst = read_source(raw), read_target(raw)
        host, visitor = (dst, src) if to_server else (src, dst)
        found = tuple(
            front.box
            for front in self._boxes
            if (host in front.hosts or (not to_server and host in front.beyond))
            and at_door in (None, front.at_door)
            and self._meets(front, visitor)
        )
        return found if to_server else found[::-1]

    def _meets(self, front: FrontBox, visitor: bytes) -> bool:
        if visitor not in self._vantages:
            return front.meets_client
        return front.visitors is None or visitor in front.visitors


def _alike(fronts: Iterable[Front]) -> Iterator[tuple[Front, ...]]:
    """Fronts that stand before the same hosts for the same visitors: one box with several rules, in their order."""
    groups: dict[tuple[object, ...], list[Front]] = {}
    for front in fronts:
        groups.setdefault((front.hosts, front.countries, front.at_door), []).append(front)
    for group in groups.values():
        yield tuple(group)


def _make_box(
    same: tuple[Front, ...], number: int, *, world: World, line: Line, truth: TruthLog, started_s: float
) -> FrontBox:
    one = same[0]
    hosts = frozenset(map(pack_address, one.hosts))
    place = min(line.door + 1, line.hops) if one.at_door else line.hops
    everywhere = EVERYWHERE in one.countries
    return FrontBox(
        box=Middlebox(
            (front.rule for front in same),
            truth=truth,
            actor=ACTOR,
            seed=world.seed + number + 1,
            address4=line.address(place, version=4, host=pack_address(one.hosts[0])),
            address6=line.address(place, version=6, host=pack_address(one.hosts[0])),
            server_ttl=_SERVER_TTL - (line.hops - line.door if one.at_door else 0),
            started_s=started_s,
        ),
        hosts=hosts,
        beyond=frozenset(_led_to(same)) - hosts,
        visitors=None if everywhere else frozenset(
            pack_address(a) for point in world.vantages if point.cc in one.countries for a in (point.ipv4, point.ipv6)
        ),
        meets_client=everywhere or world.cc in one.countries,
        at_door=one.at_door,
    )


def _led_to(same: Iterable[Front]) -> Iterator[bytes]:
    for front in same:
        if front.rule.action == "redirect":
            for key in ("to", "to6"):
                yield from (pack_address(text) for text in texts_of(front.rule.params.get(key, "")) if text)
