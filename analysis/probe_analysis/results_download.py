"""Results that lie on a web server: what its `datapackage.json` names is fetched to a folder.

The server is not trusted: it is asked by https (http on this machine alone), follows nobody into a private network,
and is bounded in files, bytes and time. A name that is no file of results is refused.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from probe.core.json_decoders import decode_json
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, write_file
from probe.store.runs.merged_days import MANIFEST, PREFIX
from probe.store.schema import TABLES
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.signed_fetch import fetch_body

DESCRIPTOR = "datapackage.json"
MAX_FILES = 20_000
MAX_BYTES = 1 << 30
MAX_SECONDS = 1800.0
_MAX_DESCRIPTOR_BYTES = 16 << 20
_TABLE = f"(?:{'|'.join(TABLES)})"
_PATH = re.compile(rf"({_TABLE}/date=\d{{4}}-\d\d-\d\d/[A-Za-z0-9][A-Za-z0-9@._-]{{0,160}}|data/{_TABLE})\.csv",
                   re.ASCII)


class _Resource(msgspec.Struct, frozen=True):
    name: str
    path: str | list[str]
    hash: str = ""


class _Descriptor(msgspec.Struct, frozen=True):
    resources: list[_Resource]


def download_results(url: str, folder: Path) -> None:
    """Fetches the results at an address to an empty folder. Raises StoreError, which says what is wrong there."""
    base = url.removesuffix(DESCRIPTOR).rstrip("/")
    until, left = time.monotonic() + MAX_SECONDS, MAX_BYTES
    raw = _fetch(f"{base}/{DESCRIPTOR}", _MAX_DESCRIPTOR_BYTES, until)
    write_file(folder / DESCRIPTOR, raw)
    for name, digest in _list_files(base, raw):
        content = _fetch(f"{base}/{name}", left, until)
        left -= len(content)
        if digest and hashlib.sha256(content).hexdigest() != digest:
            raise StoreError(f"{base}/{name}: is not what {DESCRIPTOR} says, by its checksum: fetch it again later")
        write_file(folder / name, content)


def _fetch(url: str, most: int, until: float) -> bytes:
    try:
        return fetch_body(url, most, timeout_s=max(0.0, until - time.monotonic()))
    except ListError as error:
        raise StoreError(visible(str(error))) from error


def _list_files(base: str, raw: bytes) -> Iterator[tuple[str, str]]:
    """(path, SHA-256 or nothing) of every file to be fetched, those that list the runs of merged days as well."""
    try:
        resources = decode_json(raw, _Descriptor).resources
    except ValueError as error:
        raise StoreError(f"{base}/{DESCRIPTOR}: is no data package ({visible(str(error))}); "
                         "probe report --datapackage writes one") from error
    wanted = [(path, resource.hash.removeprefix("sha256:")) for resource in resources if resource.name in TABLES
              for path in ([resource.path] if isinstance(resource.path, str) else resource.path)]
    if len(wanted) > MAX_FILES:
        raise StoreError(f"{base}: names more than {MAX_FILES} files; fetch them by other means")
    for path, digest in dict.fromkeys(wanted):
        if not _PATH.fullmatch(path):
            raise StoreError(f"{base}/{DESCRIPTOR}: names {visible(path[:80])}, which is no file of results")
        yield path, digest
        if path.rpartition("/")[2].startswith(PREFIX):
            yield path.removesuffix(".csv") + MANIFEST, ""
