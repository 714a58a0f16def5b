"""Asks a store: one GET by https to a public address, redirects only within its own host. Bounded throughout."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urljoin

from probe.control.reaching.page_fetch import Site, parse_site
from probe.control.reaching.reach import hang_up, open_stream, socket_of
from probe.control.reaching.reach_plan import PUBLIC, Plan
from probe.control.reaching.target_guard import has_route
from probe.core.addresses import is_bogon
from probe.core.tables.failures import TIMEOUT
from probe.core.tables.http_status import REDIRECTS
from probe.measurement.names.system_dns import system_lookup

TIMEOUT_S = 20.0
MAX_REDIRECTS = 3
MAX_ADDRESSES_TRIED = 3
_LOOKUP_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What came back; with a `failure` (OONI's words), nothing. A redirect to elsewhere is kept as it is."""

    failure: str = ""
    status: int = 0
    body: bytes = b""
    truncated: bool = False


def fetch(url: str, *, max_body_bytes: int, timeout_s: float = TIMEOUT_S) -> Page:
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


def _within(start: Site, here: Site, location: str) -> Site | None:
    """Where a redirect leads, if that is the same host by https; None for anywhere else."""
    try:
        there = parse_site(urljoin(here.url, location).partition("#")[0])
    except ValueError:
        return None
    return there if (there.scheme, there.host, there.port) == (start.scheme, start.host, start.port) else None


def _ask(site: Site, most: int, deadline: float) -> tuple[Page, str]:
    """(page, where it redirects to)."""
    from probe.measurement.streams.http_exchange import exchange

    addresses, failure, _ = system_lookup(site.host, timeout_s=min(_LOOKUP_S, max(0.0, deadline - time.monotonic())))
    public = [address for address in addresses if not is_bogon(address) and has_route(address)][:MAX_ADDRESSES_TRIED]
    if not public:
        return Page(failure=failure or ("dns_bogon_error" if addresses else "dns_no_answer")), ""
    for index, address in enumerate(public):
        now = time.monotonic()
        until = now + (deadline - now) / (len(public) - index)
        plan = Plan(address=address, port=site.port, sni=site.host, alpn=("http/1.1",), trust=PUBLIC)
        found, stream = open_stream(plan, deadline=until)
        if stream is None:
            failure = found.failure or TIMEOUT
            continue
        try:
            socket_of(stream).deadline = deadline
            got = exchange(stream, site.url, host=site.host_header, max_body_bytes=most)
        finally:
            hang_up(stream)
        if not got.failure:
            return Page(status=got.status, body=got.body, truncated=got.truncated), got.header("location")
        failure = got.failure
    return Page(failure=failure), ""
