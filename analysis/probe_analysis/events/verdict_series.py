"""When a target began and ceased to be blocked: change points of verdict rows, with honest brackets.

Only `ok` and `blocked` decide. Every other outcome (down, network, local, inconclusive, not_attempted) is a gap: it
is never counted as either, it only widens the bracket in which a change may have happened. A state is believed once
two decided runs in a row agree; a lone contrary run is no change.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from probe.config.geo.vantage_place import network_of
from probe.core.runs import Run
from probe.core.tables.versions import TLS_LIBRARY
from probe.judge.verdicts.share_series import RunShare

DECIDED = frozenset({"ok", "blocked"})
AGREEING_RUNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNetwork:
    """Whose rows may be compared with each other: one network, and never the laboratory with the world."""

    lab: bool
    probe_cc: str
    probe_asn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """What a series needs of one verdict and its run."""

    time: datetime
    """Start of the run, with a time zone."""
    run_id: str
    network: ReportNetwork
    target_id: str
    outcome: str
    block_type: str
    instrument: tuple[str, ...]
    """Versions of software, rules, catalogue, and of the library that shapes the ClientHello."""
    share: RunShare | None = None
    """How many of its planned connections were in trouble; None: nobody counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSegment:
    """A stretch of runs that agree: a state that was believed, from its first to its last run."""

    outcome: str
    """ok or blocked."""
    first: VerdictRow
    last: VerdictRow
    n: int
    """Decided runs that agree."""
    n_contrary: int
    """Decided runs in between that do not, each too lonely to be a change."""
    block_types: tuple[tuple[str, int], ...]
    """(block type, runs) of the blocked runs, the most frequent first."""
    longest_gap: timedelta
    """Longest time between two decided runs within the stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockChange:
    """A target began (`onset`) or ceased (`end`) to be blocked, some time between two runs."""

    target_id: str
    network: ReportNetwork
    kind: str
    earliest: datetime
    """The last run that still said the old state."""
    latest: datetime
    """The first run that said the new one."""
    block_type: str
    """The most frequent cause on the blocked side."""
    n_before: int
    n_after: int
    instrument_changed: bool
    """Software, rules, catalogue or ClientHello changed in the same bracket: suspect the instrument first."""


def read_instrument(run: Run) -> tuple[str, ...]:
    """Versions of software, rules, catalogue, and of the library that shapes the ClientHello, as far as it does; and
    that shape, where the run tells it."""
    library = re.match(TLS_LIBRARY, run.vantage.openssl_version)
    return (run.software_version, run.rules_version, run.catalogue_version, library[1] if library else "",
            run.own_hello)


def read_network(run: Run) -> ReportNetwork:
    """The network that a run belongs to; what is in doubt of it (`vantage_doubt`) is not told."""
    cc, asn = network_of(run.vantage)
    return ReportNetwork(lab=run.vantage.lab, probe_cc=cc, probe_asn=asn)


def find_changes(rows: Iterable[VerdictRow]) -> tuple[BlockChange, ...]:
    """Every onset and end, target by target and network by network, each in order of time."""
    return tuple(
        change for series in split_series(rows).values() for change in find_changes_between(find_segments(series))
    )


def split_series(rows: Iterable[VerdictRow]) -> Mapping[tuple[ReportNetwork, str], Sequence[VerdictRow]]:
    """(network, target) -> its rows in order of time; keys in order of first appearance."""
    series: dict[tuple[ReportNetwork, str], list[VerdictRow]] = {}
    for row in rows:
        series.setdefault((row.network, row.target_id), []).append(row)
    return {key: sorted(found, key=lambda row: (row.time, row.run_id)) for key, found in series.items()}


def find_segments(series: Sequence[VerdictRow]) -> tuple[StateSegment, ...]:
    """The believed states of one series in order of time; none while no two decided runs in a row agree."""
    decided = [row for row in series if row.outcome in DECIDED]
    believed: list[list[int]] = []
    for outcome, group in groupby(range(len(decided)), key=lambda place: decided[place].outcome):
        stretch = list(group)
        if believed and decided[believed[-1][0]].outcome == outcome:
            believed[-1] += stretch
        elif len(stretch) >= AGREEING_RUNS:
            believed.append(stretch)
    return tuple(_segment(stretch, decided) for stretch in believed)


def find_changes_between(believed: Sequence[StateSegment]) -> tuple[BlockChange, ...]:
    """The changes from each believed state to the next."""
    return tuple(_change(before, after) for before, after in pairwise(believed))


def _segment(places: Sequence[int], decided: Sequence[VerdictRow]) -> StateSegment:
    """`places`: where the rows of the stretch stand among the decided ones."""
    stretch = [decided[place] for place in places]
    first, last = stretch[0], stretch[-1]
    within = decided[places[0] : places[-1] + 1]
    gaps = [later.time - earlier.time for earlier, later in pairwise(within)]
    causes = Counter(row.block_type for row in stretch if row.outcome == "blocked")
    return StateSegment(
        outcome=first.outcome,
        first=first,
        last=last,
        n=len(stretch),
        n_contrary=len(within) - len(stretch),
        block_types=tuple(causes.most_common()),
        longest_gap=max(gaps, default=timedelta(0)),
    )


def _change(before: StateSegment, after: StateSegment) -> BlockChange:
    onset = after.outcome == "blocked"
    causes = (after if onset else before).block_types
    return BlockChange(
        target_id=after.first.target_id,
        network=after.first.network,
        kind="onset" if onset else "end",
        earliest=before.last.time,
        latest=after.first.time,
        block_type=causes[0][0],
        n_before=before.n,
        n_after=after.n,
        instrument_changed=before.last.instrument != after.first.instrument,
    )
