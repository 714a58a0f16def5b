"""What was done: the words of the observation's `operation`."""

from __future__ import annotations

from typing import Literal

Operation = Literal[
    "resolve", "dns_round_trip", "connect", "tls_handshake", "app_round_trip", "http_round_trip", "trace",
    "quic_handshake", "quic_version", "stun_binding", "udp_trace", "transfer", "stay",
    "records",
]

OPERATIONS: dict[Operation, str] = {
    "resolve": "the system's own lookup of a name",
    "dns_round_trip": "one question to one resolver, and every reply to it",
    "connect": "a TCP connection",
    "tls_handshake": "a ClientHello, and what followed until the handshake ended",
    "app_round_trip": "a messenger's own first words, or innocent bytes in their place, and what came back",
    "http_round_trip": "one request, and its answer",
    "trace": "connection attempts or questions that die on the way, each with another TTL",
    "quic_handshake": "a QUIC handshake and a short stay",
    "quic_version": "a question for a version of QUIC that does not exist",
    "stun_binding": "a series of STUN Binding requests",
    "udp_trace": "datagrams that die on the way, each with another TTL",
    "transfer": "some volume over one connection",
    "stay": "a connection that is kept for a while, with small exchanges where its protocol allows them",
    "records": "the beginning of a request in TLS records of two bytes, and how many of them were acknowledged",
}
ABOVE_TCP: tuple[Operation, ...] = ("tls_handshake", "http_round_trip")
TRACES: frozenset[Operation] = frozenset({"trace", "udp_trace"})
"""They tell of the volunteer's own line, whatever they were made for: not published."""
LOOKUPS: tuple[Operation, ...] = ("resolve", "dns_round_trip")
