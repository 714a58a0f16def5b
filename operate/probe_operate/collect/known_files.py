"""What was read of submitted files, so that a later collection need not read them again: a small database.

It only spares work. An entry is made once its run is on the disk, and is believed only while the data set holds that
run; without the database, or with a damaged one, everything is read again, to the same end.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from probe.store.archive.own_files import KNOWN_FILE
from probe.store.files.atomic import StoreError, make_folder
from probe.store.schema import COLUMNS_VERSION, SCHEMA_VERSION
from probe_operate.collect.submission_check import KnownRun, RefusedRun

_FORM = 1
_VERSION = f"{SCHEMA_VERSION}.{COLUMNS_VERSION}"
"""A run that this version cannot take may be one for the next."""
_COMMIT_EVERY = 256
_MAX_REASON_CHARS = 500
_TABLES = """
CREATE TABLE IF NOT EXISTS runs (mark TEXT PRIMARY KEY, run_id TEXT NOT NULL, digest TEXT NOT NULL,
    lab INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (mark TEXT PRIMARY KEY, reason TEXT NOT NULL, schema TEXT NOT NULL)
    WITHOUT ROWID;
"""


class KnownFiles:
    """The database while one collection goes on."""

    def __init__(self, database: sqlite3.Connection, *, lab: bool) -> None:
        self._database = database
        self._lab = lab
        self._expected: Collection[str] = frozenset()
        self._open = 0

    def expect(self, run_ids: Collection[str]) -> None:
        """Names the runs that the data set holds, or leaves out for good."""
        self._expected = run_ids

    def recall(self, mark: str, path: Path) -> KnownRun | RefusedRun | None:
        """What was found in the files of a mark, of which one is here; None where they are to be read."""
        if not mark:
            return None
        if row := self._database.execute("SELECT run_id, digest, lab FROM runs WHERE mark = ?", (mark,)).fetchone():
            known = KnownRun(run_id=row[0], digest=row[1], lab=bool(row[2]))
            return known if known.lab is not self._lab or known.run_id in self._expected else None
        found = self._database.execute("SELECT reason FROM refused WHERE mark = ? AND schema = ?",
                                       (mark, _VERSION)).fetchone()
        return RefusedRun(path=path, reason=found[0]) if found else None

    def remember(self, mark: str, run: KnownRun) -> None:
        """To be called once the run is on the disk, or left out for good."""
        if mark:
            self._execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", (mark, run.run_id, run.digest, run.lab))

    def remember_refused(self, run: RefusedRun, folder: Path) -> None:
        """What this version of the program cannot take; the name of the folder, a volunteer's perhaps, is not kept."""
        reason = run.reason.replace(f"{folder}{os.sep}", "")[:_MAX_REASON_CHARS]
        if run.mark:
            self._execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?)",
                          (run.mark, reason.encode(errors="replace").decode(), _VERSION))

    def _execute(self, sql: str, values: tuple[object, ...]) -> None:
        self._database.execute(sql, values)
        self._open += 1
        if self._open >= _COMMIT_EVERY:
            self._database.commit()
            self._open = 0


@contextmanager
def open_known_files(out: Path, *, lab: bool) -> Iterator[KnownFiles]:
    """The database of a data set; what was remembered is kept also where the block ends with an error.

    Raises StoreError where it can neither be read nor made.
    """
    make_folder(out)
    path = out / KNOWN_FILE
    try:
        try:
            database = _open(path)
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            Path(f"{path}-journal").unlink(missing_ok=True)
            database = _open(path)
        with closing(database):
            try:
                yield KnownFiles(database, lab=lab)
            finally:
                database.commit()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}; remove it and try again: everything is then read anew") from error


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    database = sqlite3.connect(path)
    (form,) = database.execute("PRAGMA user_version").fetchone()
    if form not in (0, _FORM):
        raise sqlite3.DatabaseError("of another version")
    database.executescript(f"{_TABLES} PRAGMA user_version = {_FORM};")
    return database
