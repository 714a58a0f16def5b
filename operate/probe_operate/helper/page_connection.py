"""The page's first connection also stands for the reach of its address: a site is not connected to twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from probe_operate.helper.helper_order import HelperOrder, list_addresses
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.page_fetch import make_page_plan
from probe_operate.reaching.reach_plan import ReachPlan, ReachResult

PATIENCE_S = 1.0
"""Where the page has no connection so long after it began, the address is reached by itself: what is silent must not be
waited for twice."""


def find_shared_plan(order: HelperOrder, lookups: Mapping[str, DohLookup],
                     plans: Iterable[ReachPlan]) -> ReachPlan | None:
    """The reach that the page's first connection makes as well: at the first address, as the same client. OONI's probes
    are told whether a handshake ends well, whatever was to be spoken after it; ours, what it was like."""
    if order.site is None or not (addresses := list_addresses(order.site.host, lookups)):
        return None
    first = make_page_plan(order.site, addresses[0], order.trust)
    return next((plan for plan in plans
                 if plan == first or (order.plain and replace(plan, alpn=first.alpn) == first)), None)


class PageConnection:
    """How the page's first connection ended: the thread that fetches reports it, and the event loop waits for it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._settled = asyncio.Event()
        self._begun_s = float("inf")
        self._told = False
        self._opened: ReachResult | None = None

    def begin(self) -> None:
        """A thread has taken the page."""
        self._begun_s = time.monotonic()

    def note(self, plan: ReachPlan, found: ReachResult) -> None:
        """How an attempt to connect for the page ended; the first one counts. In the page's thread."""
        if self._told:
            return
        self._told = True
        if plan.address == self._address and found.operation and not found.failure:
            self._opened = found
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._settled.set)

    def end(self) -> None:
        """The page is over, however it went."""
        self._settled.set()

    async def wait(self) -> ReachResult | None:
        """What the connection showed, where it was made; None after a failure, or as soon as it takes too long."""
        while not self._settled.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), PATIENCE_S)
            if time.monotonic() - self._begun_s > PATIENCE_S:
                break
        return self._opened
