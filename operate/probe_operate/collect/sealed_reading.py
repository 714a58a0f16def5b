"""Sealed uploads opened one after the other, each looked through as any archive that somebody sent.

A sealed file is named by the digest of what is in it. Once that was found to be so, a file of this name is not read
again, wherever it lies and whenever it was written: whatever else it held would be misnamed.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from probe.store.archive.proof_names import find_proof_month
from probe.store.archive.sealed_runs import SEALED_FOLDER, SUFFIX, name_sealed
from probe.store.files.atomic import StoreError, translate_os_errors, write_file
from probe_operate.collect.file_marks import mark_files
from probe_operate.collect.sealed_files import MOST_SEALED, MOST_SEALED_BYTES, list_sealed, unseal
from probe_operate.collect.submission_check import KnownRun, Recall, RefusedRun, SoundRun, sift_submission

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

_DIGEST = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningKeys:
    """The secret keys that open uploads."""

    identities: Sequence[Identity]
    digest: str
    """Of the public keys: what these could not open others may."""

    @classmethod
    def of(cls, identities: Sequence[Identity]) -> OpeningKeys:
        """These keys."""
        public = " ".join(sorted(str(one.to_public()) for one in identities))
        return cls(identities=tuple(identities), digest=hashlib.blake2b(public.encode(), digest_size=8).hexdigest())

    def add_to(self, mark: str) -> str:
        """The mark of a file that was tried with these keys; empty where the file has none."""
        return f"{mark}:{self.digest}" if mark else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedProof:
    """A proof of age that was sealed; it is opened at each call, since its worth depends on the day."""

    content: bytes


def recall_sealed(path: Path, mark: str, recall: Recall) -> KnownRun | RefusedRun | None:
    """What was found in a sealed file before: by its digest, else by its mark."""
    return recall(_mark_digest(path.name), path) or recall(mark, path)


def open_sealed(path: Path, keys: OpeningKeys, *, shown: Path, mark: str,
                ) -> Iterator[SoundRun | RefusedRun | SealedProof]:
    """The run or the proof in a sealed file, or why it is left out. `shown`: what is said of the file; `mark`: by which
    it is known again. Raises StoreError where what is in it cannot be written."""
    try:
        with path.open("rb") as file:
            sealed = file.read(MOST_SEALED_BYTES + 1)
    except OSError as error:
        yield RefusedRun(path=shown, reason=f"cannot be read: {error.strerror}")  # without a mark: it is tried again
        return
    try:
        if len(sealed) > MOST_SEALED_BYTES:
            raise StoreError("is larger than any run")
        name, archive = unseal(sealed, keys.identities)
    except StoreError as error:
        yield RefusedRun(path=shown, reason=str(error), mark=mark)
        return
    if find_proof_month(name.split("/")):
        yield SealedProof(content=archive)
        return
    is_named = name_sealed(name, archive) == path.name
    with tempfile.TemporaryDirectory(prefix="probe-unsealed-") as made:
        room = Path(made)  # nobody else can read it
        write_file(room.joinpath(*name.split("/")[1:]), archive)
        for found in sift_submission(room):
            if isinstance(found, RefusedRun):
                yield RefusedRun(path=shown, reason=found.reason.replace(f"{room}/", ""), mark=mark)
            elif isinstance(found, SoundRun):
                yield replace(found, mark=_mark_digest(path.name) if is_named else mark,
                              upload=f"{SEALED_FOLDER}/{path.name}")


def sift_sealed(folder: Path, keys: OpeningKeys, recall: Recall,
                ) -> Iterator[SoundRun | KnownRun | RefusedRun | SealedProof]:
    """Every run and proof that is sealed in a folder, or why not. Raises StoreError where that cannot be looked
    through."""
    with translate_os_errors(folder):
        files = list(list_sealed(folder))
    if len(files) > MOST_SEALED:
        raise StoreError(f"{folder}: more than {MOST_SEALED} sealed files; collect them in parts")
    for path in files:
        mark = keys.add_to(mark_files([path]))
        if known := recall_sealed(path, mark, recall):
            yield known
        else:
            yield from open_sealed(path, keys, shown=path, mark=mark)


def _mark_digest(name: str) -> str:
    """What marks every file of this name, if it is a digest; else empty."""
    stem = name.removesuffix(SUFFIX)
    return f"sealed:{stem}" if stem != name and _DIGEST.fullmatch(stem) else ""
