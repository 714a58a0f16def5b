"""Parameters of a scenario as ranges, and how one seed turns them into values.

Notation in TOML, the same wherever a parameter may vary:

- `ttl = 64`, `df = true`, `flags = "RA"`: the value itself;
- `ttl = {between = [60, 220]}`: uniform, both ends included; whole numbers when both ends are whole;
- `flags = {any = ["R", "RA"]}`: one of these, each of which may be a range itself;
- `answers = ["10.10.34.34", {any = ["10.10.34.35", "10.10.34.36"]}]`: a list, each item drawn apart.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from probe_lab.lab_types import Value

MAX_DEPTH = 4
"""Ranges inside ranges; a choice of lists of ranges needs three."""


class RangeError(ValueError):
    """A range that cannot be drawn; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """The value itself."""

    value: str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """A number from `low` to `high`, both included."""

    low: int | float
    high: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several."""

    options: tuple[Range, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list whose items are drawn apart."""

    items: tuple[Range, ...]


NOTATION = "want a value, a list, {between = [low, high]} or {any = [...]}"

Range = Literal | Between | Choice | Items


def parse_range(value: object, *, depth: int = 0) -> Range:
    """Read one parameter as tomllib gives it. Raises RangeError with the reason."""
    if depth > MAX_DEPTH:
        raise RangeError(f"ranges nested deeper than {MAX_DEPTH}")
    if isinstance(value, (str, int, float)):
        return Literal(value=value)
    if isinstance(value, list):
        return Items(items=tuple(parse_range(item, depth=depth + 1) for item in value))
    if isinstance(value, dict):
        return _parse_table(value, depth=depth)
    raise RangeError(NOTATION)


def _parse_table(table: Mapping[str, object], *, depth: int) -> Range:
    keys = frozenset(table)
    if keys == {"between"}:
        return _parse_between(table["between"])
    if keys == {"any"}:
        options = table["any"]
        if not isinstance(options, list) or not options:
            raise RangeError("`any` wants a list of one or more values")
        return Choice(options=tuple(parse_range(option, depth=depth + 1) for option in options))
    raise RangeError(NOTATION)


def _parse_between(ends: object) -> Between:
    if not isinstance(ends, list) or len(ends) != 2 or not all(_is_number(end) for end in ends):
        raise RangeError("`between` wants two numbers, [low, high]")
    low, high = ends
    if low > high:
        raise RangeError(f"impossible range: {low} is above {high}")
    return Between(low=low, high=high)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def draw_range(spec: Range, *, rng: random.Random) -> Value:
    """Draw one value. Raises RangeError for a list inside a list."""
    match spec:
        case Literal(value=value):
            return value
        case Between(low=low, high=high):
            return rng.randint(low, high) if isinstance(low, int) and isinstance(high, int) else rng.uniform(low, high)
        case Choice(options=options):
            return draw_range(rng.choice(options), rng=rng)
        case Items(items=items):
            return tuple(_text(draw_range(item, rng=rng)) for item in items)


def samples(spec: Range) -> tuple[Value, ...]:
    """Values that between them show every end of every range; what holds for them holds for all that is drawn."""
    match spec:
        case Literal(value=value):
            return (value,)
        case Between(low=low, high=high):
            return low, high
        case Choice(options=options):
            return tuple(value for option in options for value in samples(option))
        case Items(items=()):
            return ((),)
        case Items(items=items):
            columns = [samples(item) for item in items]
            length = max(map(len, columns))
            return tuple(tuple(_text(column[min(row, len(column) - 1)]) for column in columns) for row in range(length))


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        raise RangeError("a list inside a list")
    return str(value).lower() if isinstance(value, bool) else str(value)


def bounds(spec: Range) -> tuple[float, float] | None:
    """The smallest and largest number that can be drawn, or None when it may be no number."""
    values = samples(spec)
    numbers = [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return (min(numbers), max(numbers)) if len(numbers) == len(values) else None
