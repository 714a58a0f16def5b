"""Messengers by hours: what each run of the last day said, what is so now, and when that last changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final, get_args

from probe.core.stamps import parse_time
from probe.core.tables.answer_words import ServiceClass
from probe.core.tables.words import Empty
from probe.core.verdicts import ServiceVerdict
from probe.upkeep.status.service_answer import CONTROL

HOURS: Final = 24
_ORDER: tuple[ServiceClass, ...] = get_args(ServiceClass)
"""Of several runs in an hour, and of several parts of a service, the first that holds is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One messenger."""

    service: str
    title: str
    hours: tuple[ServiceClass | Empty, ...]
    """The last `HOURS` hours, the oldest first; empty: no run spoke of it."""
    now: ServiceClass
    """What the last run that spoke of it said."""
    changed: str
    """Start of the first run of those that all said what the last one says; RFC 3339."""
    same_since_first: bool
    """No stored run of these said anything else, so the change may lie further back."""


def make_board(runs: Sequence[tuple[str, Iterable[ServiceVerdict]]], titles: Mapping[str, str], *,
               now: datetime) -> tuple[BoardRow, ...]:
    """`runs`: start and service rows of each run, the oldest first; those that begin with no time are left out."""
    seen: dict[str, list[tuple[str, datetime, ServiceClass]]] = {}
    for start, rows in runs:
        try:
            moment = parse_time(start)
        except ValueError:
            continue
        for service, word in classify_services(rows).items():
            seen.setdefault(service, []).append((start, moment, word))
    board = [_make_row(service, titles.get(service) or service, said, now) for service, said in seen.items()]
    return tuple(sorted(board, key=lambda row: (_ORDER.index(row.now), row.title.casefold())))


def classify_services(rows: Iterable[ServiceVerdict]) -> dict[str, ServiceClass]:
    """Service -> what its roles make of it, the most telling first."""
    found: dict[str, set[ServiceClass]] = {}
    for row in rows:
        if CONTROL not in (row.service, row.role):
            found.setdefault(row.service, set()).add(_classify_role(row))
    return {service: next(word for word in _ORDER if word in words) for service, words in found.items()}


def _classify_role(row: ServiceVerdict) -> ServiceClass:
    if row.k:
        return "blocked"
    if row.outcome == "inconclusive":
        return "unclear"
    if row.outcome == "down":
        return "down"
    return "works" if row.outcome == "ok" else "untested"


def _make_row(service: str, title: str, said: Sequence[tuple[str, datetime, ServiceClass]], now: datetime) -> BoardRow:
    begin = now - timedelta(hours=HOURS)
    hours: list[ServiceClass | Empty] = [""] * HOURS
    for _, moment, word in said:
        place = (moment - begin) // timedelta(hours=1) - (moment == now)  # the last moment is of the last hour
        if 0 <= place < HOURS:
            before = hours[place]
            hours[place] = word if not before or _ORDER.index(word) < _ORDER.index(before) else before
    last = said[-1][2]
    streak = [start for start, *_ in takewhile(lambda one: one[2] == last, reversed(said))]
    return BoardRow(service=service, title=title, hours=tuple(hours), now=last, changed=streak[-1],
                    same_since_first=len(streak) == len(said))
