"""What else was seen at a path's address: an innocent name, another port, bytes that are no TLS."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from probe.core.addresses import is_beside
from probe.core.observations import Observation
from probe.core.tables.evidence_words import Beside, InnocentState, OtherBytes, OtherPort
from probe.core.tables.handshakes import INNOCENT_HTTP
from probe.core.tables.operations import Operation
from probe.judge.app.app_evidence import OPERATION


def judge_innocent_name(around: Sequence[Observation], address: str, port: int) -> InnocentState:
    """How an innocent name fares at the same address and port."""
    tries = [o for o in around if o.purpose == "innocent" and o.address == address and o.port == port
             and o.app.protocol != INNOCENT_HTTP]
    if not tries:
        return "unasked"
    operation: Operation = "tls_handshake" if any(o.tls.sni for o in tries) else "http_round_trip"
    reached = [o for o in tries if o.operation == operation and not o.failure]
    if reached:
        return "reached"
    return "tainted" if all(o.tainted_by for o in tries) else "failed"


def judge_other_port(around: Sequence[Observation], address: str) -> OtherPort:
    """How another port of the address fares."""
    tries = [o for o in around if o.purpose == "port" and o.address == address and o.operation == "connect"]
    if not tries:
        return "unasked"
    if any(not o.failure for o in tries):
        return "open"
    return "closed" if any(o.failure == "connection_refused" for o in tries) else "silent"


def judge_other_bytes(around: Sequence[Observation], mine: Sequence[Observation], address: str, port: int,
                      ) -> OtherBytes:
    """How bytes that are no TLS fare at the same address and port, between hellos of the site that vanish."""
    tries = [o for o in around if o.purpose == "bytes" and (o.address, o.port) == (address, port)]
    lost = [o.sequence for o in mine if o.operation == "tls_handshake" and o.failure and o.tcp.acked == "no"]
    said = [o for o in tries if o.operation == OPERATION and (not o.failure or o.tcp.acked == "yes")]
    if any(min(lost) < o.sequence < max(lost) for o in said) if lost else False:
        return "passed"
    return "failed" if tries and not said else "unasked"


def find_accepting_addresses(seen: Iterable[Observation]) -> frozenset[str]:
    """The addresses that accepted a TCP connection of ours, or a SYN with a small TTL."""
    return frozenset(o.address for o in seen
                     if (o.operation == "connect" and not o.failure)
                     or (o.operation == "trace" and any(line.word == "open" for line in o.trace.lines)))


def judge_beside(address: str, accepting: Collection[str]) -> Beside:
    """What is reached at an address over TCP, or next to it (`is_beside`: the same /24, or /64 over IPv6). Routes are
    lost by networks of a /24, or a /48, at least; so where such a neighbour is reached, the way there is not lost."""
    if address in accepting:
        return "itself"
    return "network" if any(is_beside(address, other) for other in accepting) else ""
