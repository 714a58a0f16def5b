"""Targets that censorship kept from users at least every second time, and what the probe said of them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from probe_lab.scoring.score_measures import upper_bound
from probe_lab.users.user_programs import SERVED
from probe_lab.users.user_rows import UserRow


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


def count_lost(trials: Iterable[Sequence[UserRow]]) -> tuple[LostCount, ...]:
    """Of each trial all uses; by cause, the commonest first."""
    by_cause: defaultdict[str, list[UserRow]] = defaultdict(list)
    for uses in trials:
        by_target: defaultdict[str, list[UserRow]] = defaultdict(list)
        for use in uses:
            if use.word == SERVED or use.is_struck:  # what a program cannot use by itself is no attempt
                by_target[use.target].append(use)
        for attempts in by_target.values():
            struck = [use for use in attempts if use.is_struck]
            if struck and 2 * len(struck) >= len(attempts):
                by_cause[" + ".join(sorted({cause for use in struck for cause in use.causes}))].append(struck[0])
    counted = (_count(cause, rows) for cause, rows in by_cause.items())
    return tuple(sorted(counted, key=lambda count: (-count.rows, count.cause)))


def sum_lost(counts: Iterable[LostCount]) -> LostCount:
    """All of them, under no cause."""
    counts, others = tuple(counts), Counter[str]()
    for count in counts:
        others.update(count.others)
    return LostCount(cause="", rows=sum(c.rows for c in counts), called_ok=sum(c.called_ok for c in counts),
                     decided=sum(c.decided for c in counts), others=dict(others))


def _count(cause: str, rows: Sequence[UserRow]) -> LostCount:
    others = Counter(row.got for row in rows if not row.decided and row.got != "ok")
    return LostCount(cause=cause, rows=len(rows), called_ok=sum(row.got == "ok" for row in rows),
                     decided=sum(row.decided for row in rows), others=dict(others))
