"""The rows of a run, from those of its measurements: each at its time, with its attempt, numbered in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple

from probe.core.observations import ControlAnswer, Observation
from probe.core.typed_cache import keep_results
from probe.session.observation_log import ObservationLog
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.row_filling import replace_fast

MAX_NEIGHBOURS = 4
ATTEMPTS = 1000
"""Attempts of one measurement at most; the next one's are counted on from there."""


class PlacedRow(NamedTuple):
    """An operation, and its place in the run."""

    t0_s: float
    t_s: float
    attempt: int
    seen: Observation


_BEGINNING = itemgetter(0)


def place_rows(seen: Iterable[Observation], number: int, by: timedelta) -> list[PlacedRow]:
    """The rows of the measurement of this number, which began so long after the run (or before it)."""
    shift_s, base = by.total_seconds(), number * ATTEMPTS
    return [PlacedRow(round(o.t0_s + shift_s, 6), round(o.t_s + shift_s, 6), base + min(o.attempt, ATTEMPTS), o)
            for o in seen]


def stamp_rows(run_id: str, rows: Sequence[PlacedRow]) -> list[Observation]:
    """The rows of a run, numbered in order of time."""
    return [replace_fast(seen, attempt=attempt, t0_s=t0_s, t_s=t_s, sequence=number, run_id=run_id,
                         observation_id=f"{run_id}.{number}")
            for number, (t0_s, t_s, attempt, seen) in enumerate(sorted(rows, key=_BEGINNING))]


def log_rows(run_id: str, rows: Sequence[PlacedRow], controls: Iterable[ControlAnswer]) -> ObservationLog:
    """The rows of a run, numbered, where some failed. What went well can have been tainted by nothing."""
    log = ObservationLog(run_id)
    log.restore((), tuple(controls))
    for seen in stamp_rows(run_id, rows):
        if seen.failure:
            log.add(seen)
        else:
            log.restore((seen,), ())
    return log


@keep_results(1024)
def make_ladder_row(host: str) -> Observation:
    """That this was reached over a proven connection, by a measurement or another of the same report."""
    return Observation(operation="http_round_trip", purpose="ladder", hostname=host, input=f"https://{host}/")


def find_neighbours(members: Iterable[ImportedMeasurement], began: datetime) -> list[PlacedRow]:
    """Names that the same probe had served at an address where another name's handshake fails: innocent ones there."""
    served: dict[tuple[str, str, int], list[PlacedRow]] = {}
    failed: dict[tuple[str, str, int], set[str]] = {}
    for one in members:
        shakes = [o for o in one.observations if o.operation == "tls_handshake" and o.purpose in ("target", "trusted")]
        for row in place_rows(shakes, 0, one.start - began):
            where = one.report, row.seen.address, row.seen.port
            if row.seen.failure:
                failed.setdefault(where, set()).add(row.seen.hostname)
            elif row.seen.tls.trust == "valid":
                served.setdefault(where, []).append(row)
    return [row._replace(attempt=n, seen=replace(row.seen, purpose="innocent", target_id="", input=""))
            for where, names in failed.items()
            for n, row in enumerate([r for r in served.get(where, ()) if r.seen.hostname not in names][:MAX_NEIGHBOURS],
                                    1)]
