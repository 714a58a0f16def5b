"""One verdict beside what was expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probe.core.tables.odds_words import Cause
from probe.core.tables.words import Empty

Row = Mapping[str, str]
"""One row of a results file."""

MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """One verdict beside its expectation."""

    subject: str
    """The target's input, or `run`."""
    expected: str
    got: str
    met: bool
    may_be_blocked: bool
    """The truth log convicts: interference with this target took place."""
    accused: bool
    """The verdict says `blocked`."""
    causes: tuple[str, ...] = ()
    """The block types that were expected; empty when none was, or when the verdict rightly names none."""
    claim: str = ""
    """The block type that the verdict names where one can be wrong; empty for `ok` and `inconclusive`."""
    unfired: bool = False
    """Censorship was expected, but nothing acted on this target: it was judged by `unless_fired`."""
    rule_id: str = ""
    evidence: str = ""
    confidence: float = 0.0
    """How sure the verdict says it is; 0 where it says nothing."""
    basis: str = ""
    """What an accusation rests on, as the verdict says."""
    suspected: str = ""
    """The cause that a verdict without a basis would name."""
    block_type: str = ""
    """The verdict's own word for the cause, whatever its outcome."""
    outcomes: tuple[str, ...] = ()
    """The outcomes that are right; empty where nothing was expected."""
    unseen: tuple[str, ...] = ()
    """The shapes in which users' programs ask the target, and that the verdict does not say are answered."""
    true: Cause | Empty = ""
    """Which explanation of the row is the true one; empty where nothing was expected."""
    p_blocked: float | None = None
    """As the row says; None where it says nothing."""
    expected_causes: tuple[str, ...] = ()
    """The block types that were expected, whatever the verdict."""
