"""Which chat servers a run at consent level 1 asks as current apps do, and which of those it must leave alone. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from probe.core.endpoints import Endpoint
from probe.core.tables.handshakes import ProtocolName
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.untested_words import lack_level

if TYPE_CHECKING:
    from probe.session.selection import Selection

CHAT_PROTOCOLS: tuple[ProtocolName, ...] = ("mtproto", "wa_noise", "mmtls", "viber")
"""First words that level 1 may say (`chat_words` of `probe.core.tables.consent_words`)."""
CHAT_LEVEL = 2
"""The consent level that says them whatever the country."""
MOST_CHATS = 2
"""Servers of each service."""
CHATS_REST_S = 50 * 60.0
"""From the start of a run that asked them to the next: schedules of an hour vary by some minutes."""


def is_chat(endpoint: Endpoint) -> bool:
    """Whether level 1 may say the first words there."""
    return endpoint.protocol in CHAT_PROTOCOLS and endpoint.role == "chat" and endpoint.status == "active"


def choose_chats(endpoints: Iterable[Endpoint], seed: int) -> frozenset[str]:
    """At most two of each service, of two targets where there are two; drawn anew for each seed. On port 443 and over
    IPv4 if there are such: most people's apps come to those."""
    lot, left = random.Random(f"{seed}:chats"), sorted(filter(is_chat, endpoints), key=lambda e: e.input)
    chosen: list[Endpoint] = []
    for endpoint in sorted(lot.sample(left, len(left)), key=lambda e: (e.port != 443, ":" in e.address)):
        taken = [e for e in chosen if e.service == endpoint.service]
        apart = {e.target_id for e in left if e.service == endpoint.service} - {e.target_id for e in taken}
        if len(taken) < MOST_CHATS and (not apart or endpoint.target_id in apart):
            chosen.append(endpoint)
    return frozenset(e.input for e in chosen)


def withhold_chats(chosen: Selection, *, consent_level: int, why: str) -> Selection:
    """The selection without what level 1 asks as apps do, with the reason; so say their other servers' rows."""
    held = {e.input: (e, why) for site in chosen.sites for e in site.endpoints
            if is_chat(e) and PROTOCOLS[e.protocol].consent_level > consent_level}
    held |= {url: (e, why) for url, (e, reason) in chosen.skipped.items()
             if is_chat(e) and reason == lack_level(CHAT_LEVEL)}
    sites = (replace(site, endpoints=tuple(e for e in site.endpoints if e.input not in held)) for site in chosen.sites)
    return replace(chosen, sites=tuple(site for site in sites if site.endpoints), skipped={**chosen.skipped, **held})
