"""Result rows of any number, as a large fleet would send them: Parquet files, a day each, the same for a seed.

200 volunteers on 20 networks ask 116 targets of 50 services every hour; what they find is drawn. Only the columns that
cells are made from are written. Nothing here knows of censors: `probe fleet simulate` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

VOLUNTEERS, NETWORKS, SERVICES, TARGETS = 200, 20, 50, 116
_ROLES = ("chat", "api", "web")
_OUTCOMES = ("ok", "blocked", "down", "inconclusive", "network", "local", "not_attempted")
_SHARES = (0.90, 0.04, 0.01, 0.03, 0.005, 0.005, 0.01)
_BLOCK_TYPES = ("", "tls.reset.sni", "ip.blackhole", "dns.injection")
_COUNTRIES = ("RU", "IR", "CN", "TR", "KZ", "NA")
_START = datetime(2025, 1, 1, tzinfo=UTC)
_DAY_ROWS = VOLUNTEERS * 24 * TARGETS


def make_rows(out: Path, rows: int, *, seed: int = 1) -> int:
    """Write about so many verdict rows, and the rows of services and runs that belong to them, in whole hours.

    Returns how many rows there are in all tables.
    """
    random = np.random.default_rng(seed)
    written = 0
    for day in range(-(-rows // _DAY_ROWS)):
        hours = min(24, max(1, (rows - day * _DAY_ROWS) // (VOLUNTEERS * TARGETS)))
        for table, frame in _day(random, _START + timedelta(days=day), hours):
            folder = out / "parquet" / table / f"date={_START + timedelta(days=day):%Y-%m-%d}"
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(frame, folder / "fleet.parquet", compression="zstd", row_group_size=1 << 17)
            written += frame.num_rows
    return written


def _day(random: np.random.Generator, day: datetime, hours: int) -> Iterator[tuple[str, pa.Table]]:
    runs = VOLUNTEERS * hours
    target, role, service = _catalogue()
    pairs = np.unique(np.array([service, role]), axis=1)
    seconds = np.sort(random.integers(0, 3600, (hours, VOLUNTEERS)), axis=1) + np.arange(hours)[:, None] * 3600
    frame = _frame(random, day, seconds.reshape(-1))
    yield "runs", pa.table(frame)
    outcome = random.choice(len(_OUTCOMES), runs * TARGETS, p=_SHARES).astype(np.int8)
    blocked = outcome == 1
    kinds = np.where(blocked, random.integers(1, len(_BLOCK_TYPES), outcome.size), 0).astype(np.int8)
    yield "verdicts", pa.table({
        **_repeated(frame, TARGETS),
        "target_id": _words([f"service{s}.{_ROLES[r]}.t{t}" for t, r, s in zip(target, role, service, strict=True)],
                            np.tile(target, runs)),
        "service": _words([f"service{n}" for n in range(SERVICES)], np.tile(service, runs)),
        "role": _words(_ROLES, np.tile(role, runs)),
        "outcome": _words(_OUTCOMES, outcome),
        "block_type": _words(_BLOCK_TYPES, kinds),
        "confirmed": pa.array(blocked & (random.random(outcome.size) < 0.5)),
    })
    outcome = random.choice(len(_OUTCOMES), runs * pairs.shape[1], p=_SHARES).astype(np.int8)
    yield "services", pa.table({
        **_repeated(frame, pairs.shape[1]),
        "service": _words([f"service{n}" for n in range(SERVICES)], np.tile(pairs[0], runs)),
        "role": _words(_ROLES, np.tile(pairs[1], runs)),
        "outcome": _words(_OUTCOMES, outcome),
    })


def _catalogue() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Target, role and service numbers."""
    target = np.arange(TARGETS)
    return target, np.where(target < 2 * SERVICES, 0, 1 + target % 2), target % SERVICES


def _frame(random: np.random.Generator, day: datetime, seconds: np.ndarray) -> dict[str, pa.Array]:
    """The columns that tell of the run, a row each."""
    volunteer = np.tile(np.arange(VOLUNTEERS), seconds.size // VOLUNTEERS)
    network = volunteer % NETWORKS
    micros = int(day.timestamp()) * 1_000_000 + seconds.astype(np.int64) * 1_000_000
    names = [f"{day:%Y%m%d}T{s:05d}Z_{v:04x}{n:08x}" for s, v, n in
             zip(seconds, volunteer, random.integers(0, 1 << 32, seconds.size), strict=True)]
    return {
        "run_id": pa.array(names),
        "measurement_start_time": pa.array(micros, pa.timestamp("us", tz="UTC")),
        "probe_id": pa.array([f"{int(v) * 2654435761:016x}" for v in volunteer]),
        "probe_cc": pa.array([_COUNTRIES[n % len(_COUNTRIES)] for n in network]),
        "probe_asn": pa.array(64500 + network.astype(np.int64)),
        "lab": pa.array(np.zeros(seconds.size, bool)),
        "schema_version": pa.array(["1"] * seconds.size),
    }


def _repeated(frame: dict[str, pa.Array], times: int) -> dict[str, pa.Array]:
    rows = pa.array(np.repeat(np.arange(len(frame["run_id"])), times))
    return {name: column.take(rows) for name, column in frame.items()}


def _words(words: list[str] | tuple[str, ...], numbers: np.ndarray) -> pa.Array:
    return pa.array(np.array(words, dtype=object)).take(pa.array(numbers))
