"""Fetches the signature of a list or feed, and the key statements beside it where the signature asks for them."""

from __future__ import annotations

import datetime
import time

from probe.upkeep.updates.kept_keys import KeySlot, learn_keys
from probe.upkeep.updates.key_trust import KeyTrust
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.minisign import SignatureError, check_keys, parse_signature
from probe.upkeep.updates.signed_fetch import fetch_signature, fetch_statements


def fetch_signature_by(slot: KeySlot, source: str, *, timeout_s: float, today: datetime.date) -> tuple[bytes, KeyTrust]:
    """(the signature file, the keys that count now) where it says that enough of these keys signed, as far as that
    needs no document. Raises ListError, StoreError where new keys cannot be kept."""
    deadline = time.monotonic() + timeout_s
    raw = fetch_signature(source, timeout_s=timeout_s)
    try:
        signed = parse_signature(raw)
        trust = learn_keys(slot, signed, lambda: fetch_statements(
            source, timeout_s=max(0.1, deadline - time.monotonic())), today=today)
        check_keys(signed, trust.signers, trust.threshold)
    except SignatureError as error:
        raise ListError(f"{source}: {error}") from None
    return raw, trust
