"""Files of traffic curves that a user gives: CSV with time, network and value. Bounded, hostile."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from probe.core.counted_words import count_things
from probe.core.stamps import parse_time
from probe.store.files.atomic import StoreError, translate_os_errors
from probe_analysis.events.outage_curves import CurvePlace, OutageCurves, make_curves

MAX_BYTES = 32 << 20
MAX_ROWS = 1_000_000
MAX_PLACES = 5_000
MAX_FILES = 50
COLUMNS = ("time", "network", "value")
_FIELD = 200
_COLUMNS = 100
_PLACE = re.compile(r"(?:([A-Za-z]{2})(?:-AS(\d{1,10}))?|AS(\d{1,10}))", re.ASCII)
_SECONDS = re.compile(r"\d{9,10}", re.ASCII)
_SINCE_S, _UNTIL_S = 631_152_000, 4_102_444_800  # 1990, 2100
_MOST = 1e18


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFile:
    """What was read of one file."""

    curves: dict[CurvePlace, dict[int, float]]
    """Second since 1970 -> traffic, in units of the source."""
    unread: int
    """Rows that could not be read."""


def read_curves(paths: Iterable[Path]) -> OutageCurves:
    """The curves in files. Raises StoreError, saying what to do, for a file that is none."""
    files = list(paths)
    if len(files) > MAX_FILES:
        raise StoreError(f"more than {MAX_FILES} files of curves; join them")
    return make_curves(read_curve_file(path).curves for path in files)


def is_curve_file(path: Path) -> bool:
    """Whether a file begins as a table of curves does, and not as an answer in JSON."""
    with translate_os_errors(path), path.open("rb") as file:
        return not file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))


def read_curve_file(path: Path) -> CurveFile:
    """The curves in one file. Raises StoreError where it has not the columns, is too large, or no row can be read."""
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise StoreError(f"{path}: larger than {MAX_BYTES >> 20} MiB; give the curves of a shorter time")
    rows = csv.reader(io.StringIO(raw.decode("utf-8-sig", "replace"), newline=""))
    curves: dict[CurvePlace, dict[int, float]] = {}
    read = unread = 0
    try:
        header = [name.strip().lower() for name in next(rows, [])[:_COLUMNS]]
        if not set(COLUMNS) <= set(header):
            raise StoreError(f"{path}: is no table of curves; line 1 must name the columns {', '.join(COLUMNS)}")
        at = [header.index(name) for name in COLUMNS]
        for row in rows:
            if read + unread >= MAX_ROWS:
                raise StoreError(f"{path}: more than {MAX_ROWS} rows; give the curves of a shorter time")
            try:
                place, second, value = _read_row(*(row[column][:_FIELD].strip() for column in at))
            except (ValueError, IndexError, OverflowError):
                unread += bool(row)
                continue
            if place not in curves and len(curves) >= MAX_PLACES:
                raise StoreError(f"{path}: more than {MAX_PLACES} countries and networks; give those that are measured")
            curves.setdefault(place, {})[second] = value
            read += 1
    except csv.Error as error:
        raise StoreError(f"{path}: cannot be read as CSV: {str(error)[:100]}") from error
    if not read:
        raise StoreError(f"{path}: no row can be read of {count_things(unread, 'row')}; a row is a time (ISO 8601), a "
                         f"network (RU or RU-AS12389) and a number")
    return CurveFile(curves=curves, unread=unread)


def _read_row(time: str, network: str, value: str) -> tuple[CurvePlace, int, float]:
    """Raises ValueError or OverflowError for what is no row."""
    match = _PLACE.fullmatch(network)
    number = float(value)
    if not match or not math.isfinite(number) or not 0 <= number < _MOST:
        raise ValueError("no row")
    second = int(time) if _SECONDS.fullmatch(time) else int(parse_time(time).astimezone(UTC).timestamp())
    asn = int(match[2] or match[3] or 0)
    if not _SINCE_S <= second < _UNTIL_S or asn >= 1 << 32:
        raise ValueError("no time, or no network")
    return ((match[1] or "").upper(), asn), second, number
