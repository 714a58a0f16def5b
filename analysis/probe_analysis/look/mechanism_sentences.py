"""How a service fails, in words: one way, or several where its endpoints fail differently. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from probe.core.counted_words import count_things
from probe.core.tables.block_types import is_ancestor
from probe_analysis.findings.finding_values import LookFinding, TargetCause
from probe_analysis.pages.language import find_block_type

MINOR: Final = 0.2
"""A cause of fewer of a target's blocked runs is no way of its own: single runs err."""
MAX_WAYS: Final = 4


def list_target_causes(votes: Mapping[tuple[str, str], int]) -> tuple[TargetCause, ...]:
    """The causes that matter, by target. `votes`: (target, cause) -> how often it was met."""
    totals: dict[str, int] = {}
    for (target, _), n in votes.items():
        totals[target] = totals.get(target, 0) + n
    return tuple(TargetCause(target=target, cause=cause, n=n) for (target, cause), n in sorted(votes.items())
                 if cause and n >= MINOR * totals[target])


def group_causes(causes: Iterable[TargetCause]) -> dict[str, set[str]]:
    """Cause -> its targets, most of them first. One that only says less than another (`tls.reset` beside
    `tls.reset.sni`) is the same way."""
    groups: dict[str, set[str]] = {}
    for one in sorted(causes, key=lambda one: (one.cause.count("."), one.cause)):
        above = next((cause for cause in groups if is_ancestor(cause, one.cause)), one.cause)
        groups.setdefault(above, set()).add(one.target)
    return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))


def describe_mechanism(finding: LookFinding) -> str:
    """How it fails: as deep as is agreed, or each way where there are several."""
    hedge = "" if finding.status == "confirmed" else " Whether that is a block is not decided."
    ways = group_causes(finding.causes)
    if len(ways) > 1:
        phrases = [f"{_describe_cause(cause)} at {count_things(len(targets), 'endpoint')}"
                   for cause, targets in list(ways.items())[:MAX_WAYS]]
        rest = f"; and {len(ways) - MAX_WAYS} more" if len(ways) > MAX_WAYS else ""
        return f"It fails in {len(ways)} different ways: {'; '.join(phrases)}{rest}.{hedge}"
    text = _describe_cause(finding.mechanism)
    return f"{text[:1].upper()}{text[1:]}.{hedge}" if text else "How it fails is not known from these data."


def name_causes(finding: LookFinding) -> str:
    """The block types of a finding, for a cell of a table."""
    ways = group_causes(finding.causes)
    return "; ".join(list(ways)[:MAX_WAYS]) if len(ways) > 1 else finding.mechanism


def _describe_cause(cause: str) -> str:
    known = find_block_type(cause) if cause else None
    return f"{known.meaning} ({cause})" if known else cause
