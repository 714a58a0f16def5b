"""A country in which many services fail at once: blocked by a censor, or by something innocent. Counts with truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probe_analysis.events.service_hosting import ServiceHosting

Innocent: TypeAlias = Literal["cut", "cloud", "ipv6", "resolver", "leak", "release", "defect", "shift", "gap"]
INNOCENTS: Mapping[Innocent, str] = {
    "cut": "a cable or transit cut: what is served from abroad fails, caches within the country do not",
    "cloud": "one cloud that several services share is not reached from the country",
    "ipv6": "IPv6 is broken: what has it fails in part",
    "resolver": "the provider's resolver fails: what is reached by address does not",
    "leak": "another country's routes leak: what it blocks fails here from the same hour on",
    "release": "a bad release of the probe spreads over all countries",
    "defect": "some services are down everywhere",
    "shift": "other tests are made, and more of them; some fail more often than the ones before, everywhere",
    "gap": "nobody measures for some time, and then few",
}
UNLISTED = 0.3
"""Share of the services of which an innocent cause's detector is not told where they stand."""
HERE, ABROAD = "XA", ("XB", "XC", "XD", "XE", "XF", "XG", "XH")
BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
HOURS = 240
Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MassSize:
    """How many services there are, and who measures them."""

    services: int
    networks: int
    verdicts: int = 20
    """Of each service and network in an hour."""
    witnessed: bool = True
    """Volunteers' own verdicts, with controls and witnesses; otherwise counts of which nobody knows the causes."""
    noise: float = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class MassTrial:
    """One country's counts, and what is true of them."""

    table: pd.DataFrame
    hosting: Mapping[str, ServiceHosting]
    """What the detector is told of where they stand; of innocent causes' services less than is true."""
    blocked: frozenset[str]
    """Services that a censor blocks; empty: nobody blocks any."""
    begin: int
    stop: int
    """Hours in which it, or something innocent, happens."""


class _Drawing:
    """Counts of one trial while they are made: arrays over places, services and hours."""

    def __init__(self, seed: tuple[int, ...], size: MassSize) -> None:
        self.rng = np.random.default_rng(seed)
        self.size = size
        self.places = [*((HERE, 65001 + at) for at in range(size.networks)),
                       *((cc, 65101 + at) for at, cc in enumerate(ABROAD))]
        self.hosting = _draw_hosting(self.rng, size.services)
        self.services = [*self.hosting, *(("controls",) if size.witnessed else ())]
        shape = (len(self.places), len(self.services), HOURS)
        self.n: Counts = np.full(shape, size.verdicts, dtype=np.int64)
        self.rate = np.full(shape, size.noise)
        self.kind = "tls.drop.sni"
        self.begin = int(self.rng.integers(96, 150))
        self.stop = self.begin + int(self.rng.integers(24, 72))
        self.here = range(size.networks)

    def choose(self, wanted: Callable[[ServiceHosting], bool]) -> list[int]:
        """Places of the services of which something is true."""
        return [at for at, hosting in enumerate(self.hosting.values()) if wanted(hosting)]

    def spoil(self, places: Iterable[int], services: list[int], strength: float, begin: int = -1,
              stop: int = -1) -> None:
        """Stop a share of what passes."""
        hours = slice(begin if begin >= 0 else self.begin, stop if stop >= 0 else self.stop)
        for place in places:
            part = self.rate[place, services, hours]
            self.rate[place, services, hours] = part + (1 - part) * strength

    def finish(self, blocked: frozenset[str], unlisted: float = 0.0) -> MassTrial:
        """The trial, with verdicts drawn; of such a share of the services nobody listed where they stand."""
        table = self._table(self.rng.binomial(self.n, self.rate))
        hidden = self.rng.random(len(self.hosting)) < unlisted
        hosting = {name: ServiceHosting(owner=true.owner, is_abroad=False, is_known=False) if hide else true
                for (name, true), hide in zip(self.hosting.items(), hidden.tolist(), strict=True)}
        return MassTrial(table=table, hosting=hosting, blocked=blocked, begin=self.begin, stop=self.stop)

    def _table(self, failed: Counts) -> pd.DataFrame:
        place, service, hour = np.nonzero(self.n)
        n, hit = self.n[place, service, hour], failed[place, service, hour]
        witnessed = self.size.witnessed
        stamps = np.datetime64(BEGIN.replace(tzinfo=None), "s") + hour.astype("timedelta64[h]")
        is_control = np.array([name == "controls" for name in self.services])[service]
        table = pd.DataFrame({
            "lab": False, "probe_cc": np.array([cc for cc, _ in self.places])[place],
            "probe_asn": np.array([asn for _, asn in self.places])[place], "level": "role",
            "service": np.array(self.services)[service], "role": np.where(is_control, "control", "chat"),
            "target_id": "", "cell_start": pd.to_datetime(stamps, utc=True), "n": n, "ok": n - hit, "blocked": hit,
            "down": 0, "inconclusive": 0, "network": 0, "local": 0, "witnesses": np.minimum(n, 6) if witnessed else n,
            "block_type": np.where(hit > 0, self.kind, "") if witnessed else "", "confirmed": 0,
        })
        return table


def _draw_hosting(rng: np.random.Generator, services: int) -> dict[str, ServiceHosting]:
    """Services of which some share a cloud, some have caches in every country, some have IPv6, few need no names."""
    cached, cloud = max(1, services // 5), max(3, services // 5)
    made: list[ServiceHosting] = []
    for at in range(services):
        by_address = at == services - 1
        made.append(ServiceHosting(
            owner=f"owner-{at:02}", fronts=frozenset({"cloud"} if cached <= at < cached + cloud else ()),
            is_abroad=at >= cached, has_ipv6=bool(at < cached or (at % 2 == 0 and not by_address)),
            by_address=by_address))
    order = rng.permutation(services).tolist()
    return {f"service-{at:02}": made[chosen] for at, chosen in enumerate(order)}


def draw_blocks(seed: int, size: MassSize, struck: int, strength: float) -> MassTrial:
    """A censor blocks so many services; where two or more are spared, two of them are of unrelated fronts abroad."""
    draw = _Drawing((seed, size.services, size.networks, struck, round(10 * strength)), size)
    own = draw.choose(lambda one: one.is_abroad and not one.fronts)
    kept = draw.rng.permutation(own)[:max(0, min(2, size.services - struck))].tolist()
    left = [at for at in draw.rng.permutation(size.services).tolist() if at not in kept]
    chosen = sorted(left[:struck])
    draw.spoil(draw.here, chosen, strength)
    names = list(draw.hosting)
    return draw.finish(frozenset(names[at] for at in chosen))


def draw_innocent(seed: int, size: MassSize, word: Innocent) -> MassTrial:
    """Something innocent happens, and nobody blocks anything."""
    draw = _Drawing((seed, size.services, size.networks, list(INNOCENTS).index(word), 7), size)
    _MAKERS[word](draw)
    return draw.finish(frozenset(), UNLISTED)


def _strength(draw: _Drawing) -> float:
    return float(draw.rng.choice([0.3, 0.6, 0.9]))


def _cut(draw: _Drawing) -> None:
    draw.kind = "ip.blackhole"
    _fail_with_controls(draw, draw.choose(lambda one: one.is_abroad), 0.7)


def _fail_with_controls(draw: _Drawing, services: list[int], share: float) -> None:
    """Services fail, and with such a share of the strength the controls, which are abroad, have names, and IPv6."""
    strength = _strength(draw)
    draw.spoil(draw.here, services, strength)
    if draw.size.witnessed:
        draw.spoil(draw.here, [len(draw.services) - 1], strength * share)


def _cloud(draw: _Drawing) -> None:
    draw.kind = "ip.blackhole"
    draw.spoil(draw.here, draw.choose(lambda one: "cloud" in one.fronts), _strength(draw))


def _ipv6(draw: _Drawing) -> None:
    draw.kind = "ip.unreachable"
    _fail_with_controls(draw, draw.choose(lambda one: bool(one.has_ipv6)), 0.5)


def _resolver(draw: _Drawing) -> None:
    draw.kind = "dns.fail"
    _fail_with_controls(draw, draw.choose(lambda one: not one.by_address), 0.5)


def _leak(draw: _Drawing) -> None:
    """What another country blocks has one owner."""
    own = draw.choose(lambda one: one.is_abroad and not one.fronts)
    chosen, strength = draw.rng.permutation(own)[:1].tolist(), _strength(draw)
    draw.spoil(draw.here, chosen, strength)
    draw.spoil([len(draw.here)], chosen, strength)


def _release(draw: _Drawing) -> None:
    chosen, strength = _some(draw), _strength(draw)
    for place in range(len(draw.places)):
        draw.spoil([place], chosen, strength, draw.begin + int(draw.rng.integers(0, 24)), draw.stop)


def _defect(draw: _Drawing) -> None:
    draw.spoil(range(len(draw.places)), _some(draw), _strength(draw))


def _some(draw: _Drawing) -> list[int]:
    count = int(draw.rng.integers(1, draw.size.services + 1))
    return sorted(draw.rng.permutation(draw.size.services)[:count].tolist())


def _shift(draw: _Drawing) -> None:
    draw.n[:, :, draw.begin:] *= 2
    draw.spoil(range(len(draw.places)), _some(draw), float(draw.rng.choice([0.02, 0.1, 0.3])), draw.begin, HOURS)


def _gap(draw: _Drawing) -> None:
    draw.n[:len(draw.here), :, draw.begin:draw.stop] = 0
    few = draw.rng.binomial(1, 0.3, draw.n[:len(draw.here), :, draw.stop:].shape)
    draw.n[:len(draw.here), :, draw.stop:] = few
    if draw.rng.random() < 0.5:
        dropped = draw.rng.permutation(draw.size.services)[:draw.size.services // 2]
        draw.n[np.ix_(np.array(draw.here), dropped, np.arange(draw.stop, HOURS))] = 0


_MAKERS: Mapping[Innocent, Callable[[_Drawing], None]] = {
    "cut": _cut, "cloud": _cloud, "ipv6": _ipv6, "resolver": _resolver, "leak": _leak, "release": _release,
    "defect": _defect, "shift": _shift, "gap": _gap,
}
