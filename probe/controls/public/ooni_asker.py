"""Asking OONI's public helpers in a run, as their own probes do: pages that failed, ten calls a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from probe.config.settings import HelperSettings
from probe.controls.asking.helper_client import HelperConfig, ask_helper, is_fetched
from probe.controls.globalping.budget import AskingBudget
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer

CALLS_A_RUN = 10


class OoniAsker:
    """All of them as one control: the next one is asked where one declines or cannot be reached."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls, self._budget = tuple(urls), AskingBudget(CALLS_A_RUN)

    def ask(self, helper: HelperSettings, endpoint: Endpoint, addresses: Sequence[str], *, address: str,
            timeout_s: float, clock: Callable[[], float]) -> ControlAnswer:
        """What one of them sees of a page. Never raises for the network."""
        answer = ControlAnswer(control_id=helper.id, input=endpoint.input, state="refused", t0_s=clock(), t_s=clock(),
                               reason="it answers for pages alone")
        if not is_fetched(endpoint):
            return answer
        for url in self._urls:
            if not self._budget.take(1):
                return replace(answer, t_s=clock(), reason="the calls of this run are used up")
            config = HelperConfig(control_id=helper.id, url=url, address=address)
            answer = ask_helper(config, endpoint, addresses, timeout_s=timeout_s / len(self._urls), clock=clock,
                                plain=True)
            if answer.state == "answered":
                break
        return answer
