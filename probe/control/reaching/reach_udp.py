"""Reaching one address over UDP from the helper's place: a QUIC handshake, or a few STUN requests.

Some 15 datagrams at most, the larger ones no larger than what an honest client sends; what comes back is counted and
judged, never passed on.
"""

from __future__ import annotations

from importlib.util import find_spec

from probe.control.reaching.reach_plan import PUBLIC, Plan, Reach
from probe.core.tables.failures import failure_of
from probe.core.tables.operations import Operation
from probe.measurement.datagrams.stun import ask
from probe.measurement.datagrams.udp_socket import UdpFlow
from probe.measurement.planning.steps import QuicVisit
from probe.measurement.streams.tls_handshake import key_hash

REQUESTS = 5


def reach_udp(plan: Plan, *, timeout_s: float) -> Reach:
    """Ask as `plan.proto` says. Raises nothing for the network; with a `reason` nothing was measured."""
    operation: Operation = "stun_binding" if plan.proto == "stun" else "quic_handshake"
    if plan.proto == "quic" and find_spec("aioquic") is None:
        return Reach(reason="no_quic")
    try:
        with UdpFlow(plan.address, plan.port) as flow:
            if plan.proto == "stun":
                series = ask(flow, requests=REQUESTS, wait_s=min(2.0, max(0.0, timeout_s)))
                return Reach(operation=operation, failure=flow.failure or series.failure)
            return _shake(flow, plan, timeout_s)
    except OSError as error:
        return Reach(operation=operation, failure=failure_of(error))


def _shake(flow: UdpFlow, plan: Plan, timeout_s: float) -> Reach:
    from probe.measurement.datagrams.quic_handshake import shake

    got = shake(flow, QuicVisit(
        purpose="target", address=plan.address, port=plan.port, hostname=plan.sni, sni=plan.sni,
        alpn=plan.alpn or ("h3",), trust=plan.trust or PUBLIC, timeout_s=max(0.0, timeout_s)), stay_s=0)
    return Reach(
        operation="quic_handshake", failure=got.failure, tls_version="TLSv1.3" if got.done else "", trust=got.trust,
        leaf_key_sha256=key_hash(got.chain_der[0]) if got.chain_der else "",
    )
