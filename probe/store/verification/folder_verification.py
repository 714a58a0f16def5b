"""Verifies everything that is stored in a results folder, file by file, whatever was verified before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from probe.core.progress import Progress, ignore_progress
from probe.core.tables.signature_words import SignatureState
from probe.store.files.atomic import StoreError
from probe.store.files.listing import list_paths
from probe.store.files.parquet import available
from probe.store.layout import PACKETS_FOLDER, PARQUET_FOLDER
from probe.store.schema import TABLES
from probe.store.signing.signature_check import SIGNED_TABLES, RunCheck
from probe.store.verification.csv_checks import check_csv_day, read_csv_run
from probe.store.verification.day_repair import repair_day
from probe.store.verification.parquet_checks import check_parquet_day

StoredForm = Literal["csv", "parquet"]
FORMS: tuple[StoredForm, ...] = ("csv", "parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedRun:
    """A run that is not what was signed, or cannot be read, in one form of its files."""

    day: str
    form: StoredForm
    check: RunCheck


@dataclass(slots=True, kw_only=True)
class FolderVerification:
    """What was found in one results folder."""

    directory: Path
    runs: dict[StoredForm, Counter[SignatureState]] = field(default_factory=dict)
    """Form -> state -> runs."""
    tables: dict[StoredForm, dict[str, Counter[SignatureState]]] = field(default_factory=dict)
    """Form -> table -> state -> runs: whole tables of a damaged run are `signed`, or `unsigned` where the row that says
    more is damaged."""
    damaged: list[DamagedRun] = field(default_factory=list)
    repaired: list[Path] = field(default_factory=list)
    parquet_unread: bool = False
    """There are Parquet files, and nothing here to read them with."""

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged


def verify_folder(directory: Path, *, repair: bool = False, progress: Progress = ignore_progress) -> FolderVerification:
    """Verifies the runs of a folder by their CSV and by their Parquet files; with `repair`, which only the holder of
    the folder's lock may ask for, what is damaged is written anew from the other form first.

    Raises StoreError when a file cannot be written.
    """
    found = FolderVerification(directory=directory)
    days = sorted({path.name.removeprefix("date=") for root in (directory, directory / PARQUET_FOLDER)
                   for path in list_paths(root / "runs", "date=*")})
    found.parquet_unread = not available() and bool(
        list_paths(directory / PARQUET_FOLDER, "runs", "date=*", "*.parquet"))
    for number, day in enumerate(days, start=1):
        checks = list(_check_day(directory, day))
        if repair and any(not check.usable for _, check in checks):
            found.repaired += repair_day(directory, day)
            checks = list(_check_day(directory, day))
        for form, check in checks:
            _note(found, day, form, check)
        progress(number, len(days))
    return found


def _check_day(directory: Path, day: str) -> Iterator[tuple[StoredForm, RunCheck]]:
    for check in check_csv_day(directory, day, (*SIGNED_TABLES, PACKETS_FOLDER)):
        yield "csv", _read_whole(directory, day, check) if check.state == "unsigned" else check
    if available():
        for check in check_parquet_day(directory, day):
            yield "parquet", check


def _read_whole(directory: Path, day: str, check: RunCheck) -> RunCheck:
    """An unsigned run is at least read to its end."""
    try:
        read_csv_run(directory, day, check.run_id)
    except StoreError as error:
        return replace(check, state="damaged", tables=SIGNED_TABLES, reason=str(error))
    return check


def _note(found: FolderVerification, day: str, form: StoredForm, check: RunCheck) -> None:
    found.runs.setdefault(form, Counter())[check.state] += 1
    tables = found.tables.setdefault(form, {name: Counter() for name in TABLES})
    others: SignatureState = check.state if check.usable else "unsigned" if "runs" in check.tables else "signed"
    for name, states in tables.items():
        states[check.state if name in check.tables else others] += 1
    if not check.usable:
        found.damaged.append(DamagedRun(day=day, form=form, check=check))
