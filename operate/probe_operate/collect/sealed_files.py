"""Sealed archives of runs, found and opened (`probe.store.archive.sealed_runs` makes them)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probe.config.install_advice import advise_extra
from probe.config.private_file import check_private
from probe.config.settings import SettingsError
from probe.store.archive.proof_names import find_proof_month
from probe.store.archive.run_archive import MAX_UNPACKED_BYTES
from probe.store.archive.sealed_runs import EXTRA, FIRST_LINE, SEALED_FOLDER, SUFFIX
from probe.store.files.atomic import StoreError
from probe.store.files.listing import is_file, list_paths

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

MOST_SEALED = 1_000_000
MOST_SEALED_BYTES = 2 * (MAX_UNPACKED_BYTES + (1 << 20))
"""Of one sealed file: the largest archive, filled up."""
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,63})/"
                   r"(archives/date=\d{4}-\d\d-\d\d/[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.tgz)", re.ASCII)
"""A volunteer's folder, and an archive in it."""
_MAX_IDENTITY_CHARACTERS = 100_000


def read_identities(path: Path) -> tuple[Identity, ...]:
    """The secret keys in a file of age-keygen, which nobody but its owner may read. Raises SettingsError."""
    try:
        from pyrage import IdentityError
        from pyrage.x25519 import Identity
    except ImportError:
        raise SettingsError(f"sealed uploads are opened by pyrage: {advise_extra(EXTRA)}") from None
    check_private(path, holds="a key")
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file.read(_MAX_IDENTITY_CHARACTERS).splitlines()]
        found = tuple(Identity.from_str(line) for line in lines if line and not line.startswith("#"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except IdentityError:  # its text could repeat a key
        raise SettingsError(f"{path}: a line in it is no secret key of age (AGE-SECRET-KEY-1...)") from None
    if not found:
        raise SettingsError(f"{path}: holds no secret key of age; make one: age-keygen -o {path}")
    return found


def unseal(sealed: bytes, identities: Sequence[Identity]) -> tuple[str, bytes]:
    """(name, archive) of what `seal` made. Raises StoreError."""
    from pyrage import DecryptError, decrypt

    try:
        plain = decrypt(sealed, list(identities))
    except DecryptError:
        raise StoreError("cannot be opened with these keys, or was changed") from None
    first, name, size, *rest = (*plain.split(b"\n", 3), b"", b"", b"")[:4]
    text = name.decode("ascii", "replace")
    if first != FIRST_LINE or not (_NAME.fullmatch(text) or find_proof_month(text.split("/"))) or not re.fullmatch(
            rb"\d{1,10}", size) or int(size) > len(rest[0]):
        raise StoreError("is encrypted for us, and no run")
    return text, rest[0][:int(size)]


def find_sealed_folders(directory: Path) -> Iterator[Path]:
    """The folders of sealed files at a place, or in a folder directly below it; links are not followed. Raises OSError.
    """
    for folder in (directory / SEALED_FOLDER, *(below / SEALED_FOLDER for below in sorted(directory.iterdir()))):
        if folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink():
            yield folder


def list_sealed(folder: Path) -> Iterator[Path]:
    """The sealed files in one of these, sorted. Raises OSError."""
    yield from (path for path in list_paths(folder, f"*{SUFFIX}")
                if is_file(path) and not path.name.startswith("."))
