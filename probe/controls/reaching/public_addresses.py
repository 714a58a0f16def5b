"""Where a server's name leads, as far as that is public: nobody's answer leads into a private network."""

from __future__ import annotations

import time

from probe.controls.reaching.target_guard import has_route
from probe.core.addresses import is_bogon
from probe.core.nat64 import KNOWN_NAME, find_nat64_prefix
from probe.core.tables.failures import Failure
from probe.instruments.names.system_dns import resolve_by_system

MAX_TRIED = 3
"""So many addresses of a server are tried, at most."""


def find_public(host: str, *, deadline: float) -> tuple[list[str], Failure]:
    """The first public addresses of a name that there is a route to, by the deadline (monotonic seconds); or why there
    is none."""
    found, failure = _resolve(host, deadline)
    public = [a for a in found if not is_bogon(a) and has_route(a)][:MAX_TRIED]
    return public, failure or ("" if public else "dns_bogon_error" if found else "dns_no_answer")


def find_own_translators(*, deadline: float) -> tuple[str, ...]:
    """The NAT64 prefixes of this network, as its resolver shows them (RFC 7050); none where it has none, or says
    nothing by the deadline (monotonic seconds)."""
    shown = (find_nat64_prefix([answer]) for answer in _resolve(KNOWN_NAME, deadline)[0])
    return tuple(dict.fromkeys(filter(None, shown)))


def _resolve(host: str, deadline: float) -> tuple[tuple[str, ...], Failure]:
    return resolve_by_system(host, timeout_s=max(0.0, deadline - time.monotonic()))[:2]
