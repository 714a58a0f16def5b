"""The verdict that a rule gives where it held: of the network, of a name, or of one path of an endpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from probe.catalogue.owners import find_owner
from probe.core.endpoints import Endpoint
from probe.core.tables.block_types import CauseId
from probe.core.tables.control_sources import ControlWord
from probe.core.tables.evidence_words import NO_STAGE_OR_PAGE, ResidualWord, Scope
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.verdicts import Verdict
from probe.judge.common.innocents_tried import cap_by_innocents
from probe.judge.common.rule import Decision, Rule
from probe.judge.dns.dns_evidence import DnsEvidence
from probe.judge.dns.name_context import NameEvidence
from probe.judge.hops.hop_evidence import classify_icmp_scope
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.program.program_evidence import ProgramEvidence
from probe.judge.program.user_shapes import UserShapes


def make_network_verdict(endpoint: Endpoint, decision: Decision[LadderEvidence]) -> Verdict:
    """The network is such that no target can be spoken of."""
    return _verdict(endpoint, decision, _place_of(decision.rule, None, None))


def make_name_verdict(endpoint: Endpoint, decision: Decision[NameEvidence], evidence: tuple[str, ...]) -> Verdict:
    """`evidence`: ids of the observations of the name's resolution."""
    dns = decision.evidence.dns
    return replace(
        _verdict(endpoint, decision, _place_of(decision.rule, None, dns)), evidence=evidence, attempts=dns.attempts,
        failed_attempts=dns.failed_attempts, confirmed=decision.rule.outcome == "blocked" and dns.slots > 1,
        control=_dns_control_word(dns))


def make_path_verdict(endpoint: Endpoint, decision: Decision[PathContext]) -> Verdict:
    """Of one address of the endpoint."""
    path = decision.evidence.path
    programs, struck, spared = path.programs, path.programs.struck, path.programs.spared
    found = _verdict(endpoint, decision, _place_of(decision.rule, path, None))
    return replace(
        found, evidence=path.evidence + programs.evidence,
        attempts=path.attempts + programs.failed, failed_attempts=path.failed_attempts + programs.failed,
        intermittent=path.planned.share, troubled=path.planned.troubled_share,
        troubled_beside=path.planned.beside_share,
        passed_bytes=path.lasting.passed.bytes_read, passed_s=path.lasting.passed.seconds,
        reason=found.reason or (_describe_users(programs.users) if found.outcome == "ok" else ""),
        struck=struck or (("library",) if path.tls.shapes.passed else ()), spared=spared or path.tls.shapes.passed,
        confirmed=decision.rule.outcome == "blocked" and path.slots > 1, control=_control_word(path))


def _describe_users(users: UserShapes) -> str:
    """For whose programs `ok` speaks, and for whose it does not; empty where no program of users is known."""
    if not users.unseen:
        return ""
    answered = " and ".join(("the library's hello", *(f"that of {shape}" for shape in users.seen)))
    return f"answered: {answered}; not seen to be, though people's programs send them: {', '.join(users.unseen)}"


def make_not_attempted(endpoint: Endpoint, reason: str) -> Verdict:
    """No rule was asked."""
    return replace(make_bare_verdict(endpoint, NOT_ATTEMPTED), block_type="inconclusive.not_attempted", reason=reason)


def make_bare_verdict(endpoint: Endpoint, outcome: Outcome) -> Verdict:
    """A verdict on this endpoint without a cause, and for which no control was needed."""
    return Verdict(target_id=endpoint.target_id, service=endpoint.service,
                   owner=find_owner(endpoint.service, endpoint.host), role=endpoint.role, input=endpoint.input,
                   outcome=outcome, control="not_needed")


def add_causes(verdict: Verdict, causes: tuple[CauseId, ...]) -> Verdict:
    """The same verdict, with what stands behind it."""
    also = tuple(dict.fromkeys(verdict.also + causes))
    return replace(verdict, also=also) if also != verdict.also else verdict


def _verdict(endpoint: Endpoint, decision: Decision[Any], place: _Place) -> Verdict:
    rule, suspected = decision.rule, decision.suspected
    accused = suspected[0].block_type if suspected and rule.block_type == "inconclusive.unplaced" else ""
    return Verdict(
        target_id=endpoint.target_id, service=endpoint.service, owner=find_owner(endpoint.service, endpoint.host),
        role=endpoint.role, input=endpoint.input, outcome=rule.outcome, control="not_needed",
        block_type=rule.block_type, rule_id=rule.id,
        rules=tuple(weighed.id for weighed in (rule, *suspected)), basis=decision.basis,
        suspected=accused or rule.suspects(decision.evidence),
        confidence=cap_by_innocents(rule),
        reason="" if rule.outcome == "ok" else rule.why, scope=place.scope, hop=place.hop,
        place_run_id=place.found_in if decision.basis == "place" else "", residual=place.residual,
        residual_s=place.residual_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    scope: Scope = "unknown"
    hop: str = ""
    found_in: str = ""
    residual: ResidualWord = ""
    residual_s: str = ""


def _place_of(rule: Rule[Any], path: PathEvidence | None, dns: DnsEvidence | None) -> _Place:
    """How near the cause is, at which hop, and what it leaves behind: told of blocks and of one's own filters; of
    what is undecided only what it leaves behind."""
    if rule.block_type == "local.clock":
        return _Place(scope="device")
    if dns is not None and dns.filtered and dns.resolver_private:
        return _Place(scope="lan")
    if rule.outcome == "inconclusive" and path is not None:
        return _Place(residual=path.residual.word, residual_s=path.residual.span)
    if rule.outcome != "blocked":
        return _Place()
    if path is not None:
        where, left = next((place for place in path.place.searched if place.most), path.place.located), path.residual
        scope = where.scope if where.most else classify_icmp_scope(path.tcp.icmp)
        return _Place(scope=scope, hop=where.hop, found_in=where.found_in, residual=left.word, residual_s=left.span)
    return _Place(scope=dns.located.scope, hop=dns.located.hop) if dns is not None else _Place()


def _control_word(path: PathEvidence) -> ControlWord:
    if path.programs.struck:
        return _word_on_programs(path.programs)
    if not path.controls.asked:
        return "none" if path.stage else "not_needed"
    if not path.controls.answered:
        return "failed"
    if path.stage in NO_STAGE_OR_PAGE:
        return "contrary" if path.http.page_differs else "agrees"
    if path.controls.ok and path.controls.failed:
        return "doubtful"
    return "contrary" if path.controls.ok else "agrees" if path.controls.failed else "doubtful"


def _word_on_programs(seen: ProgramEvidence) -> ControlWord:
    if seen.control_ok and seen.control_failed:
        return "doubtful"
    return "contrary" if seen.control_ok else "agrees" if seen.control_failed else "none"


def _dns_control_word(dns: DnsEvidence) -> ControlWord:
    if not dns.controls_asked:
        return "not_needed"
    if dns.control_ok:
        return "agrees" if dns.network == "ok" and dns.agrees else "contrary"
    return "agrees" if dns.control_denying else "failed"
