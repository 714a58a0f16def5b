"""What a scenario may say of a fault: words from a list, numbers within bounds, parameters that must be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probe_lab.lab_types import Value
from probe_lab.servers.denials import STYLES

_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("app_reply", "style"): ("wrong", "http", "echo", "garbage", "silence", "close", "reset", "tls_alert"),
    ("helper_lies", "style"): ("well", "down", "keys"),
    ("http_slow_head", "reply"): ("close", "reset", "408", "400"),
    ("https_stripped", "style"): ("empty", "refused", "silent", "keys"),
    ("host_bans", "reply"): ("drop", "reset", "prohibit"),
    ("quota", "reply"): ("drop", "portal"),
    ("resolver_late", "style"): ("servfail", "answer"),
    ("resolver_nxdomain", "style"): STYLES,
    ("resolver_empty", "style"): STYLES,
    ("resolver_filter", "style"): ("zero", "nxdomain", "address"),
    ("store_delisted", "style"): ("404", "page"),
    ("store_strange", "style"): ("page", "limited", "consent", "cut", "count", "elsewhere"),
    ("tls_picky", "reply"): ("alert", "reset", "close", "silence"),
    ("vpn", "kind"): ("full", "split"),
}

_MOST = 1e12
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "probability": (0, 1),
    "port": (1, 65_535),
    "status": (100, 999),
    "description": (0, 255),
    "code": (0, 65_535),
    "hop": (0, 30),
    "ttl": (1, 255),
    "handshakes": (1, 1000),
    "rate_bps": (1, _MOST),
    "bytes_per_s": (100, _MOST),
}
"""Of numbers that may not be anything from 0 up."""

_FLAGS = frozenset(("refuse", "only_client", "icmp", "df", "per_client", "passed_on"))
_TEXTS = frozenset(("headers", "body", "location", "address", "cname", "text", "apps", "storefronts", "page"))

_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "slow_line": (("rate_bps",),),
    "quota": (("after_bytes",),),
    "app_reply": (("style",),),
    "helper_lies": (("style",),),
    "nat_limit": (("syns", "flows"),),
}
"""Kind -> parameters without which it does nothing; of each group one is enough."""


def value_problems(kind: str, name: str, value: Value) -> Iterator[str]:
    """What is wrong with one value of a fault's parameter."""
    words = _WORDS.get((kind, name))
    if words is not None:
        if value not in words:
            yield f"want one of {', '.join(words)}, not {value!r}"
    elif name in _FLAGS:
        if not isinstance(value, bool):
            yield f"want true or false, not {value!r}"
    elif name not in _TEXTS:
        yield from _number_problems(name, value)


def _number_problems(name: str, value: Value) -> Iterator[str]:
    low, high = _BOUNDS.get(name, (0, _MOST))
    if isinstance(value, (bool, str, tuple)):
        yield f"want a number, not {value!r}"
    elif not low <= value <= high:
        yield f"want {low:g} to {high:g}, not {value:g}"


def missing(kind: str, given: Mapping[str, object]) -> Iterator[str]:
    """Which parameters a fault lacks that it cannot do without."""
    for group in _NEEDED.get(kind, ()):
        if not given.keys() & set(group):
            yield f"{kind} needs {' or '.join(group)}"
