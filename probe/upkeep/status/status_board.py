"""Messengers by hours: what each run of the last day said, what is so now, and when that last changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from probe.core.stamps import parse_time
from probe.core.tables.service_answers import ANSWER_ORDER, Answer
from probe.core.tables.words import Empty
from probe.core.verdicts import ServiceVerdict
from probe.judge.verdicts.service_answer_word import answer_service
from probe.upkeep.status.service_answer import CONTROL

HOURS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One messenger."""

    service: str
    title: str
    hours: tuple[Answer | Empty, ...]
    """The last `HOURS` hours, the oldest first; empty: no run spoke of it. Of several runs in an hour the first word in
    the order of the answer is shown."""
    now: Answer
    """What the last run that spoke of it said."""
    changed: str
    """Start of the first run of those that all said what the last one says; RFC 3339."""
    same_since_first: bool
    """No stored run of these said anything else, so the change may lie further back."""


def make_board(runs: Sequence[tuple[str, Iterable[ServiceVerdict]]], titles: Mapping[str, str], *,
               now: datetime) -> tuple[BoardRow, ...]:
    """`runs`: start and service rows of each run, the oldest first; those that begin with no time are left out."""
    seen: dict[str, list[tuple[str, datetime, Answer]]] = {}
    for start, rows in runs:
        try:
            moment = parse_time(start)
        except ValueError:
            continue
        for service, word in answer_services_of(rows).items():
            seen.setdefault(service, []).append((start, moment, word))
    board = [_make_row(service, titles.get(service) or service, said, now) for service, said in seen.items()]
    return tuple(sorted(board, key=lambda row: (ANSWER_ORDER.index(row.now), row.title.casefold())))


def answer_services_of(rows: Iterable[ServiceVerdict]) -> dict[str, Answer]:
    """Service -> the one word of it."""
    found: dict[str, list[ServiceVerdict]] = {}
    for row in rows:
        if CONTROL not in (row.service, row.role):
            found.setdefault(row.service, []).append(row)
    return {service: answer_service(of_service) for service, of_service in found.items()}


def _make_row(service: str, title: str, said: Sequence[tuple[str, datetime, Answer]], now: datetime) -> BoardRow:
    begin = now - timedelta(hours=HOURS)
    hours: list[Answer | Empty] = [""] * HOURS
    for _, moment, word in said:
        place = (moment - begin) // timedelta(hours=1) - (moment == now)  # the last moment is of the last hour
        if 0 <= place < HOURS:
            before = hours[place]
            hours[place] = word if not before or ANSWER_ORDER.index(word) < ANSWER_ORDER.index(before) else before
    last = said[-1][2]
    streak = [start for start, *_ in takewhile(lambda one: one[2] == last, reversed(said))]
    return BoardRow(service=service, title=title, hours=tuple(hours), now=last, changed=streak[-1],
                    same_since_first=len(streak) == len(said))
