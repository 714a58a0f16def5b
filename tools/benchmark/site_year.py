"""The public site of a year: 30 networks of 20 countries, 50 services, counted by the hour; seconds and memory.

PROBE_BENCH_SITE_DAYS says how many days; 365 where it is not set. The cells are drawn by a seed and written as an
analysis writes them; nothing of them was measured.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.cells import took
from benchmark.figure import Figure
from probe.core.stamps import format_time
from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.cells.failure_layers import FAILED
from probe_analysis.cells.file_names import CELLS_FILE, EVENTS_FILE

COUNTRIES = ("AE", "BY", "CN", "CU", "DE", "EG", "ET", "FR", "IN", "IR", "KZ", "MM", "PK", "RU", "TR", "UG", "US",
             "VE", "VN", "ZW")
NETWORKS = tuple((COUNTRIES[number % len(COUNTRIES)], 64500 + number) for number in range(30))
SERVICES = tuple(f"service-{number:02}" for number in range(50))
BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
WITNESSES = 8
EVENTS = 44
_LEVELS = (("role", "chat"), ("service", ""))
_BUILT_S, _HOUR_S, _MEMORY_MB = 120.0, 10.0, 2048.0


def measure() -> list[Figure]:
    """The whole site, an hour later, and at a day's end."""
    days = int(os.environ.get("PROBE_BENCH_SITE_DAYS", "365"))
    with tempfile.TemporaryDirectory(prefix="probe-bench-") as folder:
        place = Path(folder)
        rows = write_year(place / "analysis", hours=days * 24 + 26)
        figures = []
        for label, hours, bound in ((f"{rows / 1e6:.0f} M cells, the whole site", 0, _BUILT_S),
                                    ("an hour later", 1, _HOUR_S), ("at a day's end", 24, None)):
            now = BEGIN + timedelta(days=days, hours=hours + 1)
            spent = took(["-m", "probe", "site", str(place / "analysis"), "-o", str(place / "public"), "--as-of",
                          format_time(now)], place)
            figures.append(Figure(label=label, value=spent.wall_s, unit="s", at_most=bound,
                                  note=f"{spent.cpu_s:.1f} s of processors, {spent.peak_mb:,.0f} MB"))
    return figures


def write_year(folder: Path, *, hours: int) -> int:
    """Cells of so many hours and a log of events below `folder`, as `probe analyse` leaves them; how many cells."""
    folder.mkdir(parents=True)
    draw, rows = np.random.default_rng(1), 0
    struck = {(number * 7 % len(NETWORKS), number % len(SERVICES)): _list_span(number, hours)
              for number in range(EVENTS)}
    with pq.ParquetWriter(folder / CELLS_FILE, SCHEMA, compression="zstd") as file:
        for hour in range(0, hours, 24):
            table = _draw_day(draw, hour, min(24, hours - hour), struck)
            file.write_table(table, row_group_size=1 << 17)
            rows += table.num_rows
    log = [_make_event(number, *where, *span) for number, (where, span) in enumerate(struck.items())]
    (folder / EVENTS_FILE).write_text("".join(json.dumps(row) + "\n" for row in log), encoding="utf-8")
    return rows


def _list_span(number: int, hours: int) -> tuple[int, int | None]:
    """First hour of an event and the first after it; every third goes on."""
    begin = 48 + (hours - 240) * number // EVENTS
    return begin, None if number % 3 == 0 else begin + 60


def _draw_day(draw: np.random.Generator, first: int, count: int, struck: dict[tuple[int, int], Any]) -> pa.Table:
    """Cells of some hours, in the order of an analysis."""
    shape = (count, len(NETWORKS), len(_LEVELS), len(SERVICES))
    hour, network, level, service = (one.ravel() for one in np.indices(shape))
    blocked = np.broadcast_to(draw.binomial(WITNESSES, 0.002, (count, len(NETWORKS), 1, len(SERVICES))), shape).copy()
    for (where, what), (begin, end) in struck.items():
        blocked[max(0, begin - first):max(0, (end or 1 << 40) - first), where, :, what] = WITNESSES
    blocked = blocked.ravel()
    size = len(hour)
    words = {
        "probe_cc": (network, [cc for cc, _ in NETWORKS]), "level": (level, [name for name, _ in _LEVELS]),
        "service": (service, SERVICES), "role": (level, [role for _, role in _LEVELS]),
        "target_id": (None, [""]), "block_type": (blocked > 0, ["", "tls.reset.sni"]),
        "failure_type": (blocked > 0, ["", "tls.reset.sni"]), "standing": (None, ["established"]),
        "hellos": (None, [""]), "struck_hellos": (None, [""])}
    start = np.datetime64(BEGIN.replace(tzinfo=None), "us") + (hour + first).astype("timedelta64[h]")
    values = dict.fromkeys(("inconclusive", "network", "local", "down", "confirmed", *FAILED), 0) | {
        "probe_asn": np.array([asn for _, asn in NETWORKS])[network], "n": WITNESSES, "ok": WITNESSES - blocked,
        "blocked": blocked, "witnesses": WITNESSES, "failed_tls": blocked}
    columns: dict[str, Any] = {
        name: pa.array(np.broadcast_to(value, size).astype(np.int64)) for name, value in values.items()}
    for name, (chosen, given) in words.items():
        index = np.zeros(size, dtype=np.int32) if chosen is None else np.asarray(chosen).astype(np.int32)
        columns[name] = pa.DictionaryArray.from_arrays(index, pa.array(given)).cast(pa.string())
    columns |= {"lab": pa.array(np.zeros(size, dtype=np.bool_)),
                "cell_start": pa.array(start).cast(pa.timestamp("us", tz="UTC"))}
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _make_event(number: int, network: int, service: int, begin: int, end: int | None) -> dict[str, Any]:
    """A row of the log: three of four are confirmed."""
    cc, asn = NETWORKS[network]
    length = 12 if end is None else end - begin
    reach = {"asn": asn, "onset_from": _stamp(begin - 1), "onset": _stamp(begin), "onset_until": _stamp(begin),
             "end_from": _stamp(begin + length - 1), "end_until": None if end is None else _stamp(end),
             "blocked": length * WITNESSES, "decided": length * WITNESSES, "strength": 1.0, "witnesses": WITNESSES,
             "daily_hours": None}
    return {**{name: value for name, value in reach.items() if name != "asn"}, "event_id": f"event-{number}",
            "kind": "service", "status": "suspected" if number % 4 == 3 else "confirmed", "ground": "verdicts",
            "lab": False, "place": cc, "service": SERVICES[service], "roles": ["chat"], "endpoints": [],
            "networks": [reach], "ongoing": end is None, "mechanism": "tls.reset.sni", "probability": 0.97,
            "ruled_out": ["network", "fresh_names"], "not_ruled_out": ["version"],
            "logged_at": _stamp(begin + length + 1), "change": "new" if end is None else "ended", "revision": 1}


def _stamp(hour: int) -> str:
    return format_time(BEGIN + timedelta(hours=hour))
