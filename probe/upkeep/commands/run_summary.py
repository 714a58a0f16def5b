"""A run in lines a person can read: what is blocked first, then what else is not well, then the count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from probe.catalogue.packaged import load_account_needs, load_titles
from probe.catalogue.programs import PROGRAM_HELLOS, USERS
from probe.core.counted_words import count_things
from probe.core.runs import RunResult
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES, Decided, Outcome
from probe.core.tables.words import read_word
from probe.core.verdicts import Verdict
from probe.core.visible_text import visible
from probe.judge.common.planned_looks import describe_share
from probe.judge.verdicts.service_sentences import describe_services
from probe.judge.verdicts.share_series import ShareSeries, describe_series

_MOST_NAMED = 6
_SHOWN: tuple[Decided, ...] = ("blocked", "network", "local", "down", "inconclusive")


def describe_run(result: RunResult, series: Mapping[str, ShareSeries]) -> Iterator[str]:
    """Plain lines; text from the network is made harmless for a terminal. `series`: target -> what several runs say."""
    run = result.run
    yield f"{run.measurement_start_time}  {run.vantage.probe_cc} AS{run.vantage.probe_asn}  " + "  ".join(run.ladder)
    if run.vantage.vantage_doubt:
        yield f"The place is in doubt ({', '.join(run.vantage.vantage_doubt)}): see probe status"
    if run.outcome != "ok":
        yield f"The network: {visible(run.block_type)}: {_mean(run.block_type)}"
    if run.suspected:
        yield f"  suspected {visible(run.suspected)}: {_mean(run.suspected)}"
    if run.listed:
        yield f"  services abroad that answer: {visible(', '.join(run.listed))}"
    for cause in run.also:
        yield f"The network besides: {visible(cause)}: {_mean(cause)}"
    for outcome in _SHOWN:
        rows = [v for v in result.verdicts if v.outcome == outcome]
        if rows:
            yield f"{outcome} ({OUTCOMES[outcome]}):"
            yield from (_line(v) for v in rows)
    at_times = [(v, describe_share(v.intermittent)) for v in result.verdicts if v.outcome == "ok"]
    if any(said for _, said in at_times):
        yield "ok, but not each time:"
        yield from (f"  {v.target_id:<34} {said}" for v, said in at_times if said)
    at_times_before = [(target, describe_series(each)) for target, each in series.items() if each.runs > 1]
    if any(said for _, said in at_times_before):
        yield "This run and those before it:"
        yield from (f"  {target:<34} {said}" for target, said in at_times_before if said)
    yield from _tell_shapes(result.verdicts)
    yield from describe_services(result.services, load_titles(), load_account_needs())
    counts = Counter(v.outcome for v in result.verdicts)
    words: list[Outcome] = [*OUTCOMES, NOT_ATTEMPTED]
    yield ", ".join(f"{counts[w]} {w}" for w in words if counts[w]) + f"; {run.runtime_s:.1f} s"


def _tell_shapes(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Where hellos like a program's fail, and where they pass."""
    for shape, hello in PROGRAM_HELLOS.items():
        struck = [v.target_id for v in verdicts if shape in v.struck]
        passed = sum(shape in v.spared for v in verdicts)
        if struck:
            yield (f"Hellos in the shape of {shape} fail at {count_things(len(struck), 'target')} "
                   f"({', '.join(struck[:_MOST_NAMED])}), and are answered at {passed}; this probe's own pass."
                   + ("" if hello.verified else " The shape is an imitation: it accuses nobody by itself."))
    well = [v for v in verdicts if v.outcome == "ok" and not v.struck and USERS.get(v.role)]
    if any(v.spared for v in well):
        answered = [f"{shape} at {n}" for shape in PROGRAM_HELLOS if (n := sum(shape in v.spared for v in well))]
        yield (f"Of {count_things(len(well), 'target')} that are ok for this probe's own hello, programs' were "
               f"answered: "
               f"{', '.join(answered)}. Of other programs there it says nothing.")


def _mean(cause: str) -> str:
    """What a cause means; rows of other versions hold words that this one does not give."""
    known = BLOCK_TYPES.get(read_word(cause, BLOCK_TYPES))
    return known.meaning if known else "a cause that this version does not give"


def _line(verdict: Verdict) -> str:
    sure = f"{verdict.confidence:.2f}" if verdict.outcome == "blocked" else ""
    tries = f"{verdict.failed_attempts}/{verdict.attempts} failed" if verdict.attempts else ""
    also = f"also {', '.join(verdict.also)}" if verdict.also else ""
    rests = f"rests on {verdict.basis}" if verdict.basis else ""
    suspected = f"suspected {verdict.suspected}" if verdict.suspected else ""
    facts = "  ".join(part for part in (sure, rests, suspected, tries, f"control {verdict.control}", also) if part)
    return f"  {verdict.target_id:<34} {verdict.block_type:<26} {facts}  {visible(verdict.reason)}"
