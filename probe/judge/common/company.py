"""Company: services of unrelated owners that are struck alike in one run.

One operator's front may reset, drop or mute its own names for this country, and that looks like a block on the way.
Three operators who share neither front, network nor host of zones do not do the same thing in the same way at the same
time, unless law makes them (`probe/catalogue/sanctions.toml`): there, company is never told.

What company cannot exclude, and what must not be read into it:
- A whole address that is dead. Three dead addresses may lie behind one transit that is out, so only names and
  protocols count, where somebody else is served at the very same address (`probe.judge.path.strikes`).
- A filter of the household or of the device, which strikes many owners as well. Company says that it is not the
  operators; who on this side it is is for the place and the rules to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from probe.catalogue.owners import OwnerId, ServiceAt, choose_unrelated, list_dns_hosts, may_refuse
from probe.core.tables.evidence_words import CertificateStrike, DnsState, FlowStrike, StrikeStage
from probe.core.tables.failures import FailureKind

COMPANY = 3
"""So many unrelated owners are company: two may have had one accident, as two names may have left one network
(`probe.judge.dns.shared_answers`)."""
_Failure: TypeAlias = FailureKind | DnsState | FlowStrike | CertificateStrike
_OF_AUTHORITIES: frozenset[_Failure] = frozenset(("empty", "servfail", "timeout"))
"""What a resolver gives where the name's own servers refuse it, or this country, or are out of its reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyEvidence:
    """Whose services are struck alike, this one's owner among them."""

    owners: tuple[OwnerId, ...] = ()
    """Unrelated to each other, in order; empty where nobody looked, or the service is not struck in such a way."""

    @property
    def is_enough(self) -> bool:
        """Whether that is more than operators do by themselves."""
        return len(self.owners) >= COMPANY


ALONE = CompanyEvidence()


@dataclass(frozen=True, slots=True, kw_only=True)
class StrikeWay:
    """How something is struck: where, and by what failure."""

    stage: StrikeStage
    failure: _Failure
    issuer: str = ""
    """Of certificates: the authority that signed them. No two operators have made one by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One service, struck every time in one way, while others are served at the same place."""

    way: StrikeWay
    whose: ServiceAt


Companies: TypeAlias = Mapping[tuple[StrikeWay, OwnerId], CompanyEvidence]
"""Way and owner -> whose services are struck in that way, seen from that owner."""


def find_companies(strikes: Iterable[Strike], *, cc: str) -> Companies:
    """The company of every owner that is struck, for each way."""
    by_way: dict[StrikeWay, list[ServiceAt]] = {}
    for strike in strikes:
        if _may_keep_company(strike, cc):
            by_way.setdefault(strike.way, []).append(strike.whose)
    joined = {way: join_owners(struck) for way, struck in by_way.items()}
    return {(way, service.owner): _gather_company(service, owners)
            for way, owners in joined.items() for service in owners}


def join_owners(struck: Iterable[ServiceAt]) -> list[ServiceAt]:
    """One for each owner, those with few addresses first: they share least. An owner's services, and all their
    addresses, are one: what any of them shares with another owner makes the two related."""
    found: dict[OwnerId, ServiceAt] = {}
    for service in struck:
        known = found.get(service.owner, service)
        found[service.owner] = replace(known, addresses=known.addresses | service.addresses,
                                       asns=known.asns | service.asns)
    return sorted(found.values(), key=lambda s: (len(s.addresses), s.owner))


def _gather_company(ours: ServiceAt, others: Iterable[ServiceAt]) -> CompanyEvidence:
    return CompanyEvidence(owners=tuple(sorted(s.owner for s in choose_unrelated((ours, *others)))))


def _may_keep_company(strike: Strike, cc: str) -> bool:
    """Not what its operator may refuse here; nor a name whose own servers nobody knows, where these may be the cause:
    one host of zones may serve several owners unseen."""
    if may_refuse(strike.whose, cc):
        return False
    by_authorities = strike.way.stage == "name" and strike.way.failure in _OF_AUTHORITIES
    return not by_authorities or bool(list_dns_hosts(strike.whose.owner))
