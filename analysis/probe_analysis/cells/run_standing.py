"""Whose runs count: the standing of each network on each day, from who measured there before."""

from __future__ import annotations

from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir

from probe_analysis.cells.row_quality import FRESH


@dataclass(slots=True, kw_only=True)
class SplitNames:
    """The names of some days, as `name_key` gives them, and the networks that they count in."""

    known: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    """Names that nobody knew; none of days on which nobody could be known."""
    settled: set[str] = field(default_factory=set)
    """Networks with anybody known, as `place_key` gives them."""
    unknown: list[str] = field(default_factory=list)
    """Days of which no record of the collector says who was known, so that a network's standing is unknown at best."""
    young: list[str] = field(default_factory=list)
    """Days on which nobody could be known."""


def set_aside(runs: ir.Table, names: SplitNames) -> ir.Table:
    """The runs with the `standing` of their network on their day, and those of fresh names left out for that reason,
    where others there are known."""
    is_settled = place_key(runs).isin(sorted(names.settled))
    fresh = (runs.reason == "") & is_settled & is_fresh(name_key(runs), runs.day, names)
    standing = ibis.cases((runs.day.isin(names.young) | (is_settled & runs.day.isin(names.unknown)), "unknown"),
                          (is_settled, "established"), else_="fresh")
    return runs.mutate(reason=ibis.cases((fresh, FRESH), else_=runs.reason), standing=standing)


def is_alone(runs: ir.Table) -> ir.BooleanValue:
    """Whether a run of `set_aside` is of a fresh name in a network in which nobody was known that day."""
    return runs.standing == FRESH


def is_fresh(name: ir.StringValue, day: ir.StringValue, names: SplitNames) -> ir.BooleanValue:
    """Whether nobody knew a name, as `name_key` gives it; the shorter list is asked."""
    if len(names.fresh) <= len(names.known):
        return name.isin(sorted(names.fresh))
    return ~name.isin(sorted(names.known)) & ~day.isin(names.young)


def name_key(runs: ir.Table) -> ir.StringValue:
    """Day, network and name of a run as one text."""
    return place_key(runs).concat(" ", runs.probe_id)


def place_key(runs: ir.Table) -> ir.StringValue:
    """Day and network of a run as one text."""
    return runs.day.concat(" ", runs.probe_cc, " ", runs.probe_asn.cast("string"))
