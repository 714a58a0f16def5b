"""Who judges a stored run again: we ourselves, or the part of the project that imported it from another engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from probe.core.plugins import JUDGES, load_plugin
from probe.core.runs import OUR_ENGINE, Run, RunResult
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJudge:
    """How the runs of another engine are judged: by what their rows say, without a catalogue."""

    judge_run: Callable[[RunResult], tuple[tuple[Verdict, ...], tuple[ServiceVerdict, ...]]]
    """Today's verdicts of a run."""
    judge_endpoints: Callable[[RunResult], Mapping[str, Sequence[JudgedEndpoint]]]
    """Target -> the endpoints on which its verdict rests."""


def find_judge(run: Run) -> RunJudge | None:
    """None of our own runs. Raises MissingPluginError where nothing that is installed judges this engine's."""
    if run.engine == OUR_ENGINE:
        return None
    judge: RunJudge = load_plugin(JUDGES, run.engine, wanted=f"The judge of runs of the engine {run.engine}")
    return judge
