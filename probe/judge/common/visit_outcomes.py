"""Did a visit do what it came for? The one place that tells a working page from one that needs explaining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from probe.catalogue.sites import Site
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.handshakes import GENUINE_PROOFS
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose
from probe.core.tables.words import Empty
from probe.judge.common.fingerprint_weight import is_telling
from probe.judge.common.url_places import is_redirect_abroad

NETWORK_PURPOSES: tuple[Purpose, ...] = ("target", "trusted")
BELOW_HTTP: tuple[Operation, ...] = ("connect", "tls_handshake", "quic_handshake", "stun_binding")
CLOSED: Literal["closed"] = "closed"
"""An expectation of the status column: the port must not answer (a control against transparent proxies)."""


def read_address_source(visits: Sequence[Observation]) -> AddressSource | Empty:
    """Who gave their address. The network may later give an address that trusted resolvers gave first."""
    said = [o.address_source for o in visits]
    return "network" if any(word == "network" for word in said) else said[0] if said else ""


def list_failed_inputs(site: Site, attempt: Sequence[Observation]) -> frozenset[str]:
    """Inputs of the site that this attempt did not serve; all of them when it failed below HTTP."""
    every = frozenset(e.input for e in site.endpoints)
    if any(o.failure and o.operation in BELOW_HTTP for o in attempt):
        return every
    if site.kind == "app":
        round_trips = [o for o in attempt if o.operation == "app_round_trip"]
        return every if any(o.failure or o.app.proof not in GENUINE_PROOFS for o in round_trips) else frozenset()
    if site.kind != "http":
        return frozenset()
    served = {o.input for o in attempt if o.operation == "http_round_trip" and page_works(site, o)}
    asked = {o.input for o in attempt if o.operation == "http_round_trip"}
    return frozenset(asked - served)


def page_works(site: Site, seen: Observation) -> bool:
    """A response that needs no second try: any over a proven connection, an expected one in the clear."""
    if seen.failure:
        return False
    if site.proves_itself:
        return True
    page = seen.http
    if is_redirect_abroad(page.url, page.status, page.location) and not is_strong_endpoint(site, seen.input):
        return False
    marked = is_telling(seen) and not is_strong_endpoint(site, seen.input)
    return seen.met_expectation != "no" and not marked


def http_needs_control(site: Site, seen: Observation) -> bool:
    """A page in the clear proves nothing by itself unless it carries content that the catalogue knows."""
    if site.proves_itself:
        return False
    return not (seen.met_expectation == "yes" and is_strong_endpoint(site, seen.input))


def is_strong_endpoint(site: Site, url: str) -> bool:
    """The catalogue knows content of this page, not only its status; 204 counts: nothing can hide in it."""
    endpoint = next((e for e in site.endpoints if e.input == url), None)
    return endpoint is not None and expects_content(endpoint)


def expects_content(endpoint: Endpoint) -> bool:
    """Meeting the expectation shows the genuine service, not just anybody's answer."""
    expect = endpoint.expect
    place = "." in expect.location  # "https://" alone names no place: anybody can redirect there
    return bool(expect.body or expect.header or place or expect.json) or expect.status == ("204",)


def must_not_answer(endpoint: Endpoint) -> bool:
    """A control that is well when nothing answers."""
    return CLOSED in endpoint.expect.status
