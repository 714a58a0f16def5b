"""The system's own resolver, as applications use it: getaddrinfo, where it cannot hold anybody up."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from pathlib import Path

from probe.core.addresses import family_of
from probe.core.tables.failures import TIMEOUT, Failure, classify_failure


def resolve_by_system(name: str, *, timeout_s: float) -> tuple[tuple[str, ...], Failure, float]:
    """Addresses of `name`, failure word, seconds taken. A hanging getaddrinfo is left behind in a daemon thread.

    Under a blackhole getaddrinfo takes 10 to 28 s and cannot be cancelled, hence the thread.
    """
    done = threading.Event()
    found: list[tuple[tuple[str, ...], Failure]] = []

    def look() -> None:
        try:
            infos = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            addresses = dict.fromkeys(str(info[4][0]).partition("%")[0] for info in infos)
            found.append((tuple(addresses), ""))
        except (OSError, UnicodeError) as error:
            found.append(((), classify_failure(error)))
        done.set()

    began = time.monotonic()
    threading.Thread(target=look, name=f"getaddrinfo {name}", daemon=True).start()
    done.wait(timeout_s)
    addresses, failure = found[0] if found else ((), TIMEOUT)
    return addresses, failure, time.monotonic() - began


def read_network_resolvers(path: str = "/etc/resolv.conf") -> tuple[str, ...]:
    """Addresses of the resolvers that the network gave, in order, at most three (resolv.conf(5)).

    macOS keeps that file for its main resolvers; on Windows the registry is read (dnspython).
    """
    text = _from_registry() if sys.platform == "win32" else ""
    with contextlib.suppress(OSError):
        text = Path(path).read_text(errors="replace")
    words = (line.split() for line in text.splitlines())
    servers = [w[1].partition("%")[0] for w in words if len(w) >= 2 and w[0] == "nameserver"]
    return tuple(server for server in servers if family_of(server))[:3]


def _from_registry() -> str:
    """The same as lines of resolv.conf(5); empty where it cannot be read."""
    with contextlib.suppress(Exception):  # whatever a stranger's registry holds, a run goes on without its resolver
        from dns.resolver import Resolver

        return "".join(f"nameserver {server}\n" for server in Resolver().nameservers)
    return ""
