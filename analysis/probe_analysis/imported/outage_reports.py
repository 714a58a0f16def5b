"""Outages as IODA and Cloudflare Radar tell them in answers of their APIs. Bounded, hostile. Pure.

IODA: `/v2/outages/events`, in both of its forms (`location`, `start`, `duration`; or `entity`, `from`, `until`; times
in seconds), by the source of its API. Radar: `/radar/annotations/outages` (`result.annotations`), by its client.
Neither server was asked for the tests. What Radar tells of causes is not read: whose act it is, nobody here measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from probe.core.stamps import parse_time
from probe_analysis.imported.short_texts import shorten

OutageSource = Literal["IODA", "Cloudflare Radar"]
MAX_BYTES = 16 << 20
MAX_REPORTS = 20_000
MAX_ASNS = 2_000
MAX_PLACES = 260
_LAST_S = 4_102_444_800  # 2100


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageReport:
    """An outage that somebody else reports, of a country or of networks. Its cause is not read: nobody measured it."""

    source: OutageSource
    ccs: tuple[str, ...]
    """Empty: the report names networks alone."""
    asns: tuple[int, ...]
    """Empty: of the country, or the part that `part` names."""
    part: str
    signal: str
    """By which of its data; empty: not told."""
    start: datetime
    end: datetime | None
    """None: it is not told to be over."""


def read_outages(raw: bytes, name: str) -> tuple[list[OutageReport], list[str]]:
    """The reports of one answer, and what could not be read, a line each."""
    if len(raw) > MAX_BYTES:
        return [], [f"{name}: larger than {MAX_BYTES >> 20} MiB"]
    try:
        answer = json.loads(raw.decode("utf-8", "replace"), parse_constant=lambda word: None)
    except (ValueError, RecursionError) as error:
        return [], [f"{name}: is no JSON: {shorten(error)}"]
    rows = _find_rows(answer)
    if rows is None:
        return [], [f"{name}: is neither an answer of IODA's (outages/events) nor of Radar's (annotations/outages)"]
    found, refused = list[OutageReport](), 0
    for row in rows[:MAX_REPORTS]:
        try:
            found.append(_read_row(row))
        except (ValueError, KeyError, TypeError, OverflowError, AttributeError):
            refused += 1
    notes = [f"{name}: {refused} reports could not be read, or name no country and no network"] if refused else []
    if len(rows) > MAX_REPORTS:
        notes.append(f"{name}: {len(rows) - MAX_REPORTS} reports after the first {MAX_REPORTS} were left out")
    return list(dict.fromkeys(found)), notes


def _find_rows(answer: Any) -> list[Any] | None:
    if isinstance(answer, dict):
        result = answer.get("result")
        for rows in (answer.get("data"), result.get("annotations") if isinstance(result, dict) else None,
                     answer.get("annotations")):
            if isinstance(rows, list):
                return rows
    return None


def _read_row(row: Mapping[str, Any]) -> OutageReport:
    """Raises ValueError, KeyError, TypeError, OverflowError or AttributeError for what is no report."""
    if "startDate" in row:
        return _read_radar(row)
    entity = row.get("entity") or {}
    kind, _, code = (f"{entity['type']}/{entity['code']}" if entity else str(row["location"])).partition("/")
    start = row["from"] if entity else row["start"]
    until = row.get("until") if entity else start + row["duration"]
    cc, asns, part = _read_place(kind, code, entity.get("attrs") or {})
    made = OutageReport(
        source="IODA", ccs=(cc,) if cc else (), asns=asns, signal=shorten(row.get("datasource") or "")[:40],
        start=_read_seconds(start),
        part=part and (shorten(entity.get("name") or row.get("location_name") or "")[:80] or part),
        end=_read_seconds(until) if until else None)
    return _check(made)


def _read_place(kind: str, code: str, attrs: Mapping[str, Any]) -> tuple[str, tuple[int, ...], str]:
    """(country, networks, part of the country)."""
    if kind == "country":
        return _read_country(code), (), ""
    if kind == "asn":
        return "", (_read_asn(code),), ""
    if kind == "geoasn":
        number, _, cc = code.partition("-")
        return _read_country(cc) if len(cc) == 2 else "", (_read_asn(number),), ""
    return _read_country(attrs["country_code"]), (), "a region"


def _read_radar(row: Mapping[str, Any]) -> OutageReport:
    places = tuple(_read_country(code) for code in list(row.get("locations") or [])[:MAX_PLACES])
    asns = tuple(map(_read_asn, list(row.get("asns") or [])[:MAX_ASNS]))
    end, scope = row.get("endDate"), shorten(row.get("scope") or "")[:80]
    return _check(OutageReport(
        source="Cloudflare Radar", ccs=places, asns=asns, signal="",
        part="" if scope.lower() in ("nationwide", "country") else scope,
        start=parse_time(str(row["startDate"])[:40]), end=parse_time(str(end)[:40]) if end else None))


def _check(made: OutageReport) -> OutageReport:
    if not (made.ccs or made.asns) or (made.end and made.end < made.start):
        raise ValueError("names no place, or ends before it begins")
    return made


def _read_country(code: Any) -> str:
    if not (isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha()):
        raise ValueError("no country's code")
    return code.upper()


def _read_asn(number: Any) -> int:
    if isinstance(number, str) and number.isascii() and number.isdecimal() and len(number) <= 10:
        number = int(number)
    if not (type(number) is int and 0 < number < 1 << 32):
        raise ValueError("no number of a network")
    return int(number)


def _read_seconds(value: Any) -> datetime:
    if type(value) not in (int, float) or not 0 < value < _LAST_S:
        raise ValueError("no time")
    return datetime.fromtimestamp(int(value), UTC)


def list_in_country(reports: Iterable[OutageReport], cc: str,
                    asns: frozenset[int]) -> list[OutageReport]:
    """Those of the country, and those of networks that may be told of, by time."""
    return sorted((one for one in reports if cc in one.ccs or (not one.ccs and asns & set(one.asns))),
                  key=lambda one: (one.start, one.source, one.asns, one.signal))
