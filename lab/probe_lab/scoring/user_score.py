"""How often a block that users' programs suffer was seen, and how often it was called well. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe_lab.scoring.lost_targets import LostCount, LostTarget, count_lost, list_lost, sum_lost
from probe_lab.users.user_rows import UserRow


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMiss:
    """A target that was called ok for a program that censorship struck there."""

    scenario: str
    program: str
    target: str
    got: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserScore:
    """Over programs at targets that censorship struck."""

    rows: int = 0
    called_ok: int = 0
    """Called ok for that program too: a hello such as its own was seen to be answered, or the probe knows none."""
    unclaimed: int = 0
    """Called ok for other programs alone: of this one's hello the verdict says that none was seen to be answered."""
    decided: int = 0
    """Rightly called blocked, or the network a closed one; the rest was left open."""
    misses: tuple[UserMiss, ...] = ()
    lost: tuple[LostCount, ...] = ()
    """Of targets that users lost at least every second time, by cause."""
    lost_at_times: tuple[LostCount, ...] = ()
    """The same of those that a censor blocks at random or at times; `lost` is without them."""
    undecided: tuple[LostTarget, ...] = ()
    """Those of them that the probe did not decide rightly."""

    @property
    def lost_line(self) -> str:
        """Of the lost targets, in words."""
        return (f"{_describe_lost(sum_lost(self.lost))}; where the censor acts at random or at times: "
                f"{_describe_lost(sum_lost(self.lost_at_times))}")

    @property
    def line(self) -> str:
        """In words."""
        if not self.rows:
            return "no program of users was struck"
        return (f"{self.called_ok} of {self.rows} that users' programs suffered were called ok for them; "
                f"{self.unclaimed} were ok for other programs alone; {self.decided} were decided right")


def count_users(trials: Iterable[tuple[str, Sequence[UserRow]]]) -> UserScore:
    """`trials`: of each its scenario, and all uses in it."""
    trials = tuple(trials)
    struck = [(scenario, row) for scenario, rows in trials for row in rows if row.is_struck]
    well = [(scenario, row) for scenario, row in struck if row.got == "ok"]
    misses = tuple(UserMiss(scenario=scenario, program=row.program, target=row.target, got=row.got)
                   for scenario, row in well if row.claimed)
    lost = list_lost(trials)
    return UserScore(rows=len(struck), called_ok=len(misses), unclaimed=len(well) - len(misses),
                     decided=sum(row.decided for _, row in struck), misses=misses,
                     lost=count_lost(each for each in lost if not each.at_times),
                     lost_at_times=count_lost(each for each in lost if each.at_times),
                     undecided=tuple(each for each in lost if not each.decided))


def _describe_lost(total: LostCount) -> str:
    if not total.rows:
        return "none"
    return (f"{total.rows}, of which {total.called_ok} were called ok (95 % sure of less than "
            f"{total.ok_upper95:.1%}) and {total.decided} were decided right ({total.decided / total.rows:.0%}, "
            f"95 % sure of more than {total.decided_lower95:.0%})")
