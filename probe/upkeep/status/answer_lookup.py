"""What of the stored results a person means by a word: a run, a messenger, or a target."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from probe.config.geo.vantage_place import is_elsewhere
from probe.core.counted_words import choose_word, count_things
from probe.core.observations import Observation
from probe.core.runs import OUR_ENGINE, Run
from probe.core.translation import say
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_records, stored_runs
from probe.upkeep.status.answer_history import MAX_RUNS, read_histories, read_said
from probe.upkeep.status.run_answer import RunAnswer, answer_run
from probe.upkeep.status.service_answer import CatalogueFacts, ServiceAnswer

MAX_TRIED: Final = 30
"""Runs, the latest first, in which a messenger or target is looked for."""
_LONGEST: Final = 200
_NEAR: Final = 3


class UnknownWordError(ValueError):
    """A word names nothing that is stored; the text says so, and what is near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Runs one after the other that said the same."""

    first: str
    last: str
    """Starts of the first and the last of them; RFC 3339."""
    runs: int
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is to be shown; of `service` and `verdict` one at most is given, and neither where a whole run is meant."""

    run: Run
    answer: RunAnswer
    """Of a target without histories, which nothing of it tells."""
    service: ServiceAnswer | None = None
    verdict: Verdict | None = None
    history: tuple[Span, ...] = ()
    observations: tuple[Observation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    """Of the run, or of the service."""


def find_shown(results: Path, word: str, facts: CatalogueFacts) -> Shown:
    """The last run where the word is empty. Raises StoreError, and UnknownWordError."""
    if not results.is_dir():
        raise StoreError(say("{folder}: no such folder; name another, or make results: probe run --fast",
                             folder=visible(str(results))))
    if not (results / "runs").is_dir():
        raise StoreError(say("{results}: no results here yet; make some: probe run --fast, or name the folder: "
                             "--results",
                             results=results))
    stored = list(stored_runs(results))
    runs = sorted((run for run in stored if run.engine == OUR_ENGINE), key=lambda run: run.measurement_start_time)
    if stored and not runs:
        raise StoreError(say("{results}: holds other people's measurements, which this command does not show; see: "
                             "probe report {results}", results=visible(str(results))))
    if not runs:
        raise StoreError(say("{results}: holds no run of this program yet; make one: probe run --fast",
                             results=visible(str(results))))
    begun = [run for run in runs if word and run.run_id.startswith(word)]
    if len(begun) > 1 and word not in (run.run_id for run in begun):
        raise UnknownWordError(f"{count_things(len(begun), 'run')} {choose_word(len(begun), 'begins', 'begin')} with "
                               f"{visible(word)}; the last of them is {begun[-1].run_id}")
    run = next((one for one in begun if one.run_id == word), begun[-1] if begun else runs[-1])
    if not word or begun:
        verdicts, services = read_said(results, run)
        histories = read_histories(results, run, services)
        return Shown(run=run, answer=answer_run(run, verdicts, services, facts, histories), verdicts=verdicts)
    for one in runs[: -MAX_TRIED - 1 : -1]:  # not every run takes every target
        if found := _find_in_run(results, one, word, facts, runs):
            return found
    verdicts, services = read_said(results, run)
    raise UnknownWordError(_explain_unknown(word, answer_run(run, verdicts, services, facts), runs, verdicts))


def _find_in_run(results: Path, run: Run, word: str, facts: CatalogueFacts, runs: Sequence[Run]) -> Shown | None:
    """The messenger or target of that name, where the run speaks of it; its history is that of the run's network."""
    verdicts, services = read_said(results, run)
    answer = answer_run(run, verdicts, services, facts)  # the runs before are read only where it is shown
    here = [one for one in runs if not is_elsewhere(one.vantage, run.vantage)]
    earlier = here[-MAX_RUNS:]
    if found := _find_service(word, answer):
        answer = answer_run(run, verdicts, services, facts, read_histories(results, run, services))
        return Shown(run=run, answer=answer, service=_find_service(word, answer),
                     history=_trace_service(results, earlier, found.service),
                     verdicts=tuple(v for v in verdicts if v.service == found.service))
    verdict = next((v for v in verdicts if word in (v.target_id, v.input)), None)
    if verdict is None:
        return None
    kept = set(verdict.evidence)
    return Shown(run=run, answer=answer, verdict=verdict, history=_trace_target(results, earlier, verdict.target_id),
                 observations=tuple(o for o in read_records(results, run, Observation) if o.observation_id in kept))


def _find_service(word: str, answer: RunAnswer) -> ServiceAnswer | None:
    """By its name in the tables or by its title, in any case."""
    asked = word.casefold()
    return next((one for one in answer.services if asked in (one.service.casefold(), one.title.casefold())), None)


def _trace_service(results: Path, runs: Sequence[Run], service: str) -> tuple[Span, ...]:
    def say(run: Run) -> str:
        rows = [row for row in read_records(results, run, ServiceVerdict) if row.service == service]
        return ", ".join(f"{row.role} {row.outcome}{f' ({row.k} of {row.n} blocked)' if row.k else ''}" for row in rows)

    return join_spans((run.measurement_start_time, said) for run in runs if (said := _say_safely(say, run)))


def _trace_target(results: Path, runs: Sequence[Run], target: str) -> tuple[Span, ...]:
    def say(run: Run) -> str:
        verdict = next((v for v in read_records(results, run, Verdict) if v.target_id == target), None)
        return f"{verdict.outcome} {verdict.block_type}".strip() if verdict else ""

    return join_spans((run.measurement_start_time, said) for run in runs if (said := _say_safely(say, run)))


def _say_safely(say: Callable[[Run], str], run: Run) -> str:
    """What the run says; nothing where its files are damaged."""
    try:
        return say(run)
    except StoreError:
        return ""


def join_spans(said: Iterable[tuple[str, str]]) -> tuple[Span, ...]:
    """Spans of (start, what was said), by time. Pure."""
    groups = ((word, [start for start, _ in members]) for word, members in groupby(said, key=lambda pair: pair[1]))
    return tuple(Span(first=starts[0], last=starts[-1], runs=len(starts), said=word) for word, starts in groups)


def _explain_unknown(word: str, answer: RunAnswer, runs: Sequence[Run], verdicts: Sequence[Verdict]) -> str:
    names = [*(one.service for one in answer.services), *(one.title for one in answer.services),
             *(v.target_id for v in verdicts), *(run.run_id for run in runs[-MAX_RUNS:])]
    near = find_near(word, names)
    hint = f" Did you mean {' or '.join(map(visible, near))}?" if near else " `probe show` lists the messengers."
    return f"{visible(word[:_LONGEST])} is no run, no messenger and no target of the last run.{hint}"


def find_near(word: str, names: Iterable[str]) -> list[str]:
    """Names like a word that was misspelt, in any case; bounded in length, for both may be others'."""
    by_fold = {name.casefold(): name for name in names if len(name) <= _LONGEST}
    return [by_fold[fold] for fold in difflib.get_close_matches(word[:_LONGEST].casefold(), by_fold, n=_NEAR)]
