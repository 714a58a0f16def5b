"""Where a run measured, from what a person said and what a table says. Pure; no address comes here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.config.geo.geo_table import NO_COUNTRY
from probe.core.runs import Vantage
from probe.core.tables.run_words import GeoSource

OWN_TELLER = "own"
"""Who tells of an address that this device itself has."""
MIN_TELLERS = 2
"""Servers that must agree on an address's place: one alone may say what it likes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressClue:
    """What the table says of one of our addresses that somebody reported."""

    family: int
    teller: str
    """OWN, or the server."""
    cc: str = NO_COUNTRY
    asn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VantagePlace:
    """For the runs table; its columns say what each field means."""

    probe_cc: str = NO_COUNTRY
    probe_asn: int = 0
    cc_source: GeoSource = "none"
    asn_source: GeoSource = "none"
    stated_cc: str = NO_COUNTRY
    geo_cc: str = NO_COUNTRY
    geo_asn_ipv4: int = 0
    geo_asn_ipv6: int = 0
    vantage_doubt: tuple[str, ...] = ()
    geo_db: str = ""
    geo_db_date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlace:
    """What the table says of the run as a whole."""

    cc: str = NO_COUNTRY
    asn_ipv4: int = 0
    asn_ipv6: int = 0
    several: bool = False
    """Its words contradict each other: one country too many, or a family in two networks."""


def look_up_place(clues: Iterable[AddressClue]) -> TablePlace:
    """One country and one network for each family, or none where the clues do not agree."""
    clues = tuple(clues)
    asns, doubts, countries = dict[int, int](), list[bool](), set[str]()
    for family in (4, 6):
        mine = [clue for clue in clues if clue.family == family]
        asn, doubt = _agree([(clue.teller, str(clue.asn)) for clue in mine if clue.asn])
        cc, other = _agree([(clue.teller, clue.cc) for clue in mine if clue.cc != NO_COUNTRY])
        asns[family] = int(asn or 0)
        doubts += [doubt, other]
        countries |= {cc} - {""}
    return TablePlace(cc=next(iter(countries)) if len(countries) == 1 else NO_COUNTRY, asn_ipv4=asns[4],
                      asn_ipv6=asns[6], several=any(doubts) or len(countries) > 1)


def _agree(claims: Sequence[tuple[str, str]]) -> tuple[str, bool]:
    """(the value, whether there are several that could be it) of pairs (teller, value).

    What this device's own addresses say counts; what servers say counts where two agree and they are more than half
    of those who spoke. Both must not differ.
    """
    own = {value for teller, value in claims if teller == OWN_TELLER}
    votes = Counter(value for teller, value in dict.fromkeys(claims) if teller != OWN_TELLER)
    most, count = votes.most_common(1)[0] if votes else ("", 0)
    won = {most} if count >= MIN_TELLERS and 2 * count > votes.total() else set()
    both = own | won
    return (next(iter(both)), False) if len(both) == 1 else ("", len(both) > 1 or votes.total() > count >= MIN_TELLERS)


def settle_place(looked_up: TablePlace, *, cc: str, asn: int, moved: bool, geo_db: str = "",
                 geo_db_date: str = "") -> VantagePlace:
    """The run's place. What the person stated counts; if the table contradicts it, the place has a doubt. `looked_up`
    is what the table says.

    A device that went to another network while it measured was in no one place: the table says nothing then.
    """
    if moved:
        return VantagePlace(
            probe_cc=cc, probe_asn=asn, cc_source=_source(cc != NO_COUNTRY, False),
            asn_source=_source(asn != 0, False), stated_cc=cc, vantage_doubt=("moved",), geo_db=geo_db,
            geo_db_date=geo_db_date)
    networks = {looked_up.asn_ipv4, looked_up.asn_ipv6} - {0}
    doubt = [word for word, holds in (
        ("country", NO_COUNTRY not in (cc, looked_up.cc) and cc != looked_up.cc),
        ("network", bool(asn and networks) and asn not in networks),
        ("several", looked_up.several),
    ) if holds]
    return VantagePlace(
        probe_cc=cc if cc != NO_COUNTRY else looked_up.cc, probe_asn=asn or looked_up.asn_ipv4 or looked_up.asn_ipv6,
        cc_source=_source(cc != NO_COUNTRY, looked_up.cc != NO_COUNTRY), asn_source=_source(asn != 0, bool(networks)),
        stated_cc=cc, geo_cc=looked_up.cc, geo_asn_ipv4=looked_up.asn_ipv4, geo_asn_ipv6=looked_up.asn_ipv6,
        vantage_doubt=tuple(doubt), geo_db=geo_db, geo_db_date=geo_db_date)


def _source(stated: bool, tabled: bool) -> GeoSource:
    return "settings" if stated else "table" if tabled else "none"


def is_elsewhere(one: Vantage, other: Vantage) -> bool:
    """Whether two runs of one installation were plainly not in the same network. What is unknown in one of them is no
    difference; a run that cannot tell where it was counts as elsewhere. The laboratory is elsewhere."""
    pairs: list[tuple[object, object]] = [
        (one.geo_cc, other.geo_cc), (one.probe_cc, other.probe_cc), (one.geo_asn_ipv4, other.geo_asn_ipv4),
        (one.geo_asn_ipv6, other.geo_asn_ipv6)]
    if one.asn_source == other.asn_source == "settings":
        pairs.append((one.probe_asn, other.probe_asn))
    unsure = {"several", "moved"}.intersection((*one.vantage_doubt, *other.vantage_doubt))
    return one.lab != other.lab or bool(unsure) or any(
        a != b for a, b in pairs if a not in (0, NO_COUNTRY) and b not in (0, NO_COUNTRY))


def network_of(vantage: Vantage) -> tuple[str, int]:
    """Country and network that a run's rows may be counted under: without what is in doubt."""
    doubt = set(vantage.vantage_doubt)
    return (NO_COUNTRY if doubt - {"network"} else vantage.probe_cc), (0 if doubt else vantage.probe_asn)
