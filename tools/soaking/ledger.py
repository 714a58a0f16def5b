"""What runs said they found, kept outside the results, and whether the results hold exactly that."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from probe.core.runs import RunResult
from probe.store.archive.own_files import REMOVED_FILE, SWAP_FOLDER, list_own_files, parse_temporary_name
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import stored_runs, whole
from probe.store.schema import TABLES

_TAIL_BYTES = 400
"""Of the file's end: some lines."""


class Ledger:
    """Lines of a file: `measured RUN ROWS DIGEST` before a run is written, `finished RUN` after its program ended well.

    A file, so that children that are killed write to it too, and that it takes no memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def measured(self, result: RunResult) -> None:
        """What a run is about to write."""
        self._add(f"measured {result.run.run_id} {_rows(result)} {digest(result)}")

    def finished(self, run_id: str) -> None:
        """A run whose program said that it is done."""
        self._add(f"finished {run_id}")

    def last_measured(self) -> str:
        """The run that measured last; empty when none did."""
        return self._last()[0]

    def last_digest(self) -> str:
        """What it holds."""
        return self._last()[2]

    def _last(self) -> list[str]:
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - _TAIL_BYTES))
            lines = [line for line in file.read().decode().splitlines() if line.startswith("measured ")]
        return lines[-1].split(" ")[1:] if lines else ["", "0", ""]

    def read(self) -> tuple[dict[str, tuple[int, str]], frozenset[str]]:
        """(run -> rows and digest of those that measured, those that finished)."""
        made, finished = {}, set()
        for line in self._path.read_text().splitlines():
            kind, run_id, *rest = line.split(" ")
            if kind == "measured":
                made[run_id] = int(rest[0]), rest[1]
            else:
                finished.add(run_id)
        return made, frozenset(finished)

    def _add(self, line: str) -> None:
        with self._path.open("a") as file:
            file.write(line + "\n")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What is wrong with a results folder after all that happened; `wrong` names single cases."""

    runs: int = 0
    rows_expected: int = 0
    rows_found: int = 0
    rows_doubled: int = 0
    rows_lost: int = 0
    torn: int = 0
    temporary: int = 0
    unfinished: int = 0
    """Files of runs that never became whole, as is documented for a run that was killed while it wrote."""
    removed: int = 0
    wrong: list[str] = field(default_factory=list)


def digest(result: RunResult) -> str:
    """The same for the same values, all of them, but not for captured packets, which a file of their own holds, nor for
    the signature, which a run gets when it is written."""
    unsigned = replace(result.run, columns_version=0, public_key="", digests=(), signature="")
    parts = (unsigned, result.observations, result.controls, result.verdicts, result.services)
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def tally(directory: Path, ledger: Ledger) -> Tally:
    """Compares a folder with its ledger, by our reader and by what any program finds with a glob."""
    made, finished = ledger.read()
    done = Tally()
    gone = _removed(directory)
    done.removed = len(gone)
    seen = _by_reader(directory, made, done)
    counted = rows_by_glob(directory, done)
    for run_id in sorted(finished - gone):
        done.rows_expected += made[run_id][0]
        missing = made[run_id][0] - min(made[run_id][0], counted[run_id])
        if run_id not in seen or missing:
            done.rows_lost += missing or made[run_id][0]
            done.wrong.append(f"run {run_id} ended well and is not stored whole")
    for run_id in seen:
        rows = made.get(run_id, (0, ""))[0]
        done.rows_found += counted[run_id]
        if counted[run_id] > rows:
            done.rows_doubled += counted[run_id] - rows
            done.wrong.append(f"run {run_id} has {counted[run_id]} rows, it made {rows}")
        if run_id not in finished:
            done.rows_expected += rows  # killed after its last file had its name, before it could say so
    done.unfinished = len({run_id for run_id in counted if run_id not in seen})
    left = strays(directory)
    done.temporary = len(left)
    done.wrong += [f"{path} was left" for path in left]
    return done


def _rows(result: RunResult) -> int:
    return 1 + sum(map(len, (result.observations, result.controls, result.verdicts, result.services)))


def _by_reader(directory: Path, made: dict[str, tuple[int, str]], done: Tally) -> Counter[str]:
    seen: Counter[str] = Counter()
    try:
        for run in stored_runs(directory):
            seen[run.run_id] += 1
            done.runs += 1
            if digest(whole(directory, run)) != made.get(run.run_id, (0, ""))[1]:
                done.torn += 1
                done.wrong.append(f"run {run.run_id} reads back as other values than were measured")
    except StoreError as error:
        done.torn += 1
        done.wrong.append(str(error))
    done.wrong += [f"run {run_id} is read {n} times" for run_id, n in seen.items() if n > 1]
    return seen


def rows_by_glob(directory: Path, done: Tally) -> Counter[str]:
    """Run -> rows that any program finds in all the tables."""
    counted: Counter[str] = Counter()
    for table in TABLES:
        for path in directory.glob(f"{table}/*/*.csv"):
            if path.name.startswith("."):
                continue
            data = path.read_bytes()
            if not data.endswith(b"\r\n"):
                done.torn += 1
                done.wrong.append(f"{path} is torn")
                continue
            counted.update(line[0] for line in _lines(data))
    return counted


def _lines(data: bytes) -> Iterator[list[str]]:
    lines = csv.reader(data.decode().splitlines(), strict=True)
    next(lines)
    yield from lines


def _removed(directory: Path) -> set[str]:
    """Runs that the limits removed, as they are written down."""
    try:
        lines = (directory / REMOVED_FILE).read_text().splitlines()
    except OSError:
        return set()
    return {run for line in lines for run in json.loads(line)["runs"]}


def strays(directory: Path, *, older_than_s: float = 0.0) -> list[Path]:
    """What a crash left: half-written files and days that wait in a swap; by design the next run, or one an hour
    later, removes them."""
    found = [own.path for own in list_own_files(directory) if own.temporary or SWAP_FOLDER in own.path.parts]
    found += [path for path in directory.iterdir() if parse_temporary_name(path.name) or path.name == ".writable"]
    return [path for path in found if time.time() - path.lstat().st_mtime >= older_than_s]
