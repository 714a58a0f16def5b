"""What is kept of each day for what many probes say together: its probe-hours, and what was said of the stretches.

See `probe_analysis.day_cache.day_cache`. It lies in `days/population` beside the cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from probe.store.files.atomic import make_folder
from probe_analysis.cells.file_names import DAYS_FOLDER
from probe_analysis.code_digest import digest_code
from probe_analysis.day_cache.day_cache import OF_RUNS, DayCache, KeptDay

_FOLDER = "population"
_OWN_ROOMS = ("cells", "counting", "day_cache", "engines", "population", "populations", "slowed", "tables", "times")


@dataclass(slots=True, kw_only=True)
class KeptHours(DayCache[KeptDay]):
    """Everything that is kept."""

    KINDS: ClassVar[tuple[str, ...]] = ("hours", "marks", "vantages", "planned", "times", *OF_RUNS)
    """Probe-hours; what failed by hour and network; what controls in the country said; planned connections; times."""

    @property
    def rows(self) -> Path:
        """Where what was said of stretches is kept."""
        return self.folder / "judged.parquet"


def open_kept_hours(out: Path, results: Path) -> KeptHours:
    """What is kept of `results` beside the cells in `out`; nothing where there is none, or where it is torn."""
    folder = out / DAYS_FOLDER / _FOLDER
    make_folder(folder)
    return KeptHours.open(folder, results)


def digest_program() -> str:
    """A digest of all code and tables that a population's verdicts follow from: another program judges anew."""
    import duckdb

    return digest_code("probe.core", "probe.catalogue", "probe.judge",
                       *(f"probe_analysis.{room}" for room in _OWN_ROOMS), versions=(duckdb.__version__,))
