"""Which of a fleet's troubles are over, by what is known now: what nobody can know is not reported as over. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from probe.core.visible_text import visible
from probe_analysis.alerts.fleet_troubles import (
    LEFT_OUT,
    FleetFacts,
    FleetTrouble,
    describe_difference,
    describe_network,
    name_difference,
)

MAX_ENDS = 100_000
"""Looked at for one place: names of versions are as many as somebody makes up."""
End = FleetTrouble | Literal["unknown", "gone"]
"""Of a trouble that is not seen any more: what is told of its end; that it may go on unseen; or that it has no end,
since its probe's name ended with the month, or nobody measures there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleEnds:
    """Of the troubles that are not seen any more."""

    over: tuple[FleetTrouble, ...]
    unknown: frozenset[str]
    """Names of those that may go on."""


def find_ends(names: Iterable[str], fleet: FleetFacts) -> TroubleEnds:
    """What became of troubles, by their names, that `list_troubles` does not list any more."""
    found = {name: _find_end(name, fleet) for name in sorted(names)[:MAX_ENDS]}
    return TroubleEnds(over=tuple(end for end in found.values() if isinstance(end, FleetTrouble)),
                       unknown=frozenset(name for name, end in found.items() if end == "unknown"))


def _find_end(name: str, fleet: FleetFacts) -> End:
    kind, _, rest = name.partition(" ")
    find = _FINDERS.get(kind)
    return find(name, rest, fleet) if find else "gone"


def _end_silence(name: str, probe_id: str, fleet: FleetFacts) -> End:
    probe = next((one for one in fleet.health.active if one.probe_id == probe_id), None)
    return FleetTrouble(name=name, kind="silent", place=fleet.name_place(probe.cc)) if probe else "gone"


def _end_clock(name: str, probe_id: str, fleet: FleetFacts) -> End:
    probe = next((one for one in fleet.health.probes if one.probe_id == probe_id and not one.former), None)
    if probe is None:
        return "gone"
    if probe.silent or probe.clock_offset_s is None:
        return "unknown"
    return FleetTrouble(name=name, kind="clock", place=fleet.name_place(probe.cc))


def _end_quiet(name: str, network: str, fleet: FleetFacts) -> End:
    found = next((one for one in fleet.health.networks if f"{one.cc} {one.asn}" == network and one.probes), None)
    if found is None:
        return "gone"
    return FleetTrouble(name=name, kind="quiet", place=fleet.name_place(found.cc), about=describe_network(found))


def _end_nothing(name: str, _: str, fleet: FleetFacts) -> End:
    newest = fleet.health.newest_run
    return FleetTrouble(name=name, kind="nothing", about=f"The newest run began at {newest}.") if newest else "unknown"


def _end_cut(name: str, _: str, fleet: FleetFacts) -> End:
    cut, runs = fleet.health.cut_yesterday, fleet.health.runs_yesterday
    return FleetTrouble(name=name, kind="cut", about=f"{cut} of yesterday's {runs}.") if runs else "unknown"


def _end_left_out(name: str, bits: str, fleet: FleetFacts) -> End:
    """Once none is left out; fewer are no end."""
    word = name.partition(" ")[0]
    if bits != "1" or fleet.count_left_out(word):
        return "gone"
    return FleetTrouble(name=name, kind="left_out", about=f"Runs that {LEFT_OUT[word]}: 0.")


def _end_version(name: str, version: str, fleet: FleetFacts) -> End:
    what = visible(version) or "one that does not say"
    same = version == fleet.version
    return FleetTrouble(name=name, kind="version", about=f"This machine runs {what} as well." if same
                        else f"No probe that is there runs {what}.")


def _end_rollout(name: str, _: str, fleet: FleetFacts) -> End:
    """Where others try something, or nobody compared, or too few tried it, nothing is known of it."""
    if not fleet.rollout:
        return "unknown"
    found = next((one for one in fleet.rollout["services"] if name_difference(fleet.rollout, one) == name), None)
    if found is None:
        return "gone"
    if found["counted"].get("low") is None:
        return "unknown"
    return FleetTrouble(name=name, kind="rollout", about=describe_difference(found))


_FINDERS: Mapping[str, Callable[[str, str, FleetFacts], End]] = {
    "silent": _end_silence, "clock": _end_clock, "quiet": _end_quiet, "nothing": _end_nothing, "cut": _end_cut,
    "version": _end_version, "rollout": _end_rollout, **dict.fromkeys(LEFT_OUT, _end_left_out),
}
