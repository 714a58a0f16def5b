"""What a run asks of controls: who carries it out stands above, so measuring knows no way of asking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from probe.config.settings import HelperSettings
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.words import Empty


class HelperAsker(Protocol):
    """Asks one helper about one endpoint; never raises for the network (`probe.controls.asking.helper_client`)."""

    def __call__(self, helper: HelperSettings, endpoint: Endpoint, addresses: tuple[str, ...], *, address: str,
                 timeout_s: float, clock: Callable[[], float], volume: str,
                 shape: ProgramShape | Empty) -> ControlAnswer:
        """`address` is where the helper is connected to; empty: where its URL leads."""
        ...


class FeedBoard(Protocol):
    """Signed feeds that were fetched before the run (`probe.controls.feeds.feed_board`)."""

    @property
    def ids(self) -> tuple[str, ...]: ...

    def consult(self, control_id: str, endpoint: Endpoint, *, now: datetime, t_s: float,
                failed: datetime | None = None) -> ControlAnswer: ...


def no_helper(helper: HelperSettings, endpoint: Endpoint, addresses: tuple[str, ...], *, address: str, timeout_s: float,
              clock: Callable[[], float], volume: str, shape: ProgramShape | Empty) -> ControlAnswer:
    """For runs that ask nobody."""
    return ControlAnswer(control_id=helper.id, input=endpoint.input, state="failed",
                         reason="this run has no way to ask helpers")
