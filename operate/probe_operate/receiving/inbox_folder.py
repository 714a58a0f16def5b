"""Puts uploads into the inbox's folder: whole, on the disk before anybody is told so, and never over what is there.

Whoever sends has a folder of his own. Where the name is taken there by other content, the file goes into a folder
beside it that is named by the content's digest: whoever shares a login can take nobody's place.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from probe.core.safe_files import check_own, create_new, open_regular
from probe.store.archive.proof_names import PROOFS_FOLDER, find_proof_month, make_proof_name
from probe.store.files.atomic import StoreError, free_bytes, make_folder, sync_folder, translate_os_errors
from probe_operate.receiving.shares import VARIANT

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where there is no more room."""
_PIECE_BYTES = 1 << 20
_DIGITS = 16
Placed = Literal["stored", "known", "name"]


@dataclass(slots=True, kw_only=True)
class IncomingFile:
    """A file while it comes; `drop` ends it, whatever became of it."""

    path: Path
    handle: int
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    size: int = 0

    def add(self, piece: bytes) -> None:
        """The next bytes. Raises OSError."""
        left = memoryview(piece)
        while left:
            left = left[os.write(self.handle, left):]
        self.digest.update(piece)
        self.size += len(piece)

    def drop(self) -> None:
        """Closes it and takes its name away."""
        with suppress(OSError):
            os.close(self.handle)
        with suppress(OSError):
            self.path.unlink()


class InboxFolder:
    """The folder, and beside it one for what is not whole yet. One process at a time."""

    def __init__(self, folder: Path, *, least_free_bytes: int) -> None:
        """Makes both, and removes what an earlier process did not finish. Raises StoreError."""
        self.folder, self._partly = folder, folder.with_name(f"{folder.name}-partly") / "coming"
        self._least_free_bytes = least_free_bytes
        for path in (folder, self._partly):
            make_folder(path)
            with translate_os_errors(path):
                check_own(path)
        with translate_os_errors(self._partly):
            for left in self._partly.iterdir():
                left.unlink()

    def has_room(self, size: int) -> bool:
        """Whether a file may come: some room is left for those who work with what came. Raises OSError."""
        return free_bytes(self.folder) - size >= self._least_free_bytes

    def begin(self) -> IncomingFile:
        """A file that comes. Raises OSError."""
        path = self._partly / secrets.token_hex(16)
        return IncomingFile(path=path, handle=create_new(path))

    def place(self, coming: IncomingFile, account: str, below: str) -> tuple[Placed, str]:
        """Gives a whole file its name, and returns what became of it and its path in the inbox, once that is on the
        disk. Raises OSError, StoreError."""
        os.fsync(coming.handle)
        if find_proof_month(below.split("/")):
            return self._place_proof(coming, below)
        beside = f"{account}{VARIANT}{coming.digest.hexdigest()[:_DIGITS]}"
        for folder in (account, beside):
            path = PurePosixPath(folder, below)
            if (placed := self._link(coming, path)) != "name":
                return placed, str(path)
        return "name", ""  # of other content with the same 64 bits

    def _place_proof(self, coming: IncomingFile, below: str) -> tuple[Placed, str]:
        """Where all proofs are: each is named by its content, and nothing else may have the name."""
        with open_regular(coming.path) as file:
            content = file.read(_PIECE_BYTES)
        if below != make_proof_name(below.removeprefix(f"{PROOFS_FOLDER}/")[:7], content):
            return "name", ""
        return self._link(coming, PurePosixPath(below)), below

    def _link(self, coming: IncomingFile, name: PurePosixPath) -> Placed:
        path = self.folder / name
        try:
            make_folder(path.parent)
        except StoreError as error:  # for what a full disk is has words of its own here
            raise error.__cause__ or error from None
        try:
            os.link(coming.path, path)  # unlike a rename it takes nobody's place
            placed: Placed = "stored"
        except FileExistsError:
            placed = "known" if _holds(path, coming.digest.digest()) else "name"
        if placed != "name":  # the first who brought it may not have come so far
            sync_folder(path.parent)
        return placed


def _holds(path: Path, digest: bytes) -> bool:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").digest() == digest
