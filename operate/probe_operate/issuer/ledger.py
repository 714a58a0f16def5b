"""Which coupons an issuer has taken, and how many registrations it gave today. No address, no name, no time of day."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from probe.store.files.atomic import StoreError, make_folder

_TABLES = """
CREATE TABLE IF NOT EXISTS spent (serial BLOB PRIMARY KEY, request BLOB NOT NULL, month TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS registered (day TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """For what a coupon was taken."""

    request: bytes
    """Digest of the request."""
    month: str


class Ledger:
    """One file, safe between threads; what was written is on the disk before an answer leaves."""

    def __init__(self, path: Path) -> None:
        """Opens it, and makes it where it is missing. Raises StoreError."""
        self._path, self._lock = path, threading.Lock()
        make_folder(path.parent)
        with self._translated():
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            path.chmod(0o600)
            self._file.execute("PRAGMA synchronous = EXTRA")
            self._file.executescript(_TABLES)

    def spend(self, serial: bytes, wanted: Spending) -> Spending:
        """Notes that a coupon is taken, and gives for what: for what it was taken first. Raises StoreError."""
        with self._lock, self._translated():
            self._file.execute("INSERT OR IGNORE INTO spent VALUES (?, ?, ?)", (serial, wanted.request, wanted.month))
            (request, month), = self._file.execute("SELECT request, month FROM spent WHERE serial = ?", (serial,))
            return Spending(request=request, month=month)

    def find(self, serial: bytes) -> Spending | None:
        """For what a coupon was taken; None where it was not. Raises StoreError."""
        with self._lock, self._translated():
            found = self._file.execute("SELECT request, month FROM spent WHERE serial = ?", (serial,)).fetchone()
            return Spending(request=found[0], month=found[1]) if found else None

    def register(self, day: str, *, most: int) -> bool:
        """Counts a registration of a day (YYYY-MM-DD); whether it is one of the first `most`. Earlier days are
        forgotten. Raises StoreError."""
        with self._lock, self._translated():
            self._file.execute("DELETE FROM registered WHERE day <> ?", (day,))
            found = self._file.execute(
                "INSERT INTO registered VALUES (?, 1) ON CONFLICT (day) DO UPDATE SET count = count + 1 "
                "WHERE count < ? RETURNING count", (day, most)).fetchone()
            return found is not None

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self._path}: cannot be used ({error}); without it coupons could be taken twice: take "
                             "it from a backup") from None


def copy_ledger(path: Path) -> bytes:
    """What is in a ledger that somebody writes to, whole, for a backup. Raises StoreError."""
    try:
        file = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return file.serialize()
        finally:
            file.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}") from None
