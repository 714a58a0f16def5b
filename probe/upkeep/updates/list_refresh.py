"""Looks for a new list, and remembers what came of it."""

from __future__ import annotations

import contextlib
import datetime
import time
from pathlib import Path

from probe.config.settings import Settings
from probe.store.files.atomic import StoreError
from probe.upkeep.updates.kept_list import (
    SignedList,
    find_kept_document,
    find_list_keys,
    keep_list,
    read_configured_key,
    read_kept_list,
    read_looks,
    verify_list,
    write_looks,
)
from probe.upkeep.updates.list_document import ListError, UnusableTargetsError, load_listed_catalogue
from probe.upkeep.updates.minisign import PublicKey
from probe.upkeep.updates.signature_fetch import fetch_signature_by
from probe.upkeep.updates.signed_fetch import check_source, fetch_document
from probe.upkeep.updates.signed_file import BROKEN_OFF, MAX_REASON, PATIENT_S, LookState, SignedFile

EVERY = datetime.timedelta(days=1)
OFTEN = datetime.timedelta(minutes=50)
TIMED_S = 20.0
"""How long a scheduled run looks at most."""


def choose_key(settings: Settings, given: PublicKey | None, folder: Path | None = None) -> PublicKey:
    """The key that decides: of the settings, else the given one, else that of the list which is here.

    Raises ListError where there is none, and where the given one is another than that.
    """
    known = read_configured_key(settings)
    if known is None:
        with contextlib.suppress(ListError):  # a damaged list has no say
            here = read_kept_list(None, folder)
            known = here.key if here else None
    if known is None and given is None:
        raise ListError("there is no key to verify a list with: name one with --key FILE, or put it into the "
                        "configuration as update.key. None is built in, since there is no official list yet")
    if known and given and known != given:
        where = "update.key of the configuration" if settings.update.key else "that of the list which is here"
        raise ListError(f"the key {given.name} is not {where} ({known.name}): runs would not take its lists")
    found = known or given
    assert found
    return found


def refresh_list(source: str, key: PublicKey, *, now: datetime.datetime, timeout_s: float = PATIENT_S,
                 folder: Path | None = None, by_hand: bool = False) -> SignedList:
    """Fetch a list, verify it, and keep it where all is well. What came of it is remembered either way. `by_hand`: the
    document too is fetched where its signature is the one that is here, so that what is wrong with it shows.

    Raises ListError for a list that cannot be had or is not good, StoreError where nothing can be written;
    UnusableTargetsError when it is kept for what it asks of runs alone: a pause must not wait for an upgrade.
    """
    origin = read_looks(folder).source
    looking = LookState(at=now, failed=BROKEN_OFF, source=origin)
    write_looks(looking, folder)  # before it: whatever happens, nobody asks again for a day
    try:
        fetched = _fetch(source, key, timeout_s, now.date(), folder, by_hand)
        found = keep_list(fetched, key, today=now.date(), folder=folder)
        _check_usable(source, found)
    except (ListError, StoreError) as error:
        write_looks(LookState(at=now, failed=str(error)[:MAX_REASON], source=origin), folder)
        raise
    write_looks(LookState(at=now, source=source), folder)
    return found


def is_list_due(settings: Settings, *, now: datetime.datetime, folder: Path | None = None) -> bool:
    """Whether a scheduled run looks for a new list: a source is named, and nobody looked for a day, or for most of an
    hour where the settings ask for a look before each run."""
    if not settings.update.url:
        return False
    last = read_looks(folder).at
    return last is None or not now - (OFTEN if settings.update.each_run else EVERY) < last <= now


def _check_usable(source: str, found: SignedList) -> None:
    try:
        load_listed_catalogue(found.document)
    except ListError as error:
        raise UnusableTargetsError(f"{source}: {error}") from None


def _fetch(source: str, key: PublicKey, timeout_s: float, today: datetime.date, folder: Path | None,
           by_hand: bool) -> SignedFile:
    """Document and signature, the second verified as far as that needs no document. Raises ListError, StoreError."""
    check_source(source)
    deadline = time.monotonic() + timeout_s
    raw, trust = fetch_signature_by(find_list_keys(key, folder), source, timeout_s=timeout_s, today=today)
    document = None if by_hand else find_kept_document(raw, folder)
    if document is None:
        document = fetch_document(source, timeout_s=max(0.1, deadline - time.monotonic()))
    fetched = SignedFile(document=document, signature=raw)
    try:
        verify_list(fetched, key, trust, today=today)
    except ListError as error:
        raise ListError(f"{source}: {error}") from None
    return fetched

