"""Which runs and which of their rows somebody wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from probe.core.runs import Run
from probe.core.verdicts import Verdict
from probe.store.files.atomic import StoreError
from probe.store.row_codec import Row
from probe.store.runs.run_reader import read_records, stored_runs, table_rows
from probe.store.schema import Table

BY_SERVICE = ("observations", "controls", "verdicts", "services")
"""Tables whose rows can be told apart by service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What to take; what is left empty does not narrow it."""

    since: date | None = None
    """The first UTC day on which a run may have begun."""
    until: date | None = None
    """The last one."""
    services: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    """Country codes in capitals."""
    lab: bool | None = None
    """The laboratory's runs, or all others; None: whichever there are, but never both."""


def select_runs(directory: Path, choice: RunFilter, *, without: Container[str] = ()) -> list[Run]:
    """The runs of a results folder that are wanted, but for some, by date.

    Raises StoreError where nothing is stored, or where runs of the laboratory and others would be mixed.
    """
    runs = [run for run in stored_runs(directory, since=choice.since, without=without) if _is_wanted(run, choice)]
    check_not_mixed(directory, (run.vantage.lab for run in runs))
    return runs


def check_not_mixed(directory: Path, labs: Iterable[object], *, what: str = "runs") -> None:
    """Raises StoreError where some of what was read there is of the laboratory and some is not: each says whether."""
    if len(set(labs)) > 1:
        raise StoreError(f"{directory}: holds {what} of the laboratory and others, which must not be mixed: "
                         "say --lab or --no-lab")


def select_rows(directory: Path, run: Run, table: Table, services: Collection[str]) -> Iterator[Row]:
    """The rows of one table of a run, of some services or all. Raises StoreError, ValueError for `runs` by service."""
    rows = table_rows(directory, run, table)
    if not services:
        return rows
    if table.name not in BY_SERVICE:
        raise ValueError(f"the table {table.name} has no services")
    return _of_services(rows, read_records(directory, run, Verdict), services)


def _of_services(rows: Iterable[Row], verdicts: Iterable[Verdict], services: Collection[str]) -> Iterator[Row]:
    wanted = [verdict for verdict in verdicts if verdict.service in services]
    targets, inputs = ({getattr(verdict, name) for verdict in wanted} - {""} for name in ("target_id", "input"))
    tests: Mapping[str, Callable[[Row], bool]] = {
        "service": lambda row: row["service"] in services,
        "target_id": lambda row: row["target_id"] in targets or (not row["target_id"] and row["input"] in inputs),
        "input": lambda row: row["input"] in inputs,
    }
    for row in rows:
        if next(test for column, test in tests.items() if column in row)(row):
            yield row


def _is_wanted(run: Run, choice: RunFilter) -> bool:
    day = run.measurement_start_time[:10]
    return (
        (choice.since is None or day >= choice.since.isoformat())
        and (choice.until is None or day <= choice.until.isoformat())
        and (not choice.countries or run.vantage.probe_cc in choice.countries)
        and (choice.lab is None or run.vantage.lab is choice.lab)
    )
