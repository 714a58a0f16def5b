"""What `probe explain RUN_ID TARGET` tells: from a row of results to the rule behind it and to what that rule read."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probe.config.settings import load_settings
from probe.core.counted_words import choose_word, count_things
from probe.core.observations import Observation
from probe.core.runs import OUR_ENGINE, Run, RunResult
from probe.core.tables.evidence_words import STRUCK_ELSEWHERE
from probe.core.tables.purposes import FOREIGN_NAMES
from probe.core.verdicts import Verdict
from probe.core.visible_text import visible
from probe.judge.common.rule import Decision, Rule
from probe.judge.odds.findings import find_decision
from probe.judge.odds.run_odds import list_run_odds
from probe.judge.odds.weigh import Odds
from probe.judge.path.path_context import PathContext
from probe.judge.verdicts.classify import list_decisions
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint
from probe.session.run_verdicts import judge_endpoints_again, judge_stored_run
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_run, stored_runs
from probe.upkeep.commands.target_list import choose_run_catalogue
from probe_analysis.explanation.field_reads import Field, read_rule
from probe_analysis.explanation.nearest_rule import RuledOut, find_nearest_rule
from probe_analysis.imported.run_judges import find_judge

_NEAR = 3
"""So many names like the one that was asked for are offered."""
_LONGEST = 200
"""Characters of a word that are compared with names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A verdict of a stored run, judged anew, and what it rests on."""

    run: Run
    verdict: Verdict
    """Today's; of a target that today's catalogue has not, the stored one."""
    stored: Verdict | None
    """None of an endpoint that is not the one which decided of its target: it has no row."""
    known: bool
    """Today's catalogue has the target, so that it could be judged."""
    decision: Decision[Any] | None
    """None where no rule was asked, or it does not stand in a table."""
    fields: tuple[Field, ...]
    """What the rule read, in order."""
    ruled_out: RuledOut | None
    observations: tuple[Observation, ...]
    odds: Odds | None = None
    """What its probabilities are the sum of; None where nothing was tried, and of imported measurements."""

    @property
    def judged_otherwise(self) -> bool:
        """Today's rules say something else than the stored row."""
        return self.stored is not None and _essence(self.stored) != _essence(self.verdict)


def explain_verdict(directory: Path, run_id: str, target: str, catalogue: str | None) -> Explanation:
    """`run_id` may be a beginning that only one run has; `target` is a target id or an input.

    Raises StoreError, also for a run or target that is not there, CatalogueError, SettingsError, MissingPluginError.
    """
    result = read_run(directory, _whole_run_id(directory, run_id))
    verdicts, endpoints = _judged(result, catalogue)
    stored = {v.target_id: v for v in result.verdicts}
    verdict, members = _asked_for(target, stored, verdicts, endpoints)
    decision = find_decision(verdict, list_decisions({verdict.target_id: members})[verdict.target_id])
    old = stored.get(verdict.target_id)
    if old and target == verdict.input != old.input:
        old = None
    seen = {o.observation_id: o for o in result.observations}
    return Explanation(
        run=result.run, verdict=verdict, stored=old,
        odds=_find_odds(result.run, verdict, verdicts, endpoints), known=verdict.target_id in verdicts,
        decision=decision,
        fields=read_rule(_read(decision), decision.evidence).fields if decision else (),
        ruled_out=find_nearest_rule(decision) if decision else None,
        observations=(*(seen[i] for i in verdict.evidence if i in seen),
                      *_seen_elsewhere(decision, verdict, members, result)))


def _find_odds(run: Run, verdict: Verdict, verdicts: Mapping[str, Verdict],
               endpoints: Mapping[str, Sequence[JudgedEndpoint]]) -> Odds | None:
    """Of a target's own verdict; those of other endpoints have none."""
    if run.engine != OUR_ENGINE or verdicts.get(verdict.target_id) is not verdict:
        return None
    odds = list_run_odds(tuple(verdicts.values()), list_decisions(endpoints),
                         cc=(run.vantage.stated_cc or run.vantage.probe_cc).upper(), lab=run.vantage.lab)
    return odds[verdict.target_id][1] if verdict.target_id in odds else None


def _seen_elsewhere(decision: Decision[Any] | None, verdict: Verdict, members: Sequence[JudgedEndpoint],
                    result: RunResult) -> list[Observation]:
    """What became of the name, and of innocent ones, at other people's servers, where the rule goes by that."""
    context = decision.evidence if decision else None
    words = {context.path.tls.shapes.elsewhere, context.path.lasting.foreign.word} if isinstance(
        context, PathContext) else set()
    if words.isdisjoint(STRUCK_ELSEWHERE):
        return []
    hosts = {m.endpoint.host for m in members if m.endpoint.input == verdict.input}
    foreign = [o for o in result.observations if o.purpose in FOREIGN_NAMES]
    asked_for = {o.input for o in foreign if o.hostname in hosts}
    return [o for o in foreign if o.input in asked_for]


def _judged(result: RunResult, catalogue: str | None) -> tuple[dict[str, Verdict],
                                                               Mapping[str, Sequence[JudgedEndpoint]]]:
    """As `probe classify` judges, and the endpoints that these verdicts are made of."""
    if judge := find_judge(result.run):
        verdicts, _ = judge.judge_run(result)
        return {v.target_id: v for v in verdicts}, judge.judge_endpoints(result)
    targets = choose_run_catalogue(load_settings(), catalogue, datetime.now(UTC)).catalogue
    verdicts, _ = judge_stored_run(result, targets)
    return {v.target_id: v for v in verdicts}, judge_endpoints_again(result, targets)


def _whole_run_id(directory: Path, text: str) -> str:
    runs = [run.run_id for run in stored_runs(directory)]
    if text in runs:
        return text
    found = [run_id for run_id in runs if run_id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise StoreError(f"{count_things(len(found), 'run')} {choose_word(len(found), 'begins', 'begin')} with "
                         f"{visible(text)}: {_listed(found)}")
    raise StoreError(f"there is no run {visible(text)} in {visible(str(directory))}{_known(text, runs, 'run')}")


def _asked_for(target: str, stored: Mapping[str, Verdict], now: Mapping[str, Verdict],
               endpoints: Mapping[str, Sequence[JudgedEndpoint]]) -> tuple[Verdict, Sequence[JudgedEndpoint]]:
    """The verdict on a target, or on the endpoint of an input, and the endpoints that it is made of."""
    verdict = now.get(target) or stored.get(target)
    verdict = verdict or next((v for v in (*now.values(), *stored.values()) if v.input == target), None)
    if verdict:
        return verdict, endpoints.get(verdict.target_id, ())
    members = [m for those in endpoints.values() for m in those]
    judged = next((m for m in members if m.endpoint.input == target), None)
    if judged:
        return judged.verdict, (judged,)
    names = dict.fromkeys((*now, *stored, *(m.endpoint.input for m in members)))
    raise StoreError(f"this run says nothing of {visible(target)}{_known(target, tuple(names), 'target')}")


def _read(decision: Decision[Any]) -> Rule[Any]:
    """The rule whose predicate is explained: the suspected one where it lacked nothing but a basis."""
    return decision.suspected[0] if decision.suspected and not decision.basis else decision.rule


def _known(text: str, names: Sequence[str], what: str) -> str:
    """The names like a word, or else what names there are."""
    near = difflib.get_close_matches(text[:_LONGEST], [name for name in names if len(name) <= _LONGEST], n=_NEAR)
    if near:
        return f". Did you mean {_listed(near)}?"
    return f"; known {choose_word(len(names), what, f'{what}s')}: {_listed(names)}" if names else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NEAR} more" if len(names) > _NEAR else ""
    return ", ".join(map(visible, names[:_NEAR])) + more


def _essence(verdict: Verdict) -> tuple[str, str, tuple[str, ...], str, float]:
    return verdict.outcome, verdict.block_type, verdict.also, verdict.rule_id, verdict.confidence
