"""Files of results as they were when they were read: distinguished from later ones by their content's SHA-256.

A file is read for that once, and again when its size, its times or its inode are others. It is known by its path below
the results, so that what is kept tells nobody's home folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from probe.store.archive.own_files import OwnFile

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
    files: dict[str, SeenFile]

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
        lines = sorted(f"{own.table} {own.parquet} {self.digest(own)}" for own in files)
        return sha256("\n".join(lines).encode()).hexdigest()


def _clock_ns(folder: Path) -> int:
    """What time it is by the clock of the file system, which may be another machine's."""
    probe = folder / ".clock"
    probe.touch(mode=0o600)
    return probe.stat().st_mtime_ns
