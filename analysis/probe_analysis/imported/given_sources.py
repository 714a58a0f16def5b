"""Reads a list or an answer from where a person says it lies: a file, or an https URL. Bounded in bytes and time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from probe.core.addresses import is_bogon, parse_address
from probe.core.stamps import format_time
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.signed_fetch import fetch_body, is_remote

TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSource:
    """A list as it was read."""

    raw: bytes
    time: str
    """When the file was changed, or when it was fetched (UTC, RFC 3339)."""
    told_by: str
    """file or fetched."""


def read_source(where: str, most: int) -> ListSource:
    """The bytes of a list, at most so many. Raises ListError, whose text says what is wrong with a file or server."""
    _check(where)
    raw = fetch_body(where, most, timeout_s=TIMEOUT_S)
    if is_remote(where):
        return ListSource(raw=raw, time=format_time(datetime.now(UTC)), told_by="fetched")
    try:
        changed = os.stat(Path(where.removeprefix("file://")).expanduser()).st_mtime
    except OSError as error:
        raise ListError(f"{where}: cannot be read: {error.strerror}") from None
    return ListSource(raw=raw, time=format_time(datetime.fromtimestamp(changed, UTC)), told_by="file")


def _check(where: str) -> None:
    """Raises ListError for the URL of a place in a private network; this very machine is none."""
    try:
        address = parse_address(urlsplit(where).hostname or "") if is_remote(where) else None
    except ValueError:
        return  # told with more words by whoever fetches
    if address and is_bogon(str(address)) and not address.is_loopback:
        raise ListError(f"{where}: lies in a private network: copy the list from there, and name the file")
