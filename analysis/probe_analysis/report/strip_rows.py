"""One line of a chart of many steps: how each step is called, and what was counted in all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from probe_analysis.report.time_buckets import BucketCell


@dataclass(frozen=True, slots=True, kw_only=True)
class StripRow:
    """What is drawn and written of one line."""

    states: Sequence[str]
    """Of each step, as `BucketCell.state`."""
    decided: int
    """Runs with a deciding outcome over all steps: the n of the line."""
    outcomes: Sequence[tuple[str, int]]
    """(outcome, runs) over all steps, the most frequent first."""


def make_strip_row(line: Sequence[BucketCell]) -> StripRow:
    """From a cell for each step."""
    return StripRow(states=[cell.state for cell in line], decided=count_decided(line), outcomes=sum_outcomes(line))


def sum_outcomes(line: Sequence[BucketCell]) -> Sequence[tuple[str, int]]:
    """(outcome, runs) over all steps, the most frequent first."""
    found: Counter[str] = Counter()
    for cell in line:
        found.update(dict(cell.counts))
    return found.most_common()


def count_decided(line: Sequence[BucketCell]) -> int:
    """Decided runs over all steps: the n of a chart."""
    return sum(cell.decided() for cell in line)
