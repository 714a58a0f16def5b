"""The last good list on this machine, and what became of the last look for a new one."""

from __future__ import annotations

import datetime
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probe.config.folders import find_own_state
from probe.config.settings import Settings
from probe.upkeep.updates import signed_file
from probe.upkeep.updates.kept_keys import KeySlot, read_kept_keys
from probe.upkeep.updates.key_trust import KeyTrust, check_follows_day
from probe.upkeep.updates.list_document import (
    MAX_BYTES,
    ListDocument,
    ListError,
    ListNumbers,
    check_follows,
    read_document,
)
from probe.upkeep.updates.minisign import (
    PublicKey,
    SignatureError,
    parse_public_key,
    parse_signature,
    verify_by_keys,
)
from probe.upkeep.updates.signed_file import LookState, SignedFile, UnreadableError, read_signed, write_signed

LIST, LOOKS = "list.signed", "list-looks.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedList:
    """A list whose signature was verified."""

    document: ListDocument
    key: PublicKey
    """The configured one, or the one that it came with."""
    trust: KeyTrust
    """The keys that count now; `key` alone where no statement named others."""
    comment: str
    """The trusted comment of the signature; empty where a key that counts no more made it."""
    sha256: str

    @property
    def numbers(self) -> ListNumbers:
        """What the next list is compared with."""
        return ListNumbers(serial=self.document.serial, date=self.document.date, sha256=self.sha256)


def verify_list(fetched: SignedFile, key: PublicKey, trust: KeyTrust, *, today: datetime.date | None = None
                ) -> SignedList:
    """The list, when the keys of `trust`, to which `key` led, signed it and this program knows its form. With `today`
    also where they count no more. Raises ListError."""
    try:
        comment = verify_by_keys(fetched.document, parse_signature(fetched.signature), trust.signers, trust.threshold)
        document = read_document(fetched.document)
        check_follows_day(trust, document.date, today or trust.since)
    except SignatureError as error:
        raise ListError(str(error)) from None
    return SignedList(document=document, key=key, trust=trust, comment=comment,
                      sha256=hashlib.sha256(fetched.document).hexdigest())


def find_list_keys(key: PublicKey, folder: Path | None = None) -> KeySlot:
    """Where the key statements of lists are kept that follow `key`."""
    name = f"list-{hashlib.sha256(key.text.encode()).hexdigest()[:16]}.keys"
    return KeySlot(root=key, of="list", path=(folder or find_own_state()) / name)


def read_configured_key(settings: Settings) -> PublicKey | None:
    """The key of the settings; None where there is none. Raises ListError for what is no key."""
    if not settings.update.key:
        return None
    try:
        return parse_public_key(settings.update.key)
    except SignatureError as error:
        raise ListError(f"{settings.path or 'the configuration'}: update.key: {error}") from None


def read_kept_list(key: PublicKey | None, folder: Path | None = None) -> SignedList | None:
    """The last good list, verified anew; None where there is none. Without a `key`, by the one that it came with.

    Raises ListError for one that cannot be read, was altered, or is signed by another key than `key`.
    """
    path = (folder or find_own_state()) / LIST
    try:
        there = read_signed(path, max_bytes=MAX_BYTES)
    except UnreadableError as error:
        raise ListError(str(error)) from None
    if there is None:
        return None
    own, fetched = there
    try:
        theirs = parse_public_key(own)
        if key is not None and theirs != key:
            raise ListError(f"the list that is here is signed by the key {theirs.name}, and update.key is {key.name}")
        return verify_list(fetched, theirs, _trust(theirs, folder))
    except SignatureError as error:
        raise ListError(f"{path}: is damaged: {error}") from None


def keep_list(fetched: SignedFile, key: PublicKey, *, today: datetime.date, folder: Path | None = None) -> SignedList:
    """Put a list in the place of the last good one, if it is verified and may follow it.

    Raises ListError for a list that may not, StoreError where it cannot be written; the last good one stays then.
    Whoever calls it sees to it that nobody else does meanwhile.
    """
    home = folder or find_own_state()
    new = verify_list(fetched, key, _trust(key, home), today=today)
    check_follows(new.numbers, _last(key, home), today=today)
    write_signed(home / LIST, fetched, key)
    return new


def find_kept_document(signature: bytes, folder: Path | None = None) -> bytes | None:
    """The document that is here, where this very signature file came with it: it need not be fetched again."""
    try:
        there = read_signed((folder or find_own_state()) / LIST, max_bytes=MAX_BYTES)
    except UnreadableError:
        return None
    return there[1].document if there and there[1].signature.split() == signature.split() else None


def read_looks(folder: Path | None = None) -> LookState:
    """What became of the last look; a file that cannot be read says nothing."""
    return signed_file.read_look_state((folder or find_own_state()) / LOOKS)


def write_looks(looks: LookState, folder: Path | None = None) -> None:
    """Remember it. Raises StoreError."""
    signed_file.write_look_state((folder or find_own_state()) / LOOKS, looks)


def _last(key: PublicKey, home: Path) -> ListNumbers | None:
    """Of the list that is here, if it is whole and by keys that count: others' numbers mean nothing."""
    with suppress(ListError):
        last = read_kept_list(key, home)
        return last.numbers if last else None
    return None


def _trust(key: PublicKey, folder: Path | None) -> KeyTrust:
    try:
        return read_kept_keys(find_list_keys(key, folder))
    except UnreadableError as error:
        raise ListError(str(error)) from None
