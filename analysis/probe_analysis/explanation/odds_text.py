"""The sum behind a row's probabilities, term by term, as a table that a person can add up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from probe.core.tables.odds_words import CAUSES, Cause
from probe.core.translation import say
from probe.judge.odds.weigh import Odds

_NAME, _NUMBER = 46, 10


def describe_odds(odds: Odds) -> Iterator[str]:
    """Natural logarithms: what each finding adds to each explanation, and what comes of it."""
    yield say("how probable each explanation is, in our laboratory's odds (natural logarithms; base rates: {profile}):",
              profile=odds.profile)
    yield _line("", {cause: cause for cause in CAUSES}, say("unforeseen"))
    yield _line(say("base rate"), {cause: f"{math.log(share):.3f}" for cause, share in odds.base.items()})
    for term in odds.terms:
        yield _line(f"{term.group}: {term.word} ({term.classes})",
                    {cause: f"{part:.3f}" for cause, part in term.adds.items()}, f"{term.unforeseen:.3f}")
    yield _line(say("probability"), {cause: f"{share:.3f}" for cause, share in odds.shares.items()},
                f"{odds.unforeseen:.3f}")
    yield say("In brackets: classes of situations in the laboratory that show the finding. Of the exponentials' shares "
              "the unforeseen part is taken off, and shared out by the base rates.")


def _line(name: str, cells: Mapping[Cause, str], last: str = "") -> str:
    middle = "".join(f"{cells[cause]:>{_NUMBER}}" for cause in CAUSES)
    return f"    {name:{_NAME}}{middle}{last:>{_NUMBER + 2}}".rstrip()
