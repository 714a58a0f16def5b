"""The cell table as series: one per network and role (or target) of a service, in order of time.

A cell that nobody measured is not there: a gap stays a gap. Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probe.analysis.segments import Ints

CONTROL = "control"
"""Role of targets that belong to no service and tell what the network does to innocent traffic."""
HOUR = timedelta(hours=1)
_TEXTS = ("probe_cc", "level", "service", "role", "target_id")
_COUNTS = ("ok", "blocked", "network")
_OPTIONAL = ("witnesses", "confirmed", "down", "local", "inconclusive")
REQUIRED = ("lab", "probe_asn", "cell_start", *_TEXTS, *_COUNTS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CellsError(ValueError):
    """The table is no cell table; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where was measured: a network, or with `asn` -1 all networks of a country together."""

    lab: bool
    cc: str
    asn: int


POOLED = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """The measured cells of one role or target of a service on one network."""

    place: Place
    service: str
    role: str
    target_id: str
    """Empty: all targets of the role."""
    times: Ints
    """Numbers of the cells since 1970, strictly rising."""
    blocked: Ints
    decided: Ints
    """Verdicts `ok` or `blocked`, at least one in each cell. Verdicts `down` say nothing of a block: not counted."""
    witnesses: Ints
    confirmed: Ints
    """Blocked verdicts with which another time slot of their run agreed."""
    types: NDArray[np.int32]
    """Number of each cell's most frequent block type in `Cells.block_types`."""
    versions: NDArray[np.int32]
    """Number of the version that most verdicts of the cell were made with; -1 where the table does not say."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """How a network as a whole fared, cell by cell, over all services."""

    place: Place
    times: Ints
    cut: Ints
    """Services of which most verdicts in the cell are `network`."""
    measured: Ints
    """Services with any verdict in the cell."""
    witnesses: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """The whole table."""

    step: timedelta
    series: tuple[Series, ...]
    volumes: tuple[Volume, ...]
    block_types: tuple[str, ...]
    version_names: tuple[str, ...]
    first: int
    last: int
    """First and last cell in which anything was measured."""

    @property
    def steps_per_year(self) -> float:
        return timedelta(days=365.25) / self.step

    def time(self, cell: int) -> datetime:
        """When a cell begins."""
        return _EPOCH + cell * self.step

    def cells_in(self, span: timedelta) -> int:
        """How many cells a time spans, at least one."""
        return max(1, round(span / self.step))


def read_cells(table: Any, step: timedelta = HOUR) -> Cells:
    """Series from a cell table: a pandas frame, an Arrow table, or a mapping of columns to arrays.

    Rows of roles are used, and those of targets; rows of whole services only where a service has neither. Optional
    columns: `witnesses`, `confirmed`, `block_type`, and `software_version` or `catalogue_version` (those of most
    verdicts of the cell). Raises CellsError for missing columns and for cells that occur twice.
    """
    frame = _frame(table)
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise CellsError(f"the cell table lacks {', '.join(missing)}; see docs/analysis.md for its columns")
    if frame.empty:
        return Cells(step=step, series=(), volumes=(), block_types=(), version_names=(), first=0, last=0)
    codes, names = _codes(frame)
    time = _cell_numbers(frame["cell_start"], step)
    order, starts = _sorted(codes, time)
    values = {name: _whole(frame, name)[order] for name in (*_COUNTS, *_OPTIONAL)}
    types, type_names = _coded(frame, "block_type")
    versions, version_names = _versions(frame)
    rows = _Rows(time=time[order], codes={name: code[order] for name, code in codes.items()}, names=names,
                 values=values, types=types[order], versions=versions[order], starts=starts)
    return Cells(
        step=step, series=tuple(_series(rows)), volumes=tuple(_volumes(rows)), block_types=type_names,
        version_names=version_names, first=int(time.min()),
        last=int(time.max()),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """The table sorted by series and time."""

    time: Ints
    codes: Mapping[str, Ints]
    names: Mapping[str, list[Any]]
    values: Mapping[str, Ints]
    types: NDArray[np.int32]
    versions: NDArray[np.int32]
    starts: Ints

    def name(self, column: str, row: int) -> Any:
        return self.names[column][self.codes[column][row]]

    def place(self, row: int) -> Place:
        return Place(lab=bool(self.name("lab", row)), cc=str(self.name("probe_cc", row)),
                     asn=int(self.name("probe_asn", row)))


def _frame(table: Any) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        return table
    if hasattr(table, "to_pandas"):
        return table.to_pandas(strings_to_categorical=True)
    return pd.DataFrame(dict(table))


_KEYS = ("lab", "probe_cc", "probe_asn", "level", "service", "role", "target_id")


def _codes(frame: pd.DataFrame) -> tuple[dict[str, Ints], dict[str, list[Any]]]:
    """Each column of the key as numbers in the order of its sorted values, so the order of rows never matters."""
    codes, names = {}, {}
    for column in _KEYS:
        values = frame[column].fillna("") if column in _TEXTS and frame[column].isna().any() else frame[column]
        code, found = pd.factorize(values, sort=True)
        codes[column], names[column] = code.astype(np.int64), list(found)
    return codes, names


def _cell_numbers(column: pd.Series, step: timedelta) -> Ints:
    stamps = pd.to_datetime(column, utc=True)
    if stamps.isna().any():
        raise CellsError("cell_start is empty in some rows; leave those rows out")
    seconds = stamps.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    return np.asarray(seconds // int(step.total_seconds()), dtype=np.int64)


def _sorted(codes: Mapping[str, Ints], time: Ints) -> tuple[Ints, Ints]:
    """Order of the rows by series and time, and where each series begins in it. Raises CellsError for doubles."""
    key = np.zeros(len(time), dtype=np.int64)
    for column in _KEYS:
        key = key * (int(codes[column].max(initial=0)) + 1) + codes[column]
    order = np.lexsort((time, key))
    key, time = key[order], time[order]
    fresh = np.diff(key, prepend=-1) != 0
    if np.any(~fresh[1:] & (np.diff(time) == 0)):
        raise CellsError("a cell occurs twice in the table; count each verdict once")
    return np.asarray(order, dtype=np.int64), np.flatnonzero(fresh)


def _whole(frame: pd.DataFrame, name: str) -> Ints:
    if name not in frame.columns:
        return np.full(len(frame), 1 if name == "witnesses" else 0, dtype=np.int64)
    return np.asarray(frame[name].to_numpy(), dtype=np.int64)


def _coded(frame: pd.DataFrame, name: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    if name not in frame.columns:
        return np.full(len(frame), -1, dtype=np.int32), ()
    code, found = pd.factorize(frame[name], sort=True)
    return code.astype(np.int32), tuple(str(value) for value in found)


def _versions(frame: pd.DataFrame) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Program and catalogue together, as far as the table tells."""
    known = [name for name in ("software_version", "catalogue_version") if name in frame.columns]
    if not known:
        return np.full(len(frame), -1, dtype=np.int32), ()
    joined = frame[known[0]].astype(str)
    for name in known[1:]:
        joined = joined + " " + frame[name].astype(str)
    code, found = pd.factorize(joined, sort=True)
    return code.astype(np.int32), tuple(str(value) for value in found)


def _series(rows: _Rows) -> Iterator[Series]:
    """Every series of roles and targets, and of services that have neither, in the order of their names."""
    stops = np.append(rows.starts[1:], len(rows.time))
    levels = [rows.name("level", row) for row in rows.starts]
    finer = {(rows.place(row), rows.name("service", row))
             for row, level in zip(rows.starts, levels, strict=True) if level != "service"}
    for row, stop, level in zip(rows.starts, stops, levels, strict=True):
        key = (rows.place(row), rows.name("service", row))
        if level == "service" and key in finer:
            continue
        part = slice(int(row), int(stop))
        blocked = rows.values["blocked"][part]
        decided = blocked + rows.values["ok"][part]
        kept = decided > 0
        yield Series(
            place=key[0], service=str(key[1]), role=str(rows.name("role", row)),
            target_id=str(rows.name("target_id", row)) if level == "target" else "",
            times=rows.time[part][kept], blocked=blocked[kept], decided=decided[kept],
            witnesses=rows.values["witnesses"][part][kept], confirmed=rows.values["confirmed"][part][kept],
            types=rows.types[part][kept],
            versions=rows.versions[part][kept],
        )


def _volumes(rows: _Rows) -> Iterator[Volume]:
    """Per network: how many services were measured in each cell, and how many of them the whole network stopped."""
    everything = sum(rows.values[name] for name in ("ok", "blocked", "network", "down", "local", "inconclusive"))
    cut = rows.values["network"] * 2 > np.asarray(everything)
    place = rows.codes["lab"] * (1 << 50) + rows.codes["probe_cc"] * (1 << 40) + rows.codes["probe_asn"]
    for code in np.unique(place):
        here = np.flatnonzero(place == code)
        times, at = np.unique(rows.time[here], return_inverse=True)
        service = rows.codes["service"][here]
        span = int(service.max()) + 1
        pairs, of_pair = np.unique(at * span + service, return_inverse=True)
        rows_in = np.bincount(of_pair, minlength=len(pairs))
        cut_in = np.bincount(of_pair, weights=cut[here], minlength=len(pairs))
        witnesses = np.zeros(len(times), dtype=np.int64)
        np.maximum.at(witnesses, at, rows.values["witnesses"][here])
        yield Volume(
            place=rows.place(int(here[0])), times=times.astype(np.int64),
            cut=np.bincount(pairs // span, weights=cut_in * 2 > rows_in, minlength=len(times)).astype(np.int64),
            measured=np.bincount(pairs // span, minlength=len(times)).astype(np.int64), witnesses=witnesses,
        )
