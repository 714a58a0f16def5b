"""Sending by apprise (extra `alerts`), which knows how each service is spoken to. Nothing of a URL is logged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec

from probe.config.install_advice import advise_extra
from probe.store.files.atomic import StoreError
from probe_analysis.alerts.alert_targets import AlertTarget
from probe_analysis.alerts.alert_texts import Alert

TIMEOUT_S = 60.0
Send = Callable[[AlertTarget, Alert], bool]
"""Whether the place took the alert."""


def open_sender() -> Send:
    """What sends an alert. Raises StoreError where apprise is not installed."""
    if find_spec("apprise") is None:
        raise StoreError(f"alerts need apprise, which is not installed: "
                         f"{advise_extra('alerts', distribution='reachability-analysis')}")
    import apprise

    # It would write addresses to the standard error, and a part of a URL with them.
    log = logging.getLogger("apprise")
    log.handlers, log.propagate, log.disabled = [logging.NullHandler()], False, True
    asset = apprise.AppriseAsset(app_id="reachability-probe", app_desc="reachability probe", app_url="",
                                 async_mode=False, secure_logging=True, http_redirects=False)

    def send(target: AlertTarget, alert: Alert) -> bool:
        box = apprise.Apprise(asset=asset)
        try:
            return bool(box.add(target.url)) and bool(box.notify(
                title=alert.title, body=alert.text, body_format=apprise.NotifyFormat.TEXT,
                notify_type=apprise.NotifyType.INFO, interpret_escapes=False))
        except Exception:  # a plugin of others: whatever it raises may hold the URL
            return False

    return send
