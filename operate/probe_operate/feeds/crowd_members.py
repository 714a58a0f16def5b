"""Whose measurements a crowd's feed is made of: volunteers with some days of history, settled once a day. Pure.

Who could make up a name for each feed could make up its figures, so a name counts in the network in which it has
measured on several days before. Names change with the month (`Vantage.probe_id`): in its first days nobody is known for
long enough, and there is no feed. The set holds for a day, so that of two feeds of one day neither tells who joined
between them, and it is drawn, so that neither one network nor one country fills it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from probe.config.geo.geo_table import NO_COUNTRY
from probe.config.geo.vantage_place import network_of
from probe.core.runs import OUR_ENGINE, Run
from probe.core.stamps import parse_time
from probe.core.tables.name_ages import ESTABLISHED_DAYS

HISTORY_DAYS = 14
"""How far back is looked."""
MOST_OF_NETWORK, MOST_OF_COUNTRY, MOST = 5, 40, 400


class Member(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A volunteer's name, and the network in which it counts."""

    probe_id: str
    cc: str
    asn: int


def find_member(run: Run) -> Member | None:
    """Who made this run; None where nobody, or from nowhere that is known, or by way of another network."""
    cc, asn = network_of(run.vantage)
    if not run.vantage.probe_id or cc == NO_COUNTRY or asn < 1 or run.engine != OUR_ENGINE:
        return None
    if run.vantage.tunnel or run.vantage.network_type == "vpn":
        return None
    return Member(probe_id=run.vantage.probe_id, cc=cc, asn=asn)


def first_day_of_history(day: date) -> date:
    """Runs before it tell nothing of who belongs to this day's crowd."""
    return day - timedelta(days=HISTORY_DAYS)


def choose_members(history: Iterable[Run], *, day: date, secret: bytes) -> tuple[Member, ...]:
    """This day's crowd, by the runs of the days before it. `secret` decides who is drawn where there are too many, so
    that nobody else can foretell it. Runs without a proper time count for nothing."""
    seen: defaultdict[Member, set[date]] = defaultdict(set)
    for run in history:
        member, when = find_member(run), _day_of(run)
        if member is not None and when is not None and first_day_of_history(day) <= when < day:
            seen[member].add(when)
    settled: dict[str, Member] = {}
    for member in sorted(seen, key=lambda one: (-len(seen[one]), one)):
        if len(seen[member]) >= ESTABLISHED_DAYS:
            settled.setdefault(member.probe_id, member)
    return _draw(settled.values(), day=day, secret=secret)


def _draw(settled: Iterable[Member], *, day: date, secret: bytes) -> tuple[Member, ...]:
    def lot(member: Member) -> bytes:
        return hashlib.blake2b(f"{day} {member.probe_id}".encode(), key=secret[:64]).digest()

    drawn: list[Member] = []
    networks: Counter[tuple[str, int]] = Counter()
    countries: Counter[str] = Counter()
    for member in sorted(settled, key=lot):
        if networks[member.cc, member.asn] < MOST_OF_NETWORK and countries[member.cc] < MOST_OF_COUNTRY:
            networks[member.cc, member.asn] += 1
            countries[member.cc] += 1
            drawn.append(member)
    return tuple(sorted(drawn[:MOST]))


def _day_of(run: Run) -> date | None:
    try:
        return parse_time(run.measurement_start_time).date()
    except ValueError:
        return None
