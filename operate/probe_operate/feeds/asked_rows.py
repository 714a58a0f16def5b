"""What volunteers' rows ask about: endpoints that failed there, the addresses at which they did, and where."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from probe.core.addresses import may_connect
from probe.core.observations import Observation
from probe.core.runs import Run
from probe.core.verdicts import Verdict
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_records, stored_runs

MAX_RUNS = 2000
MAX_ADDRESSES = 4
WELL = ("ok", "not_attempted")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRows:
    """Counts, and no row of anybody."""

    inputs: Counter[str] = field(default_factory=Counter)
    """Endpoint -> runs in which it failed."""
    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Endpoint -> public addresses at which it failed, the commonest first."""
    countries: tuple[str, ...] = ()
    """Where, the commonest first."""
    runs: int = 0


def read_asked_rows(folders: Iterable[Path], known: Collection[str], *, since: date, lab: bool) -> AskedRows:
    """What results folders ask about since that day, of the endpoints that are `known`: a feed names no others, since a
    list of somebody's own is nobody else's business. Rows of the laboratory count in the laboratory alone.

    Raises StoreError for a folder without results; damaged runs are passed over.
    """
    inputs, countries, places, runs = Counter[str](), Counter[str](), dict[str, Counter[str]](), 0
    for folder in folders:
        for run in stored_runs(folder, since=since):
            if runs >= MAX_RUNS or run.vantage.lab is not lab:
                continue
            runs += 1
            with contextlib.suppress(StoreError):
                failed = _list_failed(folder, run, known)
                inputs.update(failed)
                countries.update([run.vantage.probe_cc] if failed else [])
                for url, address in _list_places(folder, run, failed):
                    places.setdefault(url, Counter())[address] += 1
    most = {url: tuple(a for a, _ in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_ADDRESSES])
            for url, found in places.items()}
    return AskedRows(inputs=inputs, addresses=most, countries=tuple(cc for cc, _ in countries.most_common()), runs=runs)


def _list_failed(folder: Path, run: Run, known: Collection[str]) -> frozenset[str]:
    return frozenset(v.input for v in read_records(folder, run, Verdict) if v.outcome not in WELL and v.input in known)


def _list_places(folder: Path, run: Run, failed: Collection[str]) -> frozenset[tuple[str, str]]:
    if not failed:
        return frozenset()
    return frozenset((o.input, o.address) for o in read_records(folder, run, Observation)
                     if o.failure and o.input in failed and o.address and may_connect(o.address))
