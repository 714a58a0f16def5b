"""Probe-hours: whether a target failed for a probe in an hour, how, and beside what. Written as ibis expressions.

A row holds the hours of one day that are alike. Most verdicts say that a target was served. They are numbers from the
start, and only what failed in an hour, and what was served beside a failure in it, is looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import ibis
import ibis.expr.types as ir

from probe.core.tables.basis_words import Basis
from probe.core.tables.evidence_words import Scope
from probe_analysis.cells.cell_expressions import as_count, day_number, without_right
from probe_analysis.cells.row_quality import text
from probe_analysis.population.probe_hours import (
    FAILED,
    RUN_KEY,
    SERVED,
    SICK,
    STRUCK,
    VERDICT,
    name_cause,
)

COLUMNS: Final = (
    "cc", "asn", "target_id", "service", "role", "day", "hours", "probe", "instrument", "access", "state", "alone",
    "cause", "proven", "address_low", "address_high", "resolver", "fresh")
"""`day` counts from 1970, `hours` has bit 0 for its first hour. `probe` is a number made of the probe's name alone, so
that days can be counted apart; `alone`: struck, and nothing else was tried; `fresh`: nobody was known in the network
that day, so all count."""

_NUMBERS = ("name_no", "stay_no")
ORDER: Final = (*_NUMBERS, "hours")
"""Of a day's rows: by numbers, which are quicker to sort by than what they stand for."""

_PROVEN: tuple[Basis, ...] = ("place", "time", "packets", "content")
_OWN: tuple[Scope, ...] = ("device", "lan")
"""What acts there is the volunteer's own."""
_REFUSALS = ("server.restricted", "server.forbidden", "server.rate_limited", "server.limit")
"""The service works, and chooses whom it serves."""
_ILL = ("blocked", "inconclusive", "network", "local")
_WELL_SHARE = 2
"""A line is well where at least one in three of the other services was served."""
_CAUSE = r"^[a-z0-9_]+(\.[a-z0-9_]+){0,3}\z"
_BITS = 62
"""Of a number of 64 bits, none of which is the sign."""
_NAMES = ("target_id", "service", "role")
_STAY = ("day", "probe_no", "probe", "cc", "asn", "trait", "fresh")
_MET = ["hour_no", "name_no"]
_SEEN: Final = ("address_low", "address_high", "resolver")
_NO_TEXT = ibis.null("string")


def _name_bit_count(number: int) -> int:
    raise NotImplementedError


_bit_count: Callable[[ir.Value], ir.IntegerValue] = ibis.udf.scalar.builtin(_name_bit_count, name="bit_count")
"""How many bits are set: DuckDB's own."""


def number_hours(runs: ir.Table) -> ir.Table:
    """The runs of `leave_out_fresh` with numbers: `hour_no` for each probe and hour, `stay_no` for each probe, day and
    network, and `bit`, the hour of the day."""
    key = ["slot_no", "probe_no"]
    places = runs.group_by(key).agg(**{name: runs[name].min() for name in ("cc", "asn", "hour", "trait", "probe")},
                                    fresh=runs.fresh.any())
    places = places.mutate(day=(places.hour / 24).floor().cast("int32"))
    places = places.mutate(
        hour_no=_number([places[name] for name in key]),
        stay_no=_number([places[name] for name in _STAY]),
        bit=(ibis.literal(1, "int64") << (places.hour - places.day * 24)).cast("int32"))
    return runs.select(*RUN_KEY, *key).inner_join(places, key).select(*RUN_KEY, "hour_no", "stay_no", "bit", *_STAY)


def number_parts(names: ir.Table) -> ir.Table:
    """The sound ones of the names from `number_names`, with `part_no` for each service; each control is one."""
    sound = names.filter(names.name_reason == "")
    part = ibis.cases((sound.role == "control", -1 - sound.name_no), else_=sound.service_no)
    return sound.select(*_NAMES, name_no=sound.name_no.cast("int32"), part_no=_number([part]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is joined to verdicts."""

    runs: ir.Table
    """From `number_hours`."""
    names: ir.Table
    """From `number_parts`."""
    key: Sequence[str]
    """Columns that tell names apart."""
    looks: ir.Table | None
    """From `list_looks`; None where there are no observations."""
    resolvers: ir.Table | None
    """From `list_resolvers`; the same."""


def list_served(raw: ir.Table, beside: Beside) -> ir.Table:
    """The verdicts that say that a target was served, as numbers, with the columns of `_SEEN` that there are.

    `raw` has the columns of VERDICT.
    """
    rows = raw.filter(text(raw.outcome) == "ok")
    rows = rows.select(**{name: text(rows[name]) for name in ("run_id", *_NAMES)}, day_no=day_number(rows.file))
    rows = _join_all(rows, beside)
    return rows.select("hour_no", "stay_no", "bit", "name_no", "part_no", *_seen(rows))


def list_failed(raw: ir.Table, beside: Beside) -> ir.Table:
    """The verdicts that say that a target was not served, as those of `list_served`, with their cause."""
    rows = raw.filter(text(raw.outcome).isin(["down", *_ILL]))
    rows = rows.select(**{name: text(rows[name]) for name in VERDICT}, day_no=day_number(rows.file))
    rows = _join_all(rows, beside)
    if "symptom" not in rows.columns:
        rows = rows.mutate(symptom=_NO_TEXT)
    shown = (rows.outcome == "blocked") & rows.basis.isin(list(_PROVEN)) & ~rows.scope.isin(list(_OWN))
    down = (rows.outcome == "down") & ~rows.block_type.isin(list(_REFUSALS))
    return rows.select(
        "hour_no", "stay_no", "bit", "name_no", "part_no", *_seen(rows), cause=name_cause(rows).nullif(""),
        proven=ibis.cases((shown, rows.block_type), else_=_NO_TEXT), is_down=as_count(down),
        is_ill=as_count(rows.outcome.isin(list(_ILL))))


def list_lines(served: ir.Table, failed: ir.Table) -> ir.Table:
    """Which services were served in a probe's hour, and which were not: `well` and `ill`, bits of numbers `word`."""
    none = ibis.literal(0, "int64")
    rows = ibis.union(served.select("hour_no", **_place(served), well=_flag(served), ill=none),
                      failed.select("hour_no", **_place(failed), well=none, ill=_flag(failed) * failed.is_ill))
    return rows.group_by(["hour_no", "word"]).agg(well=rows.well.bit_or(), ill=rows.ill.bit_or())


def make_hour_rows(served: ir.Table, failed: ir.Table, lines: ir.Table, beside: Beside, numbered: ir.Table) -> ir.Table:
    """The columns of COLUMNS and ORDER; a probe that met both in one hour has no row of that hour.

    `lines` is from `list_lines`, `numbered` from `number_traits`.
    """
    keys = failed.select(*_MET).distinct()
    met = _judge_failed(served, failed, keys, lines)
    calm = served.anti_join(keys, _MET)
    seen = _seen(calm)
    if seen:  # what several runs of an hour saw is put together first
        calm = _put_together(calm)
    calm = calm.group_by(["stay_no", "name_no", *seen]).agg(hours=calm.bit.bit_or())
    calm = calm.mutate(state=ibis.literal(SERVED, "int8"), alone=False, cause=_NO_TEXT, proven=_NO_TEXT)
    rows = ibis.union(met, calm.select(*met.columns))
    stays = beside.runs.select("stay_no", *_STAY).distinct().inner_join(numbered, "trait")
    rows = without_right(rows.inner_join(without_right(stays), "stay_no"))
    rows = without_right(rows.inner_join(beside.names.filter(beside.names.role != "control"), "name_no"))
    return rows.mutate(**{name: _NO_TEXT for name in _SEEN if name not in seen}).select(*COLUMNS, *_NUMBERS)


def _judge_failed(served: ir.Table, failed: ir.Table, keys: ir.Table, lines: ir.Table) -> ir.Table:
    """What failed in a probe's hour, but for what was served in it as well; hours that are alike together."""
    seen = _seen(failed)
    beside = served.semi_join(keys, _MET).mutate(cause=_NO_TEXT, proven=_NO_TEXT, is_down=ibis.literal(0, "int64"),
                                                 is_ill=ibis.literal(0, "int64"), is_served=ibis.literal(1, "int64"))
    failed = failed.mutate(is_served=ibis.literal(0, "int64"))
    hours = _put_together(ibis.union(failed, beside.select(*failed.columns)))
    well, ill = _bit_count(lines.well), _bit_count(lines.ill & ~lines.well)
    line = lines.group_by("hour_no").agg(all_well=well.sum(), all_ill=ill.sum())
    hours = hours.mutate(**_place(hours), flag=_flag(hours))
    hours = without_right(hours.inner_join(line, "hour_no"))
    hours = without_right(hours.inner_join(lines, ["hour_no", "word"]))
    own_well = as_count((hours.well & hours.flag) != 0)
    own_ill = as_count((hours.ill & ~hours.well & hours.flag) != 0)
    hours = hours.mutate(others=hours.all_well - own_well, failed=hours.all_ill - own_ill)
    sick = (hours.failed > 0) & (hours.failed > _WELL_SHARE * hours.others)
    state = ibis.cases(
        (as_count(hours.cause.notnull()) + hours.is_served + hours.is_down != 1, -1), (hours.is_served == 1, SERVED),
        (hours.is_down == 1, FAILED), (sick, SICK), else_=STRUCK)
    hours = hours.mutate(state=state.cast("int8"), **{name: _plain_cause(hours[name]) for name in ("cause", "proven")})
    hours = hours.filter((hours.state >= 0) & ((hours.state != STRUCK) | hours.cause.notnull()))
    hours = hours.mutate(alone=(hours.state == STRUCK) & (hours.others + hours.failed == 0))
    key = ["stay_no", "name_no", *seen, "state", "alone", "cause", "proven"]
    return hours.group_by(key).agg(hours=hours.bit.bit_or())


def _put_together(rows: ir.Table) -> ir.Table:
    """One row of all that a probe met of a target in an hour."""
    lowest = ("stay_no", "bit", "part_no", "address_low")
    return rows.group_by(_MET).agg(**{
        name: rows[name].min() if name in lowest else rows[name].max() for name in rows.columns if name not in _MET})


def _join_all(rows: ir.Table, beside: Beside) -> ir.Table:
    runs = beside.runs.select(*RUN_KEY, "hour_no", "stay_no", "bit")
    rows = without_right(rows.inner_join(runs, RUN_KEY).inner_join(beside.names, list(beside.key)))
    if beside.looks is not None:
        rows = without_right(rows.left_join(beside.looks, [*RUN_KEY, "target_id"]))
    return rows if beside.resolvers is None else without_right(rows.left_join(beside.resolvers, RUN_KEY))


def _seen(rows: ir.Table) -> list[str]:
    return [name for name in _SEEN if name in rows.columns]


def _number(order: list[ir.Value]) -> ir.IntegerValue:
    return ibis.dense_rank().over(ibis.window(order_by=order)).cast("int32")


def _place(rows: ir.Table) -> dict[str, ir.IntegerValue]:
    return {"word": (rows.part_no / _BITS).floor().cast("int32")}


def _flag(rows: ir.Table) -> ir.IntegerValue:
    return ibis.literal(1, "int64") << (rows.part_no % _BITS).cast("int64")


def _plain_cause(words: ir.StringValue) -> ir.StringValue:
    return ibis.cases((words.re_search(_CAUSE), words), else_=_NO_TEXT)
