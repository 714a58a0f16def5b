"""What a fleet is drawn from: countries, networks, services, volunteers and how often they measure.

Nothing here is fitted to the detector, and the detector to nothing here: every parameter is a range, drawn by seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

DAY = 24
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
"""First hour of every fleet."""
COUNTRIES = ("RU", "IR", "CN", "TR", "IN", "PK", "EG", "BY", "KZ", "VN", "ET", "VE", "MM", "UG", "AE", "CU")
BLOCK_TYPES = (
    "", "dns.injection", "dns.nxdomain", "dns.forged.redirect", "ip.blackhole", "ip.reset", "tls.reset.sni",
    "tls.drop.sni", "tls.mute.sni", "http.blockpage", "http.reset.host", "app.drop.protocol", "quic.drop.sni",
)
RANGES: Mapping[str, tuple[float, float]] = {
    "uptime": (0.3, 0.98),
    "awake_hours": (6, 72),
    "stay_days": (40, 400),
    "pause_days": (1, 20),
    "false_blocked": (1e-4, 5e-3),
    "false_blocked_hard": (1e-4, 5e-2),
    "inconclusive": (0.005, 0.08),
    "down": (0.0, 0.01),
    "detected": (0.7, 0.98),
    "own_faults_a_year": (2, 12),
    "own_filters_a_year": (0.0, 0.1),
    "congestions_a_year": (5, 30),
}
"""Name -> lowest and highest value of what differs from volunteer to volunteer or from series to series."""
_INTERVALS = (1, 1, 1, 2, 3)
"""Hours between the runs of a volunteer; one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSize:
    """How much there is of everything."""

    volunteers: int = 200
    networks: int = 20
    services: int = 50
    days: int = 180
    targets: int = 1
    """Targets of each service; rows alone tell them apart."""
    uptime: float | None = None
    """The same for every volunteer; drawn for each where it is not given."""
    even: bool = False
    """As many volunteers in every network, all there from first to last."""
    hard: bool = False
    """Blocks with pauses and hours, high bases, countries with one network, a defect that still goes on at the end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FleetWorld:
    """A drawn fleet, before anything happens to it."""

    seed: int
    size: FleetSize
    countries: tuple[str, ...]
    """Of each network."""
    asns: tuple[int, ...]
    services: tuple[str, ...]
    home: NDArray[np.int64]
    """Network of each volunteer, rising."""
    present: NDArray[np.bool_]
    """Volunteer x hour: a run is made."""
    false_blocked: NDArray[np.float32]
    """Network x service: share of verdicts that are wrongly `blocked`."""
    inconclusive: NDArray[np.float32]
    down: NDArray[np.float32]
    controls: bool
    """Control targets are measured too, as the last service."""

    @property
    def hours(self) -> int:
        return self.size.days * DAY

    def members(self, network: int) -> NDArray[np.int64]:
        """Volunteers of a network."""
        return np.flatnonzero(self.home == network)


def between(rng: np.random.Generator, name: str, size: int | tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """Uniform values from a range of the table."""
    low, high = RANGES[name]
    return np.asarray(rng.uniform(low, high, size))


def log_between(rng: np.random.Generator, low: float, high: float, size: int | tuple[int, ...] | None = None,
                ) -> NDArray[np.float64]:
    """Values whose logarithm is uniform: as many of each order of magnitude."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def draw_world(seed: int, size: FleetSize) -> FleetWorld:
    """The fleet of a seed."""
    rng = np.random.default_rng([seed, 1])
    place = _countries(rng, size.networks, alone=size.hard)
    home = _homes(rng, size)
    controls = bool(rng.random() < 0.5) and not size.even
    services = tuple(f"service-{number:02}" for number in range(size.services)) + (("controls",) if controls else ())
    shape = (size.networks, len(services))
    return FleetWorld(
        seed=seed, size=size, countries=place, asns=tuple(64512 + n for n in range(size.networks)), services=services,
        home=home, present=_presence(rng, size), controls=controls,
        false_blocked=log_between(rng, *RANGES["false_blocked_hard" if size.hard else "false_blocked"],
                                  shape).astype(np.float32),
        inconclusive=between(rng, "inconclusive", shape).astype(np.float32),
        down=between(rng, "down", shape).astype(np.float32),
    )


def _countries(rng: np.random.Generator, networks: int, *, alone: bool) -> tuple[str, ...]:
    """Countries of one to six networks, at least three countries where there are networks enough.

    `alone`: half of the countries have one network.
    """
    most = max(1, min(6, networks // 3))
    sizes: list[int] = []
    while sum(sizes) < networks:
        count = 1 if alone and rng.random() < 0.5 else int(rng.integers(1, most + 1))
        sizes.append(min(count, networks - sum(sizes)))
    names = [COUNTRIES[n % len(COUNTRIES)] if n < len(COUNTRIES) else f"X{chr(65 + n % 26)}" for n in range(len(sizes))]
    return tuple(name for name, count in zip(names, sizes, strict=True) for _ in range(count))


def _homes(rng: np.random.Generator, size: FleetSize) -> NDArray[np.int64]:
    if size.even:
        return np.arange(size.volunteers, dtype=np.int64) * size.networks // size.volunteers
    shares = rng.dirichlet(np.full(size.networks, rng.uniform(3, 8)))
    return np.sort(rng.choice(size.networks, size=size.volunteers, p=shares)).astype(np.int64)


def _presence(rng: np.random.Generator, size: FleetSize) -> NDArray[np.bool_]:
    hours = size.days * DAY
    present = np.zeros((size.volunteers, hours), dtype=np.bool_)
    for row in present:
        uptime = float(between(rng, "uptime")) if size.uptime is None else size.uptime
        awake = float(between(rng, "awake_hours"))
        row[:] = _on_and_off(rng, hours, awake, awake * (1 - uptime) / uptime)
        interval = 1 if size.even else int(rng.choice(_INTERVALS))
        if interval > 1:
            row &= np.arange(hours) % interval == rng.integers(interval)
        if not size.even:
            stay, pause = (DAY * float(between(rng, name)) for name in ("stay_days", "pause_days"))
            row &= _on_and_off(rng, hours, stay, pause)
    return present


def _on_and_off(rng: np.random.Generator, hours: int, on: float, off: float) -> NDArray[np.bool_]:
    """Alternating times of exponential length, begun somewhere in the middle."""
    begins = bool(rng.random() < on / (on + off))
    count = 4 + int(3 * hours / (on + off + 1e-9))
    lengths = rng.exponential([on, off] if begins else [off, on], size=(count, 2)).ravel()
    edges = np.cumsum(lengths)
    first = np.searchsorted(edges, np.arange(hours), side="right") % 2 == 0
    return np.asarray(first == begins, dtype=np.bool_)
