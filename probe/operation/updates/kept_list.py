"""The last good list on this machine, and what became of the last look for a new one."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path

from probe.config.folders import own_state
from probe.config.settings import Settings
from probe.operation.updates import signed_file
from probe.operation.updates.list_document import MAX_BYTES, Document, ListError, Numbers, check_follows, read
from probe.operation.updates.minisign import PublicKey, SignatureError, public_key, signature, verify
from probe.operation.updates.signed_file import Fetched, Looks, UnreadableError, read_signed, write_signed

LIST, LOOKS = "list.signed", "list-looks.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedList:
    """A list whose signature was verified."""

    document: Document
    key: PublicKey
    comment: str
    """The trusted comment of the signature."""
    sha256: str

    @property
    def numbers(self) -> Numbers:
        """What the next list is compared with."""
        return Numbers(serial=self.document.serial, date=self.document.date, sha256=self.sha256)


def verified(fetched: Fetched, key: PublicKey) -> SignedList:
    """The list, when `key` signed it and this program knows its form. Raises ListError."""
    try:
        comment = verify(fetched.document, signature(fetched.signature), key)
    except SignatureError as error:
        raise ListError(str(error)) from None
    return SignedList(document=read(fetched.document), key=key, comment=comment,
                      sha256=hashlib.sha256(fetched.document).hexdigest())


def configured_key(settings: Settings) -> PublicKey | None:
    """The key of the settings; None where there is none. Raises ListError for what is no key."""
    if not settings.update.key:
        return None
    try:
        return public_key(settings.update.key)
    except SignatureError as error:
        raise ListError(f"{settings.path or 'the configuration'}: update.key: {error}") from None


def read_kept(key: PublicKey | None, folder: Path | None = None) -> SignedList | None:
    """The last good list, verified anew; None where there is none. Without a `key`, by the one that it came with.

    Raises ListError for one that cannot be read, was altered, or is signed by another key than `key`.
    """
    path = (folder or own_state()) / LIST
    try:
        there = read_signed(path, max_bytes=MAX_BYTES)
    except UnreadableError as error:
        raise ListError(str(error)) from None
    if there is None:
        return None
    own, fetched = there
    try:
        theirs = public_key(own)
        if key is not None and theirs != key:
            raise ListError(f"the list that is here is signed by the key {theirs.name}, and update.key is {key.name}")
        return verified(fetched, theirs)
    except SignatureError as error:
        raise ListError(f"{path}: is damaged: {error}") from None


def keep(fetched: Fetched, key: PublicKey, *, today: datetime.date, folder: Path | None = None) -> SignedList:
    """Put a list in the place of the last good one, if it is verified and may follow it.

    Raises ListError for a list that may not, StoreError where it cannot be written; the last good one stays then.
    Whoever calls it sees to it that nobody else does meanwhile.
    """
    home = folder or own_state()
    new = verified(fetched, key)
    check_follows(new.numbers, _last(key, home), today=today)
    write_signed(home / LIST, fetched, key)
    return new


def read_looks(folder: Path | None = None) -> Looks:
    """What became of the last look; a file that cannot be read says nothing."""
    return signed_file.read_looks((folder or own_state()) / LOOKS)


def write_looks(looks: Looks, folder: Path | None = None) -> None:
    """Remember it. Raises StoreError."""
    signed_file.write_looks((folder or own_state()) / LOOKS, looks)


def _last(key: PublicKey, home: Path) -> Numbers | None:
    """Of the list that is here, if it is by the same key and whole: another key's numbers mean nothing."""
    try:
        last = read_kept(key, home)
    except ListError:
        return None
    return last.numbers if last else None
