"""Where uploads came from, as an inbox tells its collector: network, country, and a word for the prefix.

A folder with a file for each day, `YYYY-MM-DD.csv`, which `probe operate origins` writes. No address stands there, and
of the path a digest. The word for a prefix is made with a key that lasts a month at most: it says which uploads came
from one prefix, and nobody can try all prefixes to find which one that is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from probe.store.archive.sealed_runs import SEALED_FOLDER
from probe.store.files.atomic import translate_os_errors

COLUMNS = ("upload", "hour", "asn", "cc", "prefix")
KEPT_DAYS = 40
"""A run is collected within hours; where collecting stood still for longer, the origins of its runs are unknown."""
MOST_OF_DAY = 1_000_000
"""Lines of one day; an inbox with more files than that is refused as a whole."""
MOST_LINE_BYTES = 512
_MOST_HELD = 4_000_000
_UPLOAD = re.compile(r"[0-9a-f]{32}", re.ASCII)
_HOUR = re.compile(r"\d{4}-\d\d-\d\dT\d\d", re.ASCII)
_ASN = re.compile(r"\d{1,10}", re.ASCII)
_CC = re.compile(r"[A-Z]{2}", re.ASCII)
_PREFIX = re.compile(r"[0-9a-f]{16,64}", re.ASCII)
_DAY_FILE = re.compile(r"(\d{4}-\d\d-\d\d)\.csv", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOrigin:
    """Of one upload."""

    asn: int
    """0: the table does not know the address."""
    cc: str
    """ZZ: as above."""
    prefix: str
    """A word for the /24 or /48, of hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOrigins:
    """What an inbox tells of the uploads of some weeks."""

    by_upload: Mapping[str, UploadOrigin]
    """Upload, as `digest_upload` gives it -> where it came from."""
    unreadable: int = 0
    """Lines that are none, and those beyond what is held."""

    def find(self, upload: str) -> UploadOrigin | None:
        """Of a file that was uploaded, by its path below the inbox, or below the folder that the inbox lies in: a
        collector does not know which of both a folder is that runs lie in."""
        return self.by_upload.get(digest_upload(upload)) or self.by_upload.get(
            digest_upload(upload.partition("/")[2]))


def digest_upload(path: str) -> str:
    """How a file that was uploaded is called here, by its path below an inbox. Each path has such a name, whatever is
    in it: else who wants no origin told would choose a path that has none. What is sealed is called alike in whatever
    folder it lies."""
    *_, folder, name = ("", *path.split("/"))
    shown = f"{folder}/{name}" if folder == SEALED_FOLDER else path
    return hashlib.blake2b(shown.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def format_origin(upload: str, hour: str, origin: UploadOrigin) -> str:
    """One line; `upload` as `digest_upload` gives it, `hour` as YYYY-MM-DDTHH."""
    return f"{upload},{hour},{origin.asn},{origin.cc},{origin.prefix}\n"


def name_day_file(day: date) -> str:
    """The file of a day."""
    return f"{day.isoformat()}.csv"


def list_day_files(folder: Path) -> Iterator[tuple[date, Path]]:
    """The files of days in a folder, sorted. Raises OSError."""
    for path in sorted(folder.iterdir()):
        if (found := _DAY_FILE.fullmatch(path.name)) and path.is_file() and not path.is_symlink():
            try:
                yield date.fromisoformat(found[1]), path
            except ValueError:
                continue


def read_upload_origins(folder: Path, today: date) -> UploadOrigins:
    """What the last weeks' files say. Of a name that comes twice the first line counts: the inbox lets nobody write
    over what is there. Raises StoreError where the folder cannot be read."""
    made: dict[str, UploadOrigin] = {}
    known: dict[UploadOrigin, UploadOrigin] = {}
    unreadable = 0
    with translate_os_errors(folder):
        for day, path in list_day_files(folder):
            if day < today - timedelta(days=KEPT_DAYS):
                continue
            for line in _read_lines(path):
                parsed = _parse(line)
                if parsed is None or len(made) >= _MOST_HELD:
                    unreadable += line.strip() != ",".join(COLUMNS)
                elif parsed[0] not in made:
                    made[parsed[0]] = known.setdefault(parsed[1], parsed[1])
    return UploadOrigins(by_upload=made, unreadable=unreadable)


def _read_lines(path: Path) -> Iterator[str]:
    """The lines of a file, of bounded number and length. Raises OSError."""
    with path.open(encoding="ascii", errors="replace", newline="\n") as file:
        for _ in range(2 * MOST_OF_DAY):
            if not (line := file.readline(MOST_LINE_BYTES)):
                return
            yield line


def _parse(line: str) -> tuple[str, UploadOrigin] | None:
    upload, hour, asn, cc, prefix = (*line.removesuffix("\n").split(","), "", "", "", "", "")[:5]
    matched = (_HOUR.fullmatch(hour), _ASN.fullmatch(asn), _CC.fullmatch(cc), _PREFIX.fullmatch(prefix))
    if line.count(",") != len(COLUMNS) - 1 or not line.endswith("\n") or not all(matched) or (
            not _UPLOAD.fullmatch(upload)):
        return None
    return upload, UploadOrigin(asn=int(asn), cc=cc, prefix=prefix)
