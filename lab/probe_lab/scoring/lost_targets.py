"""Targets that censorship kept from users at least every second time, and what the probe said of them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from probe_lab.scoring.score_measures import upper_bound
from probe_lab.users.user_programs import SERVED
from probe_lab.users.user_rows import UserRow

OF_OTHERS = "ok for other programs"
"""The verdict `ok` names the programs whose hellos were answered, and none of those that were struck is among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostTarget:
    """A target of which users lost at least every second attempt, and what the probe said of it."""

    scenario: str
    target: str
    """The input of the catalogue."""
    cause: str
    """Block types of all that acted, joined by ` + `."""
    got: str
    """The probe's outcome, or `OF_OTHERS`."""
    said: str = ""
    """The same with the cause or reason, and the rule."""
    decided: bool = False
    """Rightly called blocked, or the network a closed one."""
    at_times: bool = False
    """What censors it acts at random or at times: one run may not meet it, and a series of runs is to find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostCount:
    """The lost targets that one cause struck."""

    cause: str
    """Block types of all that acted, joined by ` + `."""
    rows: int = 0
    called_ok: int = 0
    decided: int = 0
    """Rightly called blocked, or the network a closed one."""
    others: Mapping[str, int] = field(default_factory=dict)
    """Any other outcome -> rows."""

    @property
    def ok_upper95(self) -> float:
        """Upper end of the one-sided 95 % interval of the share that is called ok."""
        return upper_bound(self.called_ok, self.rows)

    @property
    def decided_lower95(self) -> float:
        """Lower end of the one-sided 95 % interval of the share that is decided right."""
        return 1 - upper_bound(self.rows - self.decided, self.rows)


def list_lost(trials: Iterable[tuple[str, Sequence[UserRow]]]) -> tuple[LostTarget, ...]:
    """Of each trial its scenario and all uses."""
    return tuple(lost for scenario, uses in trials for lost in _list_in_one(scenario, uses))


def _list_in_one(scenario: str, uses: Sequence[UserRow]) -> Iterator[LostTarget]:
    by_target: defaultdict[str, list[UserRow]] = defaultdict(list)
    for use in uses:
        if use.word == SERVED or use.is_struck:  # what a program cannot use by itself is no attempt
            by_target[use.target].append(use)
    for target, attempts in by_target.items():
        struck = [use for use in attempts if use.is_struck]
        if struck and 2 * len(struck) >= len(attempts):
            causes = sorted({cause for use in struck for cause in use.causes})
            got = struck[0].got
            got = OF_OTHERS if got == "ok" and not any(use.claimed for use in struck) else got
            yield LostTarget(scenario=scenario, target=target, cause=" + ".join(causes), got=got,
                             said=struck[0].said, decided=struck[0].decided, at_times=struck[0].at_times)


def count_lost(targets: Iterable[LostTarget]) -> tuple[LostCount, ...]:
    """By cause, the commonest first."""
    by_cause: defaultdict[str, list[LostTarget]] = defaultdict(list)
    for target in targets:
        by_cause[target.cause].append(target)
    counted = (_count(cause, rows) for cause, rows in by_cause.items())
    return tuple(sorted(counted, key=lambda count: (-count.rows, count.cause)))


def sum_lost(counts: Iterable[LostCount]) -> LostCount:
    """All of them, under no cause."""
    counts, others = tuple(counts), Counter[str]()
    for count in counts:
        others.update(count.others)
    return LostCount(cause="", rows=sum(c.rows for c in counts), called_ok=sum(c.called_ok for c in counts),
                     decided=sum(c.decided for c in counts), others=dict(others))


def _count(cause: str, rows: Sequence[LostTarget]) -> LostCount:
    others = Counter(row.got for row in rows if not row.decided and row.got != "ok")
    return LostCount(cause=cause, rows=len(rows), called_ok=sum(row.got == "ok" for row in rows),
                     decided=sum(row.decided for row in rows), others=dict(others))
