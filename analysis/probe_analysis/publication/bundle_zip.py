"""A zip of evidence whose every byte counts: one way to pack files, and unpacking that refuses any other.

Files are stored, not packed, in order of their names, with one date, so that the same files make the same bytes; the
archive's comment is the SHA-256 over them. Unpacking packs anew and compares: one byte changed anywhere is refused.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from probe.core.counted_words import choose_word, count_things
from probe.store.files.atomic import StoreError, replace_whole, translate_os_errors

MAX_BYTES, MAX_FILES = 1 << 30, 10_000
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}){0,6}")
_DATE = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20


def pack_bundle(path: Path, files: Mapping[str, bytes | Path]) -> str:
    """Write the zip; its SHA-256. Raises StoreError where it would be too large, or cannot be written."""
    size = sum(part.stat().st_size if isinstance(part, Path) else len(part) for part in files.values())
    if size > MAX_BYTES or len(files) > MAX_FILES:
        raise StoreError(f"{path}: {size >> 20} MiB in {count_things(len(files), 'file')} "
                         f"{choose_word(len(files), 'is', 'are')} more than a bundle holds "
                         f"({MAX_BYTES >> 20} MiB, {MAX_FILES}); look at a shorter time")
    with translate_os_errors(path), replace_whole(path) as temporary:
        _pack(temporary, files)
        return hash_file(temporary)


def _pack(path: Path, files: Mapping[str, bytes | Path]) -> None:
    whole = hashlib.sha256()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            if not _NAME.fullmatch(name):
                raise StoreError(f"{name}: is no name for a file of a bundle")
            raw = files[name]
            content = raw.read_bytes() if isinstance(raw, Path) else raw
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
            whole.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
        archive.comment = whole.hexdigest().encode()


def unpack_bundle(path: Path, folder: Path) -> dict[str, Path]:
    """Name -> file in `folder`. Raises StoreError for a zip that `pack_bundle` did not write, or that was changed."""
    with translate_os_errors(path):
        if path.stat().st_size > 2 * MAX_BYTES:
            raise StoreError(f"{path}: is larger than a bundle")
        try:
            files = _unpack(path, folder)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, UnicodeError) as error:
            raise StoreError(f"{path}: is no bundle, or was changed: {error}") from None
    again = folder / "again.zip"
    _pack(again, files)
    if hash_file(again) != hash_file(path):
        raise StoreError(f"{path}: was changed since it was made")
    again.unlink()
    return files


def _unpack(path: Path, folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
            raise StoreError(f"{path}: holds more than a bundle does")
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED or not _NAME.fullmatch(entry.filename):
                raise StoreError(f"{path}: holds what no bundle does")
            target = folder / "files" / entry.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry))
            files[entry.filename] = target
    return files


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
