"""Asking the helpers that the configuration names, for a run; loads the client only when one is asked."""

from __future__ import annotations

from collections.abc import Callable

from probe.config.settings import HelperSettings
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.words import Empty


def ask_configured(helper: HelperSettings, endpoint: Endpoint, addresses: tuple[str, ...], *, address: str,
                   timeout_s: float, clock: Callable[[], float], volume: str,
                   shape: ProgramShape | Empty = "") -> ControlAnswer:
    """What a configured helper sees of an endpoint; fits `probe.session.controls.HelperAsker`."""
    from probe.controls.asking.helper_client import HelperConfig, ask_helper

    config = HelperConfig(control_id=helper.id, url=helper.url, address=address, asn=helper.asn, cc=helper.cc)
    return ask_helper(config, endpoint, addresses, timeout_s=timeout_s, clock=clock, volume=volume,
                      shape=shape)
