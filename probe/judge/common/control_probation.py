"""Helpers on probation: what each says of places of which the answer is known.

A helper that a run asks at all is asked about two such places as well: one that answers everywhere, and has answered
here, and a port that is closed everywhere. Whoever errs there, by intent or for a fault of its own network, is not
counted in the run, and neither is one that is too busy to say. A liar who knows these places passes; against him stand
the limits of what controls may prove (`probe.judge.verdicts.confidence`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.control_sources import BUSY, FEED, ControlFault, HelperRefusal
from probe.core.tables.failures import FailureKind, is_timeout

LOADED: tuple[HelperRefusal | FailureKind, ...] = (BUSY, "timeout")
"""Reasons of a helper that is too busy: it declines, or says nothing in time."""
_LEFT_OUT = "not counted in this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPlaces:
    """Inputs of which the answer is known."""

    good: tuple[str, ...] = ()
    """They answer everywhere."""
    absent: tuple[str, ...] = ()
    """Nothing answers there, anywhere."""


def find_unfit_controls(controls: Iterable[ControlAnswer], seen: Sequence[Observation],
                        known: KnownPlaces) -> dict[str, ControlFault]:
    """Control -> its fault. A place that should answer tells of a helper only if it answered here in the same run."""
    good = list_answering(seen, known.good)
    faults: dict[str, ControlFault] = {}
    for answer in controls:
        if answer.source != FEED and (fault := find_fault(answer, good=good, absent=known.absent)):
            faults.setdefault(answer.control_id, fault)
    return faults


def list_answering(seen: Iterable[Observation], inputs: Collection[str]) -> frozenset[str]:
    """Which of these pages of the ladder came here as they should."""
    return frozenset(o.input for o in seen if o.purpose == "ladder" and o.operation == "http_round_trip"
                     and o.input in inputs and not o.failure and o.met_expectation != "no")


def find_fault(answer: ControlAnswer, *, good: Collection[str], absent: Collection[str]) -> ControlFault | None:
    """What one answer shows of its helper."""
    if answer.input in good:
        if _is_loaded(answer):
            return "loaded"
        if answer.state == "answered" and (answer.http_failure or _fails_throughout(answer)):
            return "denies"
    if answer.input in absent and answer.state == "answered" and any(not failure for _, failure in answer.tcp):
        return "invents"
    return None


def _is_loaded(answer: ControlAnswer) -> bool:
    if answer.state == "answered" and answer.reason != BUSY:
        return is_timeout(answer.http_failure or "")
    return answer.reason in LOADED


def _fails_throughout(answer: ControlAnswer) -> bool:
    """Nowhere does it connect, though it tells of no page."""
    return bool(answer.tcp) and all(failure for _, failure in answer.tcp)


def leave_out(controls: Iterable[ControlAnswer], faults: Mapping[str, ControlFault]) -> tuple[ControlAnswer, ...]:
    """The same answers; those of unfit controls say nothing any more."""
    return tuple(_silence(answer) if answer.control_id in faults else answer for answer in controls)


def _silence(answer: ControlAnswer) -> ControlAnswer:
    return replace(ControlAnswer(control_id=answer.control_id, input=answer.input, state="refused"), asn=answer.asn,
                   cc=answer.cc, source=answer.source, t0_s=answer.t0_s, t_s=answer.t_s, reason=_LEFT_OUT)


def format_faults(faults: Mapping[str, ControlFault]) -> tuple[str, ...]:
    """One `control:word` each, for the runs table."""
    return tuple(f"{control}:{fault}" for control, fault in sorted(faults.items()))
