"""Asks a store: one GET by https to a public address, redirects only within its own host. Bounded throughout."""

from __future__ import annotations

from dataclasses import dataclass

from probe.controls.reaching.fetch_site import parse_site
from probe.controls.reaching.http_client import HttpClient, HttpMessage, HttpPolicy
from probe.core.tables.failures import TIMEOUT
from probe.core.tables.http_status import REDIRECTS
from probe.instruments.streams.http_parts import REQUEST_HEADERS

TIMEOUT_S = 20.0
MAX_REDIRECTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePage:
    """What came back; with a `failure` (OONI's words), nothing. A redirect to elsewhere is kept as it is."""

    failure: str = ""
    status: int = 0
    body: bytes = b""
    truncated: bool = False


def fetch_store_page(url: str, *, max_body_bytes: int, timeout_s: float = TIMEOUT_S) -> StorePage:
    """The page at an https URL. Raises ValueError for a URL that is none, and nothing for the network."""
    if parse_site(url).scheme != "https":
        raise ValueError("a store is asked by https alone")
    answer = HttpClient().ask(
        HttpMessage(url=url, headers=REQUEST_HEADERS),
        HttpPolicy(max_bytes=max_body_bytes, timeout_s=timeout_s, redirects=MAX_REDIRECTS, reach="public"))
    truncated = answer.failure == "too_large"
    if answer.failure and answer.status not in REDIRECTS and not truncated:
        return StorePage(failure=answer.cause or TIMEOUT)
    return StorePage(status=answer.status, body=answer.body, truncated=truncated)
