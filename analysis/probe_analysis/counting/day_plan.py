"""Which days have to be counted, and what each of them has to know of the others.

A day's cells follow from its files, from the names of runs that other days hold too, from whether there are files of
runs at all, and from the code that counts. What is kept of a day counts where all of that is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby

import ibis.expr.types as ir
import numpy as np

from probe.store.archive.own_files import OwnFile
from probe.store.files.atomic import StoreError
from probe_analysis.cells import cell_expressions as cell
from probe_analysis.cells.cell_inputs import DayChunk, FileGroup, LookedFiles, look_into, make_portions
from probe_analysis.cells.name_standing import DayNames, DayStanding, VouchedNumbers, judge_days
from probe_analysis.code_digest import digest_code
from probe_analysis.counting.day_names import read_day_names
from probe_analysis.counting.known_days import KnownDay, KnownDays
from probe_analysis.counting.portion_counting import PortionCounter
from probe_analysis.day_cache.run_crossings import NO_RUNS, RunNumbers, find_crossings, number_runs
from probe_analysis.engines.engine import AnalysisEngine

REQUIRED: Mapping[str, frozenset[str]] = {
    "runs": frozenset(cell.RUN) - cell.OPTIONAL,
    "verdicts": frozenset(("run_id", *cell.VERDICT)) - cell.OPTIONAL,
    "services": frozenset(("run_id", *cell.SERVICE)),
}
"""Table -> columns without which a file of it is left out."""
_ROOMS = ("probe_analysis.cells", "probe_analysis.counting", "probe_analysis.day_cache", "probe_analysis.engines")
"""The code that counts: another program counts everything anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingTerms:
    """What else the cells of every day follow from."""

    engine: str
    lab: bool
    now: datetime
    everything: bool
    """Count every day anew, whatever is known."""
    vouched: VouchedNumbers | None = None
    """The collector's record of names, where there is one."""

    @property
    def salt(self) -> str:
        """A word that is another one where cells are counted in another way."""
        return f"{digest_code(*_ROOMS)} {self.engine} {self.lab}"


@dataclass(slots=True, kw_only=True)
class DayPlan:
    """The days to count, and what is known for that."""

    by_day: Mapping[str, Sequence[OwnFile]]
    known: KnownDays
    looked: LookedFiles
    files: dict[str, str]
    """Day -> digest of its files."""
    keys: dict[str, str]
    """Day -> digest of all that its cells follow from."""
    counted: frozenset[str]
    """Days to count; all others are known."""
    crossings: dict[str, RunNumbers]
    numbers: dict[str, RunNumbers]
    """Of the days whose runs were read."""
    names: dict[str, DayNames]
    """The same."""
    standing: Mapping[str, DayStanding]
    """Who counts on each day."""
    framed: bool
    runs: ir.Table | None
    """The runs of the days to count, judged; None where no day is counted."""

    def portions(self, wanted: Sequence[str], portion_rows: int) -> Iterator[DayChunk | str]:
        """These days in their order: the name of one that is known, or some that are counted at once."""
        for is_counted, days in groupby(wanted, key=lambda day: day in self.counted):
            if is_counted:
                yield from make_portions({day: self.looked.found[day] for day in days if day in self.looked.found},
                                         portion_rows)
            else:
                yield from days

    def numbers_of(self, day: str) -> RunNumbers:
        """The numbers of a day's runs, as they are now."""
        return self.numbers[day] if day in self.numbers else self.known.numbers(day)

    def names_of(self, day: str) -> DayNames:
        """Who measured on a day, as it is now."""
        return self.names[day] if day in self.names else self.known.names(day)

    def is_usable(self, day: str) -> bool:
        """Whether any file of a day could be opened."""
        return day in self.looked.found if day in self.counted else self.known.days[day].usable

    def has_runs(self, day: str) -> bool:
        """Whether there are files of runs of a day."""
        return _has_runs(self.looked, day) if day in self.looked.found else _was(self.known, day)


def plan_days(by_day: Mapping[str, Sequence[OwnFile]], known: KnownDays, counter: PortionCounter,
              terms: CountingTerms) -> DayPlan:
    """Looks at the files of all days, and opens those of the days that are not known as they are."""
    files = known.digest_files(by_day, terms.salt)
    fresh = [day for day in by_day if terms.everything or not known.is_as_it_was(day, files[day], terms.now)]
    looked = look_into({day: by_day[day] for day in fresh}, REQUIRED)
    framed = not any(_has_runs(looked, day) if day in fresh else _was(known, day) for day in by_day)
    if framed != known.framed and len(fresh) < len(by_day):
        fresh = list(by_day)
        looked = look_into(by_day, REQUIRED)
    plan = DayPlan(by_day=by_day, known=known, looked=looked, files=files, keys={}, counted=frozenset(fresh),
                   crossings={}, numbers={}, names={}, standing={}, framed=framed, runs=None)
    if fresh:
        plan.runs = _judge(plan, counter, fresh, terms)
        plan.numbers = _number(counter.engine, plan.runs, fresh)
        plan.names = read_day_names(counter.engine, plan.runs, fresh)
    plan.standing = judge_days(sorted(by_day), plan.names_of, terms.vouched)
    before = {day: known_day.crossings for day, known_day in known.days.items() if day not in plan.counted}
    plan.crossings = find_crossings(by_day, plan.numbers_of, fresh, before)
    for day in by_day:
        made_from = f"{files[day]} {framed} {plan.standing[day].digest} ".encode()
        made_from += plan.crossings.get(day, NO_RUNS).tobytes()
        plan.keys[day] = sha256(made_from).hexdigest()
    return _with_partners(plan, counter, terms)


def _with_partners(plan: DayPlan, counter: PortionCounter, terms: CountingTerms) -> DayPlan:
    """The plan with the days whose runs others have taken or given back; runs are judged beside those they meet."""
    changed = {day for day in plan.by_day if day not in plan.counted and plan.known.days[day].key != plan.keys[day]}
    fresh, plan.counted = plan.counted, plan.counted | changed
    partners = set(plan.crossings) if any(day in plan.crossings for day in plan.counted) else set()
    more = {day: plan.by_day[day] for day in plan.by_day if day in (changed | partners) - fresh}
    if more:
        looked = look_into(more, REQUIRED)
        plan.looked.found.update(looked.found)
        plan.looked.bad += [bad for bad in looked.bad if any(bad.path == own.path for day in changed
                                                             for own in plan.by_day[day])]
        counter.engine.torn()  # is told again by those who read the same files again
        plan.runs = _judge(plan, counter, sorted({*fresh, *more}), terms)
        plan.numbers |= _number(counter.engine, plan.runs, sorted(changed))
        plan.names |= read_day_names(counter.engine, plan.runs, sorted(changed))
    return plan


def _judge(plan: DayPlan, counter: PortionCounter, days: Sequence[str], terms: CountingTerms) -> ir.Table:
    """The runs of these days, judged; those of one other day where these have none, so that there is a table."""
    groups = _groups_of_runs(plan.looked, days, framed=plan.framed)
    others = (look_into({day: plan.by_day[day]}, REQUIRED) for day in plan.by_day if day not in days)
    while not groups:
        other = next(others, None)
        if other is None:
            first = next(iter(plan.by_day.values()))[0].path
            raise StoreError(f"{first.parents[2]}: no file of runs can be read, and the other tables do not say whose "
                             "their rows are; restore the folder `runs`")
        groups = _groups_of_runs(other, list(other.found), framed=plan.framed)
    return counter.judge_runs(groups, framed=plan.framed, now=terms.now, lab=terms.lab)


def _groups_of_runs(looked: LookedFiles, days: Sequence[str], *, framed: bool) -> tuple[FileGroup, ...]:
    found = {day: looked.found[day] for day in days if day in looked.found}
    groups = [group for chunk in make_portions(found, 1 << 62) for group in chunk.groups]
    if not framed:
        return tuple(group for group in groups if group.table == "runs")
    return tuple(group for group in groups if set(cell.FRAME) - cell.OPTIONAL <= set(group.columns))


def _number(engine: AnalysisEngine, runs: ir.Table, days: Sequence[str]) -> dict[str, RunNumbers]:
    """The numbers of the runs of each day."""
    made: dict[str, list[RunNumbers]] = {day: [NO_RUNS] for day in days}
    for batch in engine.batches(runs.select("day", "run_id").order_by("day")):
        for day, names in batch.to_pandas().groupby("day", sort=False)["run_id"]:
            if day in made:
                made[str(day)].append(number_runs(names.to_numpy(dtype=object)))
    return {day: np.unique(np.concatenate(parts)) for day, parts in made.items()}


def _has_runs(looked: LookedFiles, day: str) -> bool:
    return any(file.own.table == "runs" for file in looked.found.get(day, ()))


def _was(known: KnownDays, day: str) -> bool:
    known_day: KnownDay | None = known.days.get(day)
    return known_day is not None and known_day.has_runs
