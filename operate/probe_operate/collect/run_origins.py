"""What the collector keeps of where each run of a data set came from: a word, and a word for the prefix.

The folder `run-origins` at the top of a data set has a file for each day on which runs came; `name-origins.csv` sums
them up. A run that came through an inbox which tells no origins, or was carried by hand, is of unknown origin.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from probe.config.geo.geo_table import NO_COUNTRY
from probe.core.key_names import is_key_name
from probe.core.runs import Run
from probe.core.tables.origin_words import OriginWord
from probe.store.archive.name_origins import (
    NAME_ORIGINS_FILE,
    NameOrigins,
    read_name_origins,
)
from probe.store.archive.own_files import RUN_ORIGINS_FOLDER
from probe.store.files.atomic import append_lines, make_folder, translate_os_errors
from probe_operate.collect.record_writing import write_name_origins
from probe_operate.collect.upload_origins import UploadOrigin, UploadOrigins, name_day_file

_COLUMNS = b"run_id,origin,prefix\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrigin:
    """Of one run."""

    word: OriginWord
    prefix: str = ""
    """Empty: unknown."""


UNKNOWN = RunOrigin(word="unknown")


def judge_origin(run: Run, seen: UploadOrigin | None) -> RunOrigin:
    """Whether a run came from the network that it names. Pure.

    The run's own words for a second network (of its other family) do not count: anybody could name two. What the table
    does not know of the source contradicts nothing.
    """
    if seen is None:
        return UNKNOWN
    vantage = run.vantage
    if not seen.asn or vantage.probe_asn <= 0:
        return RunOrigin(word="unknown", prefix=seen.prefix)
    is_there = seen.cc == vantage.probe_cc or NO_COUNTRY in (seen.cc, vantage.probe_cc)
    word: OriginWord = "same" if seen.asn == vantage.probe_asn and is_there else "other"
    return RunOrigin(word=word, prefix=seen.prefix)


@dataclass(slots=True, kw_only=True)
class RunOrigins:
    """The record of one data set, while one collection goes on."""

    out: Path
    today: date
    uploads: UploadOrigins
    names: dict[tuple[str, int], NameOrigins]
    runs: dict[str, tuple[tuple[str, int], RunOrigin]] = field(default_factory=dict)
    """Of runs that were taken now: the name and the network, and what was found."""

    def judge(self, run: Run, upload: str) -> RunOrigin:
        """Of a run that lay at this path of an inbox."""
        return judge_origin(run, self.uploads.find(upload))

    def note(self, run: Run, upload: str) -> None:
        """A run that the data set did not hold before."""
        self.runs[run.run_id] = (run.vantage.probe_id, run.vantage.probe_asn), self.judge(run, upload)

    def strike(self, run_id: str) -> None:
        """A run that was taken out again."""
        self.runs.pop(run_id, None)

    def count(self) -> Counter[OriginWord]:
        """How many runs of each origin were noted now."""
        return Counter(found.word for _, found in self.runs.values())

    def save(self) -> None:
        """Writes what was noted. Raises StoreError."""
        if not self.runs:
            return
        changed = set()
        for key, found in self.runs.values():
            if key[1] > 0 and is_key_name(key[0]):
                self.names.setdefault(key, NameOrigins()).counts[found.word] += 1
                changed.add(key)
        for key in changed:
            self.names[key].settle(self.today)
        write_name_origins(self.out / NAME_ORIGINS_FILE, self.names)
        lines = "".join(f"{run_id},{found.word},{found.prefix}\n" for run_id, (_, found) in sorted(self.runs.items()))
        path = self.out / RUN_ORIGINS_FOLDER / name_day_file(self.today)
        make_folder(path.parent)
        with translate_os_errors(path):
            append_lines(path, (b"" if path.exists() else _COLUMNS) + lines.encode())


def open_run_origins(out: Path, today: date, uploads: UploadOrigins) -> RunOrigins:
    """The record of a data set. Raises StoreError."""
    return RunOrigins(out=out, today=today, uploads=uploads, names=read_name_origins(out / NAME_ORIGINS_FILE))
