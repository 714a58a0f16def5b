"""The key statements on this machine, and how new ones are learned when a signature asks for them.

One file for each configured key, so that another key starts anew; what led from the configured key to those that count
is kept whole, and verified anew at each use.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from probe.core.safe_files import open_regular
from probe.store.files.atomic import replace_file
from probe.upkeep.updates.key_trust import (
    MAX_BYTES,
    KeysOf,
    KeyTrust,
    SignedStatement,
    StatementFile,
    follow_statements,
    read_statement_file,
    trust_key,
    write_statement_file,
)
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.minisign import PublicKey, Signature, SignatureError, check_keys
from probe.upkeep.updates.signed_file import UnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySlot:
    """Where the statements that follow one configured key are kept."""

    root: PublicKey
    of: KeysOf
    path: Path


def read_kept_keys(slot: KeySlot) -> KeyTrust:
    """The keys that count here; the configured one where no statement came yet. Raises UnreadableError where what is
    there is damaged: the configured key may be one that was stolen, so it is not gone back to."""
    return _read(slot)[0]


def learn_keys(slot: KeySlot, signed: Signature, fetch: Callable[[], bytes], *, today: datetime.date) -> KeyTrust:
    """The keys that count, after a look for statements where the ones here did not sign or newer ones are told of.

    `fetch` gets the published statements, or raises ListError. Raises SignatureError for statements that may not
    follow, ListError where damaged ones here cannot be had anew, StoreError where new ones cannot be written.
    """
    try:
        trust, path = _read(slot)
        damaged = ""
    except UnreadableError as error:
        trust, path, damaged = trust_key(slot.root), (), str(error)
    if not damaged and signed.keys_number <= trust.number and _is_by(signed, trust):
        return trust
    try:
        found = read_statement_file(fetch())
    except (ListError, SignatureError) as error:
        if damaged:
            raise ListError(f"{damaged}; and they cannot be had anew: {error}") from None
        return trust  # what is signed by others is refused by its signature
    new, further = follow_statements(trust, found, slot.of, today=today)
    if damaged and not new.number:
        raise ListError(f"{damaged}; and what is published does not begin with the configured key")
    if further:
        replace_file(slot.path, write_statement_file(StatementFile(statements=(*path, *further))))
    return new


def _read(slot: KeySlot) -> tuple[KeyTrust, tuple[SignedStatement, ...]]:
    try:
        with open_regular(slot.path) as handle:
            found = read_statement_file(handle.read(MAX_BYTES + 1))
        trust, path = follow_statements(trust_key(slot.root), found, slot.of, today=None)
    except FileNotFoundError:
        return trust_key(slot.root), ()
    except OSError as error:
        raise UnreadableError(f"{slot.path}: cannot be read: {error.strerror}") from None
    except SignatureError as error:
        raise UnreadableError(f"{slot.path}: is damaged: {error}") from None
    if path != found.statements:
        raise UnreadableError(f"{slot.path}: is damaged: its statements do not follow each other")
    return trust, path


def _is_by(signed: Signature, trust: KeyTrust) -> bool:
    try:
        check_keys(signed, trust.signers, trust.threshold)
    except SignatureError:
        return False
    return True
