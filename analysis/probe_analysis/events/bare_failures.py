"""Failures of which nobody says the cause, as in anybody's counts: what must be seen beside them to blame the network.

A verdict `blocked` rests on what a run saw. A bare failure may be the service's, that of whatever measured it, or of
the line. So it is placed only where the same was seen to be well elsewhere in the same hours, and where other services
of the network were well, or several networks fail together. All else is reported, and accuses nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe_analysis.events.cell_series import POOLED, CellTable
from probe_analysis.events.check_answers import CheckAnswer
from probe_analysis.events.crosscheck import NETWORK, REFUSAL, WORLD
from probe_analysis.events.failing_alike import is_no_chance, least_strength_alike
from probe_analysis.events.joint_windows import JudgedWindow, WindowCluster
from probe_analysis.events.neighbours import Neighbours
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.verdict_sums import count_verdicts
from probe_analysis.events.window import EventWindow
from probe_analysis.tables.event_checks import EventCheck

_SEVERAL = 2
"""Networks that fail together are no trouble of one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCluster:
    """Windows of one event, and whether anything shows that the network stops the service."""

    cluster: WindowCluster
    placed: bool


def place_cluster(cluster: WindowCluster, cells: CellTable, around: Neighbours) -> PlacedCluster:
    """Asks about bare failures what their verdicts do not say."""
    if any(_has_cause(judged.window, cells) for judged in cluster.members):
        return PlacedCluster(cluster=cluster, placed=True)
    series = cluster.lead.window.series
    beside = _ask_networks(cluster, around.by_service.get((series.place.lab, series.service), ()))
    members = [_rule_out(judged, WORLD) if beside.spared else judged for judged in cluster.members]
    members = [_rule_out(judged, NETWORK) if judged.checks.is_chosen or _is_line_well(judged.window, around) else judged
               for judged in members]
    networks = {judged.window.series.place.asn for judged in members} - {POOLED}
    several = (len(networks) if networks else beside.struck) >= _SEVERAL
    lead = members[0].checks.ruled_out
    placed = WORLD in lead and (several or NETWORK in lead)
    if not placed:
        members = [_answer(judged, REFUSAL, CheckAnswer(answer="open")) for judged in members]
    return PlacedCluster(cluster=WindowCluster(members=tuple(members)), placed=placed)


def _has_cause(window: EventWindow, cells: CellTable) -> bool:
    """Whether anybody says why anything failed."""
    codes = window.series.types[window.first:window.last + 1]
    return any(code >= 0 and cells.block_types[code] for code in set(codes.tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _OtherNetworks:
    """How other networks, wherever, fare in the hours of a window."""

    spared: bool
    """Those that do not fail alike surely do not, together."""
    struck: int
    """How many fail alike."""


def _ask_networks(cluster: WindowCluster, alike: Sequence[SeriesFinding]) -> _OtherNetworks:
    lead = cluster.lead.window
    own = {judged.window.series.place for judged in cluster.members}
    least, failed, tried, most, struck = least_strength_alike(lead), 0, 0, 0.0, 0
    for each in alike:
        same = (each.series.role, each.series.target_id) == (lead.series.role, lead.series.target_id)
        if not same or each.series.place in own or each.series.place.asn == POOLED:
            continue
        blocked, decided = count_verdicts(each.series, lead)
        rate = each.base + (1 - each.base) * least
        if blocked < rate * decided:
            failed, tried, most = failed + blocked, tried + decided, most + rate * decided
        else:
            struck += decided > 0
    return _OtherNetworks(spared=tried > 0 and is_no_chance(failed, tried, most / tried), struck=struck)


def _is_line_well(window: EventWindow, around: Neighbours) -> bool:
    """Whether other services of the network surely do not fail alike, all together, however few they are."""
    least, failed, tried, most = least_strength_alike(window), 0, 0, 0.0
    for each in around.by_place[window.series.place]:
        if each.series.service != window.series.service:
            blocked, decided = count_verdicts(each.series, window)
            rate = each.base + (1 - each.base) * least
            failed, tried, most = failed + blocked, tried + decided, most + rate * decided
    return failed < most and is_no_chance(failed, tried, most / tried)


def _rule_out(judged: JudgedWindow, word: EventCheck) -> JudgedWindow:
    """The window without a confounder about which nobody could be asked."""
    answer = judged.checks.answers[word]
    return _answer(judged, word, replace(answer, answer="out")) if answer.answer == "open" else judged


def _answer(judged: JudgedWindow, word: EventCheck, answer: CheckAnswer) -> JudgedWindow:
    return replace(judged, checks=replace(judged.checks, answers={**judged.checks.answers, word: answer}))
