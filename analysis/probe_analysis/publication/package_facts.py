"""What is told of a released data set: who made it of what, when, by which rules, and how much is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from probe import __version__
from probe.core.runs import Run
from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe.store.row_codec import Row
from probe.store.schema import SCHEMA_VERSION
from probe.store.verification.folder_checks import FolderChecks
from probe_analysis.exports.release import DELAY, MIN_PROBES, WINDOW_DAYS
from probe_analysis.exports.run_choice import RunFilter

TITLE = "Reachability of messaging services"
KEYWORDS = ("censorship", "messaging", "network measurement")
LICENCES: Mapping[str, tuple[str, str]] = {
    "CC-BY-4.0": ("Creative Commons Attribution 4.0 International", "https://creativecommons.org/licenses/by/4.0/"),
    "CC0-1.0": ("Creative Commons Zero 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "ODbL-1.0": ("Open Data Commons Open Database License 1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
}
"""SPDX identifier -> title and address of its text."""
ANONYMOUS = "Contributors to the reachability probe"
"""Stands where no creator is named: a volunteer's name is never taken from the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageOrder:
    """What the publisher states."""

    version: str
    licence: str = "CC-BY-4.0"
    creators: tuple[str, ...] = ()
    note: str = ""
    """Why this release was made, or what was corrected."""

    @property
    def named_creators(self) -> tuple[str, ...]:
        """Who is to be cited."""
        return self.creators or (ANONYMOUS,)


@dataclass(slots=True, kw_only=True)
class TableCount:
    """What one table of the package holds; counted while it is written."""

    rows: int = 0
    days: Counter[str] = field(default_factory=Counter)
    """UTC day -> rows."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Outcome -> rows; empty in tables without outcomes."""

    def count(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted."""
        for row in rows:
            self.rows += 1
            self.days[str(row["measurement_start_time"])[:10]] += 1
            if "outcome" in row:
                self.outcomes[str(row["outcome"])] += 1
            yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """All that the descriptions of a package are made from."""

    order: PackageOrder
    made: datetime
    lab: bool
    runs: int
    held_back: int
    partial: int
    """Runs among them that were ended from outside: rows of observations, and no verdicts."""
    checks: FolderChecks
    """What was left out because it is not as it was signed."""
    tables: Mapping[str, TableCount]
    versions: Mapping[str, tuple[str, ...]]
    """`rules_version` and so on -> those that occur."""
    choice: RunFilter

    @property
    def days(self) -> tuple[str, str]:
        """The first and last day of which there are rows; empty where there are none."""
        found = [day for table in self.tables.values() for day in table.days]
        return (min(found), max(found)) if found else ("", "")

    @property
    def title(self) -> str:
        """What the package is called."""
        first, last = self.days
        return f"{TITLE}, {'made in a laboratory' if self.lab else 'measured by volunteers'}, {first} to {last}"

    @property
    def description(self) -> str:
        """Two sentences on what it is."""
        what = ("Simulated measurements from a laboratory; they say nothing of any real network." if self.lab else
                "Measurements of whether messaging services can be reached, and what stops them, made by volunteers.")
        return (f"{what} {self.runs} runs, judged by probe {__version__}; time and network are coarse where fewer "
                f"than {MIN_PROBES} probes measured.")

    @property
    def cite_as(self) -> str:
        """A citation in words; the DOI is added by whoever publishes."""
        return (f"{', '.join(self.order.named_creators)} ({self.made:%Y}). {self.title} (version {self.order.version}) "
                "[Data set].")


def list_versions(runs: Iterable[Run]) -> Mapping[str, tuple[str, ...]]:
    """With which versions of what the runs were made."""
    held = list(runs)
    names = ("rules_version", "catalogue_version", "software_version", "schema_version")
    return {name: tuple(sorted({getattr(run, name) for run in held} - {""})) for name in names}


def make_provenance(facts: PackageFacts) -> dict[str, object]:
    """How the package came about, for programs."""
    choice = facts.choice
    return {
        "version": facts.order.version,
        "made_on": f"{facts.made:%Y-%m-%d}",
        "made_by": {"program": "probe", "version": __version__, "command": "probe export --release --format package"},
        "schema_version": SCHEMA_VERSION,
        "laboratory": facts.lab,
        "chosen": {"since": choice.since.isoformat() if choice.since else None,
                   "until": choice.until.isoformat() if choice.until else None,
                   "services": sorted(choice.services), "countries": sorted(choice.countries)},
        "runs": {"released": facts.runs, "held_back": facts.held_back, "partial": facts.partial},
        "made_with": {name: list(found) for name, found in facts.versions.items()},
        "release_rules": {"least_probes_of_a_network": MIN_PROBES, "within_days": WINDOW_DAYS,
                          "known_for_days": ESTABLISHED_DAYS,
                          "delay_hours": DELAY.total_seconds() / 3600,
                          "run_names": "new in every release: rows of two releases cannot be joined by them"},
        "tables": {name: {"rows": table.rows, "days": len(table.days)} for name, table in facts.tables.items()},
    }
