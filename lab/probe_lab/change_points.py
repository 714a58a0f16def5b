"""When targets began and ceased to be blocked, by the rows that the probe wrote. Pure.

Only `ok` and `blocked` decide; a state is believed once two decided runs in a row agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from probe_lab.scoring.judged import Row

DECIDED = ("ok", "blocked")
AGREEING_RUNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A target began (`onset`) or ceased (`end`) to be blocked between two runs."""

    target_id: str
    kind: str
    earliest: datetime
    """The last run that said the old state."""
    latest: datetime
    """The first run that said the new one."""
    block_type: str
    """The most frequent cause on the blocked side."""


def find_changes(verdicts: Iterable[Row]) -> tuple[Change, ...]:
    """Every onset and end of rows of the table `verdicts`, target by target, each in order of time."""
    series: dict[str, list[Row]] = {}
    for row in sorted(verdicts, key=_time):
        if row["outcome"] in DECIDED:
            series.setdefault(row["target_id"], []).append(row)
    return tuple(_change(before, after) for rows in series.values() for before, after in pairwise(_states(rows)))


def _time(row: Row) -> datetime:
    return datetime.fromisoformat(row["measurement_start_time"])


def _states(rows: Iterable[Row]) -> list[list[Row]]:
    """The stretches of rows that agree; a lone contrary row is left out."""
    states: list[list[Row]] = []
    for outcome, group in groupby(rows, key=lambda row: row["outcome"]):
        stretch = list(group)
        if states and states[-1][0]["outcome"] == outcome:
            states[-1] += stretch
        elif len(stretch) >= AGREEING_RUNS:
            states.append(stretch)
    return states


def _change(before: Sequence[Row], after: Sequence[Row]) -> Change:
    onset = after[0]["outcome"] == "blocked"
    causes = Counter(row["block_type"] for row in (after if onset else before))
    return Change(
        target_id=after[0]["target_id"],
        kind="onset" if onset else "end",
        earliest=_time(before[-1]),
        latest=_time(after[0]),
        block_type=causes.most_common(1)[0][0],
    )
