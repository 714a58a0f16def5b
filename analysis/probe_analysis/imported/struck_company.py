"""Services of unrelated owners that one network strikes alike, in the measurements of one run: the basis `company`.

Our own probe asks an innocent name at the same address as well (`probe.judge.common.company`). OONI's programs do
not, so this speaks only of what an address that is dead, or a way that is out, cannot explain: connections that open
and are ended at the handshake or the request, at three owners who share nothing. Owners must be known: of any two web
sites nobody can say that they are unrelated, and which countries they refuse. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from probe.catalogue.owners import ServiceAt, choose_unrelated, describe_service, may_refuse
from probe.catalogue.packaged import load_owners
from probe.core.observations import Observation
from probe.core.tables.block_types import CauseId
from probe.core.verdicts import Verdict
from probe.judge.common.company import COMPANY, join_owners
from probe.judge.common.url_places import parse_host
from probe_analysis.imported.weakening import ImportScale, speak_for_network

SPOKEN: frozenset[CauseId] = frozenset(("tls.reset", "tls.close", "tls.alert", "http.reset", "http.close"))
"""Causes by which somebody ends a connection that had opened."""
CONFIDENCE = 0.75
DENIED: CauseId = "dns.nxdomain"
WHY = "{n} services of unrelated owners are struck alike in this network again and again"


def convict_by_company(verdicts: Sequence[Verdict], scale: ImportScale,
                       networks: Mapping[str, int]) -> tuple[Verdict, ...]:
    """The verdicts, with those blocked that are suspected of one cause together with two unrelated owners' at least."""
    by_cause: dict[CauseId, list[ServiceAt]] = {}
    for verdict in verdicts:
        if _may_keep_company(verdict, scale):
            service = _describe(verdict, scale.rows, networks)
            if service.owner in load_owners() and not may_refuse(service, scale.cc):
                by_cause.setdefault(verdict.suspected, []).append(service)
    company = {cause: chosen for cause, struck in by_cause.items()
               if len(chosen := choose_unrelated(join_owners(struck))) >= COMPANY}
    return tuple(_convict(v, company[v.suspected], scale.rows, networks) if v.suspected in company else v
                 for v in verdicts)


def _may_keep_company(verdict: Verdict, scale: ImportScale) -> bool:
    """A denial counts where no household can have given it."""
    if verdict.partial:
        return False
    if verdict.suspected in SPOKEN:
        return True
    asked = [o for i in verdict.evidence if (o := scale.rows.get(i)) and o.dns.engine == "system"]
    return verdict.suspected == DENIED and speak_for_network(asked, scale)


def _describe(verdict: Verdict, rows: Mapping[str, Observation], networks: Mapping[str, int]) -> ServiceAt:
    addresses = [rows[i].address for i in verdict.evidence if i in rows]
    return describe_service(verdict.service, parse_host(verdict.input), addresses, networks)


def _convict(verdict: Verdict, company: Sequence[ServiceAt], rows: Mapping[str, Observation],
             networks: Mapping[str, int]) -> Verdict:
    """Owners that are related to one of the company are not themselves convicted by it."""
    if verdict.partial or _describe(verdict, rows, networks).owner not in {s.owner for s in company}:
        return verdict
    return replace(verdict, outcome="blocked", block_type=verdict.suspected, suspected="", basis="company",
                   confidence=CONFIDENCE, reason=WHY.format(n=len(company)))
