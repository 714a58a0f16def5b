"""The last good list on this machine: one file that is replaced whole, and what became of the last look for a new one.

The file holds the key, the signature and the document, so that each use verifies them anew; none of them can be of
another list than the others, whenever the machine stops.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from probe.folders import own_state
from probe.settings import Settings
from probe.store.atomic import replace_file
from probe.updates.document import MAX_BYTES, Document, ListError, Numbers, check_follows, read
from probe.updates.minisign import MAX_SIGNATURE_BYTES, PublicKey, SignatureError, public_key, signature, verify

LIST, LOOKS = "list.signed", "list-looks.json"
_MAX_KEPT = MAX_BYTES + MAX_SIGNATURE_BYTES + 200
_MAX_LOOKS = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A document and its signature, of which nothing is believed yet."""

    document: bytes
    signature: bytes


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


class Looks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a new list was looked for."""

    at: datetime.datetime | None = None
    """The last time, whatever came of it."""
    failed: str = ""
    """Why nothing came of it; empty: something did."""
    source: str = ""
    """Where the list that is here came from."""


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
        with path.open("rb") as handle:
            raw = handle.read(_MAX_KEPT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ListError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        own, *lines = raw.split(b"\n", 5)
        theirs = public_key(own.decode("ascii", "replace"))
        fetched = Fetched(signature=b"\n".join(lines[:4]) + b"\n", document=b"".join(lines[4:]))
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
    replace_file(home / LIST, key.text.encode() + b"\n" + _four_lines(fetched.signature) + fetched.document)
    return new


def read_looks(folder: Path | None = None) -> Looks:
    """What became of the last look; a file that cannot be read says nothing."""
    try:
        with ((folder or own_state()) / LOOKS).open("rb") as handle:
            found = msgspec.json.decode(handle.read(_MAX_LOOKS), type=Looks)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Looks()
    return found if found.at is None or found.at.tzinfo is not None else Looks()


def write_looks(looks: Looks, folder: Path | None = None) -> None:
    """Remember it. Raises StoreError."""
    replace_file((folder or own_state()) / LOOKS, msgspec.json.encode(looks))


def _last(key: PublicKey, home: Path) -> Numbers | None:
    """Of the list that is here, if it is by the same key and whole: another key's numbers mean nothing."""
    try:
        last = read_kept(key, home)
    except ListError:
        return None
    return last.numbers if last else None


def _four_lines(raw: bytes) -> bytes:
    return raw.removesuffix(b"\n") + b"\n"
