"""Web Connectivity, 0.0.1 to 0.5: one URL, its redirects, and what the test helper says of them. Pure.

Every hop of a chain of redirects is an endpoint of the one target: a page that leads to another which is not reached
is no success. The helper follows redirects itself, so what it says of a page is held against the last hop alone.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from msgspec import UNSET

from probe.catalogue.endpoint_urls import BadUrlError, parse_endpoint_url
from probe.catalogue.test_lists import ROLE, SERVICE, make_slug
from probe.core.addresses import parse_address
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.failures import Failure as FailureWord
from probe.core.tables.http_status import REDIRECTS
from probe.instruments.streams.http_parts import MAX_TITLE
from probe.judge.common.url_places import parse_host, resolve_location
from probe_analysis.imported.imported_measurement import MeasuredTarget, MeasurementEnvelope, ReadResult
from probe_analysis.imported.ooni.clear_pages import mark_foreign_pages
from probe_analysis.imported.ooni.decode import UnreadableError, read_web_keys
from probe_analysis.imported.ooni.ooni_pages import read_headers
from probe_analysis.imported.ooni.ooni_verdicts import judge_web
from probe_analysis.imported.ooni.operation_rows import (
    RowSheet,
    add_connects,
    add_exchange,
    add_handshakes,
    add_queries,
    make_unasked,
)
from probe_analysis.imported.web_sites import name_site
from probe_analysis.imported.words.ooni_keys import (
    Failure,
    HttpTransaction,
    TestHelperAnswer,
    TestHelperHttp,
    TestHelperTcp,
)
from probe_analysis.imported.words.translated_words import split_place, to_ascii_url, translate_failure

HELPER = "ooni-helper"
MAX_HOPS = 11


def read_web(envelope: MeasurementEnvelope) -> ReadResult:
    """The measurement of one URL. Raises Unreadable."""
    try:
        parse_endpoint_url(envelope.url)
    except BadUrlError as error:
        raise UnreadableError(f"input: {error}") from None
    keys, left_out = read_web_keys(envelope.envelope)
    chain = _chain(envelope.url, keys.requests or ())
    hops = [url for url, _ in chain]
    target = f"{SERVICE}.{ROLE}.{make_slug(envelope.url)}"
    sheet = RowSheet(envelope=envelope, places={_place(url): (target, url) for url in reversed(hops)})
    add_queries(sheet, keys.queries or (), keys.x_dns_duplicate_responses or ())
    controls = read_controls(keys.control, keys.control_failure, hops)
    for answer in controls:
        sheet.knows(_place(hops[0])[0], answer.addresses, "trusted")
    add_connects(sheet, keys.tcp_connect or ())
    add_handshakes(sheet, keys.tls_handshakes or (), keys.tcp_connect or ())
    add_handshakes(sheet, keys.quic_handshakes or (), quic=True)
    for url, exchange in chain:
        if exchange is not None:
            add_exchange(sheet, exchange, url=url, place=_place(url))
        elif len(chain) > 1:
            sheet.rows.append(make_unasked(target, url, "a redirect leads there, and it was not asked for"))
    sheet.rows[:] = mark_foreign_pages(sheet.rows, controls)
    if any(c.state == "answered" for c in controls):
        sheet.shown.add(HELPER)
    site = name_site(parse_host(envelope.url))
    aim = MeasuredTarget(target_id=target, service=site, role=ROLE, inputs=tuple(dict.fromkeys(hops)),
                         theirs=judge_web(keys.blocking, keys.accessible))
    return ReadResult(aims=[aim], observations=sheet.rows, controls=controls, shown=sheet.shown, left_out=left_out)


def _place(url: str) -> tuple[str, int]:
    where = parse_endpoint_url(url)
    return where.host, where.port


def _chain(url: str, exchanges: Sequence[HttpTransaction]) -> list[tuple[str, HttpTransaction | None]]:
    """The hops in order, each with its exchange; one that a redirect leads to and nobody asked for has none.

    A file names the newest first; where there are times, they decide. A hop that is no address of the web, or no public
    one, ends the chain.
    """
    found = [e for e in exchanges if e.request and e.request.url and not (e.request.tor and e.request.tor.is_tor)
             and e.request.x_transport in (None, "tcp")]
    found.reverse()
    if all(e.t is not None and e.t > 0 for e in found):
        found.sort(key=lambda e: e.t or 0.0)
    chain: list[tuple[str, HttpTransaction | None]] = []
    for exchange in found[:MAX_HOPS]:
        hop = url if not chain else to_ascii_url(exchange.request.url or "") if exchange.request else ""
        if not hop or not _is_web(hop):
            return chain or [(url, None)]
        chain.append((hop, exchange))
    if not chain:
        return [(url, None)]
    ahead = _leads_to(*chain[-1])
    return [*chain, (ahead, None)] if ahead and len(chain) < MAX_HOPS else chain


def _leads_to(url: str, exchange: HttpTransaction | None) -> str:
    response = exchange.response if exchange and not translate_failure(exchange.failure) else None
    if response is None or response.code not in (*REDIRECTS, None):
        return ""
    location = next((value for name, value in read_headers(response) if name.lower() == "location"), "")
    ahead = to_ascii_url(resolve_location(url, location)) if location else ""
    return ahead if ahead != url and _is_web(ahead) else ""


def _is_web(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(parse_endpoint_url(url))
    except (BadUrlError, ValueError):
        return False


def read_controls(answer: TestHelperAnswer | None, failure: Failure, hops: Sequence[str]) -> list[ControlAnswer]:
    """What the helper says of the first hop, and of the page at the last one."""
    word = translate_failure(failure)
    if answer is None or not (answer.dns or answer.tcp_connect or answer.http_request):
        return [ControlAnswer(control_id=HELPER, input=hops[0], state="failed", reason=word)] if word else []
    first = ControlAnswer(
        control_id=HELPER, input=hops[0], state="answered",
        dns_failure=_dns_failure(answer),
        addresses=_addresses(answer), tcp=_pairs(answer.tcp_connect), tls=_pairs(answer.tls_handshake),
        udp=_pairs(answer.quic_handshake),
    )
    page = answer.http_request
    if page is None or (not translate_failure(page.failure) and (page.status_code or 0) <= 0):
        return [first]
    if len(set(hops)) == 1:
        return [_with_page(first, page)]
    return [first, _with_page(ControlAnswer(control_id=HELPER, input=hops[-1], state="answered"), page)]


def _dns_failure(answer: TestHelperAnswer) -> FailureWord:
    if answer.dns is None or (answer.dns.failure is UNSET and not answer.dns.addrs):
        return "unknown_failure"
    return translate_failure(answer.dns.failure)


def _addresses(answer: TestHelperAnswer) -> tuple[str, ...]:
    found = dict.fromkeys(str(a) for text in ((answer.dns.addrs if answer.dns else None) or ())[:200]
                          if len(text) < 64 and (a := parse_address(text)) is not None)
    return tuple(found)


def _pairs(results: dict[str, TestHelperTcp] | None) -> tuple[tuple[Place, FailureWord], ...]:
    found: list[tuple[Place, FailureWord]] = []
    for text, one in list((results or {}).items())[:400]:
        address, port = split_place(text)
        if address:
            failure = translate_failure(one.failure) or ("" if one.status else "unknown_failure")
            found.append((Place(address, port), failure))
    return tuple(found)


def _with_page(answer: ControlAnswer, page: TestHelperHttp) -> ControlAnswer:
    return replace(
        answer, http_failure=translate_failure(page.failure), http_status=max(0, page.status_code or 0),
        http_title=" ".join(html.unescape((page.title or "")[:2000]).split())[:MAX_TITLE],
        http_body_bytes=max(0, min(page.body_length or 0, 1 << 40)),
        http_header_names=tuple(name[:64] for name in list(page.headers or {})[:40]),
    )

