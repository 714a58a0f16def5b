"""One line of a chart of many steps: how each step is called, and what was counted in all of them, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.time_buckets import BucketCell

LETTERS: Mapping[str, str] = {
    "ok": "✓", "blocked": "B", "partial": "P", "mixed": "M", "few": "F", "down": "D", "network": "N", "local": "L",
    "inconclusive": "?", "not_attempted": "-", "none": "",
}
"""State -> letter in a chart. The letter and the place say what the colour says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripRow:
    """What is drawn and written of one line."""

    states: Sequence[str]
    """Of each step, as `BucketCell.state`."""
    decided: int
    """Runs with a deciding outcome over all steps: the n of the line."""
    outcomes: Sequence[tuple[str, int]]
    """(outcome, runs) over all steps, the most frequent first."""


def make_strip_rows(lines: Mapping[str, Sequence[BucketCell]]) -> dict[str, StripRow]:
    """From a cell for each step of each line."""
    return {key: StripRow(states=[cell.state for cell in line], decided=count_decided(line),
                          outcomes=sum_outcomes(line)) for key, line in lines.items()}


def sum_outcomes(line: Sequence[BucketCell]) -> Sequence[tuple[str, int]]:
    """(outcome, runs) over all steps, the most frequent first."""
    found: Counter[str] = Counter()
    for cell in line:
        found.update(dict(cell.counts))
    return found.most_common()


def count_decided(line: Sequence[BucketCell]) -> int:
    """Decided runs over all steps: the n of a chart."""
    return sum(cell.decided() for cell in line)


def format_counts(counts: Sequence[tuple[str, int]], say: ReportLanguage) -> str:
    """`ok 20, blocked 3`, from (outcome, runs); words that are none of ours stay as they stand."""
    return say("page.comma").join(f"{say.name_word('outcome', state)} {n}" for state, n in counts)
