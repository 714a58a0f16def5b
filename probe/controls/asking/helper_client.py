"""Asking a helper about one endpoint: what it sees from where it is, in the words of our own observations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from probe.controls.asking.helper_answer import parse_answer
from probe.controls.helper_protocol import (
    FORWARDED_HEADERS,
    MAX_ADDRESSES,
    MAX_ANSWER_BYTES,
    MAX_ENDPOINTS,
    Request,
    XEndpoint,
    encode_message,
    join_address,
)
from probe.controls.reaching.http_client import HttpAnswer, HttpClient, HttpPolicy, make_json_message
from probe.core.addresses import parse_address
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.tables.control_sources import HelperRefusal
from probe.core.tables.handshakes import HELPER_HANDSHAKES
from probe.core.tables.protocols import DATAGRAMS, PROTOCOLS
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.words import Empty
from probe.instruments.streams.http_parts import REQUEST_HEADERS

REFUSALS: Mapping[int, HelperRefusal] = {403: "forbidden", 429: "rate_limited", 503: "busy"}
"""Statuses by which a helper declines, and the reason to record; other errors are failures of the helper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperConfig:
    """A helper that may be asked."""

    control_id: str
    url: str
    """http or https; its name is verified against certifi's bundle."""
    address: str = ""
    """A literal to connect to in place of what the URL's host resolves to; empty: resolve it."""
    asn: int = 0
    cc: str = ""


def ask_helper(
    helper: HelperConfig,
    endpoint: Endpoint,
    addresses: Sequence[str],
    *,
    timeout_s: float,
    clock: Callable[[], float],
    volume: str = "",
    shape: ProgramShape | Empty = "",
    plain: bool = False,
) -> ControlAnswer:
    """What `helper` sees of `endpoint` at the probe's `addresses` and at those it finds itself.

    Takes at most `timeout_s` seconds whatever the helper does, and raises nothing for the network: `state` is
    answered, refused (with its reason) or failed (connect, tls, interrupted, timeout, garbage, too_large, bad_status).
    `clock` gives the run's seconds for the stamps. With `volume`, an address, it is asked for a transfer as well;
    with `shape` for a ClientHello of that shape at each of the addresses, and for nothing else; with `plain` for what
    OONI's own probes ask, and no more.
    """
    t0_s = clock()
    asked = encode_message(make_shape_request(endpoint, addresses, shape) if shape else
                           make_helper_request(endpoint, addresses, volume=volume, plain=plain))
    policy = HttpPolicy(max_bytes=MAX_ANSWER_BYTES, timeout_s=timeout_s, redirects=0, reach="anywhere", plain=True)
    call = HttpClient().ask(make_json_message(helper.url, asked, address=helper.address), policy)
    blank = ControlAnswer(control_id=helper.control_id, asn=helper.asn, cc=helper.cc, input=endpoint.input,
                          state="failed", t0_s=t0_s, t_s=clock())
    return _judge(call, blank, endpoint)


def _judge(call: HttpAnswer, blank: ControlAnswer, endpoint: Endpoint) -> ControlAnswer:
    if call.status in REFUSALS:
        return replace(blank, state="refused", reason=REFUSALS[call.status])
    if call.status not in (0, 200):
        return replace(blank, reason="bad_status")
    if call.failure:
        return replace(blank, reason=call.failure)
    return parse_answer(call.body, blank=blank, endpoint=endpoint)


def is_fetched(endpoint: Endpoint) -> bool:
    """Whether it has a URL to fetch; OONI's helpers answer no other questions."""
    protocol = PROTOCOLS[endpoint.protocol]
    return protocol.over_http and not protocol.says and urlsplit(endpoint.input).scheme in ("http", "https")


def make_helper_request(endpoint: Endpoint, addresses: Sequence[str], *, volume: str = "",
                        plain: bool = False) -> Request:
    """The request about one endpoint; a `plain` one has none of our own fields."""
    literals = _list_literals(addresses)[:MAX_ADDRESSES]
    fetched = is_fetched(endpoint)
    return Request(
        http_request=endpoint.input if fetched else "",
        http_request_headers={name: [REQUEST_HEADERS[name]] for name in FORWARDED_HEADERS} if fetched else {},
        tcp_connect=[join_address(address, endpoint.port or 443) for address in literals] if fetched else [],
        x_trust="" if plain else endpoint.trust,
        x_endpoints=None if plain else _endpoints(endpoint, literals),
        x_volume=volume if fetched else "",
    )


def make_shape_request(endpoint: Endpoint, addresses: Sequence[str], shape: ProgramShape) -> Request:
    """The request for hellos of a program's shape. A helper that does not know shapes says nothing of them."""
    return Request(x_endpoints=[
        XEndpoint(proto="shape", host=endpoint.host, port=endpoint.port, address=address, sni=endpoint.sni, shape=shape)
        for address in _list_literals(addresses)[:MAX_ENDPOINTS]])


def _list_literals(addresses: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(a) for text in addresses if (a := parse_address(text)) is not None))


def _endpoints(endpoint: Endpoint, literals: Sequence[str]) -> list[XEndpoint]:
    protocol = PROTOCOLS[endpoint.protocol]
    secure = bool(endpoint.sni) and (protocol.secure_first or not protocol.says)
    says = protocol.says and endpoint.protocol in HELPER_HANDSHAKES
    wanted: list[XEndpoint] = []
    if parse_address(endpoint.host) is None:
        wanted.append(XEndpoint(proto="dns", host=endpoint.host))
    if not ("tcp" in protocol.layers or endpoint.protocol in DATAGRAMS) or not endpoint.port:
        return wanted
    proto = endpoint.protocol if endpoint.protocol in DATAGRAMS else "tls" if secure else "tcp"
    own = [endpoint.address] if endpoint.address else []
    for address in dict.fromkeys([*literals, *own, ""]):  # the empty one: wherever the helper finds the name
        wanted.append(XEndpoint(
            proto=proto,
            host=endpoint.host,
            port=endpoint.port,
            address=address,
            sni=endpoint.sni if secure else "",
            alpn=endpoint.alpn,
            trust=endpoint.trust,
            app=endpoint.protocol if says else "",
            app_name=endpoint.sni if says else "",
        ))
    return wanted[:MAX_ENDPOINTS]
