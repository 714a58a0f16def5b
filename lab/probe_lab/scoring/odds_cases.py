"""The failing targets of trials, whose probabilities are scored. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from probe.catalogue.odds_table import LABORATORY, load_base_rates
from probe_lab.scoring.odds_score import PREVALENCES, OddsCase, OddsScore, score_odds
from probe_lab.scoring.trial import TrialResult

_ANSWERS = ("ok", "not_attempted", "missing")


def score_results(results: Sequence[TrialResult], *, twins: bool) -> tuple[OddsScore, ...]:
    """Of classes that hold an innocent and its twin, or of all others; what has no probability is left out."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for result in results:
        kinds[result.situation].add(result.kind)
    cases = [case for result in results if (len(kinds[result.situation]) > 1) is twins for case in _list_cases(result)]
    scores = (score_odds(cases, prevalence) for prevalence in PREVALENCES)
    return tuple(score for score in scores if score is not None)


def _list_cases(result: TrialResult) -> list[OddsCase]:
    if result.judgement is None or result.judgement.invalid:
        return []
    rates = load_base_rates()
    prior = rates.fails[LABORATORY].list_shares()["blocked"]
    return [OddsCase(situation=f"{result.situation} {result.kind}", blocked=row.true == "blocked",
                     p_blocked=row.p_blocked, said_at=prior, unforeseen=rates.unforeseen)
            for row in result.judgement.rows
            if row.p_blocked is not None and row.got.split(" ")[0] not in _ANSWERS]
