"""A run's archive (`probe.store.archive.run_archive`), read without trust."""

from __future__ import annotations

import gzip
import io
import shutil
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from probe.core.safe_files import open_regular
from probe.store.archive.run_archive import MAX_UNPACKED_BYTES
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.files.tar_members import BadTarError, Member, list_members
from probe.store.layout import SUMS_FOLDER
from probe.store.schema import TABLES

MAX_SMALL_BYTES = 32 << 20


def unpack_run(path: Path, into: Path, *, day: str, run_id: str) -> None:
    """Write the files of a run's archive below an empty folder. Raises StoreError, with some of them written.

    Only names that this very run has are written, each once and all of them, so that nothing in an archive chooses
    where a file goes.
    """
    with _open_archive(path, day, run_id, MAX_UNPACKED_BYTES) as members:
        for name, member in members:
            place = into / name
            place.parent.mkdir(parents=True)
            with place.open("xb") as file:
                shutil.copyfileobj(member, file)


def read_small_archive(path: Path, *, day: str, run_id: str) -> dict[str, bytes]:
    """Name -> content of the files of a run's archive, none of which is written anywhere.

    Raises StoreError as `unpack_run`, and for more than memory should hold.
    """
    with _open_archive(path, day, run_id, MAX_SMALL_BYTES) as members:
        return {name: member.read() for name, member in members}


@contextmanager
def _open_archive(path: Path, day: str, run_id: str, limit: int) -> Iterator[Iterator[tuple[str, Member]]]:
    """The files of an archive; whatever is wrong with it while they are read becomes a StoreError."""
    wanted = {f"{table}/date={day}/{run_id}.csv" for table in TABLES} | {f"{SUMS_FOLDER}/date={day}/{run_id}.sha256"}
    with translate_os_errors(path), open_regular(path) as packed:
        try:
            yield _only_wanted(cast(IO[bytes], _Bounded(gzip.GzipFile(fileobj=packed), limit)), wanted)
        except (BadTarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise StoreError(f"{path}: is no sound archive of this run ({error}); fetch it again") from None


def _only_wanted(unpacked: IO[bytes], wanted: Set[str]) -> Iterator[tuple[str, Member]]:
    missing = set(wanted)
    for name, member in list_members(unpacked):
        if name not in missing:
            raise BadTarError(f"{name[:80]!r} is in it twice" if name in wanted else f"{name[:80]!r} is no file of it")
        missing.discard(name)
        yield name, member
    if missing:
        raise BadTarError(f"lacks {min(missing)}")


class _Bounded(io.RawIOBase):
    """A stream that ends with an error where it is longer than anybody asked for."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._limit = self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # of any buffer
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise BadTarError(f"more than {self._limit >> 20} MiB when it is unpacked")
        buffer[: len(data)] = data
        return len(data)
