"""What of a fleet's health its operator should hear of without asking: each trouble once while it lasts, and once when
it is over. Pure.

Alerts go through others' servers, so no probe's name stands in them, nor a network that a release would not name, nor a
country of fewer probes than that takes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from probe.core.counted_words import choose_word, count_things
from probe.core.stamps import parse_time
from probe.core.visible_text import visible
from probe_analysis.alerts.alert_texts import MAX_TEXT, Alert
from probe_analysis.exports.release import MIN_PROBES
from probe_analysis.fleet_health.fleet_health import FleetHealth, NetworkHealth
from probe_analysis.fleet_health.health_page import name_network

TroubleKind = Literal["nothing", "silent", "quiet", "clock", "cut", "left_out", "version", "rollout"]
NOTHING_H = 6.0
"""So long without a run from anybody: the inbox, the collection, or all of the fleet."""
_SHOWN = 5
_FEW = "countries of few probes"
_TITLES: Mapping[TroubleKind, str] = {
    "nothing": "no run of anybody has come", "silent": "probes fell silent in {place}: {n}",
    "quiet": "networks with fewer than half of their usual probes in {place}: {n}",
    "clock": "probes with a wrong clock in {place}: {n}", "cut": "many runs end before all targets were tried",
    "left_out": "runs are left out", "version": "other versions of the program in use: {n}",
    "rollout": "those who try something first find something else",
}


LEFT_OUT: Mapping[str, str] = {
    "unusable": "are not as they were signed", "unreadable": "cannot be read", "ahead": "are dated ahead",
    "nameless": "bear no name"}
"""Why runs are left out; `FleetHealth` counts them by these words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFacts:
    """What is known of a fleet now."""

    health: FleetHealth
    now: datetime
    version: str
    """Of the operator's own program."""
    rollout: Mapping[str, Any]
    """What `probe fleet rollout` wrote; may be empty."""
    named: frozenset[str]
    """Countries that may be named."""

    def name_place(self, cc: str) -> str:
        """A country as an alert may name it."""
        return cc if cc in self.named else _FEW

    def count_left_out(self, word: str) -> int:
        """Runs that are left out for this word of LEFT_OUT."""
        return int(getattr(self.health, f"{word}_runs"))


def gather_facts(health: FleetHealth, *, now: datetime, version: str, rollout: Mapping[str, Any]) -> FleetFacts:
    """With the countries of enough probes."""
    probes = Counter(probe.cc for probe in health.probes if not probe.former)
    return FleetFacts(health=health, now=now, version=version, rollout=rollout,
                      named=frozenset(cc for cc, count in probes.items() if count >= MIN_PROBES))


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTrouble:
    """One thing that is wrong, or that was."""

    name: str
    """The same while it lasts; it is kept on the operator's machine, and told to nobody."""
    kind: TroubleKind
    place: str = ""
    about: str = ""
    """A line for people."""


def list_troubles(fleet: FleetFacts) -> list[FleetTrouble]:
    """All that is wrong now."""
    return [*_list_places(fleet), *_list_counts(fleet), *_list_versions(fleet), *_list_rollout(fleet.rollout)]


def group_alerts(troubles: Iterable[FleetTrouble], *, over: bool = False) -> Iterator[tuple[Alert, frozenset[str]]]:
    """One alert for each kind and place, with the names of the troubles that it tells; `over`: of their ends."""
    groups: defaultdict[tuple[TroubleKind, str], list[FleetTrouble]] = defaultdict(list)
    for one in troubles:
        groups[one.kind, one.place].append(one)
    for (kind, place), some in groups.items():
        lines = [one.about for one in some if one.about]
        more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        title = f"Fleet: {'over: ' if over else ''}{_TITLES[kind].format(n=len(some), place=place)}"
        text = "\n".join([*lines[:_SHOWN], *more, "The page of the fleet's health says more; see docs/operator.md."])
        yield (Alert(name=f"{'over ' if over else ''}{kind} {place}", event="", sure=True, title=visible(title),
                     text=text[:MAX_TEXT]), frozenset(one.name for one in some))


def describe_network(network: NetworkHealth) -> str:
    """Its probes beside the usual ones, where it may be named; else nothing."""
    return f"{name_network(network)}: {network.probes} of {network.usual_probes:g}" if network.named else ""


def describe_difference(one: Mapping[str, Any]) -> str:
    """What those who try something first find of a service, beside the rest."""
    return (f"{visible(str(one['service']))}, {visible(str(one['found']))}: "
            f"{float(one['counted']['difference']):+.1%} beside the rest of the same country and day")


def name_difference(rollout: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """How the trouble is named."""
    return f"rollout {rollout['first']} {one['service']} {one['found']}"


def _list_places(fleet: FleetFacts) -> Iterator[FleetTrouble]:
    """Troubles of probes and networks."""
    for probe in fleet.health.silent:
        yield FleetTrouble(name=f"silent {probe.probe_id}", kind="silent", place=fleet.name_place(probe.cc))
    for probe in fleet.health.clocks_off:
        yield FleetTrouble(name=f"clock {probe.probe_id}", kind="clock", place=fleet.name_place(probe.cc))
    for network in fleet.health.networks:
        if network.quiet:
            yield FleetTrouble(name=f"quiet {network.cc} {network.asn}", kind="quiet",
                               place=fleet.name_place(network.cc), about=describe_network(network))


def _list_counts(fleet: FleetFacts) -> Iterator[FleetTrouble]:
    health = fleet.health
    if health.newest_run:
        hours = (fleet.now - parse_time(health.newest_run)).total_seconds() / 3600
        if hours > NOTHING_H:
            yield FleetTrouble(name="nothing", kind="nothing", about=f"The newest run began {hours:.0f} hours ago.")
    if health.cut_yesterday * 4 > health.runs_yesterday:
        yield FleetTrouble(name="cut", kind="cut",
                           about=f"{health.cut_yesterday} of yesterday's {health.runs_yesterday}.")
    for word, about in LEFT_OUT.items():
        count = fleet.count_left_out(word)
        for bits in range(1, count.bit_length() + 1):  # sent again when they have doubled, not when they grow fewer
            yield FleetTrouble(name=f"{word} {bits}", kind="left_out",
                               about=f"{count_things(count, 'run')} {about}." if bits == count.bit_length() else "")


def _list_versions(fleet: FleetFacts) -> Iterator[FleetTrouble]:
    for other, count in fleet.health.versions.get("software", {}).items():
        if other != fleet.version:
            yield FleetTrouble(name=f"version {other}", kind="version",
                               about=f"{count_things(count, 'probe')} {choose_word(count, 'runs', 'run')} "
                                     f"{visible(other) or 'one that does not say'}, this machine {fleet.version}.")


def _list_rollout(rollout: Mapping[str, Any]) -> Iterator[FleetTrouble]:
    for one in rollout.get("services", ()):
        if one["differs"]:
            yield FleetTrouble(name=name_difference(rollout, one), kind="rollout", about=describe_difference(one))
