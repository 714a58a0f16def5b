"""How a run asks its controls: helpers of its configuration, and public networks where somebody agreed to them."""

from __future__ import annotations

from collections.abc import Callable

from probe.config.consent.public_controls import GLOBALPING_ID, OONI_ID, list_ooni_urls, list_public_controls
from probe.config.settings import HelperSettings, Settings
from probe.controls.asking.configured_helpers import ask_configured
from probe.controls.public.globalping_asker import GlobalpingAsker
from probe.controls.public.ooni_asker import OoniAsker
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.words import Empty


class RunAsker:
    """Fits `probe.session.controls.HelperAsker`; budgets hold for one run."""

    def __init__(self, settings: Settings, *, innocent: str, token: str = "") -> None:
        public = {control.id: control for control in list_public_controls(settings)}
        self._globalping = GlobalpingAsker(cc=settings.vantage.cc, innocent=innocent, token=token)
        self._ooni = OoniAsker(list_ooni_urls(settings))
        self._asks = {name: asker.ask for name, asker in ((GLOBALPING_ID, self._globalping), (OONI_ID, self._ooni))
                      if name in public}
        self._public = public

    def __call__(self, helper: HelperSettings, endpoint: Endpoint, addresses: tuple[str, ...], *, address: str,
                 timeout_s: float, clock: Callable[[], float], volume: str,
                 shape: ProgramShape | Empty = "") -> ControlAnswer:
        """What the control sees of an endpoint."""
        if self._public.get(helper.id) == helper:
            return self._asks[helper.id](helper, endpoint, addresses, address=address, timeout_s=timeout_s,
                                         clock=clock)
        return ask_configured(helper, endpoint, addresses, address=address, timeout_s=timeout_s, clock=clock,
                              volume=volume, shape=shape)
