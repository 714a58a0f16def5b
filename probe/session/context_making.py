"""What a run may use: resolvers, innocent names and helpers, drawn before the first packet."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from probe.catalogue.owners import may_share_network
from probe.catalogue.sites import Site
from probe.catalogue.types import Catalogue
from probe.config.consent.country_profiles import is_grave, needs_care
from probe.config.consent.public_controls import list_public_controls
from probe.config.geo.geo_table import NO_COUNTRY
from probe.config.settings import HelperSettings, Settings
from probe.core.nat64 import to_translated_address
from probe.core.tables.consent_words import LEVELS
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, ROOT_SERVERS, UNASSIGNED_ADDRESS
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.tls.foreign_names import AGREED_HELPERS
from probe.session.planning.locate_plan import CONSENT_LEVEL
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.slot_plan import SLOTS_S
from probe.session.run_plan import RunPlan

HTTPS_COMPARED = 3
"""Names of a run whose HTTPS record is compared: a connection to a trusted resolver each, of about 5 kB."""
MANY_ADDRESSES = 6
"""Of each name and family, where a run looks everywhere; half as many over IPv6."""
PLANNED_TOGETHER, PLANNED = 2, 3
"""Connections to each target of the core that a run plans, one that must be over soon and others
(`probe.session.planning.planned_attempts.count_planned`)."""
HTTPS_PORT = 443


def choose_interval_s(plan: RunPlan, *, pace_s: float, flows: int) -> float:
    """Seconds between two new flows: the pace, or less where `flows` would not fit into the run otherwise."""
    return 0.0 if plan.fast else max(plan.least_pace_s, min(pace_s, 0.7 * plan.deadline_s / flows))


def make_plan_context(settings: Settings, catalogue: Catalogue, *, families: tuple[int, ...], network_resolver: str,
                      rng: random.Random, together: bool = False) -> PlanContext:
    """Draw the resolvers and the innocent name of this run."""
    encrypted = [o for o in PUBLIC_RESOLVERS if o.doh_host]
    public, doh = rng.choice(encrypted), tuple(o.name for o in encrypted)
    others = [name for name in doh if name != public.name]
    asked = (public.name, *rng.sample(others, min(1, len(others))))  # who answers in the clear is asked encrypted too
    return PlanContext(
        network_resolver=network_resolver, public_resolver=rng.choice(public.ipv4),
        dark_server=rng.choice(ROOT_SERVERS), nowhere=UNASSIGNED_ADDRESS, doh=asked,
        dot=tuple(n for n in doh if n not in asked) + asked,
        controls=tuple(h.id for h in list_helpers(settings)), families=families or (4,),
        public=tuple(h.id for h in list_public_controls(settings)),
        innocent=rng.choice(catalogue.innocent_names), together=together,
        planned=PLANNED_TOGETHER if together else PLANNED,
        slots_s=() if together else SLOTS_S, consent_level=settings.run.consent_level,
        search_level=find_search_level(settings.vantage.cc),
        agreed=tuple((server.address, server.port) for server in (*settings.matrix_server, *catalogue.matrix_servers)),
        agreed_helpers=choose_agreed_helpers(settings, rng),
        programs=True, draw=rng.getrandbits(32),
    )


def choose_https_compared(sites: Sequence[Site], *, seed: int) -> tuple[str, ...]:
    """Names whose HTTPS record is compared with a trusted resolver's, other ones in each run."""
    hosts = sorted({site.host for site in sites if site.has_name and site.sni})
    return tuple(random.Random(f"{seed}:https").sample(hosts, min(HTTPS_COMPARED, len(hosts))))


def find_search_level(cc: str) -> int:
    """The consent level from which a blocked name is said again in a country: what the consent text says, and the
    highest where that may bring people harm."""
    return max(LEVELS) if needs_care(cc) else CONSENT_LEVEL


def list_helpers(settings: Settings) -> tuple[HelperSettings, ...]:
    """Those that may be asked: one in the vantage's own country is not where that is a country of grave risk. It would
    tell a fence around the country from a block, and put whoever runs it in danger."""
    cc = settings.vantage.cc.upper()
    return tuple(h for h in settings.helper if h.cc.upper() != cc or not is_grave(cc))


def choose_agreed_helpers(settings: Settings, rng: random.Random) -> tuple[tuple[str, int], ...]:
    """Addresses and ports of helpers that may be asked for foreign names, outside the vantage's country, in as many
    networks and countries as it takes; nothing where there are fewer, or where the vantage's country is not known.
    Whoever runs one could end what it likes itself, and its own network may read names as well, as filters at the
    border of some countries do of those who come from outside."""
    cc = settings.vantage.cc.upper()
    agreed = [h for h in list_helpers(settings) if h.agreed and h.cc.upper() != cc and not is_grave(h.cc)]
    groups = itertools.combinations(rng.sample(agreed, len(agreed)), AGREED_HELPERS) if cc != NO_COUNTRY else ()
    chosen = next((group for group in groups if _are_apart(group)), ())
    return tuple((h.address, urlsplit(h.url).port or HTTPS_PORT) for h in chosen)


def _are_apart(group: Sequence[HelperSettings]) -> bool:
    return all(one.asn != other.asn and one.cc.upper() != other.cc.upper()
               and not may_share_network(one.address, other.address)
               for one, other in itertools.combinations(group, 2))


def adapt_context(context: PlanContext, ladder: LadderEvidence) -> PlanContext:
    """The frame for a network that the ladder has shown: one that has only IPv6 reaches IPv4 through a translator."""
    six_only = ladder.ipv6 == "ok" and (ladder.ipv4 == "broken" or 4 not in context.families)
    if not six_only:
        return context if context.nat64_prefix == ladder.nat64_prefix else replace(context,
                                                                                   nat64_prefix=ladder.nat64_prefix)
    context = replace(context, families=(6,), nat64_prefix=ladder.nat64_prefix)
    return replace(context, public_resolver=choose_reachable_address(context.public_resolver, context),
                   dark_server=choose_reachable_address(context.dark_server, context), nowhere="")


def choose_reachable_address(address: str, context: PlanContext) -> str:
    """How this network reaches a literal address: itself, or through the translator; empty where it does not."""
    if ":" in address or 4 in context.families or not address:
        return address
    return to_translated_address(address, context.nat64_prefix) if context.nat64_prefix else ""
