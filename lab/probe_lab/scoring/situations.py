"""A score by classes of situations instead of rows: hundreds of verdicts on one mistake are one mistake. Pure.

A class is what a scenario file calls its `situation`. An innocent one and its twins, which look the same to the client
and are censorship, share the name. Of innocents it is counted in how many classes anybody was accused; of censorship,
how often its cause was named, or was left open because a refusal of the service's own front looks alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from probe.core.tables.block_types import is_ancestor
from probe_lab.scoring.judged import MISSING, JudgedRow
from probe_lab.scoring.score_measures import upper_bound
from probe_lab.scoring.trial import TrialResult

INNOCENT, CENSORSHIP = "innocent", "censorship"
UNPLACED = "inconclusive.unplaced"
"""A block on the way, and a refusal by the service's own front, look alike."""
NO_CAUSE = "any"
"""For censorship whose cause its scenario leaves open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationScore:
    """The trials of one class and kind."""

    id: str
    kind: str
    tried: int
    """Trials that could be judged."""
    accused: int
    """Trials in which somebody was accused with whom nothing interfered."""
    rows: int = 0
    """Verdicts on targets that were censored and could be called blocked."""
    named: int = 0
    """Of them, those that say blocked, and the cause or its ancestor as deep as is expected."""
    unplaced: int = 0
    """Of them, those that call it open who acts."""
    looks: tuple[str, ...] = ()
    """The actions that the acts of its scenarios look like."""

    @property
    def upper95(self) -> float:
        """Upper end of the one-sided 95 % interval of the share of trials with a false accusation."""
        return upper_bound(self.accused, self.tried)


@dataclass(frozen=True, slots=True, kw_only=True)
class InnocentClasses:
    """How many classes of innocents were tried, and in how many of them anybody was accused."""

    tried: int = 0
    accused: int = 0

    @property
    def upper95(self) -> float:
        """Upper end of the one-sided 95 % interval of the share of classes that lead to an accusation."""
        return upper_bound(self.accused, self.tried)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCause:
    """How often one cause of censorship was named, at one consent level, with or without helpers."""

    cause: str
    consent_level: int
    helpers: bool
    rows: int
    named: int
    unplaced: int
    suspected: int = 0
    """Of those left open, with the right suspicion."""
    others: Mapping[str, int] = field(default_factory=dict)
    """What the rest says, as `outcome block_type`."""


def count_situations(results: Iterable[TrialResult]) -> tuple[SituationScore, ...]:
    """A line for each class and kind that was tried, by name, innocents first."""
    members: dict[tuple[str, str], list[TrialResult]] = {}
    for result in results:
        if result.judgement is not None:
            members.setdefault((result.situation or result.scenario, result.kind), []).append(result)
    found = [_score(name, kind, trials) for (name, kind), trials in members.items()]
    return tuple(sorted(found, key=lambda each: (each.id, each.kind != INNOCENT)))


def _score(name: str, kind: str, trials: Sequence[TrialResult]) -> SituationScore:
    rows = [row for trial in trials for row in list_censored_rows(trial)]
    return SituationScore(
        id=name, kind=kind, tried=len(trials), accused=sum(map(accuses_falsely, trials)), rows=len(rows),
        named=sum(map(is_named, rows)), unplaced=sum(row.block_type == UNPLACED for row in rows),
        looks=tuple(sorted({look for trial in trials for look in trial.looks})),
    )


def count_innocent_classes(situations: Iterable[SituationScore]) -> InnocentClasses:
    """The sum over classes of innocents."""
    innocents = [each for each in situations if each.kind == INNOCENT]
    return InnocentClasses(tried=len(innocents), accused=sum(each.accused > 0 for each in innocents))


def count_named_causes(results: Iterable[TrialResult]) -> tuple[NamedCause, ...]:
    """A line for each cause, consent level and with or without helpers."""
    rows: dict[tuple[str, int, bool], list[JudgedRow]] = {}
    for result in results:
        for row in list_censored_rows(result):
            cause = next(iter(row.expected_causes), NO_CAUSE)
            rows.setdefault((cause, result.consent_level, result.helpers), []).append(row)
    return tuple(_named(cause, consent_level, members, helpers=helpers)
                 for (cause, consent_level, helpers), members in sorted(rows.items()))


def _named(cause: str, consent_level: int, rows: Sequence[JudgedRow], *, helpers: bool) -> NamedCause:
    rest = [row for row in rows if not is_named(row) and row.block_type != UNPLACED]
    return NamedCause(
        cause=cause, consent_level=consent_level, helpers=helpers, rows=len(rows), named=sum(map(is_named, rows)),
        unplaced=sum(row.block_type == UNPLACED for row in rows), suspected=sum(map(is_suspected, rows)),
        others=dict(Counter(row.got for row in rest).most_common()),
    )


def list_censored_rows(result: TrialResult) -> list[JudgedRow]:
    """The verdicts of a sound trial on targets that were censored, and of which `blocked` would be right."""
    if result.judgement is None or result.judgement.invalid:
        return []
    return [row for row in result.judgement.rows
            if row.may_be_blocked and "blocked" in row.outcomes and row.got != MISSING]


def is_named(row: JudgedRow) -> bool:
    """Whether the verdict says blocked, and why."""
    return row.accused and row.met


def is_suspected(row: JudgedRow) -> bool:
    """Whether a verdict that is left open suspects a cause that was expected, or an ancestor of it."""
    return row.block_type == UNPLACED and any(is_ancestor(row.suspected, cause) for cause in row.expected_causes)


def accuses_falsely(result: TrialResult) -> bool:
    """Whether the trial calls anything blocked with which nothing interfered."""
    judged = result.judgement
    return judged is not None and any(
        row.accused and not row.may_be_blocked for row in (*judged.rows, *judged.others, *judged.roles))
