"""Servers over plain UDP: which answer follows from which row, and a port that is open but says nothing.

Most media servers answer only to those who hold a session; a port without any program would be refused instead.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from probe_lab.servers.faults import Faults
from probe_lab.servers.served_sites import Site
from probe_lab.servers.stun_server import stun_reply
from probe_lab.servers.udp_loop import answer_datagrams

_PING = bytes.fromhex("1337cafe")
"""Discord's voice servers send a ping of these bytes and a counter back as it came."""


def serve_udp(bound: socket.socket, site: Site, faults: Faults) -> None:
    """Answer on a bound UDP socket as this site does, while the loop runs."""
    answer = _ANSWERS.get(site.rows[0].protocol, _silence)
    if faults.of("datagram", site.host, *site.names, *site.addresses):
        answer = _misnumbered
    answer_datagrams(bound, lambda message, client, port: answer(message, client, port, site))


def _stun(message: bytes, client: str, port: int, site: Site) -> bytes | None:
    return stun_reply(message, client=client, client_port=port, realm=site.host)


def _misnumbered(message: bytes, client: str, port: int, site: Site) -> bytes | None:
    """As to a request whose number ends with other bits."""
    other = message[:8] + bytes(byte ^ 0xFF for byte in message[8:20]) + message[20:]
    return _stun(other, client, port, site)


def _ping(message: bytes, client: str, port: int, site: Site) -> bytes | None:
    return message if len(message) == 8 and message.startswith(_PING) else None


def _silence(message: bytes, client: str, port: int, site: Site) -> bytes | None:
    return None


_ANSWERS: dict[str, Callable[[bytes, str, int, Site], bytes | None]] = {
    "stun": _stun,
    "discord_udp_ping": _ping,
}
"""Protocol of a row -> what its server answers."""
