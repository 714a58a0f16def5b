"""Files of a site on disk: only what changed is made and written, each file whole, and what nobody makes any more goes.

A page is made anew where a digest of what it is made from is another than the one kept in `.site.json`, or a file of it
is gone. Folder and files are for everybody to read: they are made to be published.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probe.core.progress import Progress, ignore_progress
from probe.store.files.atomic import StoreError, replace_file, translate_os_errors

STATE_FILE = ".site.json"
_FORMAT = 1
_MAX_STATE = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOrder:
    """A page, or several files, that are made together."""

    name: str
    digest: str
    """Of everything that they are made from."""
    make: Callable[[], Mapping[str, bytes]]
    """Path below the site's folder -> content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSite:
    """What was done."""

    pages: int
    made: int
    """Pages whose inputs changed."""
    files: int
    """Files whose contents changed."""
    removed: int


@dataclass(frozen=True, slots=True)
class _Kept:
    digest: str
    files: tuple[str, ...]


def write_site(out: Path, orders: Iterable[PageOrder], progress: Progress = ignore_progress) -> WrittenSite:
    """Bring the folder up to date. Raises StoreError."""
    wanted = list(orders)
    known, before, made, written = _read_state(out), 0, 0, 0
    kept: dict[str, _Kept] = {}
    with translate_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        for number, order in enumerate(wanted, start=1):
            old = known.get(order.name)
            if old and old.digest == order.digest and all((out / name).is_file() for name in old.files):
                kept[order.name] = old
            else:
                contents = order.make()
                made += 1
                written += sum(_put(out / name, content) for name, content in contents.items())
                kept[order.name] = _Kept(order.digest, tuple(contents))
            progress(number, len(wanted))
        there = {name for one in kept.values() for name in one.files}
        gone = {name for one in known.values() for name in one.files} - there
        for name in gone:
            with suppress(FileNotFoundError):
                (out / name).unlink()
                before += 1
    state = {"format": _FORMAT, "pages": {name: [one.digest, list(one.files)] for name, one in kept.items()}}
    if kept != known:
        replace_file(out / STATE_FILE, json.dumps(state).encode())
    return WrittenSite(pages=len(wanted), made=made, files=written, removed=before)


def _read_state(out: Path) -> dict[str, _Kept]:
    """What the last call kept. Raises StoreError for a folder that holds something and is no site: none of its files
    may be replaced by chance."""
    path = out / STATE_FILE
    if not path.is_file():
        with translate_os_errors(out):
            if out.is_dir() and any(out.iterdir()):
                raise StoreError(f"{out}: holds files and is no site of ours: name a new folder")
        return {}
    try:
        with translate_os_errors(path), path.open("rb") as file:
            document = json.loads(file.read(_MAX_STATE))
        if document["format"] != _FORMAT:
            return {}
        return {str(name): _Kept(str(digest), tuple(map(_check_name, names)))
                for name, (digest, names) in document["pages"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # everything is made anew


def _check_name(name: str) -> str:
    """Raises ValueError for a name that leads out of the folder: it may be removed."""
    parts = name.split("/")
    if not parts or any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts):
        raise ValueError(name)
    return name


def _put(path: Path, content: bytes) -> bool:
    """Put a file in its place, whole; whether it was another before."""
    with suppress(OSError):
        if path.stat().st_size == len(content) and path.read_bytes() == content:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return True
