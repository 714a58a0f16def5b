"""How often a block that users' programs suffer was seen, and how often it was called well. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probe_lab.users.user_rows import UserRow


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMiss:
    """A target that was called ok though censorship struck a program there."""

    scenario: str
    program: str
    target: str
    got: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserScore:
    """Over programs at targets that censorship struck."""

    rows: int = 0
    called_ok: int = 0
    decided: int = 0
    """Rightly called blocked; the rest was left open."""
    misses: tuple[UserMiss, ...] = ()

    @property
    def line(self) -> str:
        """In words."""
        if not self.rows:
            return "no program of users was struck"
        return (f"{self.called_ok} of {self.rows} that users' programs suffered were called ok; "
                f"{self.decided} were decided right")


def count_users(rows: Iterable[tuple[str, UserRow]]) -> UserScore:
    """`rows` with the scenario of each."""
    struck = [(scenario, row) for scenario, row in rows if row.is_struck]
    misses = tuple(UserMiss(scenario=scenario, program=row.program, target=row.target, got=row.got)
                   for scenario, row in struck if row.got == "ok")
    return UserScore(rows=len(struck), called_ok=len(misses), decided=sum(row.got == "blocked" for _, row in struck),
                     misses=misses)
