"""Where a server's name leads, as far as that is public: nobody's answer leads into a private network."""

from __future__ import annotations

import socket
import time

from probe.core.addresses import is_bogon
from probe.core.nat64 import KNOWN_NAME, find_nat64_prefix
from probe.core.tables.failures import SHORTAGES, Failure
from probe.instruments.device.own_addresses import find_source_address
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


def has_route(address: str) -> bool:
    """True when this machine has a route to `address`, and where it cannot look for want of sockets: whoever connects
    meets the same want. Sends nothing."""
    return bool(find_source_address(address)) or is_out_of_sockets(6 if ":" in address else 4)


def is_shortage(error: BaseException) -> bool:
    """Whether an error tells of our own end alone."""
    return isinstance(error, OSError) and error.errno in SHORTAGES


def is_out_of_sockets(family: int) -> bool:
    """Whether no socket can be made for now; `family` is 4 or 6. False for one that this system lacks altogether."""
    try:
        socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError as error:
        return is_shortage(error)
    return False
