"""The keys of OONI's four messenger tests, as far as a run of ours decides them. Pure.

They stand beside our own keys: whoever reads OONI's data by them finds ours, and what is undecided has no key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from probe.core.tables.roles import Role
from probe.core.verdicts import ServiceVerdict

Key = str | bool
Roles = Mapping[Role, ServiceVerdict]
"""Role -> its verdict."""


def make_messenger_keys(services: Sequence[ServiceVerdict], service: str) -> dict[str, Key]:
    """The keys of the test of this service; none for others."""
    roles = {s.role: s for s in services if s.service == service and s.outcome in ("ok", "blocked")}
    return KEYS[service](roles) if service in KEYS else {}


def _status(roles: Roles, names: Mapping[Role, str]) -> dict[str, Key]:
    return {key: roles[role].outcome for role, key in names.items() if role in roles}


def _is_by(roles: Roles, layer: str) -> bool:
    """Whether some role is blocked in this layer."""
    return any(s.outcome == "blocked" and any(b.partition(".")[0] == layer for b in s.block_types)
               for s in roles.values())


def _telegram(roles: Roles) -> dict[str, Key]:
    keys = _status(roles, {"web": "telegram_web_status"})
    if chat := roles.get("chat"):
        keys["telegram_tcp_blocking"] = _is_by({"chat": chat}, "ip") or _is_by({"chat": chat}, "tcp")
        keys["telegram_http_blocking"] = chat.outcome == "blocked"
    return keys


def _whatsapp(roles: Roles) -> dict[str, Key]:
    return _status(roles, {"chat": "whatsapp_endpoints_status", "register": "registration_server_status",
                           "web": "whatsapp_web_status"})


def _signal(roles: Roles) -> dict[str, Key]:
    verdicts = [roles[role] for role in ("chat", "api") if role in roles]
    if len(verdicts) < 2 and not any(s.outcome == "blocked" for s in verdicts):
        return {}
    return {"signal_backend_status": "blocked" if any(s.outcome == "blocked" for s in verdicts) else "ok"}


def _messenger(roles: Roles) -> dict[str, Key]:
    if not roles:
        return {}
    return {"facebook_dns_blocking": _is_by(roles, "dns"),
            "facebook_tcp_blocking": _is_by(roles, "ip") or _is_by(roles, "tcp")}


KEYS: Mapping[str, Callable[[Roles], dict[str, Key]]] = {
    "telegram": _telegram, "whatsapp": _whatsapp, "signal": _signal, "messenger": _messenger,
}
"""Service -> how its test's keys follow from the verdicts of its roles."""
