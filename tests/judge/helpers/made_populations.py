"""Populations written by hand: what the networks of a country meet of one target, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from probe_analysis.populations.population_evidence import CountryView, NetworkView, PopulationEvidence, Side

START_H = 490_000
"""Hour since 1970 in which it begins unless told otherwise."""
RESET, DROP, DENIAL = "tls.reset.sni", "tcp.drop", "dns.nxdomain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Some probes of one network that fare alike."""

    probes: int = 1
    hours_each: int = 6
    access: str = ""
    version: str = "1"
    address: str = "192.0.2.1"
    resolver: str = "own"
    since_h: int = 0
    """Hours after the beginning of the first of their looks, and of the last."""
    until_h: int = 48

    def side(self, numbers: Sequence[int]) -> Side:
        """The same as evidence has it."""
        if not self.probes:
            return Side()
        return Side(
            hours=self.probes * self.hours_each, probes=frozenset(numbers), access=_words(self.access),
            instruments=_words(self.version), addresses=_words(self.address), resolvers=_words(self.resolver),
            first_h=START_H + self.since_h, last_h=START_H + self.until_h)


NOBODY = Look(probes=0)
_numbers = count(1)


def network(asn: int, struck: Look = NOBODY, served: Look = NOBODY, *, cause: str = RESET, earlier: Look = NOBODY,
            proven: bool = False, sick_hours: int = 0, alone: bool = False, probe: int = 0) -> NetworkView:
    """A network of which some probes are struck and others served; `earlier`: who was served before the onset.

    `probe`: the number of its only probe, which other networks may have as well.
    """
    sides = [look.side([probe or next(_numbers) for _ in range(look.probes)]) for look in (struck, served)]
    hours = sides[0].hours
    return NetworkView(
        asn=asn, struck=sides[0], served=sides[1], earlier=earlier.side(sorted(sides[0].probes)),
        causes={cause: hours} if hours else {}, proven={cause: hours} if proven else {}, sick_hours=sick_hours,
        alone_hours=hours if alone else 0, onset_h=START_H + struck.since_h if hours else -1,
        settled_h=START_H + struck.since_h + 2 if hours else -1)


def population(*networks: NetworkView, served: Sequence[str] = ("DE", "FR"), struck: Sequence[str] = (),
               vantages: int = 0, refuses: bool = False, version: str = "1") -> PopulationEvidence:
    """The first network is the one that is judged; `served` and `struck` are other countries."""
    abroad = [CountryView(cc=cc, struck_hours=0, served_hours=20, served_instruments=_words(version)) for cc in served]
    abroad += [CountryView(cc=cc, struck_hours=20, served_hours=0) for cc in struck]
    return PopulationEvidence(own=networks[0], peers=networks[1:], abroad=tuple(abroad), vantages=vantages,
                              refuses=refuses)


def alike(number: int, look: Look | None = None, *, first: int = 64500, cause: str = RESET) -> list[NetworkView]:
    """Networks that are struck alike."""
    return [network(first + n, look or Look(), cause=cause) for n in range(number)]


def spared(number: int = 1, look: Look | None = None, *, first: int = 64600) -> list[NetworkView]:
    """Networks that are served."""
    return [network(first + n, served=look or Look()) for n in range(number)]


def shifted(look: Look, hours: int) -> Look:
    """The same looks, later."""
    return replace(look, since_h=look.since_h + hours, until_h=look.until_h + hours)


def _words(word: str) -> frozenset[str]:
    return frozenset({word} if word else ())
