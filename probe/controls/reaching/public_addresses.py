"""Where a server's name leads, as far as that is public: nobody's answer leads into a private network."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time

from probe.controls.reaching.target_guard import has_route
from probe.core.addresses import is_bogon
from probe.core.nat64 import KNOWN_NAME, find_nat64_prefix

MAX_TRIED = 3
"""So many addresses of a server are tried, at most."""


def resolve_public(host: str, *, deadline: float) -> list[str]:
    """The first public addresses of a name that there is a route to; none by the deadline (monotonic seconds): none."""
    return [a for a in _resolve(host, deadline) if not is_bogon(a) and has_route(a)][:MAX_TRIED]


def find_own_translators(*, deadline: float) -> tuple[str, ...]:
    """The NAT64 prefixes of this network, as its resolver shows them (RFC 7050); none where it has none, or says
    nothing by the deadline (monotonic seconds)."""
    shown = (find_nat64_prefix([answer]) for answer in _resolve(KNOWN_NAME, deadline))
    return tuple(dict.fromkeys(filter(None, shown)))


def _resolve(host: str, deadline: float) -> list[str]:
    """A name's addresses, by the system; nobody waits for it longer than until the deadline."""
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def work() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(ipaddress.ip_address(f[4][0])) for f in found)))
        except (OSError, ValueError, UnicodeError):
            answers.put([])

    threading.Thread(target=work, daemon=True).start()
    try:
        return answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        return []
