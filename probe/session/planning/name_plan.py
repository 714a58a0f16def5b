"""Whom to ask for a site's name: plain DNS first, trusted resolvers where something is to be explained."""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.evidence_words import DnsState
from probe.instruments.steps import Lookup, Step
from probe.judge.common.time_slots import split_into_slots
from probe.judge.dns.dns_evidence import DnsEvidence, gather_dns_evidence, read_channel_state
from probe.judge.dns.port53 import MALFORMED
from probe.session.planning.mark_plan import plan_mark_lookups
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.slot_plan import plan_later_lookup

_FAILING: tuple[DnsState, ...] = ("timeout", "servfail", "refused", "error")
_NOT_FAILING: tuple[DnsState, ...] = ("ok", "unasked")


def _is_direct(seen: Observation) -> bool:
    return seen.dns.resolver == "network" and seen.dns.engine == "udp" and seen.purpose == "target"


def drop_half_answers(dns: tuple[Observation, ...], context: PlanContext) -> tuple[Observation, ...]:
    """All but what is still to come: a name without IPv6 must not look empty until its IPv4 answer is there."""
    direct = [o for o in dns if _is_direct(o)]
    tries = {n: [o for o in direct if o.attempt == n] for n in {o.attempt for o in direct}}
    questions = 2 if 6 in context.families else 1
    half = {n for n, found in tries.items() if len(found) < questions and read_channel_state(found) != "ok"}
    return tuple(o for o in dns if not (_is_direct(o) and o.attempt in half))


def plan_plain_lookups(site: Site, context: PlanContext) -> list[Step]:
    steps: list[Step] = [Lookup(channel="system", name=site.host)]
    if context.network_resolver:
        steps += [Lookup(channel="network", name=site.host, server=context.network_resolver),
                  Lookup(channel="https", name=site.host, server=context.network_resolver)]
    if site.host in context.https_compared:
        steps += [Lookup(channel="https_doh", name=site.host, server=name) for name in context.doh[:1]]
    if context.public_resolver:
        steps.append(Lookup(channel="public", name=site.host, server=context.public_resolver))
    return steps


def plan_further_lookups(site: Site, history: SiteHistory, context: PlanContext, evidence: DnsEvidence) -> list[Step]:
    steps: list[Step] = []
    tried = {o.attempt for o in history.dns if _is_direct(o)}
    if tried and evidence.network != "ok" and max(tried) < context.attempts:
        steps.append(Lookup(channel="network", name=site.host, server=context.network_resolver, attempt=max(tried) + 1))
    elif tried and (evidence.network != "ok" or evidence.bogus or evidence.fingerprint or evidence.injected):
        steps += plan_later_lookup(site, [o for o in history.dns if _is_direct(o)], context)
    if tried and max(tried) >= context.attempts and evidence.network in _FAILING:
        steps.append(Lookup(channel="alive", name=context.innocent, server=context.network_resolver, about=site.host,
                            attempt=max(1, len(split_into_slots([o for o in history.dns if _is_direct(o)])))))
    if needs_trusted_resolvers(site, history, evidence):
        steps += [Lookup(channel="doh", name=site.host, server=name) for name in context.doh]
        steps += _over_tls(site, history, context, evidence)
    false = bool(evidence.bogus or evidence.fingerprint)
    if context.public_resolver and needs_trusted_resolvers(site, history,
                                                           evidence) and (evidence.network != "ok" or false):
        steps.append(Lookup(channel="tcp", name=site.host, server=context.public_resolver))
        if any(o.dns.engine == "tcp" and o.failure == MALFORMED for o in history.dns):
            steps.append(Lookup(channel="tcp", name=context.innocent, server=context.public_resolver, about=site.host))
    if false or _two_answers(history.dns) or (
            evidence.trusted_ok and evidence.network_answers and not evidence.agrees):
        steps += [Lookup(channel="dark", name=name, server=server) for server in (context.dark_server, context.nowhere)
                  if server for name in (site.host, context.innocent)]
    if evidence.https.is_disproved:
        steps += [Lookup(channel="https_dark", name=name, server=server, about=site.host)
                  for server in (context.dark_server, context.nowhere) if server
                  for name in (site.host, context.innocent)]
    if tried and max(tried) >= context.attempts:
        steps += plan_mark_lookups(site, history, context, evidence)
    return steps


def _over_tls(site: Site, history: SiteHistory, context: PlanContext, evidence: DnsEvidence) -> list[Step]:
    """DoT for as many answers as DoH fell short of two: one blocked operator must not take the control away."""
    asked = {o.dns.resolver for o in history.dns if o.dns.engine == "doh"}
    if not asked >= set(context.doh):
        return []
    without = tuple(o for o in history.dns if o.dns.engine != "dot")
    doh = gather_dns_evidence(without) if len(without) < len(history.dns) else evidence
    return [Lookup(channel="dot", name=site.host, server=name)
            for name in context.dot[: max(0, 2 - doh.trusted_ok - doh.trusted_denying)]]


def _two_answers(seen: Sequence[Observation]) -> bool:
    return any(len({reply.answers for reply in o.dns.replies}) > 1 for o in seen
               if o.purpose != "https")


def needs_trusted_resolvers(site: Site, history: SiteHistory, evidence: DnsEvidence) -> bool:
    """Trusted resolvers are asked where plain DNS failed or looks wrong, or the connection proves nothing."""
    if evidence.network != "ok" or evidence.system not in _NOT_FAILING:
        return True
    if evidence.bogus or evidence.fingerprint or _two_answers(history.dns) or not site.proves_itself:
        return True
    if evidence.https.is_doubtful:
        return True
    return any(o.failure and o.purpose == "target" for o in history.visits)
