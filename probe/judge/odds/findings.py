"""What was found of a target, as one word for each group: what groups tell is weighed as if each told something else.

What follows from one cause therefore stands in one group: how an attempt ended and by what rule it is suspected are
one finding, and so are a place, an early end and forged packets. Nothing here looks at the network again: the words
come from the verdict, and from the evidence of the address, or of the name, that decided it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probe.core.tables.odds_words import Group, State
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.verdicts import Verdict
from probe.judge.common.innocents_tried import find_action
from probe.judge.common.rule import Decision
from probe.judge.dns.name_context import NameEvidence
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_evidence import PathEvidence

Findings = Mapping[Group, str]
_FAILING = ("blocked", "down", "inconclusive", "network", "local")
_MANY, _MOST = 0.15, 0.4
"""Shares of other owners' targets that fail as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFindings:
    """What the other targets of a run show."""

    failing: Mapping[str, bool]
    """Owner -> whether any of its targets fails."""
    ways: Mapping[str, frozenset[str]]
    """How things end -> the owners whose targets end so."""


def gather_run_findings(verdicts: Sequence[Verdict], ways: Mapping[str, str]) -> RunFindings:
    """`ways`: target -> how its attempts ended."""
    failing: dict[str, bool] = {}
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for v in verdicts:
        if v.outcome == NOT_ATTEMPTED or v.role == "control":
            continue
        owner = v.owner or v.service
        failing[owner] = failing.get(owner, False) or v.outcome in _FAILING
        if v.outcome in _FAILING:
            owners[ways[v.target_id]].add(owner)
    return RunFindings(failing=failing, ways={way: frozenset(those) for way, those in owners.items()})


def find_decision(verdict: Verdict, members: Sequence[tuple[str, Decision[Any]]]) -> Decision[Any] | None:
    """The rule that the verdict names, with the evidence of the endpoint that decided; of several addresses alike the
    one that most of the verdict's observations are of. `members`: inputs of endpoints, each with a rule that held."""
    decisions = [d for url, d in members if url == verdict.input and d.rule.id == verdict.rule_id]
    return max(decisions, key=lambda d: len(_observed(d).intersection(verdict.evidence)), default=None)


def _observed(decision: Decision[Any]) -> frozenset[str]:
    return frozenset(decision.evidence.path.evidence if isinstance(decision.evidence, PathContext) else ())


def find_state(verdict: Verdict) -> State:
    """Whether the target answers or fails: what is usual among the ones is rare among the others."""
    return "fails" if verdict.outcome in _FAILING else "answers"


def find_way(verdict: Verdict, decision: Decision[Any] | None) -> str:
    """How attempts ended: as the suspected action of a censor has it, else by stage and failure."""
    evidence = decision.evidence if decision else None
    cause = verdict.block_type if verdict.outcome == "blocked" else verdict.suspected
    if cause:
        return find_action(cause)
    if isinstance(evidence, PathContext):
        path = evidence.path
        return f"{path.stage}.{_kind(path.failure)}" if path.stage else "answered"
    if isinstance(evidence, NameEvidence):
        return f"dns.{evidence.dns.network}"
    return "none"


def _kind(failure: str) -> str:
    if "timeout" in failure or failure == "timed_out":
        return "silent"
    return {"connection_reset": "reset", "eof_error": "close", "connection_refused": "refused"}.get(
        failure, "certificate" if "certificate" in failure or "ssl" in failure else "other")


def list_findings(verdict: Verdict, decision: Decision[Any] | None, run: RunFindings) -> Findings:
    """One word for each group."""
    evidence = decision.evidence if decision else None
    path = evidence.path if isinstance(evidence, PathContext) else None
    way = find_way(verdict, decision)
    return {
        "conclusion": _conclude(verdict),
        "way": way,
        "nearer": _show_nearer(path),
        "elsewhere": _hear(verdict, path),
        "beside": _look_beside(path),
        "alike": _count_alike(verdict, way, run),
        "others": _count_others(verdict, run),
        "constancy": _describe_constancy(verdict, path),
    }


def _conclude(verdict: Verdict) -> str:
    if verdict.outcome == "blocked":
        return f"blocked by {verdict.basis}"
    if verdict.outcome == "inconclusive":
        return verdict.block_type.removeprefix("inconclusive.")
    if verdict.outcome == "ok":
        return "ok in part" if verdict.partial else "ok" if verdict.confidence > 0.7 else "ok, doubtful"
    return verdict.outcome


def _show_nearer(path: PathEvidence | None) -> str:
    """What speaks for somebody before the service, or against it."""
    if path is None:
        return "no path"
    place = path.place
    forged = place.anatomy.is_forged(place.timing)
    if forged or place.is_before_door or place.ends_too_soon or path.tcp.lost == "near":
        return "nearer"
    if place.timing.is_sooner or place.anatomy.is_shown or path.udp.lost == "near":
        return "perhaps nearer"
    if any(p.where in ("door", "end") for p in place.searched) or path.tcp.lost == "far":
        return "at the door"
    return "searched" if any(p.where for p in place.searched) else "not searched"


def _hear(verdict: Verdict, path: PathEvidence | None) -> str:
    """What others say from elsewhere."""
    word = verdict.control or "none"
    return "served in the country" if path and path.controls.same_country and word == "contrary" else word


def _look_beside(path: PathEvidence | None) -> str:
    """How harmless names, other ports or other bytes fare at the very address."""
    if path is None:
        return "no path"
    if path.stage == "connect":
        return f"port {path.tcp.other_port}"
    if path.stage == "app" or path.innocent == "unasked":
        return f"bytes {path.tls.other_bytes}" if path.tls.other_bytes != "unasked" else path.innocent
    return path.innocent


def _count_alike(verdict: Verdict, way: str, run: RunFindings) -> str:
    """How many other owners' targets end in the same way."""
    others = len(run.ways.get(way, frozenset()) - {verdict.owner or verdict.service})
    return "none" if not others else "one" if others == 1 else "several"


def _count_others(verdict: Verdict, run: RunFindings) -> str:
    """Which share of other owners has a target that fails."""
    others = [failing for owner, failing in run.failing.items() if owner != (verdict.owner or verdict.service)]
    if len(others) < 2:
        return "unknown"
    share = sum(others) / len(others)
    return "none" if not share else "few" if share <= _MANY else "many" if share <= _MOST else "most"


def _describe_constancy(verdict: Verdict, path: PathEvidence | None) -> str:
    if path and path.tainted:
        return "tainted"
    if not verdict.failed_attempts:
        return "never fails"
    if verdict.failed_attempts < verdict.attempts:
        return "at times"
    return "each time" if verdict.failed_attempts >= 3 else "seldom tried"
