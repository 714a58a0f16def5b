"""When a figure of a crowd may be published, and what it shows: counts of volunteers by country. Pure.

A set of volunteers is an integer with a bit for each member, so that a feed of hundreds of them and thousands of words
is counted in little memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from probe.controls.feeds.feed_document import CrowdFigure
from probe_operate.feeds.crowd_members import Member

LEAST_PROBES, LEAST_COUNTRIES = 5, 3
"""Behind everything that is published."""
FAILING_COUNTRIES = 5
"""Behind a failure that speaks against the service: neighbours that block alike are three or four."""
MOST_FAILING = 5
"""Where most are served, one in so many may fail and the service works; more fail while an outage begins or ends."""
MOST_SERVED = 10
"""Fewer than one in so many may be served, or say so, where the service fails; more must be where it works."""
PROBE_STEPS = (5, 10, 20, 50, 100, 200)
PLACE_STEPS = (3, 5, 10, 20, 50)

CrowdWord = Literal["works", "fails", "unclear"]


class CrowdSpread:
    """Where the members of a crowd are; the place of each in their order is its bit."""

    def __init__(self, members: Sequence[Member]) -> None:
        countries: dict[str, int] = {}
        networks: dict[tuple[str, int], int] = {}
        for bit, one in enumerate(members):
            countries[one.cc] = countries.get(one.cc, 0) | 1 << bit
            networks[one.cc, one.asn] = networks.get((one.cc, one.asn), 0) | 1 << bit
        self._countries: Mapping[str, int] = countries
        self._networks: Mapping[tuple[str, int], int] = networks

    def may_be_published(self, who: int, *, countries: int = LEAST_COUNTRIES) -> bool:
        """Whether enough volunteers in enough countries are among these."""
        return who.bit_count() >= LEAST_PROBES and len(self._by_country(who)) >= countries

    def figure(self, who: int) -> CrowdFigure:
        """How many these are, rounded down; nothing where they are too few."""
        if not self.may_be_published(who):
            return CrowdFigure()
        networks = sum(bool(who & there) for there in self._networks.values())
        return CrowdFigure(probes=round_down(who.bit_count(), PROBE_STEPS),
                           networks=round_down(networks, PLACE_STEPS),
                           countries=round_down(len(self._by_country(who)), PLACE_STEPS))

    def judge(self, worked: int, failed: int) -> CrowdWord:
        """What these show of a service. It works where it does for most in enough countries, whatever others do; it
        fails where it does in more countries than are likely to block alike, and hardly anybody is served. Else, as
        while an outage begins, nothing is shown."""
        well, ill = self._by_country(worked), self._by_country(failed)
        open_to = [cc for cc in well if well[cc] > ill[cc]]
        served, refused = sum(well[cc] for cc in open_to), sum(ill[cc] for cc in open_to)
        asked = worked.bit_count() + failed.bit_count()
        if len(open_to) >= LEAST_COUNTRIES and served >= LEAST_PROBES and (
                refused * MOST_FAILING <= served + refused and served * MOST_SERVED >= asked):
            return "works"
        shut = [cc for cc in ill if ill[cc] > well[cc]]
        if len(shut) >= FAILING_COUNTRIES and failed.bit_count() >= LEAST_PROBES and (
                worked.bit_count() * MOST_SERVED < asked):
            return "fails"
        return "unclear"

    def last_time_of(self, who: int, times: Mapping[int, float], *, countries: int = LEAST_COUNTRIES) -> float:
        """The latest moment since when enough of these have said so; the earliest of all where they are too few."""
        late = 0
        for bit, at in sorted(((bit, times[bit]) for bit in _bits(who)), key=lambda one: (-one[1], one[0])):
            late |= 1 << bit
            if self.may_be_published(late, countries=countries):
                return at
        return min((times[bit] for bit in _bits(who)), default=0.0)

    def _by_country(self, who: int) -> Counter[str]:
        return Counter({cc: count for cc, there in self._countries.items() if (count := (who & there).bit_count())})


def round_down(number: int, steps: Sequence[int]) -> int:
    """To the highest of these steps that is not above it; 0 below the first."""
    return max((step for step in steps if step <= number), default=0)


def _bits(who: int) -> Iterator[int]:
    bit = 0
    while who:
        zeros = (who & -who).bit_length() - 1
        bit += zeros
        yield bit
        who >>= zeros + 1
        bit += 1
