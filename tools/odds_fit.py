"""From examples whose cause is known to how often each cause shows each word; and what the sums are worth then."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.odds_table import LABORATORY, Likelihood, LikelihoodTable, load_base_rates
from probe.core.tables.block_types import is_ancestor
from probe.core.tables.odds_words import CAUSES, GROUPS, STATES, Cause, Group, State
from probe.core.verdicts import Verdict
from probe.judge.odds.run_odds import complete_verdict
from probe.judge.odds.weigh import weigh_findings
from probe_lab.scoring.odds_score import PREVALENCES, OddsCase, OddsScore, score_odds

POOLED = 2.0
"""So many classes that show every word as all causes on the mean do are added to those of each cause."""
FEW = 6.0
"""A word that so many classes show tells half of what it seems to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One target of one trial."""

    situation: str
    kind: str
    family: str
    """The first action that acts of its scenario look like: what is left out together."""
    state: State
    findings: Mapping[Group, str]
    verdict: Verdict
    true: Cause
    causes: frozenset[str]
    """Block types of the censorship that acted."""


def fit_table(examples: Sequence[Example]) -> LikelihoodTable:
    """A line for each word that was seen."""
    lines: dict[tuple[State, Group, str], Likelihood] = {}
    for state in STATES:
        members = [example for example in examples if example.state == state]
        for group in GROUPS:
            lines |= {(state, group, word): line for word, line in _fit_group(members, group)}
    return LikelihoodTable(lines=lines)


def _fit_group(examples: Sequence[Example], group: Group) -> Iterator[tuple[str, Likelihood]]:
    """Classes weigh the same, however many targets they hold."""
    counts: defaultdict[tuple[Cause, str, str], Counter[str]] = defaultdict(Counter)
    for example in examples:
        counts[example.true, example.situation, example.kind][example.findings[group]] += 1
    classes = Counter(cause for cause, _, _ in counts)
    shown: defaultdict[str, Counter[Cause]] = defaultdict(Counter)
    showing: Counter[str] = Counter()
    for (cause, _, _), words in counts.items():
        for word, count in words.items():
            shown[word][cause] += count / words.total()  # type: ignore[assignment]
            showing[word] += 1
    for word, by_cause in shown.items():
        pooled = sum(by_cause[cause] / classes[cause] for cause in classes) / len(classes)
        trusted = showing[word] / (showing[word] + FEW)
        of = {cause: (by_cause[cause] + POOLED * pooled) / (classes[cause] + POOLED) for cause in CAUSES}
        yield word, Likelihood(of={cause: math.exp(trusted * math.log(share) + (1 - trusted) * math.log(pooled))
                                   for cause, share in of.items()}, classes=showing[word])


def score_examples(pairs: Sequence[tuple[Example, LikelihoodTable]]) -> Iterator[str]:
    """Lines: measures at each prevalence, twins apart; innocents that look guilty; targets that were lost."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for example, _ in pairs:
        kinds[example.situation].add(example.kind)
    rates = load_base_rates()
    prior = rates.fails[LABORATORY].list_shares()["blocked"]
    done = [(example, complete_verdict(example.verdict, example.findings, weigh_findings(
        example.findings, example.state, profile=LABORATORY, table=table, rates=rates))) for example, table in pairs]
    for twins in (False, True):
        cases = [OddsCase(situation=f"{e.situation} {e.kind}", blocked=e.true == "blocked",
                          p_blocked=v.p_blocked or 0.0, said_at=prior, unforeseen=rates.unforeseen)
                 for e, v in done if e.state == "fails" and (len(kinds[e.situation]) > 1) is twins]
        yield f"{'twins' if twins else 'all but twins'}: failing targets by class"
        for prevalence in PREVALENCES:
            if found := score_odds(cases, prevalence):
                yield _describe(found)
                yield from (f"    said {b.said:.2f}: so {b.true:.2f} ({b.cases} targets)" for b in found.diagram
                            if prevalence == prior)
    yield from _list_guilty(done, kinds)
    yield from _count_lost(done, kinds)


def _describe(found: OddsScore) -> str:
    return (f"  at {found.prevalence:.0%}: Brier skill {found.brier_skill:.2f}, log skill {found.log_skill:.2f}, slope "
            f"{found.slope:.2f} ({found.slope_low:.2f} to {found.slope_high:.2f}), error {found.error:.3f}; "
            f"{found.cases} targets, {found.classes} classes")


Done = Sequence[tuple[Example, Verdict]]


def _list_guilty(done: Done, kinds: Mapping[str, set[str]]) -> Iterator[str]:
    said: defaultdict[str, list[float]] = defaultdict(list)
    for example, verdict in done:
        if example.true != "blocked" and example.state == "fails" and len(kinds[example.situation]) < 2:
            said[example.situation].append(verdict.p_blocked or 0.0)
    guilty = {name: sum(all_) / len(all_) for name, all_ in said.items() if sum(all_) / len(all_) > 0.5}
    highest = max((share for all_ in said.values() for share in all_), default=0.0)
    yield (f"innocent classes (twins apart) with a mean p_blocked above 0.5: {len(guilty)} of {len(said)}; the highest "
           f"row {highest:.3f}")
    yield from (f"  {name} {mean:.2f}" for name, mean in sorted(guilty.items(), key=lambda one: -one[1]))


def _count_lost(done: Done, kinds: Mapping[str, set[str]]) -> Iterator[str]:
    """Of targets that censorship struck and that fail: what is right of the first word, and how probable it is."""
    lost = [(e, v) for e, v in done if e.true == "blocked" and e.state == "fails" and len(kinds[e.situation]) < 2]
    if not lost:
        return
    named = sum(any(is_ancestor(word.partition(".")[0], cause) for cause in e.causes
                    for word in (v.block_type, v.suspected, v.if_blocked) if word) for e, v in lost)
    sure = sum((v.p_blocked or 0.0) >= 0.8 for _, v in lost)
    accused = [(e, v) for e, v in done if v.outcome == "blocked"]
    yield (f"struck and failing, without twins: {len(lost)}; first word right in block_type, suspected or if_blocked "
           f"{named / len(lost):.0%}; p_blocked of 0.8 or more {sure / len(lost):.0%}")
    yield (f"blocked: {len(accused)}, falsely {sum(e.true != 'blocked' for e, _ in accused)}; with p_blocked below "
           f"0.5 {sum((v.p_blocked or 0.0) < 0.5 for _, v in accused)}")
