"""What findings weigh: how often the laboratory shows each under each cause, and how usual each cause is.

`likelihoods.csv` is fitted by `python tools/odds.py FOLDER... --write` from the laboratory's own scenarios, never by
hand and never from strangers' ones. `base_rates.toml` is written by hand, with its sources.
"""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import msgspec

from probe.core.tables.odds_words import CAUSES, GROUPS, STATES, Cause, Group, State
from probe.core.tables.words import read_word

LIKELIHOODS = Path(__file__).with_name("likelihoods.csv")
BASE_RATES = Path(__file__).with_name("base_rates.toml")
LABORATORY = "laboratory"
"""The profile of runs in the laboratory, whichever country it plays."""


class BaseRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How usual each cause is, of 100 targets."""

    ok: float
    blocked: float
    service: float
    network: float
    local: float
    source: str

    def list_shares(self) -> dict[Cause, float]:
        """They add up to 1."""
        rates: dict[Cause, float] = {"ok": self.ok, "blocked": self.blocked, "service": self.service,
                                     "network": self.network, "local": self.local}
        return {cause: rates[cause] / sum(rates.values()) for cause in CAUSES}


class Strength(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of what a finding says counts: `conclusion`, which the verdict drew from all, and each other group."""

    conclusion: float
    others: float


class BaseRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`base_rates.toml`."""

    unforeseen: float
    """How probable it is that the laboratory has nothing like a situation; never less than this."""
    strength: Strength
    fails: dict[str, BaseRate]
    """Profile of a country (`probe.config.consent.profiles`), or `LABORATORY` -> the rates of targets that fail."""
    answers: BaseRate


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """One line of `likelihoods.csv`."""

    of: Mapping[Cause, float]
    """Cause -> how often situations of it show the word."""
    classes: int
    """Classes of situations that show it."""


@dataclass(frozen=True, kw_only=True)
class LikelihoodTable:
    """`likelihoods.csv`."""

    lines: Mapping[tuple[State, Group, str], Likelihood]

    @cached_property
    def words(self) -> Mapping[tuple[State, Group], int]:
        """How many words each group has."""
        return Counter((state, group) for state, group, _ in self.lines)


@cache
def load_base_rates() -> BaseRates:
    """The packaged table. Raises when it is damaged."""
    return msgspec.convert(tomllib.loads(BASE_RATES.read_text(encoding="utf-8")), BaseRates)


@cache
def load_likelihoods() -> LikelihoodTable:
    """The packaged table. Raises OSError, KeyError, ValueError when it is damaged."""
    with LIKELIHOODS.open(newline="", encoding="utf-8") as file:
        lines = {(read_word(row["state"], STATES), read_word(row["group"], GROUPS), row["word"]): Likelihood(
            of={cause: float(row[cause]) for cause in CAUSES}, classes=int(row["classes"]))
            for row in csv.DictReader(file)}
    if any(not 0 < share <= 1 for line in lines.values() for share in line.of.values()):
        raise ValueError(f"{LIKELIHOODS}: a likelihood is a share above 0")
    return LikelihoodTable(lines=lines)
