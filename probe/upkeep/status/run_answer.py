"""The answer of one run: what kept it from seeing, each messenger, and what can be done now. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probe.core.runs import Run
from probe.core.tables.answer_words import CIRCUMSTANCES, Circumstance, NextStep
from probe.core.tables.block_types import BlockTypeId, is_ancestor
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.roles import Role
from probe.core.tables.run_words import read_rungs
from probe.core.tables.service_answers import ANSWER_ORDER, Answer
from probe.core.tables.untested_words import read_untested_reason
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.verdicts.awaiting_controls import NONE_AWAITED, AwaitingControls, count_awaiting
from probe.upkeep.status.service_answer import (
    CONTROL,
    RETIRED,
    VANTAGE,
    CatalogueFacts,
    PartAnswer,
    RoleHistory,
    ServiceAnswer,
    answer_services,
)

_BY_CAUSE: tuple[tuple[str, Circumstance], ...] = (
    ("local.offline", "offline"), ("network.shutdown", "nobody"), ("local.captive_portal", "portal"),
    ("local.interception", "interception"), ("local.firewall", "firewall"), ("local.mtu", "mtu"),
    ("local.resolver", "resolver"), ("local.filter", "filter"), ("local.clock", "clock"),
    ("network.allowlist", "allowlist"), ("network.national_only", "national_only"), ("network.degraded", "degraded"),
    ("network", "network"), ("local", "device"),
)
"""Cause of a run's own verdict, or its ancestor -> what is so; the first that fits."""
UNREACHED: Final = "unreached"
"""Of a line that reaches none of the reference servers and no service."""
_LINES_OWN: tuple[Circumstance, ...] = (UNREACHED, "national_only")
"""What seems to fail at services is the line."""
_SHARED: tuple[BlockTypeId, ...] = ("local.firewall", "network")
"""Causes that may stop most tests of a run whose own verdict is ok."""
_SILENT_CONTROLS: Final = ("none", "failed")
_STOPPED: Final = ("network", "local")
_TUNNELS: Final = ("full", "split")
_FAILING: Final = ("blocked", "partly_blocked", "suspected", "undecided")
_SAYING: Final = (*_FAILING, "partly_fails", "refuses", "busy", "down", "at_times", "mostly", "reached_only",
                  "too_little", "works")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What a run did not come to."""

    tests: int = 0
    """Targets that were chosen and not tried, since the run ended by its time limit."""
    chosen: int = 0
    more_s: float = 0.0
    """Seconds that the rest would take at this run's pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer:
    """What a run says to a person."""

    run_id: str
    start: str
    """RFC 3339."""
    place: tuple[str, int]
    """Country and number of the network, as far as they are known."""
    circumstances: tuple[Circumstance, ...]
    services: tuple[ServiceAnswer, ...]
    tested: int
    chosen: int
    """Of so many targets, without controls and what is closed, so many were tried and not stopped before the service.
    """
    missing: Missing
    steps: tuple[NextStep, ...]
    deadline_s: float
    lab: bool
    consent_level: int
    awaiting: AwaitingControls = NONE_AWAITED
    """What one more control would decide."""

    @property
    def says_nothing(self) -> bool:
        """Nothing was tried, or nothing that was tried says anything of a service."""
        return not any(part.state in _SAYING for one in self.services for part in one.parts)

    @property
    def counts(self) -> Mapping[Answer, int]:
        """Of how many messengers and services each word is so; closed ones are not counted."""
        found = Counter(one.answer for one in self.services if not one.retired)
        return {word: found[word] for word in ANSWER_ORDER if found[word]}

    def list_parts(self) -> Iterator[tuple[ServiceAnswer, PartAnswer]]:
        """Every part with its service."""
        return ((one, part) for one in self.services for part in one.parts)


def answer_run(run: Run, verdicts: Sequence[Verdict], services: Sequence[ServiceVerdict], facts: CatalogueFacts,
               histories: Mapping[tuple[str, Role], RoleHistory] | None = None) -> RunAnswer:
    """The answer of a run's rows; `histories`: what earlier runs said of roles that are blocked now."""
    answers = answer_services(run, verdicts, services, facts, histories or {})
    people = [v for v in verdicts if v.role != CONTROL and v.block_type != RETIRED]
    missing, awaiting = _find_missing(run, people), count_awaiting(people)
    circumstances = tuple(dict.fromkeys(_find_circumstances(run, people, missing, awaiting)))
    return RunAnswer(
        run_id=run.run_id, start=run.measurement_start_time, place=(run.vantage.probe_cc, run.vantage.probe_asn),
        circumstances=circumstances, services=answers,
        tested=sum(v.outcome not in (NOT_ATTEMPTED, *_STOPPED) for v in people), chosen=len(people), missing=missing,
        steps=tuple(_choose_steps(answers, missing, run)) if not {*_LINES_OWN} & {*circumstances} else (),
        deadline_s=run.deadline_s, lab=run.vantage.lab,
        consent_level=run.vantage.consent_level, awaiting=awaiting)


def _find_missing(run: Run, verdicts: Sequence[Verdict]) -> Missing:
    """Chosen are those that nothing but time kept from being tried."""
    late = sum(v.outcome == NOT_ATTEMPTED and read_untested_reason(v.reason)[0] == "time" for v in verdicts)
    tried = sum(v.outcome != NOT_ATTEMPTED for v in verdicts)
    pace_s = run.runtime_s / tried if tried else 0.0
    return Missing(tests=late, chosen=late + tried, more_s=late * pace_s)


def _find_circumstances(run: Run, verdicts: Sequence[Verdict], missing: Missing,
                        awaiting: AwaitingControls) -> Iterator[Circumstance]:
    words = read_rungs(run.ladder)
    yield from _find_whole_cause(run, verdicts) if run.outcome != "ok" else _find_shared_cause(verdicts)
    if run.suspected.startswith("network.allowlist"):
        yield "perhaps_listed"
    if "network:changed" in run.conditions:
        yield "moved"
    elif words.get("tunnel") in _TUNNELS or any(v.block_type == VANTAGE for v in verdicts):
        yield "vpn"
    if words.get("clock") == "wrong":
        yield "clock"
    if missing.tests and run.outcome not in _STOPPED:
        yield "cut_off"
    failing = [v for v in verdicts if v.outcome in ("blocked", "inconclusive") and v.block_type != VANTAGE]
    if failing and all(v.control in _SILENT_CONTROLS for v in failing):
        yield "no_control"
    else:
        yield from [word for word, count in _awaited(awaiting) if count]
    if "dns.encrypted" in run.also:
        yield "encrypted_dns"
    if set(run.vantage.vantage_doubt) - {"moved"}:
        yield "place"


def _find_whole_cause(run: Run, verdicts: Sequence[Verdict]) -> Iterator[Circumstance]:
    """What the run's own verdict says of the line."""
    yield from [word for cause, word in _BY_CAUSE if is_ancestor(cause, run.block_type)][:1]
    if run.block_type == "inconclusive.control_failed" and not any(_reaches(v) for v in verdicts):
        yield UNREACHED


def _reaches(verdict: Verdict) -> bool:
    """Whether anything answered there; a resolver at home may know its name."""
    return verdict.outcome in ("ok", "down") and not verdict.input.startswith("dnslookup:")


def _find_shared_cause(verdicts: Sequence[Verdict]) -> Iterator[Circumstance]:
    """What stopped more than half of the tests, although the reference servers could be reached."""
    tried = sum(v.outcome != NOT_ATTEMPTED for v in verdicts)
    stopped = Counter(v.block_type for v in verdicts if v.outcome in _STOPPED)
    yield from (word for cause, word in _BY_CAUSE if cause in _SHARED and 2 * stopped[cause] > tried)


def _awaited(awaiting: AwaitingControls) -> Iterator[tuple[Circumstance, int]]:
    yield "one_control", awaiting.first
    yield "second_control", awaiting.second


def _choose_steps(services: Sequence[ServiceAnswer], missing: Missing, run: Run) -> Iterator[NextStep]:
    """What to do, in the order in which it helps."""
    parts = [part for one in services for part in one.parts]
    if any(part.state in ("blocked", "partly_blocked") for part in parts):
        yield from ("show", "again", "compare", "keep", "report", "safety")
    elif any(part.state in (*_FAILING, "partly_fails", "mostly") for part in parts):
        yield from ("show", "again", "compare")
    if run.outcome in _STOPPED:
        return
    if missing.tests and run.deadline_s < 900:
        yield "longer"
    if any(part.why == "level" and part.level for part in parts):
        yield "level"
    if any(part.why == "library" for part in parts):
        yield "library"


def find_stop(answer: RunAnswer) -> Circumstance | None:
    """What kept the run from saying anything of any service; None where nothing did."""
    stops = [word for word in answer.circumstances if CIRCUMSTANCES[word].stops]
    return stops[0] if stops and (answer.says_nothing or stops[0] in _LINES_OWN) else None
