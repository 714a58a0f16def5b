"""What an accusation by a population can rest on (`probe_analysis.tables.population_words`).

That all networks of a country fail alike is no basis: so does what refuses the country. A basis is a difference between
networks of one country that no service makes, or something that a single run or a control showed.
"""

from __future__ import annotations

from probe.judge.common.rank_tests import binomial_tail
from probe_analysis.populations.comparison import (
    asks_own_resolver,
    count_parties,
    is_beyond_chance,
    is_comparable,
    merge_sides,
)
from probe_analysis.populations.pooled_cause import are_compatible, find_family, find_layer, is_of_name
from probe_analysis.populations.population_case import PopulationCase
from probe_analysis.populations.population_evidence import NetworkView

MISPLACED, MAY_BE = 0.02, 0.1
"""Share of networks that tables place in another country than they are in (Poese et al., IP Geolocation Databases:
Unreliable?, 2011: 96 to 98 % are placed right), and from which probability on the networks that are spared may be such:
an operator who refuses the country spares them."""
SEVERAL_NETWORKS, SEVERAL_PROBES = 2, 3
"""Struck alike: fewer may be refused, or broken, each for a reason of its own."""
WITNESSES = 2
"""Probes that must have met it, whatever else is shown: one alone may be a broken device."""
EACH_WAY = 2
"""Networks, and probes, that must be struck in each of two ways: one network's own filter may turn an end into silence.
"""
APART_H, APART_DNS_H = 6, 24
"""Hours between onsets: fronts change within an hour or two, and resolvers keep an answer for a day at most, mostly
(RFC 1912, section 2.2)."""


def rests_on_place(c: PopulationCase) -> bool:
    """A run in this network showed that the very thing is not the service's own deed."""
    return any(hours and are_compatible(cause, c.cause) for cause, hours in c.evidence.own.proven.items())


def rests_on_vantage(c: PopulationCase) -> bool:
    """A control in the country is served at the address. A route may be lost for one network alone."""
    return c.evidence.vantages > 0 and _is_counted(c) and len(c.struck.probes) >= WITNESSES


def rests_on_mechanisms(c: PopulationCase) -> bool:
    """Networks of the country are struck in ways that differ. A page is no way of a network's: servers give some
    networks another."""
    if not _is_several(c.alike) or _is_page(c):
        return False
    return any(_is_several(views) and _differ_alone(c, views) for way, views in c.otherwise.items() if way != "page")


def rests_on_spared(c: PopulationCase) -> bool:
    """Comparable networks of the country are served in the same hours.

    Where the kinds of access are not known three networks must be struck, for fronts refuse networks by their kind, and
    so they must where one probe alone is spared. One network that is struck alone must be so for three probes, beside
    several networks that are known to be of its kind.
    """
    if not _is_counted(c) or not c.spared or c.fails_abroad:
        return False
    if _may_be_misplaced(len(c.lasting), len(c.spared)):
        return False
    struck, served = merge_sides(v.struck for v in c.lasting), merge_sides(v.served for v in c.spared)
    parties = count_parties(c.lasting, c.cause)
    if len(struck.probes) < SEVERAL_PROBES or not is_beyond_chance(c.lasting, c.spared):
        return False
    same_kind = not struck.access.isdisjoint(served.access)
    if parties < SEVERAL_NETWORKS:
        return same_kind and len(c.spared) >= SEVERAL_NETWORKS and len(served.probes) >= SEVERAL_PROBES
    return parties > SEVERAL_NETWORKS or (same_kind and len(served.probes) > 1)


def rests_on_onsets(c: PopulationCase) -> bool:
    """It began in some networks while others, in which it began later, were served. All of them are still struck."""
    if not _is_counted(c) or c.fails_abroad or count_parties(c.lasting, c.cause) <= SEVERAL_NETWORKS:
        return False
    if len(merge_sides(v.struck for v in c.lasting).probes) < SEVERAL_PROBES:
        return False
    return any(_began_after(late, first, c) for first in c.lasting for late in c.lasting)


def _began_after(late: NetworkView, first: NetworkView, c: PopulationCase) -> bool:
    """It was served in one network when it had already failed for long, and again and again, in the other."""
    apart = APART_DNS_H if find_layer(c.cause) == "dns" else APART_H
    return (0 <= first.settled_h <= late.earlier.last_h and late.earlier.last_h - first.onset_h >= apart
            and late.was_served and is_comparable(first.struck, late.earlier, c.cause))


def _is_counted(c: PopulationCase) -> bool:
    """The network that is judged is itself struck long enough for its sort of cause. An answer is not counted: the
    server itself may refuse some networks, and that looks the same in each."""
    return c.evidence.own in c.lasting and not _is_page(c)


def _is_page(c: PopulationCase) -> bool:
    return find_family(c.cause) == "page"


def _is_several(views: tuple[NetworkView, ...]) -> bool:
    return len(views) >= EACH_WAY and len(merge_sides(view.struck for view in views).probes) >= EACH_WAY


def _differ_alone(c: PopulationCase, others: tuple[NetworkView, ...]) -> bool:
    """Nothing but the network tells those who are struck in two ways apart."""
    ours, theirs = c.struck, merge_sides(view.struck for view in others)
    if any(find_layer(cause) == "dns" for view in (*c.alike, *others) for cause in view.causes):
        return asks_own_resolver(ours) and asks_own_resolver(theirs)
    if not ours.addresses or not theirs.addresses:
        return is_of_name(c.cause)
    return is_comparable(ours, theirs, c.cause)


def _may_be_misplaced(struck: int, spared: int) -> bool:
    """Whether so many of the networks are easily spared because a table places them in another country."""
    fewer = binomial_tail(struck + 1, struck + spared, 1 - MISPLACED)
    return 1 - fewer >= MAY_BE
