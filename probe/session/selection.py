"""Which endpoints does a run measure, and why not the others: a reason for each, never silence."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from probe.catalogue.sites import Site, expand_templates, group_sites
from probe.catalogue.types import Catalogue
from probe.core.addresses import family_of
from probe.core.endpoints import Endpoint
from probe.core.tables.protocols import DATAGRAMS, PROTOCOLS
from probe.core.tables.untested_words import CLOSED_NAMELESS, OPTED_OUT, lack_level, lack_library, lack_route
from probe.session.chat_choice import CHAT_LEVEL, choose_chats

COMPANY = {"udp": 3, "quic": 2}
"""Kind of control -> how many are measured beside single endpoints that are spoken to in datagrams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Sites to measure, and skipped endpoints with the reason."""

    sites: tuple[Site, ...]
    skipped: dict[str, tuple[Endpoint, str]]


def select_sites(catalogue: Catalogue, *, tier: int, cc: str, consent_level: int, families: Sequence[int],
                 seed: int, skip_services: Sequence[str] = (), inputs: frozenset[str] = frozenset(),
                 lacking: frozenset[str] = frozenset(), due: frozenset[str] | None = None,
                 in_proportion: bool = False, chats: frozenset[str] | None = frozenset(),
                 of: Collection[str] | None = None) -> Selection:
    """Endpoints up to `tier` (or just `inputs`), expanded and grouped; the rest of those tiers with reasons.

    `due` are those whose turn it is, of whatever tier; the others are no part of the run, so that nothing is said of
    them: that they were not tried would be read as a gap, in tables that are mostly made of such rows.
    `lacking` names libraries that this installation has not (`find_lacking_modules`). `in_proportion`: of a short list
    of one's own no more controls are measured than other targets; the rest is no part of the run either. `chats` are
    endpoints that level 1 may ask as apps do (`probe.session.chat_choice`); None: as many as it allows, by lot. `of`:
    of these targets alone is anything asked; sites of others may be left out, before anything is drawn by lot.
    """
    chosen: list[Endpoint] = []
    skipped: dict[str, tuple[Endpoint, str]] = {}
    meant = [e for e in catalogue.endpoints if _is_meant(e, tier, inputs, due)]
    meant = meant if of is None else _list_sharing_places(meant, of)
    alone = bool(inputs)
    if in_proportion and not inputs and due is None:
        meant, alone = _limit_controls(meant, seed)
    if chats is None:
        chats = choose_chats([e for e in meant if not _why_not(e, CHAT_LEVEL, families, skip_services, lacking)], seed)
    for raw in meant:
        endpoint = expand_templates(raw, cc=cc, seed=seed)
        level = CHAT_LEVEL if endpoint.input in chats else consent_level
        why = (_not_agreed(catalogue, endpoint, consent_level)
               or _why_not(endpoint, level, families, skip_services, lacking))
        if why:
            skipped[endpoint.input] = (endpoint, why)
        else:
            chosen.append(_names_only(endpoint))
    if alone and any(e.protocol in DATAGRAMS for e in chosen):
        chosen += [expand_templates(e, cc=cc, seed=seed) for e in _company(catalogue, seed) if e.input not in inputs
                   and not _why_not(e, consent_level, families, skip_services, lacking)]
    return Selection(sites=group_sites(chosen), skipped=skipped)


def _is_meant(endpoint: Endpoint, tier: int, inputs: frozenset[str], due: frozenset[str] | None) -> bool:
    if inputs:
        return endpoint.input in inputs
    return endpoint.tier <= tier if due is None else endpoint.input in due


def _list_sharing_places(meant: Sequence[Endpoint], targets: Collection[str]) -> list[Endpoint]:
    """Those of the targets, and others at the same places: which site of a place leads depends on all of them."""
    places = {(e.host, e.address) for e in meant if e.target_id in targets}
    return [e for e in meant if (e.host, e.address) in places or "{" in e.host]


def _limit_controls(meant: list[Endpoint], seed: int) -> tuple[list[Endpoint], bool]:
    """What is left where a list names fewer targets than there are controls, and whether it does. Controls over UDP
    are left out: they come as company where they are needed."""
    controls = [e for e in meant if e.role == "control"]
    others = [e for e in meant if e.role != "control"]
    if not others or len(others) >= len(controls):
        return meant, False
    fit = [e for e in controls if e.protocol not in DATAGRAMS]
    return others + random.Random(seed).sample(fit, min(len(others), len(fit))), True


def find_lacking_modules() -> frozenset[str]:
    """Libraries of protocols that are not installed here; none is imported to find out."""
    return frozenset(p.module for p in PROTOCOLS.values() if p.module and find_spec(p.module) is None)


def _company(catalogue: Catalogue, seed: int) -> list[Endpoint]:
    """Controls over UDP beside single endpoints: silence over UDP says nothing without others that are answered."""
    found: list[Endpoint] = []
    for kind, most in COMPANY.items():
        of_kind = [e for e in catalogue.endpoints if (c := catalogue.controls.get(e.target_id)) and c.kind == kind]
        found += random.Random(seed).sample(of_kind, min(most, len(of_kind)))
    return found


def _names_only(endpoint: Endpoint) -> Endpoint:
    """Of a closed service only the name is asked for."""
    return replace(endpoint, protocol="dns", sni="", alpn=(), trust="none") if endpoint.status == "dead" else endpoint


def _not_agreed(catalogue: Catalogue, endpoint: Endpoint, consent_level: int) -> str:
    """Some names are delicate by themselves, whatever is said to their servers."""
    service = catalogue.services.get(endpoint.service)
    if service is None or service.consent_level <= consent_level:
        return ""
    return lack_level(service.consent_level, whole_service=True)


def _why_not(endpoint: Endpoint, consent_level: int, families: Sequence[int], skip_services: Sequence[str],
             lacking: frozenset[str]) -> str:
    protocol = PROTOCOLS[endpoint.protocol]
    if endpoint.status == "dead":
        return "" if not endpoint.address else CLOSED_NAMELESS
    if endpoint.service in skip_services:
        return OPTED_OUT
    if not protocol.built:
        return protocol.why_not
    if protocol.consent_level > consent_level:
        return lack_level(protocol.consent_level)
    if protocol.module in lacking:
        return lack_library(protocol.module)
    if endpoint.address and family_of(endpoint.address) not in families:
        return lack_route(family_of(endpoint.address))
    return ""
