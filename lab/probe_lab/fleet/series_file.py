"""Synthetic blocks in somebody's real counts: a score that does not hang on our own simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from probe.store.files.atomic import StoreError
from probe_analysis.counts.counts_cells import make_cells
from probe_analysis.counts.counts_rows import judge_counts
from probe_analysis.counts.counts_text import read_counts_text
from probe_analysis.events.cell_series import CellTable
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.series_reading import read_cells

_SHORTEST_H, _LONGEST_H = 2, 60 * 24
_LONG_H, _LONG_STEPS = 6, 3


class SeriesError(ValueError):
    """The file holds no such counts; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """A block that was put into the counts. Times are numbers of cells."""

    place: str
    target: str
    networks: int
    begin: int
    stop: int
    strength: float
    measured: int
    """Cells in it."""
    found: bool
    onset_error: int | None
    """In cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesScore:
    """What detection makes of real counts with blocks put into them."""

    rows: int
    rejected: int
    step_s: int
    series: int
    events_without: int
    """Events found before anything was put in: real, or false, nobody knows."""
    injected: tuple[Injected, ...]
    new_false: int
    """Events that are there only since, and tell of none of the blocks."""
    long_steps: int

    @property
    def recall(self) -> float | None:
        """Of blocks of six hours or three cells, whichever is longer."""
        long = [block for block in self.injected if block.stop - block.begin >= self.long_steps]
        return sum(block.found for block in long) / len(long) if long else None

    @property
    def onset_error(self) -> float | None:
        """Median, in cells."""
        errors = [block.onset_error for block in self.injected if block.onset_error is not None]
        return float(np.median(errors)) if errors else None


def read_series(path: Path, now: datetime) -> tuple[pd.DataFrame, timedelta, int]:
    """The counts as a cell table of roles, the time between its cells, and how many rows were left out. The table has
    no column `witnesses` where nobody counted them.

    Raises SeriesError.
    """
    try:
        counts = judge_counts(read_counts_text(path), now)
    except StoreError as error:
        raise SeriesError(str(error)) from error
    if counts.table.empty:
        raise SeriesError(f"{path}: no row can be used")
    cells = make_cells(counts)
    if "witnesses" not in counts.table:
        cells = cells.drop(columns="witnesses")
    return (cells[cells["level"] == "role"].reset_index(drop=True), counts.step,
            sum(entry.rows for entry in counts.left_out.values()))


def score_series(table: pd.DataFrame, step: timedelta, seed: int, rejected: int = 0, blocks: int = 20) -> SeriesScore:
    """Puts at most so many blocks into the counts and looks whether they are found."""
    cells = _read(table, step)
    without = examine_cells(cells).events
    rng = np.random.default_rng(seed)
    changed, truth = _inject(rng, table, cells, blocks, without)
    events = examine_cells(_read(changed, step)).events
    matched: set[int] = set()
    injected = []
    for block in truth:
        mine = [event for event in events if _overlaps(event, block, cells)]
        matched |= {id(event) for event in mine}
        injected.append(_marked(block, mine, cells))
    known = [event for event in events if id(event) not in matched]
    false = sum(not any(_alike(event, other) for other in without) for event in known)
    return SeriesScore(
        rows=len(table), rejected=rejected, step_s=int(step.total_seconds()), series=len(cells.series),
        events_without=len(without), injected=tuple(injected), new_false=false,
        long_steps=max(_LONG_STEPS if step > timedelta(hours=2) else 1, -(-timedelta(hours=_LONG_H) // step)),
    )


def _read(table: pd.DataFrame, step: timedelta) -> CellTable:
    """The cells as `probe analyse` reads them of counts."""
    counted = "witnesses" in table
    return read_cells(table if counted else table.assign(witnesses=table["n"]), step, witnesses_told=counted)


def _inject(rng: np.random.Generator, table: pd.DataFrame, cells: CellTable, most: int, without: Sequence[Event],
            ) -> tuple[pd.DataFrame, list[Injected]]:
    """At most one block for each target and country, in a quarter of them at most, away from what is there already."""
    groups: dict[tuple[str, str], list[int]] = {}
    for number, series in enumerate(cells.series):
        if len(series.times) >= 20:
            groups.setdefault((series.place.cc, series.service), []).append(number)
    keys = sorted(key for key in groups if not any((e.place, e.service) == key for e in without)) or sorted(groups)
    if not keys:
        raise SeriesError("no series has twenty cells; give a longer time")
    chosen = rng.permutation(len(keys))[:max(1, min(most, len(keys) // 4))]
    time = (table["cell_start"].dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
            // int(cells.step.total_seconds()))
    ok, blocked = table["ok"].to_numpy().copy(), table["blocked"].to_numpy().copy()
    truth = []
    for at in chosen:
        place, target = keys[at]
        numbers = groups[keys[at]]
        struck = numbers if rng.random() < 0.5 else [int(rng.choice(numbers))]
        asns = [cells.series[number].place.asn for number in struck]
        begin, stop = _when(rng, cells, struck)
        inside = ((time >= begin) & (time < stop) & (table["service"] == target).to_numpy()
                  & (table["probe_cc"] == place).to_numpy() & table["probe_asn"].isin(asns).to_numpy())
        strength = 1.0 if rng.random() < 0.3 else float(rng.uniform(0.4, 1))
        more = rng.binomial(ok[inside], strength)
        ok[inside] -= more
        blocked[inside] += more
        if inside.any():
            truth.append(Injected(place=place, target=target, networks=len(asns), begin=begin, stop=stop,
                                  strength=strength, measured=int(inside.sum()), found=False, onset_error=None))
    return table.assign(ok=ok, blocked=blocked), truth


def _when(rng: np.random.Generator, cells: CellTable, numbers: Sequence[int]) -> tuple[int, int]:
    """Begins and ends between cells that were measured: nobody can find what began before or ended after."""
    times = np.unique(np.concatenate([cells.series[number].times for number in numbers]))
    shortest = max(1, round(timedelta(hours=_SHORTEST_H) / cells.step))
    longest = max(shortest + 1, min(round(timedelta(hours=_LONGEST_H) / cells.step), len(times) // 3))
    length = round(float(np.exp(rng.uniform(np.log(shortest), np.log(longest)))))
    first = int(times[rng.integers(len(times) // 5, max(len(times) // 5 + 1, len(times) - length - 1))])
    return first, first + max(1, length)


def _overlaps(event: Event, block: Injected, cells: CellTable) -> bool:
    if (event.place, event.service) != (block.place, block.target):
        return False
    begin, stop = cells.time(block.begin), cells.time(block.stop)
    common = min(event.end_from, stop) - max(event.onset, begin)
    return common >= 0.5 * min(event.end_from - event.onset, stop - begin)


def _marked(block: Injected, events: Sequence[Event], cells: CellTable) -> Injected:
    if not events:
        return block
    first = min(event.onset for event in events)
    return replace(block, found=True, onset_error=abs(round((first - cells.time(block.begin)) / cells.step)))


def _alike(one: Event, other: Event) -> bool:
    return ((one.kind, one.place, one.service) == (other.kind, other.place, other.service)
            and one.onset < other.end_from and other.onset < one.end_from)
