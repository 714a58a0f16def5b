"""Asking yes or no, in the language that was chosen: its own letters do beside the English ones."""

from __future__ import annotations

import click

from probe.core.translation import say

YES, NO = "y yes", "n no"
"""What may be answered, the letter first; each language adds its own."""


def ask_yes_or_no(question: str) -> bool:
    """Ask until the answer is one of them; Return alone is no. Raises Abort where the input ends."""
    letters = _describe_letters()
    while True:
        answer = read_answer(str(click.prompt(f"{question} [{letters}]", default="", show_default=False)))
        if answer is not None:
            return answer
        click.echo("  " + say("Answer with one of these letters."))


def read_answer(text: str) -> bool | None:
    """Yes or no; None for anything else."""
    word = text.strip().casefold()
    if not word or word in _list_words(NO, say("n no")):
        return False
    return True if word in _list_words(YES, say("y yes")) else None


def _list_words(english: str, own: str) -> set[str]:
    return {word.casefold() for word in (*english.split(), *own.split())}


def _describe_letters() -> str:
    """`y/N`, and beside it the language's own two: what Return means is the large one."""
    yes, no = say("y yes").split()[0], say("n no").split()[0]
    both = [f"{YES[0]}/{NO[0].upper()}"]
    if (yes, no) != (YES[0], NO[0]):
        both.append(f"{yes}/{no.upper()}")
    return ", ".join(both)
