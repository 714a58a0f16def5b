"""Files of results as they were when they were read: told from later ones by their content's SHA-256.

A file is read for that once, and again when its size, its times or its inode are others. It is known by its path below
the results, so that what is kept tells nobody's home folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from probe.store.archive.own_files import OwnFile
from probe.store.files.atomic import make_folder

_RACY_NS = 2_000_000_000
"""A file that changed so shortly before it was looked at may have changed again within the clock's tick."""

Stat = tuple[int, int, int, int]
"""Size, time of content and of inode in nanoseconds, inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file of results as it was when its digest was taken."""

    stat: Stat
    digest: str
    sure: bool
    """It had not changed just before."""


@dataclass(slots=True, kw_only=True)
class SeenFiles:
    """The files that were read, by their paths below `results`; `folder` is where it is asked what time it is."""

    folder: Path
    results: Path
    files: dict[str, SeenFile] = field(default_factory=dict)

    def digest(self, own: OwnFile) -> str:
        """The SHA-256 of a file's content, empty where it cannot be read."""
        path = own.path.relative_to(self.results).as_posix()
        try:
            stat = own.path.stat()
            now: Stat = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
            before = self.files.get(path)
            if before and before.stat == now and before.sure:
                return before.digest
            with own.path.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            looked = _clock_ns(self.folder)
        except OSError:
            return ""
        self.files[path] = SeenFile(stat=now, digest=digest, sure=max(now[1], now[2]) < looked - _RACY_NS)
        return digest

    def digest_day(self, files: Sequence[OwnFile]) -> str:
        """The digest of a day's files, whatever their names and order."""
        told = sorted(f"{own.table} {own.parquet} {self.digest(own)}" for own in files)
        return sha256("\n".join(told).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What is known, but for files that are gone."""
        for path in [path for path in self.files if not (self.results / path).exists()]:
            del self.files[path]
        return {path: [*seen.stat, seen.digest, seen.sure] for path, seen in self.files.items()}


def read_seen_files(folder: Path, results: Path, told: Mapping[str, Any]) -> SeenFiles:
    """The same back. Raises KeyError, TypeError or ValueError for anything else."""
    return SeenFiles(folder=folder, results=results, files={str(path): _seen(row) for path, row in told.items()})


def _clock_ns(folder: Path) -> int:
    """What time it is by the clock of the file system, which may be another machine's."""
    make_folder(folder)
    probe = folder / ".clock"
    probe.touch(mode=0o600)
    return probe.stat().st_mtime_ns


def _seen(row: Sequence[Any]) -> SeenFile:
    size, content_ns, inode_ns, inode, digest, sure = row
    return SeenFile(stat=(int(size), int(content_ns), int(inode_ns), int(inode)), digest=str(digest), sure=bool(sure))
