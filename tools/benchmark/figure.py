"""One measured figure beside its target, and a table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured; `at_most` or `at_least` is the target, None where there is none."""

    label: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most


def spread(values: Sequence[float], *, unit: str) -> str:
    """How far single values lay apart, for the note of a median."""
    return f"median of {len(values)}, {_number(min(values))} to {_number(max(values))} {unit}".rstrip()


def middle(label: str, values: Sequence[float], *, unit: str = "", at_most: float | None = None) -> Figure:
    """The median of several measurements. Raises statistics.StatisticsError without any."""
    return Figure(label=label, value=median(values), unit=unit, at_most=at_most, note=spread(values, unit=unit))


def lines_of(figures: Sequence[Figure]) -> list[str]:
    """A table: label, value, target, whether it is met, note."""
    rows = [(f.label, f"{_number(f.value)} {f.unit}".strip(), _target(f), f.note) for f in figures]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    return [
        f"{label:<{widths[0]}}  {value:>{widths[1]}}  {target:<{widths[2]}}  {note}".rstrip()
        for label, value, target, note in rows
    ]


def _target(figure: Figure) -> str:
    target = figure.at_most if figure.at_least is None else figure.at_least
    if target is None:
        return ""
    bound = "at most" if figure.at_least is None else "at least"
    return f"{'met' if figure.met else 'MISSED'} ({bound} {_number(target)})"


def _number(value: float) -> str:
    """Three significant digits; whole numbers beyond."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
