"""What every form of the score shows: text, JSON, HTML and Markdown draw on the same tables. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from probe.core.counted_words import count_things
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES
from probe_lab.format.scenario import Scenario
from probe_lab.lab_types import Expect
from probe_lab.scoring.calibration import Bin
from probe_lab.scoring.score_run import Score
from probe_lab.scoring.trial import FULL_CONSENT, Line

ORDER = (*OUTCOMES, NOT_ATTEMPTED, "missing")
"""Outcomes in the order in which tables list them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run of `probe lab score`: what was run, and what came of it."""

    patterns: tuple[str, ...] = ()
    """Names of scenarios as they were asked for; none: all."""
    seeds: tuple[int, ...]
    repeats: int
    helpers: bool
    consent_level: int = FULL_CONSENT
    scenarios: tuple[Scenario, ...]
    total: Score
    levels: Mapping[str, Score]
    """The score of each evidence level that was run."""
    wall_s: float
    """Time that passed; trials run side by side."""
    software: str = ""
    """Versions of the program, its rules and its catalogue."""
    rule_ids: tuple[str, ...] = ()
    """Every rule that could have decided: those that only hand on, or need a later time slot, are none of them."""
    line: Line = field(default_factory=Line)
    """How the client's line was made worse for all scenarios."""

    @property
    def selection(self) -> str:
        """How many scenarios, and whether these are all."""
        return f"{count_things(len(self.scenarios), 'scenario')}{' (a selection)' if self.patterns else ''}"

    @property
    def replay(self) -> str:
        """The command that runs all of it again."""
        level = "both" if len(self.levels) > 1 else next(iter(self.levels), "both")
        which = "".join(f" --scenario {shlex.quote(pattern)}" for pattern in self.patterns)
        seeds = f" --seeds {len(self.seeds)}" if len(self.seeds) > 1 else ""
        repeats = f" --repeats {self.repeats}" if self.repeats > 1 else ""
        helper = "" if self.helpers else " --no-helper"
        return (f"probe lab score{which} --seed {self.seeds[0]}{seeds}{repeats} --level {level}"
                f" --consent-level {self.consent_level}{helper}{self.line.flags}")

    @property
    def all_levels(self) -> str:
        """The levels of all figures, in words."""
        levels = "levels" if len(self.levels) > 1 else "level"
        return f"evidence {levels} {' and '.join(self.levels)}, consent level {self.consent_level}"

    def levels_in_words(self, level: str) -> str:
        """The two levels of the figures at one evidence level."""
        return f"evidence level {level}, consent level {self.consent_level}"

    @property
    def list_unreached(self) -> tuple[str, ...]:
        """Rules that decided nothing."""
        return tuple(rule for rule in self.rule_ids if rule not in self.total.rules)


def format_percent(share: float | None) -> str:
    """A share for a table; a dash where there is none."""
    return "-" if share is None else f"{share:.1%}"


def find_number(scenario: Scenario) -> str:
    """The number of a scenario, or a dash for one that is in no table."""
    return scenario.number or "-"


def expectation(expect: Expect) -> str:
    """One expectation in words."""
    said = " or ".join(expect.outcomes)
    causes = expect.causes_in_words()
    parts = [
        f"{expect.of}: {said}",
        causes,
        f"and {', '.join(expect.also)}" if expect.also else "",
        f"scope {expect.scope}" if expect.scope else "",
        "" if expect.partial is None else "in part" if expect.partial else "as a whole",
        f"namely {', '.join(expect.endpoints)}" if expect.endpoints else "",
        f"({' or '.join(expect.unless_fired)} where nothing acts)" if expect.unless_fired else "",
        f"(evidence level {expect.level})" if expect.level != "any" else "",
    ]
    return " ".join(filter(None, parts))


def expectations(scenario: Scenario) -> str:
    """All that a scenario expects, in words."""
    return "; ".join(map(expectation, scenario.expects)) or "*: ok"


def outcome_matrix(confusion: Mapping[tuple[str, str], int]) -> tuple[tuple[str, ...], dict[str, dict[str, int]]]:
    """Columns, and for each expected outcome how many verdicts had which outcome; causes are left out."""
    cells: dict[str, Counter[str]] = {}
    for (expected, got), count in confusion.items():
        cells.setdefault(_outcomes_of(expected), Counter())[got.split(" ")[0]] += count
    columns = tuple(outcome for outcome in ORDER if any(outcome in row for row in cells.values()))
    rows = sorted(cells, key=lambda text: (" or " in text, ORDER.index(text.split(" ")[0]), text))
    return columns, {name: dict(cells[name]) for name in rows}


def _outcomes_of(expected: str) -> str:
    """`a or b` of `a or b cause or cause`."""
    words = [word for word in expected.split(" ") if word in ORDER]
    return " or ".join(dict.fromkeys(words))


def cause_pairs(confusion: Mapping[tuple[str, str], int]) -> list[tuple[str, str, int]]:
    """(expected, got, verdicts) of those that name a cause, grouped by what was expected."""
    named = [(*pair, count) for pair, count in confusion.items() if any(map(_names_a_cause, pair))]
    return sorted(named, key=lambda pair: (pair[0], -pair[2], pair[1]))


def _names_a_cause(verdict: str) -> bool:
    return bool(set(verdict.split(" ")) - {*ORDER, "or"})


def accusation_line(part: Score) -> str:
    """The figure that comes first."""
    return (
        f"{len(part.false_accusations)} of {count_things(part.n_innocent, 'verdict')} that must not be blocked "
        f"(95 % sure of less than {part.bound:.2%})"
    )


def accuracy_line(part: Score) -> str:
    """The figures that come second."""
    if part.accuracy is None:
        return "nothing to judge"
    return (
        f"{part.accuracy:.1%} (mean of {count_things(len(part.by_scenario), 'scenario')}; "
        f"{count_things(part.n_rows, 'verdict')}); causes: precision "
        f"{format_percent(part.precision)}, recall {format_percent(part.recall)}"
    )


def list_judged_scenarios(scenarios: Sequence[Scenario], part: Score) -> list[Scenario]:
    """The scenarios that were judged, in the order given."""
    return [scenario for scenario in scenarios if scenario.name in part.by_scenario]


CALIBRATION_HEAD = ("verdicts", "confidence", "number", "mean confidence", "right", "promise")


def calibration_rows(bins: Sequence[Bin]) -> list[tuple[str, ...]]:
    """A line for each bin, as `CALIBRATION_HEAD` names its cells."""
    return [
        (b.kind, f"{b.low:.2f} to {b.high:.2f}", str(b.n), f"{b.mean_confidence:.3f}", f"{b.right:.1%}", b.word)
        for b in bins
    ]


def miss_line(part: Score) -> str:
    """Misses, how many of them said nothing wrong, and how many verdicts were right."""
    right = part.n_rows - len(part.misses)
    return f"{len(part.misses)}, of which {part.n_undecided} decided nothing; {right} of {part.n_rows} were right"
