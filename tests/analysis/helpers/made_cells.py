"""Cell tables for tests of event detection: hours that pass, with what a test puts into them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.int64]

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
PLACES = (("RU", 64501), ("RU", 64502), ("IR", 64511), ("TR", 64521), ("IN", 64531))
SERVICES = tuple(f"service-{letter}" for letter in "abcdefgh")


def at(hour: int) -> datetime:
    """When an hour of the made-up table begins."""
    return BEGIN + timedelta(hours=hour)


def quiet(hours: int = 24 * 20, *, n: int = 4, services: Sequence[str] = SERVICES,
          places: Iterable[tuple[str, int]] = PLACES, seed: int = 1, noise: float = 0.002) -> pd.DataFrame:
    """Hours in which next to nothing fails: one row for each network, service and hour."""
    rng = np.random.default_rng(seed)
    keys = [(cc, asn, service) for cc, asn in places for service in services]
    size = len(keys) * hours
    blocked = rng.binomial(n, noise, size)
    columns = (np.repeat([key[part] for key in keys], hours) for part in range(3))
    stamps = np.datetime64(BEGIN.replace(tzinfo=None), "s") + np.arange(hours) * np.timedelta64(1, "h")
    country, network, service = columns
    return pd.DataFrame({
        "lab": False, "probe_cc": country, "probe_asn": network, "level": "role", "service": service, "role": "chat",
        "target_id": "", "cell_start": pd.to_datetime(np.tile(stamps, len(keys)), utc=True), "n": n,
        "ok": n - blocked, "blocked": blocked,
        "down": 0, "inconclusive": 0, "network": 0, "local": 0, "witnesses": n,
        "block_type": np.where(blocked > 0, "tls.reset.sni", ""), "confirmed": 0,
    })


def struck(table: pd.DataFrame, hours: range, *, services: Sequence[str] = SERVICES[:1],
           asns: Sequence[int] = (64501,), strength: float = 1.0, outcome: str = "blocked",
           block_type: str = "tls.drop.sni", daily: range | None = None, seed: int = 2) -> pd.DataFrame:
    """The table with that share of what was `ok` turned into another outcome, in some hours, networks and services."""
    within = rows_of(table, services=services, asns=asns)
    hour = hours_of(table)[within]
    hit = (hour >= hours.start) & (hour < hours.stop)
    if daily is not None:
        hit &= np.isin(hour % 24, [each % 24 for each in daily])
    return turned(table, [(within[hit], seed)], strength=strength, outcome=outcome, block_type=block_type)


def hours_of(table: pd.DataFrame) -> Numbers:
    """Of each row: how many hours after `BEGIN` it is."""
    hours: Numbers = ((table["cell_start"] - BEGIN) // timedelta(hours=1)).to_numpy()
    return hours


def rows_of(table: pd.DataFrame, *, services: Sequence[str], asns: Sequence[int]) -> Numbers:
    """Places of the rows of these services on these networks."""
    return np.flatnonzero(table["service"].isin(services).to_numpy() & table["probe_asn"].isin(asns).to_numpy())


def turned(table: pd.DataFrame, hits: Iterable[tuple[Numbers, int]], *, strength: float, outcome: str = "blocked",
           block_type: str = "tls.drop.sni") -> pd.DataFrame:
    """The table with a share of what was `ok` turned into another outcome, for each of `hits`: rows, and a seed."""
    ok, other = table["ok"].to_numpy(copy=True), table[outcome].to_numpy(copy=True)
    words = table["block_type"].to_numpy(dtype=object, copy=True)
    for rows, seed in hits:
        more = np.random.default_rng(seed).binomial(ok[rows], strength)
        ok[rows] -= more
        other[rows] += more
        if outcome == "blocked":
            words[rows[more > 0]] = block_type
    changed = table.assign(**{"ok": ok, outcome: other, "block_type": words})
    changed["n"] = changed["ok"] + changed["blocked"] + changed["down"]
    return changed
