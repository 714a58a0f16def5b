"""Datagrams made to order for the fidelity tests, and how many of them may be lost."""

from __future__ import annotations

import math
import secrets

from scapy.layers.inet import IP, UDP

from lab_fidelity import Flow, Watched

UNKNOWN_VERSION = 0xBABABABA
"""Of the form that makes a server say which versions it knows (RFC 9000 section 15)."""


def initial(name: str) -> bytes:
    """The first datagram of a real QUIC client."""
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection

    connection = QuicConnection(configuration=QuicConfiguration(alpn_protocols=["h3"], server_name=name))
    connection.connect(("192.0.2.1", 443), now=0.0)
    return bytes(connection.datagrams_to_send(now=0.0)[0][0])


def of_version(version: int) -> bytes:
    """A long header of any version, large enough for an answer (RFC 8999 section 5.1)."""
    ids = bytes((8,)) + secrets.token_bytes(8) + bytes((8,)) + secrets.token_bytes(8)
    return (b"\xc0" + version.to_bytes(4) + ids).ljust(1250, b"\0")


def binding_request() -> bytes:
    """A STUN Binding request (RFC 8489 section 5)."""
    return bytes((0, 1, 0, 0)) + (0x2112A442).to_bytes(4) + secrets.token_bytes(12)


def again(w: Watched, flow: Flow, payload: bytes, *, sport: int = 0) -> None:
    """One more datagram on the flow's ports."""
    datagram = UDP(sport=sport or flow.sport, dport=flow.port) / payload
    w.raw(IP(src=w.drawn.world.client4, dst=flow.address) / datagram)


def least(trials: int, probability: float) -> int:
    """Of so many so many come at the very least: what may be waited for."""
    return max(0, math.ceil(trials * probability - 5 * math.sqrt(trials * probability * (1 - probability)) - 1))


def assert_binomial(successes: int, trials: int, probability: float) -> None:
    """Within five standard deviations, and one."""
    bound = 5 * math.sqrt(trials * probability * (1 - probability)) + 1
    assert abs(successes - trials * probability) <= bound, f"{successes} of {trials} at {probability}"
