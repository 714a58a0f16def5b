"""Three questions on the consent text: a wrong answer is explained, so that whoever agrees knows to what. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TRIES: Final = 3
"""Wrong answers to one question after which nobody is held to have understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentQuestion:
    """One question with answers of which one is right."""

    question: str
    answers: tuple[str, ...]
    right: int
    """Index of the right answer."""
    why: str
    """Told after a wrong one."""

    def is_right(self, letter: str) -> bool | None:
        """Whether the letter names the right answer; None where it names none."""
        place = ord(letter.strip().lower()) - ord("a") if len(letter.strip()) == 1 else -1
        return place == self.right if 0 <= place < len(self.answers) else None


QUESTIONS: tuple[ConsentQuestion, ...] = (
    ConsentQuestion(
        question="Who can see that the messengers on the list are tested from your line?",
        answers=("nobody", "the makers of this program alone", "your provider, and whoever is on the way"), right=2,
        why="The names of all messengers cross your line readably, even at level 1. The makers are sent nothing."),
    ConsentQuestion(
        question="What does this program do where a messenger is blocked?",
        answers=("it says so, and opens nothing", "it hides you", "it gets around the block"), right=0,
        why="It only measures. It neither hides you nor gets around anything."),
    ConsentQuestion(
        question="Whom does a run concern?",
        answers=("you alone", "everybody who uses this line, and its owner", "nobody"), right=1,
        why="Suspicion may fall on whoever uses the line, and on whoever's name is on the contract. Ask them first."),
)
