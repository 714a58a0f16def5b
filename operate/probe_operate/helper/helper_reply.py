"""From what was measured to the answer: OONI's fields in OONI's older words, ours in df-007's. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import UNSET

from probe.controls.helper_protocol import (
    FLAG_BOGON,
    FLAG_FROM_HELPER,
    FLAG_FROM_PROBE,
    FLAG_TLS_VALID,
    AddressInfo,
    DnsResult,
    HttpResult,
    Response,
    TcpResult,
    TlsResult,
    XEndpoint,
    XResult,
    XVolume,
    join_address,
)
from probe.core.addresses import is_bogon, parse_address
from probe.core.tables.control_sources import BUSY
from probe.instruments.streams.own_hello import compute_ja4
from probe_operate.helper.helper_order import HelperOrder, list_addresses, plan_endpoint, plan_quic, plan_site
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.old_words import UNKNOWN, to_old_dns_word, to_old_tcp_word, to_ooni_tls_word
from probe_operate.reaching.reach_plan import NO_RESOLVER, NO_ROUTE, ReachPlan, ReachResult

UNABLE = frozenset((BUSY, NO_RESOLVER, NO_ROUTE, "port", "own_address"))
"""Why a page was not fetched for reasons of the helper's own."""
NO_PAGE = HttpResult(failure=UNKNOWN)
"""To OONI's probes, of a request without a URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperFindings:
    """Everything that was measured for one order. What is missing did not end in time."""

    lookups: Mapping[str, DohLookup]
    reached: Mapping[ReachPlan, ReachResult]
    page: HttpResult | None
    volume: XVolume | None = None
    page_by_quic: HttpResult | None = None
    asn_of: Callable[[str], int] = lambda _: 0
    """The network of an address; 0: not known."""


def make_response(order: HelperOrder, found: HelperFindings) -> Response:
    """The answer to one order."""
    tried = {plan: found.reached[plan] for plan in plan_site(order, found.lookups) if plan in found.reached}
    tried = {plan: reach for plan, reach in tried.items()
             if not reach.reason or (order.plain and reach.reason == NO_ROUTE)}
    by_quic = {plan: found.reached[plan] for plan in plan_quic(order, found.lookups) if plan in found.reached}
    return Response(
        tcp_connect={join_address(plan.address, plan.port): _tcp(reach) for plan, reach in tried.items()},
        tls_handshake={
            join_address(plan.address, plan.port): _tls(order, plan, reach)
            for plan, reach in tried.items()
            if reach.operation == "tls_handshake"
        } or UNSET,
        quic_handshake={
            join_address(plan.address, plan.port): _tls(order, plan, reach)
            for plan, reach in by_quic.items()
            if not reach.reason
        },
        http_request=NO_PAGE if order.site is None and order.plain else found.page,
        http3_request=found.page_by_quic,
        dns=_dns(order, found),
        ip_info=_ip_info(order, found),
        x_volume=found.volume,
        x_endpoints=[result for endpoint in order.endpoints for result in _results(endpoint, found)],
    )


def explain_unable(order: HelperOrder, response: Response) -> str:
    """Why this helper can say nothing of the page, in one word; empty when it can.

    OONI's probes would read a refusal as a failure of the site: they are better served by another helper.
    """
    page = response.http_request
    return page.x_refused if order.plain and page is not None and page.x_refused in UNABLE else ""


def _tcp(reach: ReachResult) -> TcpResult:
    if reach.reason:  # without a route, OONI's helpers say that they could not connect: it acquits the network
        return TcpResult(status=False, failure="connect_error")
    failure = reach.failure if reach.operation == "connect" else ""
    return TcpResult(status=not failure, failure=to_old_tcp_word(failure))


def _tls(order: HelperOrder, plan: ReachPlan, reach: ReachResult) -> TlsResult:
    failure = to_ooni_tls_word(reach.failure) if order.plain else reach.failure or None
    return TlsResult(server_name=plan.sni, status=not reach.failure, failure=failure)


def _dns(order: HelperOrder, found: HelperFindings) -> DnsResult | None:
    if order.site is None and not order.plain:
        return None
    host = order.site.host if order.site else ""
    if not host or parse_address(host):
        return DnsResult(failure=None, addrs=[])
    known = found.lookups.get(host)
    if known is None or known.reason:
        return DnsResult(failure=UNKNOWN, addrs=[])
    return DnsResult(failure=to_old_dns_word(known.failure), addrs=list(known.addresses))


def _ip_info(order: HelperOrder, found: HelperFindings) -> dict[str, AddressInfo]:
    own = list_addresses(order.site.host, found.lookups) if order.site else ()
    if order.site is None and not order.plain:
        return {}
    valid = {plan.address for plan in plan_site(order, found.lookups)
             if plan in found.reached and found.reached[plan].trust == "valid"}
    return {
        address: AddressInfo(
            asn=0 if is_bogon(address) else found.asn_of(address),
            flags=FLAG_FROM_PROBE * (address in order.addresses)
            | FLAG_FROM_HELPER * (address in own)
            | FLAG_BOGON * is_bogon(address)
            | FLAG_TLS_VALID * (address in valid),
        )
        for address in dict.fromkeys(order.addresses + own)
    }


def _results(endpoint: XEndpoint, found: HelperFindings) -> list[XResult]:
    if endpoint.proto == "dns":
        return [_resolution(endpoint, found.lookups)]
    plans = plan_endpoint(endpoint, found.lookups)
    if not plans:
        return [_resolution(endpoint, found.lookups)]
    return [_result(endpoint, plan, found.reached.get(plan, ReachResult(reason=BUSY))) for plan in plans]


def _resolution(endpoint: XEndpoint, lookups: Mapping[str, DohLookup]) -> XResult:
    known = lookups.get(endpoint.host, DohLookup(reason=NO_RESOLVER))
    literal = [endpoint.host] if parse_address(endpoint.host) else []
    return XResult(
        proto=endpoint.proto,
        host=endpoint.host,
        port=endpoint.port,
        operation="resolve",
        failure=known.failure or None,
        reason="" if literal else known.reason,
        addresses=literal or list(known.addresses),
    )


def _result(endpoint: XEndpoint, plan: ReachPlan, reach: ReachResult) -> XResult:
    return XResult(
        proto=endpoint.proto,
        host=endpoint.host,
        port=plan.port,
        address=plan.address,
        sni=plan.sni,
        operation=reach.operation,
        failure=reach.failure or None,
        reason=reach.reason,
        tls_version=reach.tls_version,
        leaf_key_sha256=reach.leaf_key_sha256,
        trust=reach.trust,
        shape=endpoint.shape,
        ja4=compute_ja4(reach.hello),
        proof=reach.proof,
    )
