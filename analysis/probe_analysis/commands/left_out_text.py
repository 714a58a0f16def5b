"""What a person is told of runs that are not as they were signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from probe.core.tables.signature_words import SIGNATURE_STATES, UNUSABLE
from probe.store.verification.folder_checks import FolderChecks

_SHOWN = 3
_REASON_CHARACTERS = 300
_UNVERIFIED: Final[tuple[Literal["unsigned", "newer"], ...]] = ("unsigned", "newer")


def describe_left_out(checks: FolderChecks, directory: Path) -> Iterator[str]:
    """How many runs were left out, why, the first of them, and what to do; then how many nobody can vouch for."""
    for state in sorted(UNUSABLE):
        if count := checks.counts[state]:
            yield f"Left out: {count:,} {_runs(count)}, {state}: {SIGNATURE_STATES[state]}."
    if checks.unusable:
        for run_id, check in sorted(checks.unusable.items())[:_SHOWN]:
            yield f"  {run_id}: {check.reason[:_REASON_CHARACTERS]}"
        yield f"See all of them, and repair what can be: probe verify {directory} --repair"
    for state in _UNVERIFIED:
        if count := checks.counts[state]:
            yield describe_unverified(state, count)
    yield from describe_partial(checks.partial)


def describe_unverified(state: Literal["unsigned", "newer"], count: int) -> str:
    """What is told of runs that stay, and that nobody can vouch for."""
    have, they = ("has", "it was") if count == 1 else ("have", "they were")
    why = "no signature" if state == "unsigned" else "a signature that covers columns that this program does not know"
    return f"{count:,} {_runs(count)} {have} {why}: whether {they} changed cannot be told."


def describe_partial(count: int) -> Iterator[str]:
    """What is told of runs that somebody or something ended: a gap in verdicts that is no gap in measuring."""
    if count:
        was, has = ("was", "has") if count == 1 else ("were", "have")
        yield f"{count:,} {_runs(count)} {was} ended from outside and {has} no verdicts."


def checks_to_json(checks: FolderChecks) -> dict[str, Any]:
    """The same for programs."""
    return {"counts": dict(sorted(checks.counts.items())), "partial": checks.partial,
            "left_out": {run_id: {"state": check.state, "tables": list(check.tables), "reason": check.reason}
                         for run_id, check in sorted(checks.unusable.items())}}


def _runs(count: int) -> str:
    return "run" if count == 1 else "runs"
