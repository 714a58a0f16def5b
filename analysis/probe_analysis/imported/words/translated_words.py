"""OONI's words as ours: failures, addresses, times. Pure and total: whatever is no such word says nothing."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from msgspec import UNSET

from probe.core.addresses import parse_address
from probe.core.tables.failures import Failure as FailureWord
from probe.core.tables.failures import open_failure, scrub_addresses
from probe_analysis.imported.words.ooni_keys import Failure
from probe_analysis.imported.words.ooni_words import ALERTS, FAILURES

UNKNOWN: Final = "unknown_failure"
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_ASN = re.compile(r"(?:AS)?([0-9]{1,10})", re.ASCII)
_CC = re.compile(r"[A-Z]{2}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}", re.ASCII)


def translate_failure(failure: Failure) -> FailureWord:
    """Today's word for a failure, old or new; empty where there was none, or where nothing is said of one."""
    if failure is None or failure is False or failure is UNSET or failure == "":
        return ""
    if not isinstance(failure, str):
        return UNKNOWN
    word = FAILURES.get(failure, failure)
    if _WORD.fullmatch(word):
        return open_failure(word)
    return open_failure(f"{UNKNOWN}: {scrub_addresses(word.removeprefix(UNKNOWN).lstrip(': '))}")


def read_alert(failure: Failure) -> int:
    """The TLS alert that a failure tells of; -1: none."""
    if not isinstance(failure, str) or not failure.startswith(UNKNOWN):
        return -1
    return next((number for text, number in ALERTS.items() if text in failure), -1)


def clean_address(text: str | None) -> str:
    """The address in its usual form; empty where there is none, or a scrubbed one."""
    return _clean_short(text) if text and len(text) < 64 else ""


@lru_cache(maxsize=8192)
def _clean_short(text: str) -> str:
    """Each address stands in a file many times."""
    found = parse_address(text.strip("[]"))
    return str(found) if found else ""


def split_place(text: str | None) -> tuple[str, int]:
    """Address and port of `ip:port`; ("", 0) where there is none, or a scrubbed one."""
    host, _, port = (text or "").rpartition(":")
    address = clean_address(host)
    return (address, int(port)) if address and port.isascii() and port.isdigit() and len(port) < 6 else ("", 0)


def parse_asn(text: str | int | None) -> int:
    """The number of a network; 0 where it is not given."""
    found = _ASN.fullmatch(str(text))
    return int(found[1]) if found else 0


def parse_cc(text: str | None) -> str:
    """The country; ZZ where it is not given."""
    return text if text and _CC.fullmatch(text) else "ZZ"


def parse_measurement_time(text: str | None) -> datetime | None:
    """A time stamp, `YYYY-MM-DD hh:mm:ss` in UTC, or None when it is none of the time in which OONI measures."""
    try:
        found = datetime.fromisoformat((text or "").strip().removesuffix("Z")[:26])
    except ValueError:
        return None
    found = found.replace(tzinfo=UTC)
    return found if 2012 <= found.year < 2100 else None


def to_ascii_url(text: str) -> str:
    """A URL in ASCII: names of other scripts as IDNA writes them (RFC 3490), the rest in per cent (RFC 3986). What
    cannot be written so stays as it is."""
    if text.isascii() and " " not in text:
        return text
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna").decode() + (f":{parts.port}" if parts.port else "")
        return urlunsplit((parts.scheme, host, *(quote(p, safe="/%=&?:@!$'()*+,;~-._") for p in parts[2:])))
    except (ValueError, UnicodeError):
        return text


def parse_version(text: str | None) -> tuple[int, ...]:
    """A version as numbers, as far as they go."""
    parts = re.split(r"[.-]", text or "")[:4]
    return tuple(int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 8)


def clean_host(text: str | None) -> str:
    """A host's name in lower case; empty where it is none (or scrubbed)."""
    name = (text or "").rstrip(".").lower()
    return name if _HOST.fullmatch(name) else ""


def parse_port(text: int | str | None) -> int:
    """A port; 0 where it is none."""
    try:
        port = int(text or 0)
    except ValueError:
        return 0
    return port if 0 < port < 65536 else 0


def first_time_s(*times: float | None) -> float:
    """The first of these times that is given, bounded; 0 where none is."""
    for found in times:
        if found is not None:
            return found if 0.0 <= found <= 1e6 else 1e6 if found > 1e6 else 0.0
    return 0.0


def make_digest(*parts: str) -> str:
    """A short name for something, the same for ever."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
