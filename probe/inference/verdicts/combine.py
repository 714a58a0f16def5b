"""From findings on single paths to a target's verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.protocols import PROTOCOLS
from probe.core.verdicts import Verdict
from probe.inference.evidence.dns_evidence import DnsEvidence
from probe.inference.evidence.hop_evidence import icmp_scope
from probe.inference.evidence.path_evidence import PathEvidence
from probe.inference.rules.rule import Rule

MAX_EVIDENCE = 24
UNASKED = ("inconclusive.no_control", "inconclusive.control_failed")
"""What fails here throughout, and nobody elsewhere could say whether it works."""
_ORDER = ("blocked", "ok", "inconclusive", "network", "local", "down", NOT_ATTEMPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says of one name or path."""

    outcome: str
    block_type: str = ""
    rule_id: str = ""
    confidence: float = 0.0
    reason: str = ""
    also: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    attempts: int = 0
    failed_attempts: int = 0
    control: str = "not_needed"
    partial: bool = False
    family: int = 0
    by_family: tuple[tuple[int, str], ...] = ()
    """Of an endpoint: (address family, what came of its addresses of that family)."""
    depth: int = 0
    """How far the path was followed; a shallow success says nothing against what was seen deeper."""
    scope: str = "unknown"
    confirmed: bool = False
    """A block that a later time slot of the run saw too."""
    hop: str = ""
    residual: str = ""
    residual_s: str = ""

    @staticmethod
    def of(rule: Rule[Any], *, path: PathEvidence | None = None, dns: DnsEvidence | None = None,
           evidence: tuple[str, ...] = (), reason: str = "") -> Finding:
        """The finding of a rule that held on this evidence."""
        counted = path or dns
        place = _place_of(rule, path, dns)
        return Finding(
            outcome=rule.outcome, block_type=rule.block_type, rule_id=rule.id, confidence=rule.confidence,
            reason=reason or ("" if rule.outcome == "ok" else rule.why),
            evidence=path.evidence if path else evidence,
            attempts=counted.attempts if counted else 0,
            failed_attempts=counted.failed_attempts if counted else 0,
            depth=path.depth if path else 0, family=path.family if path else 0,
            confirmed=rule.outcome == "blocked" and counted is not None and counted.slots > 1,
            control=_control_word(path) if path else _dns_control_word(dns),
            scope=place.scope, hop=place.hop, residual=place.residual, residual_s=place.residual_s,
        )

    def with_also(self, causes: tuple[str, ...]) -> Finding:
        """The same finding, with what stands behind it."""
        return replace(self, also=tuple(dict.fromkeys(self.also + causes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    scope: str = "unknown"
    hop: str = ""
    residual: str = ""
    residual_s: str = ""


def _place_of(rule: Rule[Any], path: PathEvidence | None, dns: DnsEvidence | None) -> _Place:
    """How near the cause is, at which hop, and what it leaves behind: told of blocks and of one's own filters."""
    if rule.block_type == "local.clock":
        return _Place(scope="device")
    if dns is not None and dns.filtered and dns.resolver_private:
        return _Place(scope="lan")
    if rule.outcome != "blocked":
        return _Place()
    if path is not None:
        where, left = path.located, path.residual
        scope = where.scope if where.most else icmp_scope(path.icmp)
        return _Place(scope=scope, hop=where.hop, residual=left.word, residual_s=left.span)
    return _Place(scope=dns.located.scope, hop=dns.located.hop) if dns is not None else _Place()


def _control_word(path: PathEvidence) -> str:
    if not path.controls_asked:
        return "none" if path.stage else "not_needed"
    if not path.controls_answered:
        return "failed"
    if path.stage in ("", "page"):
        return "contrary" if path.control_page_differs else "agrees"
    if path.control_ok and path.control_failed:
        return "doubtful"
    return "contrary" if path.control_ok else "agrees" if path.control_failed else "doubtful"


def _dns_control_word(dns: DnsEvidence | None) -> str:
    if dns is None or not dns.controls_asked:
        return "not_needed"
    if dns.control_ok:
        return "agrees" if dns.network == "ok" and dns.agrees else "contrary"
    return "agrees" if dns.control_denying else "failed"


def combine_paths(findings: Sequence[Finding], *, must_stay_closed: bool = False) -> Finding:
    """One endpoint from its addresses: a block at any of them shows; partial when others answer.

    Where IPv4 works, IPv6 addresses that cannot be connected to accuse nobody: networks quarrel over IPv6 routes.
    Of an endpoint that `must_stay_closed`, one address that answers says more than all that do not.
    """
    tried = [f for f in findings if f.block_type != "inconclusive.not_attempted"]
    if must_stay_closed:
        tried = [f for f in tried if f.outcome != "ok"] or tried
    tried = [f for f in tried if f.outcome != "ok" or not _is_settled_deeper(tried, f)]
    if not tried:
        return Finding(outcome=NOT_ATTEMPTED, block_type="inconclusive.not_attempted", reason="nothing was tried")
    if any(f.outcome == "ok" and f.family == 4 for f in tried):
        tried = [f for f in tried if f.outcome != "blocked" or f.family != 6 or f.depth > 1]
    blocked = [f for f in tried if f.outcome == "blocked"]
    if blocked:
        chief = _placed(max(blocked, key=lambda f: f.confidence), blocked)
        others = tuple(f.block_type for f in blocked if f.block_type != chief.block_type)
        return replace(_summed(chief, blocked), partial=any(f.outcome == "ok" for f in tried),
                       by_family=_by_family(tried)).with_also(others)
    chief = min(tried, key=lambda f: _ORDER.index(f.outcome))
    notes = tuple(f.block_type for f in tried if f.outcome == "local") if chief.outcome == "ok" else ()
    found = _summed(chief, [f for f in tried if f.outcome == chief.outcome])
    return replace(found, by_family=_by_family(tried)).with_also(notes)


def _by_family(tried: Sequence[Finding]) -> tuple[tuple[int, str], ...]:
    """What came of each address family, by the order that decides of the whole."""
    return tuple((family, min((f.outcome for f in tried if f.family == family), key=_ORDER.index))
                 for family in sorted({f.family for f in tried if f.family}))


def _placed(chief: Finding, blocked: Sequence[Finding]) -> Finding:
    """The hop is looked for at one address: what was found there holds for others that are blocked alike."""
    alike = [f for f in blocked if f.block_type == chief.block_type]
    place = min((f for f in alike if f.hop), key=lambda f: f.scope == "unknown", default=chief)
    left = next((f for f in alike if f.residual), chief)
    return replace(chief, scope=place.scope if place.hop else chief.scope, hop=place.hop, residual=left.residual,
                   residual_s=left.residual_s)


def _is_settled_deeper(findings: Sequence[Finding], shallow: Finding) -> bool:
    """Whether somebody who looked deeper than `shallow` came to a conclusion."""
    return any(f.depth > shallow.depth and f.outcome in ("ok", "down", "inconclusive", "local") for f in findings)


def _summed(chief: Finding, members: Sequence[Finding]) -> Finding:
    evidence = tuple(dict.fromkeys(i for f in members for i in f.evidence))
    return replace(
        chief, evidence=evidence[:MAX_EVIDENCE], attempts=sum(f.attempts for f in members),
        failed_attempts=sum(f.failed_attempts for f in members),
    )


def combine_endpoints(target_id: str, members: Sequence[tuple[Endpoint, Finding]]) -> Verdict:
    """One target from its endpoints, by the same order; the input shown is the one that decided.

    It is `ok` only by the strongest words that were tried: a page in the clear does not outweigh a silent messenger.
    Nor does an endpoint that answers outweigh one that fails throughout where no control could be asked: if others
    reach that one, the target is blocked in part.
    """
    tried = [(e, f) for e, f in members if f.outcome != NOT_ATTEMPTED]
    strongest = max((PROTOCOLS[e.protocol].worth for e, _ in tried), default=0)
    telling = [(e, f) for e, f in tried if f.outcome != "ok" or PROTOCOLS[e.protocol].worth == strongest]
    chief_endpoint, chief = min(telling or members, key=lambda m: (_place_in_target(m[1]), -m[1].confidence))
    also = tuple(cause for _, f in tried if f.outcome == "blocked" for cause in (f.block_type, *f.also)
                 if cause != chief.block_type)
    chief = chief.with_also(also)
    mixed = len({f.outcome for _, f in tried if f.outcome in ("ok", "blocked")}) == 2
    return Verdict(
        target_id=target_id, service=chief_endpoint.service, role=chief_endpoint.role, input=chief_endpoint.input,
        outcome=chief.outcome, block_type=chief.block_type, also=chief.also, confidence=chief.confidence,
        scope=chief.scope, hop=chief.hop, residual=chief.residual, residual_s=chief.residual_s,
        rule_id=chief.rule_id, evidence=chief.evidence[:MAX_EVIDENCE], attempts=chief.attempts,
        failed_attempts=chief.failed_attempts, control=chief.control, partial=chief.partial or mixed,
        reason=chief.reason, confirmed=chief.confirmed,
    )


def _place_in_target(found: Finding) -> float:
    return _ORDER.index("ok") - 0.5 if found.block_type in UNASKED else _ORDER.index(found.outcome)


def confirm(verdicts: Sequence[Verdict], previous: Mapping[str, str]) -> tuple[Verdict, ...]:
    """Mark also the blocks that a run before saw; `previous` maps its blocked targets to their block types.

    That run must have ended longer ago than residual blocking lasts, or it confirms only its own traces.
    """
    return tuple(
        replace(v, confirmed=v.confirmed or (v.outcome == "blocked" and previous.get(v.target_id) == v.block_type))
        for v in verdicts)


def with_levels(verdicts: Sequence[Verdict], seen: Sequence[Observation]) -> tuple[Verdict, ...]:
    """Mark the verdicts that rest on captured packets: those of every visit and question over UDP that failed among
    their evidence, or where none did, of any."""
    failed = {o.observation_id: bool(o.packets) for o in seen if o.failure and (o.address or o.dns.engine == "udp")}
    captured = {o.observation_id for o in seen if o.packets}

    def level(verdict: Verdict) -> str:
        ends = [failed[i] for i in verdict.evidence if i in failed]
        return "packet" if (all(ends) if ends else captured.intersection(verdict.evidence)) else "socket"

    return tuple(replace(v, evidence_level=level(v)) for v in verdicts)
