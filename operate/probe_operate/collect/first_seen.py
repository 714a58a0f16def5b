"""Since when a collector has known each key, by its own clock, and the networks that its runs say they were made in.

The file `first-seen.csv` at the top of a data set has the columns of `vouched.csv` and stands in its place where
whoever gathers the data wrote none. A run counts once it was taken, and by no time that it tells of itself: times can
be made up. Runs that no key signed speak for nobody. No address stands there. Where an inbox tells from where uploads
came, runs from another network than they name speak for nobody either, and a word for the prefix stands there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from probe.core.key_names import is_key_name
from probe.core.runs import Run
from probe.store.archive.vouched_names import FIRST_SEEN_FILE, VouchedName, read_record
from probe.store.files.atomic import translate_os_errors
from probe.store.files.listing import is_there, list_paths
from probe.store.layout import csv_path
from probe.store.runs.merged_days import merged_files
from probe.store.runs.run_reader import list_runs_of_day
from probe_operate.collect.record_writing import write_record
from probe_operate.collect.run_origins import UNKNOWN, RunOrigin


@dataclass(slots=True, kw_only=True)
class FirstSeen:
    """The record of one data set, with what is noted today."""

    path: Path
    today: date
    names: dict[tuple[str, int], VouchedName]
    """Name and number of the network -> since when it is known there."""
    is_changed: bool = False

    def note(self, run: Run, since: date | None = None, *, is_held: bool = True, origin: RunOrigin = UNKNOWN) -> None:
        """A run that the data set holds, since today or an earlier day; the first day that is noted stays, and so does
        its prefix. Nothing is noted of one that it does not hold, or that came from another network than it names."""
        key = run.vantage.probe_id, run.vantage.probe_asn
        if not is_held or origin.word == "other":
            return
        if key[1] <= 0 or not is_key_name(key[0]):  # no network would be every network
            return
        day = min(since or self.today, self.today)
        if key not in self.names or day < self.names[key].since:
            self.names[key] = VouchedName(since=day, prefix=origin.prefix)
            self.is_changed = True

    def save(self) -> None:
        """Writes what was noted, as a whole or not at all. Raises StoreError."""
        if not self.is_changed:
            return
        write_record(self.path, self.names)
        self.is_changed = False


def open_first_seen(out: Path, today: date) -> FirstSeen:
    """The record of a data set. Where it has none yet, of the runs that are there, since their files were written.
    Raises StoreError."""
    path = out / FIRST_SEEN_FILE
    made = FirstSeen(path=path, today=today, names=dict(read_record(path)))
    if not is_there(path):
        for run, since in _list_stored(out):
            made.note(run, since)
    return made


def _list_stored(out: Path) -> Iterator[tuple[Run, date]]:
    """The runs of a data set, each with the day on which its file was written there; merged ones were there before."""
    for day in list_paths(out / "runs", "date=*"):
        merged = max(map(_written, merged_files(day)), default=date.max)
        for run in list_runs_of_day(day):
            path = csv_path(out, "runs", run)
            yield run, _written(path) if is_there(path) else merged


def _written(path: Path) -> date:
    with translate_os_errors(path):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
