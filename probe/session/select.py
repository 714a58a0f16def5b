"""Which endpoints does a run measure, and why not the others: a reason for each, never silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe.catalogue.types import Catalogue
from probe.compare.addresses import family_of
from probe.model import Endpoint
from probe.sites import Site, expand, group
from probe.tables.protocols import PROTOCOLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Sites to measure, and skipped endpoints with the reason."""

    sites: tuple[Site, ...]
    skipped: dict[str, tuple[Endpoint, str]]


def select(catalogue: Catalogue, *, tier: int, cc: str, consent_level: int, families: Sequence[int],
           seed: int, skip_services: Sequence[str] = (), inputs: frozenset[str] = frozenset()) -> Selection:
    """Endpoints up to `tier` (or just `inputs`), expanded and grouped; the rest of those tiers with reasons."""
    chosen: list[Endpoint] = []
    skipped: dict[str, tuple[Endpoint, str]] = {}
    for raw in catalogue.endpoints:
        if (raw.input not in inputs) if inputs else raw.tier > tier:
            continue
        endpoint = expand(raw, cc=cc, seed=seed)
        why = _why_not(endpoint, consent_level, families, skip_services)
        if why:
            skipped[endpoint.input] = (endpoint, why)
        else:
            chosen.append(_names_only(endpoint))
    return Selection(sites=group(chosen), skipped=skipped)


def _names_only(endpoint: Endpoint) -> Endpoint:
    """Of a closed service only the name is asked for."""
    return replace(endpoint, protocol="dns", sni="", alpn=(), trust="none") if endpoint.status == "dead" else endpoint


def _why_not(endpoint: Endpoint, consent_level: int, families: Sequence[int], skip_services: Sequence[str]) -> str:
    protocol = PROTOCOLS[endpoint.protocol]
    if endpoint.status == "dead":
        return "" if not endpoint.address else "the service is closed and has no name to ask for"
    if endpoint.service in skip_services:
        return "the volunteer opted out of this service"
    if not protocol.built:
        return protocol.why_not
    if protocol.consent_level > consent_level:
        return f"needs consent level {protocol.consent_level}"
    if endpoint.address and family_of(endpoint.address) not in families:
        return f"no IPv{family_of(endpoint.address)} route to a literal address"
    return ""
