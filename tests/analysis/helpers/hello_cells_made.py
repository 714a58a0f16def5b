"""Cell tables of volunteers whose own ClientHellos have shapes, as counting writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from made_cells import PLACES, SERVICES, at, hours_of

SMALL, LARGE, OTHER = ("t13_85036bcba153_d41ae481755e_small", "t13_85036bcba153_d41ae481755e_large",
                       "t12_9e1e1e1e1e1e_0123456789ab_small")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volunteers:
    """So many volunteers of one network, and from which hour on their hello has which shape."""

    count: int
    shapes: Mapping[int, str]
    asn: int = 64501

    def shape_at(self, hour: int) -> str:
        """The latest shape; empty before the first."""
        return next((shape for since, shape in sorted(self.shapes.items(), reverse=True) if since <= hour), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """Hours in which a service fails on some networks, for these shapes, or for all."""

    hours: range
    strength: float = 1.0
    shapes: frozenset[str] = frozenset()
    asns: Sequence[int] = (64501,)
    service: str = SERVICES[0]

    def rate(self, asn: int, service: str, hour: int, shape: str) -> float:
        """The share of a shape's verdicts that fails."""
        struck = asn in self.asns and service == self.service and hour in self.hours
        return self.strength if struck and (not self.shapes or shape in self.shapes) else 0.0


def make_cells(volunteers: Iterable[Volunteers], strikes: Sequence[Strike], *, hours: int = 480, noise: float = 0.002,
               left_open: bool = False, seed: int = 5) -> pd.DataFrame:
    """The cells of these volunteers; four of the other places in `PLACES` measure with the small hello all the time.

    `left_open`: what fails is suspected and left open, and no verdict.
    """
    rng = np.random.default_rng(seed)
    given = tuple(volunteers)
    groups = [*given, *(Volunteers(count=4, shapes={0: SMALL}, asn=asn) for _, asn in PLACES
                        if asn not in {one.asn for one in given})]
    rows = []
    for cc, asn in PLACES:
        mine = [one for one in groups if one.asn == asn]
        for hour in range(hours):
            sent = " ".join(sorted({one.shape_at(hour) for one in mine} - {""}))
            for service in SERVICES:
                told: dict[str, list[int]] = {}
                for one in mine:
                    shape = one.shape_at(hour)
                    rate = max([noise, *(strike.rate(asn, service, hour, shape) for strike in strikes)])
                    hit = int(rng.binomial(one.count, rate))
                    counts = told.setdefault(shape, [0, 0])
                    counts[0] += hit
                    counts[1] += one.count - hit
                failed, ok = (sum(counts[at] for counts in told.values()) for at in range(2))
                struck = " ".join(f"{shape}={0 if left_open else hit}/{hit}/{well}"
                                  for shape, (hit, well) in sorted(told.items()) if shape) if failed else ""
                rows.append((cc, asn, service, at(hour), failed, ok, sent, struck))
    table = pd.DataFrame(rows, columns=["probe_cc", "probe_asn", "service", "cell_start", "failed", "ok", "hellos",
                                        "struck_hellos"])
    failed = table.pop("failed")
    none = 0 * failed
    return table.assign(
        lab=False, level="role", role="chat", target_id="", blocked=none if left_open else failed,
        inconclusive=failed if left_open else none, down=0, network=0, local=0, witnesses=failed + table["ok"],
        n=table["ok"] + (none if left_open else failed), confirmed=0,
        block_type=np.where((failed > 0) & (not left_open), "tls.drop.sni", ""),
        failure_type=np.where(failed > 0, "tls.drop.sni", ""),
        failed_tls=failed, **dict.fromkeys(("failed_dns", "failed_tcp", "failed_http", "failed_other"), 0))


def untold(table: pd.DataFrame) -> pd.DataFrame:
    """The same from programs that tell no hello."""
    return table.drop(columns=["hellos", "struck_hellos"])


def of_hour(table: pd.DataFrame, hour: int) -> pd.DataFrame:
    """The cells up to an hour, that hour included."""
    return table[hours_of(table) <= hour]
