"""What `probe run --dry-run` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from probe.catalogue.types import Catalogue
from probe.config.consent.consent_check import may_send
from probe.config.consent.country_profiles import profile_of
from probe.config.consent.run_costs import describe_costs
from probe.config.settings import Settings
from probe.core.tables.answer_words import UNTESTED_WHYS
from probe.core.tables.untested_words import read_untested_reason
from probe.core.translation import say, say_count
from probe.session.planning.rotation import choose_share
from probe.session.run_plan import RunPlan
from probe.session.selection import select_sites


def describe_planned_run(targets: Catalogue, settings: Settings, plan: RunPlan) -> Iterator[str]:
    """What a run would measure now, what it takes, and what it leaves out."""
    due = choose_share(targets, plan.turn).inputs if plan.turn else None
    chosen = select_sites(targets, tier=plan.tier, cc=settings.vantage.cc, consent_level=settings.run.consent_level,
                          families=(4, 6), seed=plan.seed or 0, skip_services=settings.run.skip_services,
                          inputs=plan.inputs, due=due, in_proportion=not plan.everywhere,
                          chats=None if may_send(settings, "chat_words", lab=plan.lab) else frozenset())
    hosts: dict[str, dict[str, None]] = {}
    for site in chosen.sites:
        hosts.setdefault(site.endpoints[0].service, {})[site.host or site.address] = None
    count = sum(len(site.endpoints) for site in chosen.sites)
    cost = describe_costs(settings.run.consent_level, every_min=profile_of(settings.vantage.cc).every_min,
                          deadline_s=settings.run.deadline_s)
    at_sites = say_count("at {n} site", "at {n} sites", len(chosen.sites))
    yield say_count("{n} endpoint {at_sites} would be measured.", "{n} endpoints {at_sites} would be measured.", count,
                    at_sites=at_sites)
    yield say("As measured, the core at consent level {level} takes {cost}.", level=settings.run.consent_level,
              cost=cost)
    yield from (f"  {service}: {', '.join(names)}" for service, names in sorted(hosts.items()))
    if plan.turn:
        yield say("It is the turn of {words} (run.rotate).", words=" ".join(plan.turn.words))
    if chosen.skipped:
        yield say("{n} would be reported as not attempted:", n=len(chosen.skipped))
    untested = Counter(_describe_untested(why) for _, why in chosen.skipped.values())
    yield from (f"  {n:4}  {why}" for why, n in untested.most_common())


def _describe_untested(reason: str) -> str:
    why, level = read_untested_reason(reason)
    return reason if why == "other" else say(UNTESTED_WHYS[why], level=level)
