"""How a rollout does: what the probes find that try a catalogue, a program or rules first, beside the rest. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from probe.core.counted_words import choose_word, count_things
from probe.upkeep.updates.list_document import (
    ListDocument,
    ListError,
    StagedTargets,
    load_listed_catalogue,
    load_staged_catalogue,
)
from probe.upkeep.updates.stage_draw import is_drawn
from probe_analysis.rollout.rollout_compare import MIN_PROBES, GroupDifference, ProbeShare, compare_groups
from probe_analysis.rollout.rollout_rows import AddedTarget, FoundShares, RolloutQuestion, RolloutRows

Found = Literal["ok", "blocked", "undecided"]
_COUNTS: Mapping[Found, Callable[[FoundShares], int]] = {
    "ok": lambda row: row.ok, "blocked": lambda row: row.blocked, "undecided": lambda row: row.n - row.ok - row.blocked}
"""The rest is down, network, local and inconclusive: what accuses nobody."""
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDifference:
    """Of one service; the interval is wide enough for all services and words together."""

    service: str
    found: Found
    counted: GroupDifference


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Both groups compared."""

    first: str
    """Version, and so is the next."""
    rest: str
    drawn: bool
    """By lot: then chance alone separates the groups. Else those who upgrade first may be others in much."""
    since: str
    until: str
    whole: Mapping[Found, GroupDifference]
    services: tuple[ServiceDifference, ...]
    added: tuple[AddedTarget, ...]
    """Targets that the first alone measure: there is nothing to compare them with."""
    gone: int
    """Targets that the rest alone measure."""
    waiting_probes: int
    """They were drawn, and have not taken the staged targets, as the next."""
    odd_probes: int
    """They have what they were not drawn for. Neither are in a group."""

    @property
    def differs(self) -> bool:
        """Whether the first find something else, by chance in one of twenty rollouts."""
        return any(one.counted.differs for one in self.services)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"differs": self.differs, "whole": {
            word: asdict(one) | {"differs": one.differs} for word, one in self.whole.items()}, "services": [
            asdict(one) | {"differs": one.counted.differs} for one in self.services]}


def ask_for_stage(document: ListDocument, *, since: str, until: str, lab: bool) -> RolloutQuestion:
    """The question for the targets that a signed list stages. Raises ListError where it stages none."""
    before, after = load_listed_catalogue(document), load_staged_catalogue(document)
    old, new = ({one.target_id for one in catalogue.endpoints} for catalogue in (before, after))
    if before.version == after.version:
        raise ListError("the staged targets are those that all measure")
    return RolloutQuestion(column="catalogue_version", first=after.version, rest=before.version,
                           targets=frozenset(old & new), added=frozenset(new - old), gone=len(old - new), since=since,
                           until=until, lab=lab)


def describe_rollout(rows: RolloutRows, question: RolloutQuestion, stage: StagedTargets | None) -> Rollout:
    """What the rows say. `stage`: by which the first were drawn; None: nobody drew them."""
    sound = list(rows.shares)
    waiting: set[str] = set()
    odd: set[str] = set()
    if stage:
        drawn = {name for name in {row.probe_id for row in sound} if is_drawn(stage, name)}
        waiting = {row.probe_id for row in sound if not row.is_first and row.probe_id in drawn}
        odd = {row.probe_id for row in sound if row.is_first and row.probe_id not in drawn}
        sound = [row for row in sound if row.is_first == (row.probe_id in drawn)]
        waiting -= {row.probe_id for row in sound}
    by_service: defaultdict[str, list[FoundShares]] = defaultdict(list)
    for row in sound:
        by_service[row.service].append(row)
    level = 1 - (1 - _LEVEL) / max(1, len(by_service) * len(_COUNTS))
    return Rollout(
        first=question.first, rest=question.rest, drawn=stage is not None, since=question.since, until=question.until,
        whole={word: compare_groups(_list_shares(sound, count)) for word, count in _COUNTS.items()},
        services=tuple(ServiceDifference(service=service, found=word,
                                         counted=compare_groups(_list_shares(by_service[service], count), level=level))
                       for service in sorted(by_service) for word, count in _COUNTS.items()),
        added=rows.added, gone=question.gone, waiting_probes=len(waiting), odd_probes=len(odd))


def make_rollout_lines(rollout: Rollout) -> Iterator[str]:
    """The same for a terminal; words of others are for the caller to neutralise."""
    some = rollout.whole["ok"]
    yield (f"{count_things(some.first_probes, 'probe')} with {rollout.first} beside {some.rest_probes} with "
           f"{rollout.rest or 'another version'}, in the same countries on the same days since {rollout.since}.")
    if not rollout.drawn:
        yield "Nobody drew them: who upgrades first may be another in much, and a difference may come from that."
    for word, one in rollout.whole.items():
        if one.difference is not None:
            yield f"{word + ':':<11}{one.difference:+.1%} among the first{_describe_interval(one)}"
    if some.low is None:
        yield f"Too few to tell: {MIN_PROBES} probes of each group are needed that can be compared."
    for service in rollout.services:
        if service.counted.differs:
            yield (f"DIFFERS  {service.service}, {service.found}: {service.counted.difference:+.1%}"
                   f"{_describe_interval(service.counted)}")
    if some.low is not None and not rollout.differs:
        yield "No service differs by more than chance."
    yield from _list_others(rollout)


def _list_others(rollout: Rollout) -> Iterator[str]:
    """What could not be compared."""
    for target in rollout.added:
        yield (f"Of the first alone: {target.target_id}: {count_things(target.probes, 'probe')}, "
               f"{count_things(target.n, 'verdict')}, {target.ok} ok, "
               f"{target.blocked} blocked")
    if rollout.gone:
        yield (f"{count_things(rollout.gone, 'target')} {choose_word(rollout.gone, 'is', 'are')} measured no more by "
               f"the first.")
    if rollout.waiting_probes:
        yield (f"{count_things(rollout.waiting_probes, 'probe')} {choose_word(rollout.waiting_probes, 'was', 'were')} "
               f"drawn and have not taken it yet.")
    if rollout.odd_probes:
        yield (f"{count_things(rollout.odd_probes, 'probe')} {choose_word(rollout.odd_probes, 'has', 'have')} it and "
               f"were not drawn for it: they count for nothing here.")


def _describe_interval(one: GroupDifference) -> str:
    return "" if one.low is None or one.high is None else f" (from {one.low:+.1%} to {one.high:+.1%})"


def _list_shares(rows: Iterable[FoundShares], count: Callable[[FoundShares], int]) -> Iterator[ProbeShare]:
    for row in rows:
        yield ProbeShare(probe_id=row.probe_id, group="first" if row.is_first else "rest",
                         stratum=(row.cc, row.day, row.service), share=count(row) / row.n)
