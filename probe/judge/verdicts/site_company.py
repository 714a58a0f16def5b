"""Who is struck as whom: from the paths and names of all sites of a run to the company of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from probe.catalogue.owners import describe_service
from probe.core.endpoints import Endpoint
from probe.judge.common.company import ALONE, Companies, CompanyEvidence, Strike, find_companies
from probe.judge.dns.dns_evidence import DnsEvidence, gather_dns_evidence
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.path.strikes import StrikeContext, read_name_strike, read_path_strike
from probe.judge.verdicts.site_case import CrossSiteEvidence, RunContext, SiteCase


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedEndpoint:
    """One endpoint of a site, with the evidence on each address at which it was tried."""

    case: SiteCase
    endpoint: Endpoint
    paths: Sequence[PathEvidence]


def gather_companies(tried: Iterable[TriedEndpoint], run: RunContext, across: CrossSiteEvidence) -> Companies:
    """Hold everything that is struck in a run against each other. Controls are no company: what strikes them as well
    is the network's, and not about any service."""
    return find_companies((strike for one in tried if one.endpoint.role != "control"
                           for strike in _list_strikes(one, run, across)), cc=run.cc)


def find_path_company(path: PathEvidence, endpoint: Endpoint, run: RunContext, across: CrossSiteEvidence,
                      ) -> CompanyEvidence:
    """Whose services are struck as this endpoint is at this address."""
    return _company_of(_path_strike(path, endpoint, run, across), across)


def find_name_company(name: DnsEvidence, endpoint: Endpoint, run: RunContext, across: CrossSiteEvidence,
                      ) -> CompanyEvidence:
    """Whose names the resolver fails as it fails this endpoint's."""
    return _company_of(_name_strike(name, endpoint, run, across), across)


def with_company(one: TriedEndpoint, run: RunContext, across: CrossSiteEvidence) -> TriedEndpoint:
    """The endpoint with the company of each of its paths."""
    found = [find_path_company(path, one.endpoint, run, across) for path in one.paths]
    return replace(one, paths=[path if company == path.company else replace(path, company=company)
                               for path, company in zip(one.paths, found, strict=True)])


def _list_strikes(one: TriedEndpoint, run: RunContext, across: CrossSiteEvidence) -> Iterator[Strike]:
    for path in one.paths:
        if strike := _path_strike(path, one.endpoint, run, across):
            yield strike
    if one.case.site.has_name and any(o.failure for o in one.case.dns):
        name = gather_dns_evidence(one.case.dns, one.case.controls, nat64_prefix=run.ladder.nat64_prefix, cc=run.cc)
        if strike := _name_strike(name, one.endpoint, run, across):
            yield strike


def _path_strike(path: PathEvidence, endpoint: Endpoint, run: RunContext, across: CrossSiteEvidence) -> Strike | None:
    whose = describe_service(endpoint.service, endpoint.host, (path.address,), run.networks)
    return read_path_strike(path, whose, StrikeContext(ladder=run.ladder, unlucky=across.unlucky))


def _name_strike(name: DnsEvidence, endpoint: Endpoint, run: RunContext, across: CrossSiteEvidence) -> Strike | None:
    whose = describe_service(endpoint.service, endpoint.host, name.trusted_answers, run.networks)
    return read_name_strike(name, whose, StrikeContext(ladder=run.ladder, unlucky=across.unlucky))


def _company_of(strike: Strike | None, across: CrossSiteEvidence) -> CompanyEvidence:
    return across.companies.get((strike.way, strike.whose.owner), ALONE) if strike else ALONE
