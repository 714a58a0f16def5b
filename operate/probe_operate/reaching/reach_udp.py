"""Reaching one address over UDP from the helper's place: a QUIC handshake, or a few STUN requests.

Some 15 datagrams at most, the larger ones no larger than what an honest client sends; what comes back is counted and
judged, never passed on.
"""

from __future__ import annotations

from importlib.util import find_spec

from probe.core.tables.control_sources import BUSY
from probe.core.tables.failures import is_own_shortage
from probe.core.tables.operations import Operation
from probe.instruments.datagrams.stun import send_series
from probe.instruments.datagrams.udp_socket import UdpFlow
from probe.instruments.steps import QuicVisit
from probe.instruments.streams.tls_handshake import hash_key
from probe_operate.reaching.own_shortage import explain_no_connection
from probe_operate.reaching.reach_plan import PUBLIC_TRUST, ReachPlan, ReachResult

REQUESTS = 5


def reach_udp(plan: ReachPlan, *, timeout_s: float) -> ReachResult:
    """Ask as `plan.proto` says. Raises nothing for the network; with a `reason` nothing was measured."""
    operation: Operation = "stun_binding" if plan.proto == "stun" else "quic_handshake"
    if plan.proto == "quic" and find_spec("aioquic") is None:
        return ReachResult(reason="no_quic")
    try:
        with UdpFlow(plan.address, plan.port) as flow:
            if plan.proto == "stun":
                series = send_series(flow, requests=REQUESTS, wait_s=min(2.0, max(0.0, timeout_s)))
                found = ReachResult(operation=operation, failure=flow.failure or series.failure)
            else:
                found = _shake(flow, plan, timeout_s)
            return ReachResult(reason=BUSY) if is_own_shortage(found.failure) else found
    except OSError as error:
        return explain_no_connection(operation, error)


def _shake(flow: UdpFlow, plan: ReachPlan, timeout_s: float) -> ReachResult:
    from probe.instruments.datagrams.quic_handshake import shake_hands_quic

    got = shake_hands_quic(flow, QuicVisit(
        purpose="target", address=plan.address, port=plan.port, hostname=plan.sni, sni=plan.sni,
        alpn=plan.alpn or ("h3",), trust=plan.trust or PUBLIC_TRUST, timeout_s=max(0.0, timeout_s)), stay_s=0)
    return ReachResult(
        operation="quic_handshake", failure=got.failure, tls_version="TLSv1.3" if got.done else "", trust=got.trust,
        leaf_key_sha256=hash_key(got.chain_der[0]) if got.chain_der else "",
    )
