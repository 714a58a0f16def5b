"""From verdicts on single paths to a target's verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.tables.block_types import BlockTypeId, CauseId
from probe.core.tables.evidence_words import EvidenceLevel
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.shapes import ShapeWord
from probe.core.verdicts import Verdict
from probe.judge.common.planned_looks import add_shares
from probe.judge.common.visit_outcomes import must_not_answer
from probe.judge.flow.passed_volume import is_enough
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.verdicts.confidence import OF_DOUBTFUL, OF_LITTLE
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint, PathVerdict
from probe.judge.verdicts.rule_verdict import add_causes, make_not_attempted

_CONCLUSIONS: tuple[Outcome, ...] = ("ok", "down", "inconclusive", "local")
_OPPOSITES: tuple[Outcome, ...] = ("ok", "blocked")
_UNDECIDED: tuple[Outcome, ...] = ("inconclusive", "local")

MAX_EVIDENCE = 24
UNASKED: tuple[BlockTypeId, ...] = ("inconclusive.no_control", "inconclusive.control_failed", "inconclusive.unplaced")
"""What fails here throughout, and nobody elsewhere could say whether it works, or nothing shows who causes it."""
SEVERAL, OFTEN = 2, 0.4
"""Connections that failed once they stood, and their share of all to an endpoint, with which it is no longer `ok`."""
OF_PROGRAMS = ("program/lost_at_last", "program/fails_at_times")
"""What programs meet there though their hellos are answered too."""
REFUSED_AND_UNASKED = ("http/refused_no_control", "http/refused_control_failed")
"""The service itself refuses; whatever others meet there, that is no block."""
_ORDER: tuple[Outcome, ...] = ("blocked", "ok", "inconclusive", "network", "local", "down", NOT_ATTEMPTED)
_BEFORE_OK = next(place for place, word in enumerate(_ORDER) if word == "ok") - 0.5


def combine_paths(endpoint: Endpoint, paths: Sequence[PathVerdict]) -> JudgedEndpoint:
    """One endpoint from its addresses: a block at any of them shows; partial when others answer.

    Where IPv4 works, IPv6 addresses that cannot be connected to accuse nobody: networks quarrel over IPv6 routes.
    Of an endpoint that must not answer, one address that answers says more than all that do not. A shallow success says
    nothing against what was seen deeper.
    """
    tried = [(p, v) for p, v in paths if v.block_type != "inconclusive.not_attempted"]
    if must_not_answer(endpoint):
        tried = [(p, v) for p, v in tried if v.outcome != "ok"] or tried
    tried = [(p, v) for p, v in tried if v.outcome != "ok" or not _is_settled_deeper(tried, p)]
    if not tried:
        return JudgedEndpoint(endpoint=endpoint, verdict=make_not_attempted(endpoint, "nothing was tried"))
    if any(v.outcome == "ok" and p.family == 4 for p, v in tried):
        tried = [(p, v) for p, v in tried if not _accuses(v) or p.family != 6 or p.depth > 1]
    verdict = _of_verdicts([v for _, v in tried], often=_fails_often(seen := [p for p, _ in paths]))
    most = max(seen, key=lambda p: p.lasting.passed.bytes_read).lasting.passed
    verdict = replace(
        verdict, confidence=min(verdict.confidence, _limit_ok(endpoint, verdict, seen)),
        passed_bytes=most.bytes_read, passed_s=most.seconds,
        intermittent=add_shares(v.intermittent for _, v in tried),
        troubled=add_shares(v.troubled for _, v in tried),
        troubled_beside=add_shares(v.troubled_beside for _, v in tried),
        spared=verdict.spared or _list_answered(verdict, [v for _, v in paths]))
    return JudgedEndpoint(endpoint=endpoint, verdict=verdict, by_family=_by_family(tried))


def _limit_ok(endpoint: Endpoint, verdict: Verdict, seen: Sequence[PathEvidence]) -> float:
    """How sure `ok` may be of the endpoint at most; 1 for other outcomes."""
    if verdict.outcome != "ok":
        return 1.0
    little = not any(is_enough(endpoint.role, p.lasting.passed.bytes_read) for p in seen)
    if little and not must_not_answer(endpoint):
        return OF_LITTLE
    return OF_DOUBTFUL if any(p.failed_later for p in seen) else 1.0


def _list_answered(chief: Verdict, found: Sequence[Verdict]) -> tuple[ShapeWord, ...]:
    """Programs' shapes that were answered, at whichever address; none beside one that is struck."""
    return () if chief.struck else tuple(dict.fromkeys(shape for v in found if not v.struck for shape in v.spared))


def _fails_often(paths: Sequence[PathEvidence]) -> bool:
    """Whether people lose what connections to the endpoint's addresses lost, nearly half of all."""
    failed = sum(p.failed_later for p in paths)
    return failed >= SEVERAL and failed >= OFTEN * sum(p.attempts for p in paths)


def _of_verdicts(tried: Sequence[Verdict], *, often: bool = False) -> Verdict:
    """`often`: what failed at some address is what people meet."""
    blocked = [v for v in tried if v.outcome == "blocked"]
    if blocked:
        chief = _add_place(max(blocked, key=lambda v: v.confidence), blocked)
        others = tuple(v.block_type for v in blocked if v.block_type != chief.block_type)
        return _add_members(chief, blocked, also=others, partial=any(v.outcome == "ok" for v in tried))
    chief = min(tried, key=lambda v: ([not doubt for doubt in _list_doubts(v, often=often)], _ORDER.index(v.outcome)))
    doubtful = any(_list_doubts(chief, often=often))
    notes = tuple(v.block_type for v in tried if v.outcome == "local") if chief.outcome == "ok" else ()
    return _add_members(chief, [v for v in tried if v.outcome == chief.outcome], also=notes,
                        partial=doubtful and any(v.outcome == "ok" for v in tried))


def _list_doubts(verdict: Verdict, *, often: bool) -> tuple[bool, ...]:
    """What weighs more than another address that answers, the weightiest first."""
    return _lacks_basis(verdict), _fails_programs(verdict), often and verdict.outcome in _UNDECIDED


def _accuses(verdict: Verdict) -> bool:
    """A block, or what would be one if anything showed that it is not the service."""
    return verdict.outcome == "blocked" or _lacks_basis(verdict)


def _lacks_basis(verdict: Verdict) -> bool:
    """A rule accuses, and has nothing to rest on; what is only said to look like a block weighs no more than other
    doubts."""
    return bool(verdict.suspected) and verdict.block_type == "inconclusive.unplaced"


def _fails_programs(verdict: Verdict) -> bool:
    """People's programs fail there, and only one of an endpoint's addresses is asked as they ask: that another answers
    us says nothing against it."""
    struck = any(shape != "library" for shape in verdict.struck) or verdict.rule_id in OF_PROGRAMS
    return verdict.outcome in _UNDECIDED and struck


def _by_family(tried: Sequence[PathVerdict]) -> tuple[tuple[int, Outcome], ...]:
    """What came of each address family, by the order that decides of the whole."""
    return tuple((family, min((v.outcome for p, v in tried if p.family == family), key=_ORDER.index))
                 for family in sorted({p.family for p, _ in tried if p.family}))


def _add_place(chief: Verdict, blocked: Sequence[Verdict]) -> Verdict:
    """The hop is looked for at one address: what was found there holds for others that are blocked alike."""
    alike = [v for v in blocked if v.block_type == chief.block_type]
    place = min((v for v in alike if v.hop), key=lambda v: v.scope == "unknown", default=chief)
    left = next((v for v in alike if v.residual), chief)
    return replace(chief, scope=place.scope if place.hop else chief.scope, hop=place.hop,
                   place_run_id=place.place_run_id if chief.basis == "place" else "", residual=left.residual,
                   residual_s=left.residual_s)


def _is_settled_deeper(tried: Sequence[PathVerdict], shallow: PathEvidence) -> bool:
    """Whether an attempt that looked deeper than `shallow` came to a conclusion."""
    return any(p.depth > shallow.depth and v.outcome in _CONCLUSIONS for p, v in tried)


def _add_members(chief: Verdict, members: Sequence[Verdict], *, also: tuple[CauseId, ...], partial: bool) -> Verdict:
    evidence = tuple(dict.fromkeys(i for v in members for i in v.evidence))
    return replace(
        chief, evidence=evidence[:MAX_EVIDENCE], attempts=sum(v.attempts for v in members),
        failed_attempts=sum(v.failed_attempts for v in members), also=tuple(dict.fromkeys(chief.also + also)),
        partial=partial,
    )


def combine_endpoints(members: Sequence[JudgedEndpoint]) -> Verdict:
    """One target from its endpoints, by the same order; the input shown is the one that decided.

    It is `ok` only by the strongest words that were tried: a page in the clear does not outweigh a silent messenger.
    Nor does an endpoint that answers outweigh one that fails throughout where no control could be asked: if others
    reach that one, the target is blocked in part.
    """
    tried = [m for m in members if m.verdict.outcome != NOT_ATTEMPTED]
    strongest = max((PROTOCOLS[m.endpoint.protocol].worth for m in tried), default=0)
    telling = [m for m in tried if m.verdict.outcome != "ok" or PROTOCOLS[m.endpoint.protocol].worth == strongest]
    chief = min((m.verdict for m in telling or members), key=lambda v: (_place_in_target(v), -v.confidence))
    also = tuple(cause for m in tried if m.verdict.outcome == "blocked"
                 for cause in (m.verdict.block_type, *m.verdict.also) if cause != chief.block_type)
    mixed = len({m.verdict.outcome for m in tried if m.verdict.outcome in _OPPOSITES}) == 2
    chief = add_causes(chief, also)
    if len(chief.evidence) <= MAX_EVIDENCE and (chief.partial or not mixed):
        return chief
    return replace(chief, evidence=chief.evidence[:MAX_EVIDENCE], partial=chief.partial or mixed)


def _place_in_target(verdict: Verdict) -> float:
    unasked = (verdict.block_type in UNASKED or _fails_programs(verdict)) and verdict.rule_id not in REFUSED_AND_UNASKED
    return _BEFORE_OK if unasked else _ORDER.index(verdict.outcome)


def confirm_blocks(verdicts: Sequence[Verdict], previous: Mapping[str, str]) -> tuple[Verdict, ...]:
    """Mark also the blocks that a run before saw; `previous` maps its blocked targets to their block types.

    That run must have ended longer ago than residual blocking lasts, or it confirms only its own traces.
    """
    return tuple(
        replace(v, confirmed=True) if v.outcome == "blocked" and previous.get(v.target_id) == v.block_type else v
        for v in verdicts)


def add_evidence_levels(verdicts: Sequence[Verdict], seen: Sequence[Observation]) -> tuple[Verdict, ...]:
    """Mark the verdicts that rest on captured packets: those of every visit and question over UDP that failed among
    their evidence, or where none did, of any."""
    failed = {o.observation_id: bool(o.packets) for o in seen if o.failure and o.purpose != "https"
              and (o.address or o.dns.engine == "udp")}
    captured = {o.observation_id for o in seen if o.packets}

    def level(verdict: Verdict) -> EvidenceLevel:
        ends = [failed[i] for i in verdict.evidence if i in failed]
        return "packet" if (all(ends) if ends else captured.intersection(verdict.evidence)) else "socket"

    levels = map(level, verdicts)
    return tuple(v if found == v.evidence_level else replace(v, evidence_level=found)
                 for v, found in zip(verdicts, levels, strict=True))
