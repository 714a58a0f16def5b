"""How a messenger's server answers wrongly on purpose: the style of the fault that a client meets, and its bytes."""

from __future__ import annotations

import random

from probe_lab.lab_types import World
from probe_lab.servers.faults import Faults, shows_to, text
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import PlainStream


def find_style(site: Site, plain: PlainStream, *, faults: Faults, world: World) -> str:
    """The style of the `app_reply` that this connection meets; empty: the server answers as it should."""
    for fault in faults.of("app", site.host, *site.names, plain.local):
        if shows_to(plain.peer, fault, world):
            return text(fault.params, "style", "garbage")
    return ""


def make_noise(rng: random.Random) -> bytes:
    """Bytes of no protocol."""
    return b"\xa7" + rng.randbytes(rng.randint(120, 400))


def make_tls_alert(rng: random.Random) -> bytes:
    """What a TLS terminator says to anything else: record_overflow or unexpected_message."""
    return bytes((21, 3, 1, 0, 2, 2, rng.choice((10, 22, 70))))
