"""The score of fleets under attack, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from probe.core.counted_words import count_things
from probe_lab.fleet.fleet_score import LONG_H
from probe_lab.fleet.fleet_standing import FleetAges
from probe_lab.fleet.forged_verdicts import ForgedAim
from probe_lab.fleet.sybil_score import AttackFigures, SybilScore, find_spread

_AGES: Mapping[FleetAges, str] = {
    "untold": "ages untold", "names": "names that change with the month", "record": "the collector's record"}
_AIMS: Mapping[ForgedAim, str] = {
    "make": "blocks made up", "hide_beside": f"blocks of {LONG_H} h or longer hidden from within their networks",
    "hide_abroad": f"blocks of {LONG_H} h or longer hidden from two other countries"}


def sybils_json(score: SybilScore) -> dict[str, object]:
    """Everything, for programs."""
    return {
        "sybils": score.sybils, "seeds": score.seeds,
        "honest": {ages: {**asdict(figures), "recall": _part(figures.found, figures.blocks),
                          "precision": _part(figures.true_events, figures.events)}
                   for ages, figures in score.honest.items()},
        "fresh": _attacks_json(score.fresh),
        "established": [{"names": names, **_attacks_json(attacks)} for names, attacks in score.established.items()],
        "forgers_needed": {"to_make": find_spread(score.to_make), "to_hide": find_spread(score.to_hide)},
    }


def _attacks_json(attacks: Mapping[ForgedAim, AttackFigures]) -> dict[str, object]:
    return {aim: {"told": plain.pop("succeeded"), **plain} for aim, figures in attacks.items()
            for plain in (asdict(figures),)}


def sybils_text(score: SybilScore) -> str:
    """What a person wants to know first."""
    lines = [f"{len(score.seeds)} made-up fleets, honest and lied to"]
    for ages, honest in score.honest.items():
        lines.append(f"Honest, {_AGES[ages]}: recall {honest.found}/{honest.blocks}, precision "
                     f"{honest.true_events}/{honest.events}, confirmed {honest.confirmed}")
    lines.append(f"{count_things(score.sybils, 'name')} in each network that nobody knew before:")
    lines += _attacks(score.fresh)
    for names, attacks in score.established.items():
        lines.append(f"{names} established {'name' if names == 1 else 'names'} in each network:")
        lines += _attacks(attacks)
    for word, costs in (("made", score.to_make), ("hidden", score.to_hide)):
        spread = find_spread(costs)
        if spread:
            lines.append(f"Established names that would have {word} a true event: {spread[1]:g} in the middle, "
                         f"{spread[0]:g} to {spread[2]:g} for four in five")
    return "\n".join(lines)


def _attacks(attacks: Mapping[ForgedAim, AttackFigures]) -> Iterator[str]:
    for aim, figures in attacks.items():
        sure = f", {figures.confirmed} as confirmed" if aim == "make" else ""
        wrong = f"; published cost too high: {figures.cost_too_high}" if figures.cost_too_high else ""
        yield f"  {_AIMS[aim]}: {figures.succeeded}/{figures.tried}{sure}{wrong}"


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
