"""The table of statements from outside: a legal order, an operator's statement, an outage. Hostile, bounded. Pure.

One CSV file with a heading. A statement that a service was blocked, failed of itself, was out of reach with its whole
network, or worked, in one country (and network, if it names one), on these days.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar, get_args

from probe.core.country_codes import explain_no_country
from probe_analysis.imported.short_texts import shorten

LabelKind = Literal["legal_order", "operator", "outage", "other"]
LabelCause = Literal["blocked", "service", "network", "ok"]
"""Of the explanations of a row (`p_blocked`, `p_service`, `p_network`, `p_ok`): which one the statement supports."""
COLUMNS = ("first_day", "last_day", "country", "asn", "service", "cause", "kind", "source")
MAX_BYTES = 4 << 20
MAX_LABELS = 20_000
MAX_DAYS = 3700
_LARGEST_ASN = (1 << 32) - 1
_Word = TypeVar("_Word", bound=str)


class LabelError(ValueError):
    """A file that is no table of statements; says the line and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One statement."""

    line: int
    """Of the file, from 2."""
    first_day: date
    last_day: date
    country: str
    asn: int | None
    """None: every network of the country."""
    service: str
    cause: LabelCause
    kind: LabelKind
    source: str
    """Where it can be read, as the file has it."""


def read_labels(raw: bytes) -> tuple[Label, ...]:
    """The statements of a file. Raises LabelError with the line of the first that is wrong."""
    if len(raw) > MAX_BYTES:
        raise LabelError(f"larger than {MAX_BYTES >> 20} MiB")
    try:
        rows = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise LabelError(f"line 1: no column {missing[0]!r}; the columns are {', '.join(COLUMNS)}")
        found = list[Label]()
        for row in rows:
            if len(found) == MAX_LABELS:
                raise LabelError(f"more than {MAX_LABELS} statements")
            found.append(_read_row(row, rows.line_num))
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"is no CSV file: {shorten(error)}") from error
    return tuple(found)


def _read_row(row: dict[str, str | None], line: int) -> Label:
    text = {name: (row[name] or "").strip() for name in COLUMNS}
    try:
        first, last = date.fromisoformat(text["first_day"]), date.fromisoformat(text["last_day"])
    except ValueError as error:
        raise LabelError(f"line {line}: first_day and last_day are days as 2026-12-31") from error
    if not 0 <= (last - first).days <= MAX_DAYS:
        raise LabelError(f"line {line}: last_day is before first_day, or more than ten years after it")
    country = text["country"].upper()
    if why := explain_no_country(country):
        raise LabelError(f"line {line}: {why}")
    return Label(
        line=line, first_day=first, last_day=last, country=country, asn=_read_asn(text["asn"], line),
        service=_need(text["service"], "service", line), source=_need(text["source"], "source", line),
        cause=_choose(text["cause"], "cause", get_args(LabelCause), line),
        kind=_choose(text["kind"], "kind", get_args(LabelKind), line))


def _read_asn(text: str, line: int) -> int | None:
    digits = text.upper().removeprefix("AS")
    if not text:
        return None
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10 and 0 < int(digits) <= _LARGEST_ASN):
        raise LabelError(f"line {line}: asn is a number of a network, as AS64500, or empty")
    return int(digits)


def _need(text: str, column: str, line: int) -> str:
    if not text:
        raise LabelError(f"line {line}: {column} is empty")
    return text[:400]


def _choose(text: str, column: str, words: tuple[_Word, ...], line: int) -> _Word:
    for word in words:
        if word == text:
            return word
    raise LabelError(f"line {line}: {column} is one of {', '.join(words)}")
