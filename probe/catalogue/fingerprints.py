"""Known answers of censors, filters and servers: what a fingerprint is, and the table that comes with the program."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from probe.catalogue.patterns import Pattern, make_literal_pattern
from probe.catalogue.types import CatalogueError, Problem
from probe.core.tables.words import read_word

OWN = Path(__file__).parent / "fingerprints.toml"
FingerprintKind = Literal["address", "cname", "redirect_host", "redirect_prefix", "body", "header", "title", "issuer"]
"""Where an answer shows it."""
KINDS: tuple[FingerprintKind, ...] = get_args(FingerprintKind)
PLACES: tuple[FingerprintKind, ...] = ("address", "cname", "redirect_host")
"""Kinds whose values are compared as a whole (names: also what lies below them)."""
SCOPES: dict[str, str] = {
    "national": "shown by order of a state's authority",
    "isp": "shown by a provider",
    "institution": "shown by a school, a company, a library",
    "product": "the page of a filter that anybody may have bought",
    "vague": "words that block pages use, and others too",
    "restricted": "a restricted mode to which names are led: a genuine server, not the one that was asked for",
    "unknown": "the list did not say",
    "fp": "known false positive: servers and content networks show it themselves",
}
CONVICTING_SCOPES = ("national", "isp")
"""Scopes that can convict by themselves, in the countries of the fingerprint."""
CONFIDENCE = ("high", "medium", "low")
_MATCHES: Mapping[FingerprintKind, str] = {
    "redirect_prefix": "prefix", "body": "contains", "header": "contains", "title": "full", "issuer": "contains"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """One known answer. `value` is an address or a name in lower case, or empty where a `pattern` tells."""

    name: str
    kind: FingerprintKind
    scope: str
    value: str = ""
    pattern: Pattern | None = None
    header: str = ""
    """For kind header: whose value is looked at, in lower case."""
    countries: tuple[str, ...] = ()
    source: str = ""
    confidence: str = "medium"


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    kind: str
    values: tuple[str, ...]
    scope: str
    source: str
    confidence: str
    match: str = ""
    countries: tuple[str, ...] = ()


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fingerprint: tuple[_Row, ...] = ()


def load_own_fingerprints() -> tuple[Fingerprint, ...]:
    """The table beside this module; raises CatalogueError."""
    try:
        return parse_fingerprint_table(OWN.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogueError(str(OWN), (Problem(line=0, column="file", reason=str(error)),)) from None


def parse_fingerprint_table(text: str) -> tuple[Fingerprint, ...]:
    """Read the TOML form; raises ValueError (of which TOML's and msgspec's errors are kinds)."""
    table = msgspec.convert(tomllib.loads(text), _Table)
    return tuple(_of_row(row, value) for row in table.fingerprint for value in row.values)


def _of_row(row: _Row, value: str) -> Fingerprint:
    words = ((row.kind, KINDS), (row.scope, tuple(SCOPES)), (row.confidence, CONFIDENCE),
             (row.match, ("", "full", "prefix", "contains")))
    if unknown := [word for word, allowed in words if word not in allowed]:
        raise ValueError(f"{row.name}: unknown word {unknown[0]!r}")
    try:
        return make_fingerprint(name=row.name, kind=read_word(row.kind, KINDS), scope=row.scope, text=value,
                                match=row.match, countries=row.countries, source=row.source, confidence=row.confidence)
    except ValueError as error:
        raise ValueError(f"{row.name}: {error}") from None


def make_fingerprint(*, name: str, kind: FingerprintKind, scope: str, text: str, countries: tuple[str, ...],
                     source: str, confidence: str, match: str = "", pattern: Pattern | None = None) -> Fingerprint:
    """A fingerprint from its text, or from a `pattern` that was made of it. Raises ValueError when it is none."""
    header, value = "", ""
    if kind == "header":
        header, colon, text = text.partition(":")
        header, text = header.strip().lower(), text.strip()
        if not (header and colon):
            raise ValueError("a header mark is `name: text`")
    if kind == "address":
        value = str(ipaddress.ip_address(text.strip()))
    elif kind in PLACES:
        value = text.strip().strip(".").lower()
        if not value or " " in value or "/" in value:
            raise ValueError(f"{text[:40]!r} is no name")
    elif pattern is None:
        pattern = make_literal_pattern(text, match=match or _MATCHES[kind])
    return Fingerprint(name=name, kind=kind, scope=scope, value=value, pattern=pattern, header=header,
                       countries=countries, source=source, confidence=confidence)
