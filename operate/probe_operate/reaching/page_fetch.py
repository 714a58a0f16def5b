"""Fetching a URL as the helper does: GET, redirects followed but never into anybody's private network."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from probe.controls.helper_protocol import FORWARDED_HEADERS, LOOKUP_FAILED, HttpFirst, HttpResult
from probe.controls.reaching.fetch_site import FetchSite, parse_site
from probe.controls.reaching.public_addresses import has_route
from probe.core.addresses import bracket_host, parse_address
from probe.core.tables.control_sources import BUSY
from probe.core.tables.failures import Failure, open_failure
from probe.core.tables.http_status import REDIRECTS
from probe.core.tables.trust import TrustPolicy
from probe.instruments.streams.http_parts import MAX_HEADER_NAMES, REQUEST_HEADERS, HttpExchange, hash_body, read_title
from probe.instruments.streams.kept_streams import Stream, get_socket, hang_up
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.old_words import UNKNOWN, to_old_http_word
from probe_operate.reaching.plain_exchange import compose_get, exchange_plainly
from probe_operate.reaching.reach import open_stream
from probe_operate.reaching.reach_plan import (
    NO_RESOLVER,
    NO_ROUTE,
    PUBLIC_TRUST,
    RESOLVER_SILENT,
    ReachPlan,
    ReachResult,
)
from probe_operate.reaching.redirect_cookies import CookieJar
from probe_operate.reaching.target_guard import TargetGuard

MAX_BODY_BYTES = 64 * 1024
"""What is read for our own probes, which read no more themselves."""
PLAIN_BODY_BYTES = 768 * 1024
"""What is read for OONI's: they read 512 KiB and call lengths alike above 0.7, so a longer page changes nothing."""
MAX_REDIRECTS = 10
MAX_ADDRESSES_TRIED = 3

_TITLE = re.compile(r"<title>([^<]{1,512})</title>", re.IGNORECASE)
_H3 = re.compile(r'(?:^|[,;\s])h3="(?P<host>[a-z0-9.-]{0,253}):(?P<port>[0-9]{1,5})"', re.IGNORECASE)

Resolve = Callable[[str], DohLookup]
NoteConnection = Callable[[ReachPlan, ReachResult], None]
"""Told of each attempt to connect to the URL's own host, before any redirect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """What one request of a chain of redirects came to; with `refused`, it was not made."""

    got: HttpExchange = field(default_factory=HttpExchange)
    failure: Failure = ""
    refused: str = ""


def select_forwarded_headers(headers: Mapping[str, list[str] | None] | None) -> dict[str, str]:
    """The request headers that are passed on: the first printable value of each that is."""
    given = {name.lower(): values for name, values in (headers or {}).items()}
    kept = {name: next(iter(given.get(name.lower()) or ()), "") for name in FORWARDED_HEADERS}
    return {name: value for name, value in kept.items() if value.isprintable() and value.isascii() and value.strip()}


def make_page_plan(site: FetchSite, address: str, trust: TrustPolicy) -> ReachPlan:
    """How to connect to one address of a URL's host."""
    sni = site.host if site.scheme == "https" else ""
    return ReachPlan(address=address, port=site.port, sni=sni, alpn=("http/1.1",) if sni else (), trust=trust)


def _note_nothing(_plan: ReachPlan, _found: ReachResult) -> None:
    """For those who ask for the page alone."""


def fetch_page(
    site: FetchSite, *, headers: Mapping[str, str], trust: TrustPolicy, resolve: Resolve, guard: TargetGuard,
    deadline: float, names_s: float = 0.0, max_body_bytes: int = MAX_BODY_BYTES,
    note: NoteConnection = _note_nothing,
) -> HttpResult:
    """GET `site` and follow at most ten redirects; `trust` judges its own host, public authorities the others.

    What names take, up to `names_s` in all, is added to `deadline` (monotonic seconds): it is not the site's time.
    """
    first: HttpFirst | None = None
    here, cookies = site, CookieJar()
    for _ in range(MAX_REDIRECTS + 1):
        asked_s = time.monotonic()
        known = DohLookup(addresses=(here.host,)) if parse_address(here.host) else resolve(here.host)
        spent_s = time.monotonic() - asked_s
        deadline, names_s = deadline + min(spent_s, max(0.0, names_s)), names_s - spent_s
        hop = _hop(here, known, headers={**headers, **cookies.header(here.host)}, max_body_bytes=max_body_bytes,
                   trust=trust if here.host == site.host else PUBLIC_TRUST, guard=guard, deadline=deadline,
                   note=note if first is None else _note_nothing)
        if hop.refused or hop.failure:
            return _make_failed_hop(hop, first)
        first = first or _first(hop.got)
        location = hop.got.header("location")
        if hop.got.status not in REDIRECTS or not location:
            return make_final_result(hop.got, first, host=here.host)
        cookies.take(here.host, hop.got.header("set-cookie"))
        try:
            here = parse_site(urljoin(here.url, location).partition("#")[0])
        except ValueError:
            return _make_failed_hop(Hop(failure="http_invalid_redirect_location_host"), first)
    return _make_failed_hop(Hop(failure=open_failure("unknown_failure: stopped after too many redirects")), first)


def _hop(
    site: FetchSite, known: DohLookup, *, headers: Mapping[str, str], trust: TrustPolicy, guard: TargetGuard,
    deadline: float, max_body_bytes: int, note: NoteConnection,
) -> Hop:
    if not known.addresses:
        return Hop(failure=known.failure, refused="" if known.failure else known.reason or NO_RESOLVER)
    refusals = {address: guard.refusal(address, site.port) for address in known.addresses}
    open_to_us = [address for address, refusal in refusals.items() if not refusal]
    if not open_to_us:
        return Hop(refused=next(iter(refusals.values())))
    routed = [address for address in open_to_us if has_route(address)][:MAX_ADDRESSES_TRIED]
    if not routed:
        return Hop(refused=NO_ROUTE)
    opened = _first_open([make_page_plan(site, address, trust) for address in routed], deadline, note)
    if opened.stream is None:
        return Hop(failure=opened.failure, refused=opened.refused)
    try:
        asked = compose_get(site.url, {**REQUEST_HEADERS, **headers, "Host": site.host_header})
        got = exchange_plainly(opened.stream, asked, max_body_bytes=max_body_bytes)
    finally:
        hang_up(opened.stream)
    return Hop(got=got, failure=got.failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A connection, or how the first address failed, or why none was tried."""

    stream: Stream | None = None
    failure: Failure = ""
    refused: str = ""


def _first_open(plans: list[ReachPlan], deadline: float, note: NoteConnection) -> _Opened:
    """A connection to the first address that takes one; the others share what time is left after it."""
    failure: Failure = ""
    for index, plan in enumerate(plans):
        found, stream = open_stream(plan, deadline=_share(deadline, len(plans) - index))
        note(plan, found)
        if stream is not None:
            get_socket(stream).deadline = deadline
            return _Opened(stream=stream)
        if found.reason == BUSY:
            return _Opened(refused=BUSY)
        failure = failure or found.failure or open_failure("unknown_failure: bad_name")
    return _Opened(failure=failure)


def _share(deadline: float, waiting: int) -> float:
    """When to give up on one of `waiting` addresses: each gets an equal part of the time left."""
    now = time.monotonic()
    return now + (deadline - now) / waiting


def _first(got: HttpExchange) -> HttpFirst:
    return HttpFirst(
        status_code=got.status,
        location=got.header("location"),
        title=read_title(got.body[:MAX_BODY_BYTES]),
        body_length=len(got.body[:MAX_BODY_BYTES]),
        body_sha256=hash_body(got.body[:MAX_BODY_BYTES]) if got.body else "",
        header_names=sorted({name.lower() for name, _ in got.headers})[:MAX_HEADER_NAMES],
    )


def make_final_result(got: HttpExchange, first: HttpFirst | None, *, host: str) -> HttpResult:
    """The last answer of a chain that ended at `host`."""
    headers: dict[str, str] = {}
    for name, value in got.headers[:MAX_HEADER_NAMES]:
        headers.setdefault(name, value[:256])
    return HttpResult(
        body_length=len(got.body),
        discovered_h3_endpoint=_read_h3_endpoint(got.header("alt-svc"), host),
        failure=None,
        title=read_plain_title(got.body),
        headers=headers,
        status_code=got.status,
        x_body_sha256=hash_body(got.body[:MAX_BODY_BYTES]) if got.body else "",
        x_body_truncated=got.truncated or len(got.body) > MAX_BODY_BYTES,
        x_first=first,
    )


def read_plain_title(body: bytes) -> str:
    """The title as OONI's probes read it: 1 to 512 characters without `<`, in a tag without attributes, as they are."""
    found = _TITLE.search(body.decode("utf-8", "replace"))
    return found.group(1) if found else ""


def _read_h3_endpoint(alt_svc: str, host: str) -> str:
    """Where a server says that it speaks HTTP/3 (RFC 7838); only ever at its own host, for we ask nobody else."""
    found = _H3.search(alt_svc)
    if not found or found["host"].lower() not in ("", host) or not 0 < int(found["port"]) < 65536:
        return ""
    return f"{bracket_host(host)}:{int(found['port'])}"


def make_failed_result(failure: Failure) -> HttpResult:
    """A page that was not got, for a df-007 failure."""
    return _make_failed_hop(Hop(failure=failure), None)


def _make_failed_hop(hop: Hop, first: HttpFirst | None) -> HttpResult:
    """Operators' silence about a name is a failed lookup to OONI's probes, as theirs says it; ours take it for
    nothing."""
    word = to_old_http_word(hop.failure) if not hop.refused else (
        LOOKUP_FAILED if hop.refused == RESOLVER_SILENT else UNKNOWN)
    return HttpResult(failure=word, x_failure=hop.failure if not hop.refused else "", x_refused=hop.refused,
                      x_first=first)
