"""Rows of counts, each judged: what can be used, and what is left out, with the reason and the first line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from probe_analysis.counts.counts_text import NEEDED, CountsText

CountsReason = Literal["columns", "time", "future", "numbers", "witnesses", "network", "empty", "target", "undecided"]
COUNTS_REASONS: Mapping[CountsReason, str] = {
    "columns": "not as many columns as line 1",
    "time": "no time in ISO 8601 since 1990",
    "future": "a time that is yet to come",
    "numbers": "`n` and `failed` are no whole numbers with 0 <= failed <= n",
    "witnesses": "`witnesses` is no whole number from 0 to n",
    "network": "a network that names no country: write CC-ASn, CC, or give a column `country` with two letters",
    "empty": "nothing was counted: n is 0",
    "target": "no target",
    "undecided": "a measurement whose scores say neither blocked nor ok",
}
NAMED = 1 << 32
"""Networks that have a name and no number get numbers from here on."""
_NETWORK = re.compile(r"([A-Za-z]{2})(?:-(?:AS)?(\d{1,10}))?", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"AS(\d{1,10})", re.ASCII | re.IGNORECASE)
_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)
_NO_COUNTRY = {"ZZ", "XX"}
_MOST_TEXT = 200
_MOST_COUNT = 10**12
_AHEAD = timedelta(days=1)
_SINCE = np.datetime64("1990-01-01", "s")

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Rows that cannot be used for one reason."""

    rows: int
    first_line: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountsRows:
    """What can be used of a file of counts: one row for each network, target, version and cell."""

    table: pd.DataFrame
    """`cc`, `asn`, `service`, `role`, `target`, `time` (UTC), `n`, `failed`; `witnesses` and `version` if given."""
    step: timedelta
    """An hour or a day."""
    names: Mapping[int, str]
    """Names of networks that have no number of their own."""
    rows: int
    left_out: Mapping[CountsReason, LeftOut]
    twice: int
    """Rows that came again, alike: they count once."""


def judge_counts(text: CountsText, now: datetime) -> CountsRows:
    """Judges every row; the first reason against one counts. Rows of one cell that differ are added up."""
    columns = text.columns
    times, known_time = _times(columns["time"])
    n, good_n = _whole_numbers(columns["n"])
    failed, good_failed = _whole_numbers(columns["failed"])
    good_n &= good_failed & (failed <= n)
    place = _places(columns["network"], columns.get("country"))
    target = _texts(columns["target"])
    service = _texts(columns["service"]) if "service" in columns else target
    bad: dict[CountsReason, Flags] = {
        "time": ~known_time, "future": times > np.datetime64((now + _AHEAD).replace(tzinfo=None), "s"),
        "numbers": ~good_n, "network": place["asn"].to_numpy() < 0,
        "target": np.asarray((target == "").to_numpy() | (service == "").to_numpy(), dtype=np.bool_), "empty": n == 0,
    }
    table = pd.DataFrame({"cc": place["cc"], "asn": place["asn"], "service": service, "target": target, "time": times,
                          "n": n, "failed": failed})
    table["role"] = _texts(columns["role"]) if "role" in columns else ""
    if "witnesses" in columns:
        witnesses, good = _whole_numbers(columns["witnesses"])
        bad["witnesses"] = ~(good & (witnesses <= n))
        table["witnesses"] = witnesses
    if "version" in columns:
        table["version"] = _texts(columns["version"])
    left_out: dict[CountsReason, LeftOut] = {}
    before: dict[CountsReason, tuple[int, int]] = {"columns": text.torn, "undecided": text.undecided}
    for word, (many, first) in before.items():
        if many:
            left_out[word] = LeftOut(rows=many, first_line=first)
    kept = ~_empty(columns)
    lines = int(kept.sum())
    for word, flags in bad.items():
        hit = np.flatnonzero(flags & kept)
        if hit.size:
            left_out[word] = LeftOut(rows=int(hit.size), first_line=int(text.lines[hit[0]]))
            kept[hit] = False
    table = table[kept]
    once = table.drop_duplicates()
    return CountsRows(table=_add_up(once, step := _find_step(once["time"])), step=step,
                      names=_names(place, kept), rows=lines + text.torn[0] + text.undecided[0],
                      left_out=left_out, twice=len(table) - len(once))


def _empty(columns: Mapping[str, pa.ChunkedArray]) -> Flags:
    """Lines in which nothing is written; they are no rows."""
    nothing = [pc.equal(pc.utf8_trim_whitespace(pc.fill_null(columns[name], "")), "").to_numpy() for name in NEEDED]
    return np.asarray(np.logical_and.reduce(nothing), dtype=np.bool_)


def _add_up(table: pd.DataFrame, step: timedelta) -> pd.DataFrame:
    """One row for each cell; witnesses may be the same in several rows, so no more than the most are believed."""
    table = table.assign(time=table["time"].dt.floor(step))
    keys = [name for name in ("cc", "asn", "service", "role", "target", "version", "time") if name in table]
    how = {name: "max" if name == "witnesses" else "sum" for name in ("n", "failed", "witnesses") if name in table}
    return table.groupby(keys, as_index=False, sort=True).agg(how)


def _find_step(times: pd.Series) -> timedelta:
    """A day where all times are of one and the same moment of the day, and of several days; an hour otherwise."""
    distinct = times.drop_duplicates()
    moments = (distinct - distinct.dt.floor("D")).nunique()
    return timedelta(days=1) if len(distinct) > 1 and moments == 1 else timedelta(hours=1)


def _by_value(column: pa.ChunkedArray) -> tuple[Numbers, list[str]]:
    """Number of each row's value, and the values: what is written millions of times is parsed once."""
    coded = pc.fill_null(column, "").dictionary_encode().unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = pa.concat_arrays(coded.chunks) if coded.num_chunks else pa.array([""][:0]).dictionary_encode()
    return coded.indices.to_numpy(zero_copy_only=False).astype(np.int64), coded.dictionary.to_pylist()


def _times(column: pa.ChunkedArray) -> tuple[NDArray[np.datetime64], Flags]:
    at, values = _by_value(column)
    shown = pd.Series([value.strip() for value in values], dtype="object")
    parsed = pd.to_datetime(shown, utc=True, errors="coerce", format="ISO8601").dt.tz_localize(None)
    seconds = parsed.to_numpy().astype("datetime64[s]")
    known = parsed.notna().to_numpy() & (seconds >= _SINCE)
    return seconds[at], np.asarray(known[at], dtype=np.bool_)


def _whole_numbers(column: pa.ChunkedArray) -> tuple[Numbers, Flags]:
    at, values = _by_value(column)
    numbers = np.zeros(len(values), dtype=np.int64)
    good = np.zeros(len(values), dtype=np.bool_)
    for place, value in enumerate(values):
        shown = value.strip().removesuffix(".0")
        if shown.isascii() and shown.isdigit() and len(shown) < 14 and int(shown) < _MOST_COUNT:
            numbers[place], good[place] = int(shown), True
    return numbers[at], good[at]


def _texts(column: pa.ChunkedArray) -> pd.Series:
    at, values = _by_value(column)
    return pd.Series(np.array([value.strip()[:_MOST_TEXT] for value in values] or [""], dtype=object)[at])


def _places(networks: pa.ChunkedArray, countries: pa.ChunkedArray | None) -> pd.DataFrame:
    """Country, number and name of the network of each row; the number is -1 where no country is named."""
    at, names = _by_value(networks)
    if countries is None:
        made = [_place(name.strip(), "") for name in names]
        codes = at
    else:
        its, words = _by_value(countries)
        codes, pairs = pd.factorize(at * max(1, len(words)) + its)
        made = [_place(names[pair // len(words)].strip(), words[pair % len(words)].strip()) for pair in pairs]
    every = pd.DataFrame(made, columns=["cc", "asn", "name"])
    return every.iloc[codes].reset_index(drop=True)


def _place(name: str, country: str) -> tuple[str, int, str]:
    known_cc = country.upper() if _COUNTRY.fullmatch(country) else ""
    match, number_alone = _NETWORK.fullmatch(name), _NUMBER.fullmatch(name)
    if known_cc and number_alone:
        cc, asn, label = known_cc, int(number_alone[1]), ""
    elif match and (not known_cc or match[1].upper() == known_cc):
        cc, asn, label = match[1].upper(), int(match[2] or 0), ""
    else:
        number = int.from_bytes(sha256(name.encode()).digest()[:5], "big")
        cc, asn, label = known_cc, NAMED + number, name
    if cc in _NO_COUNTRY or not cc or not name or len(name) > _MOST_TEXT or (asn >= 1 << 32 and not label):
        return "", -1, ""
    return cc, asn, label


def _names(place: pd.DataFrame, kept: Flags) -> dict[int, str]:
    named = place[kept & (place["asn"].to_numpy() >= NAMED)].drop_duplicates("asn")
    return {int(asn): str(name) for asn, name in zip(named["asn"], named["name"], strict=True)}
