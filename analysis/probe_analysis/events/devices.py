"""One device that fails, or its network: distinguished by how failures fall into cells with several witnesses.

Where one device fails, each cell in which it measures has one blocked verdict of its own, and the other verdicts of the
cell fail at the base. Where a network blocks, every verdict of a cell may. Both may pause, so each is a mixture with
cells in which all verdicts fail at the base, fitted to the window's cells by expectation and maximisation (Dempster,
Laird and Rubin 1977). What is compared are exact binomial likelihoods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from probe_analysis.events.segments import Floats
from probe_analysis.events.window import EventWindow

_STEPS = 40
_LEAST_RATE = 1e-6
_FURTHER = 1.0
"""What the network's further parameter, its rate, is expected to gain by chance, in nats (Akaike 1974)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceComparison:
    """How much likelier the cells of a window are if the network blocks than if one device fails."""

    nats: float
    """Log-likelihood ratio, after variance inflation and the network's further parameter; above 0: the network."""
    cells: int
    """Cells that can tell: with several verdicts, and no more than witnesses."""
    struck: int
    """Cells with a blocked verdict."""
    struck_telling: int
    """Those of them that can tell."""


def compare_devices(window: EventWindow) -> DeviceComparison:
    """Compares the two over the cells of a window.

    A cell with more verdicts than witnesses may hold several of one device. It tells only where more are blocked than
    one device can have given, each of the others having given one.
    """
    inside = slice(window.first, window.last + 1)
    blocked, decided = window.series.blocked[inside], window.series.decided[inside]
    most = np.maximum(1, decided - window.series.witnesses[inside] + 1)
    telling = (decided >= 2) & ((most == 1) | (blocked > most))
    k, n, its = (part[telling].astype(np.float64) for part in (blocked, decided, most))
    undecided = DeviceComparison(nats=0.0, cells=int(k.size), struck=int(np.count_nonzero(blocked)),
                                 struck_telling=int(np.count_nonzero(k)))
    if not k.any():
        return undecided
    base = min(max(window.base, _LEAST_RATE), 1 - _LEAST_RATE)
    quiet = _log_likelihood(k, n, base)
    own = np.where(k >= its, _log_likelihood(np.maximum(k - its, 0), n - its, base), -np.inf)
    # The coefficients differ too: which verdict is the device's own is one of n for each that is blocked.
    own += np.log(np.where(k >= its, np.maximum(k, 1) / n, 1.0)) * (its == 1)
    device = _fit_device(quiet, own)
    network = _fit_network(k, n, quiet, max(window.rate, float(k.sum() / n.sum())))
    nats = (network - device) / window.inflation - _FURTHER
    return replace(undecided, nats=float(nats))


def _log_likelihood(k: Floats, n: Floats, rate: float | Floats) -> Floats:
    """Without the binomial coefficient."""
    return np.asarray(k * np.log(rate) + (n - k) * np.log1p(-rate), dtype=np.float64)


def _fit_device(quiet: Floats, own: Floats) -> float:
    """Log-likelihood of the best share of cells in which the device measures."""
    share = 0.5
    for _ in range(_STEPS):
        with_it = np.log(share) + own
        total = np.logaddexp(with_it, np.log1p(-share) + quiet)
        before, share = share, min(max(float(np.exp(with_it - total).mean()), _LEAST_RATE), 1 - _LEAST_RATE)
        if share == before:  # further steps change nothing
            break
    return float(np.logaddexp(np.log(share) + own, np.log1p(-share) + quiet).sum())


def _fit_network(k: Floats, n: Floats, quiet: Floats, rate: float) -> float:
    """Log-likelihood of the best rate, and the best share of cells in which the network blocks at it."""
    share, rate = 0.5, min(max(rate, _LEAST_RATE), 1 - _LEAST_RATE)
    best = -np.inf
    for _ in range(_STEPS):
        with_it = np.log(share) + _log_likelihood(k, n, rate)
        total = np.logaddexp(with_it, np.log1p(-share) + quiet)
        best = max(best, float(total.sum()))
        weight, before = np.exp(with_it - total), (share, rate)
        share = min(max(float(weight.mean()), _LEAST_RATE), 1 - _LEAST_RATE)
        rate = min(max(float((weight * k).sum() / max((weight * n).sum(), 1e-9)), _LEAST_RATE), 1 - _LEAST_RATE)
        if (share, rate) == before:
            break
    return best
