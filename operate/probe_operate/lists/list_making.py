"""The makers' side of a list: the document to be signed, of its targets and of a file of policies. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from probe.upkeep.updates.list_document import (
    MAX_BYTES,
    POLICY_WORDS,
    CountryPolicy,
    ListDocument,
    ListError,
    Policies,
    StagedTargets,
    read_document,
)


def write_document(*, serial: int, date: datetime.date, targets: str, policy: Mapping[str, CountryPolicy],
                   stage: StagedTargets | None = None) -> bytes:
    """The bytes to be signed. Raises ListError for what `read_document` would refuse."""
    made = ListDocument(format=1, serial=serial, date=date, policy=dict(policy), targets=targets, stage=stage)
    raw = msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"
    if len(raw) > MAX_BYTES:
        raise ListError(f"it is larger than {MAX_BYTES} bytes")
    if read_document(raw) != made:
        raise ListError("it does not read as it was written")
    return raw


def read_policies(raw: bytes) -> dict[str, CountryPolicy]:
    """What is asked, by country, of a TOML file with one table for each. Raises ListError, also for a word that is no
    policy: it may be a slip of the pen in `pause`."""
    try:
        for code, words in msgspec.toml.decode(raw, type=dict[str, dict[str, Any]]).items():
            if unknown := sorted(words.keys() - POLICY_WORDS):
                raise ListError(f"it is no policy: [{code}] has the unknown word {unknown[0]}")
        return msgspec.toml.decode(raw, type=Policies)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ListError(f"it is no policy: {error}") from None
