"""Asks a store: one GET by https to a public address, redirects only within its own host. Bounded throughout."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urljoin

from probe.controls.reaching.page_fetch import FetchSite, parse_site
from probe.controls.reaching.reach import get_socket, hang_up, open_stream
from probe.controls.reaching.reach_plan import PUBLIC_TRUST, ReachPlan
from probe.controls.reaching.target_guard import has_route
from probe.core.addresses import is_bogon
from probe.core.tables.failures import TIMEOUT
from probe.core.tables.http_status import REDIRECTS
from probe.instruments.names.system_dns import resolve_by_system

TIMEOUT_S = 20.0
MAX_REDIRECTS = 3
MAX_ADDRESSES_TRIED = 3
_LOOKUP_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePage:
    """What came back; with a `failure` (OONI's words), nothing. A redirect to elsewhere is kept as it is."""

    failure: str = ""
    status: int = 0
    body: bytes = b""
    truncated: bool = False


def fetch_store_page(url: str, *, max_body_bytes: int, timeout_s: float = TIMEOUT_S) -> StorePage:
    """The page at an https URL. Raises ValueError for a URL that is none, and nothing for the network."""
    here = start = parse_site(url)
    if start.scheme != "https":
        raise ValueError("a store is asked by https alone")
    deadline = time.monotonic() + timeout_s
    for _ in range(MAX_REDIRECTS + 1):
        page, location = _ask(here, max_body_bytes, deadline)
        there = _within(start, here, location) if page.status in REDIRECTS else None
        if there is None:
            return page
        here = there
    return page


def _within(start: FetchSite, here: FetchSite, location: str) -> FetchSite | None:
    """Where a redirect leads, if that is the same host by https; None for anywhere else."""
    try:
        there = parse_site(urljoin(here.url, location).partition("#")[0])
    except ValueError:
        return None
    return there if (there.scheme, there.host, there.port) == (start.scheme, start.host, start.port) else None


def _ask(site: FetchSite, most: int, deadline: float) -> tuple[StorePage, str]:
    """(page, where it redirects to)."""
    from probe.instruments.streams.http_exchange import exchange_http

    addresses, failure, _ = resolve_by_system(site.host,
                                              timeout_s=min(_LOOKUP_S, max(0.0, deadline - time.monotonic())))
    public = [address for address in addresses if not is_bogon(address) and has_route(address)][:MAX_ADDRESSES_TRIED]
    if not public:
        return StorePage(failure=failure or ("dns_bogon_error" if addresses else "dns_no_answer")), ""
    for index, address in enumerate(public):
        now = time.monotonic()
        until = now + (deadline - now) / (len(public) - index)
        plan = ReachPlan(address=address, port=site.port, sni=site.host, alpn=("http/1.1",), trust=PUBLIC_TRUST)
        found, stream = open_stream(plan, deadline=until)
        if stream is None:
            failure = found.failure or TIMEOUT
            continue
        try:
            get_socket(stream).deadline = deadline
            got = exchange_http(stream, site.url, host=site.host_header, max_body_bytes=most)
        finally:
            hang_up(stream)
        if not got.failure:
            return StorePage(status=got.status, body=got.body, truncated=got.truncated), got.header("location")
        failure = got.failure
    return StorePage(failure=failure), ""
