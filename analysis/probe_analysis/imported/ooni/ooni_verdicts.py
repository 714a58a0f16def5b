"""What OONI's own analysis says, as one word for each target. Pure.

`ok`, `down`, `none` (it abstains), or what it calls the block: `dns`, `tcp_ip`, `http-failure`, `http-diff`, `blocked`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ACCUSES = frozenset(("dns", "tcp_ip", "http-failure", "http-diff", "blocked", "anomaly"))
NONE = "none"


def judge_web(blocking: str | bool | None, accessible: bool | None) -> str:
    """The verdict of Web Connectivity."""
    if isinstance(blocking, str):
        return blocking if blocking in ACCUSES else NONE
    if blocking is False:
        return "ok" if accessible else "down" if accessible is False else NONE
    return NONE


def _telegram(keys: Mapping[str, Any], target: str) -> str:
    if target.startswith("telegram.web."):
        return _status(keys.get("telegram_web_status"))
    tcp, http = keys.get("telegram_tcp_blocking"), keys.get("telegram_http_blocking")
    if tcp is None and http is None:
        return NONE
    return "tcp_ip" if tcp is True else "http-failure" if http is True else "ok"


def _whatsapp(keys: Mapping[str, Any], target: str) -> str:
    if target.startswith("whatsapp.web."):
        return _status(keys.get("whatsapp_web_status"))
    if target.startswith("whatsapp.register."):
        return _status(keys.get("registration_server_status"))
    status = _status(keys.get("whatsapp_endpoints_status"))
    blocked = keys.get("whatsapp_endpoints_blocked")
    host = f"{target.rpartition('.')[2]}.whatsapp.net"
    return "tcp_ip" if status == "ok" and isinstance(blocked, list) and host in blocked else status


def _signal(keys: Mapping[str, Any], target: str) -> str:
    return _status(keys.get("signal_backend_status"))


_FACEBOOK = {"messenger.call.stun": "stun", "messenger.api.b-api": "b_api", "messenger.api.b-graph": "b_graph",
             "messenger.chat.edge-mqtt": "edge", "messenger.media.external": "external_cdn",
             "messenger.media.scontent": "scontent_cdn", "messenger.web.edge": "star"}


def _messenger(keys: Mapping[str, Any], target: str) -> str:
    name = _FACEBOOK.get(target, "")
    consistent, reachable = keys.get(f"facebook_{name}_dns_consistent"), keys.get(f"facebook_{name}_reachable")
    if consistent is False:
        return "dns"
    if reachable is False:
        return "tcp_ip"
    return "ok" if reachable is True or (consistent is True and name == "stun") else NONE


def _sniblocking(keys: Mapping[str, Any], target: str) -> str:
    result = str(keys.get("result") or "")
    return {"success": "ok", "interference": "blocked", "anomaly": "anomaly"}.get(result.partition(".")[0], NONE)


def _stun(keys: Mapping[str, Any], target: str) -> str:
    return "anomaly" if isinstance(keys.get("failure"), str) else "ok" if "failure" in keys else NONE


def _status(word: object) -> str:
    return word if isinstance(word, str) and word in ("ok", "blocked") else NONE


WORDS: Mapping[str, Callable[[Mapping[str, Any], str], str]] = {
    "telegram": _telegram, "whatsapp": _whatsapp, "signal": _signal, "facebook_messenger": _messenger,
    "sniblocking": _sniblocking, "stunreachability": _stun,
}
"""Test -> its verdict of one target; what is not here has no verdict of its own."""


def judge_target(test: str, keys: Mapping[str, Any], target: str) -> str:
    """The verdict of the test on one of its targets."""
    return WORDS[test](keys, target) if test in WORDS else NONE
