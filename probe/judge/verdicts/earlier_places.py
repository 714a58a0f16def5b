"""A place that an earlier run of the day found, given to this one.

What is searched for sets a filter off once more, so a scheduled run looks once a day for the place of each name. In the
runs between, the same target that fails in the very same way from the same network fails by the same cause, and the
place is that of the earlier run, whose id the verdict bears. What a run finds itself goes before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from probe.core.tables.block_types import BlockTypeId, CauseId
from probe.core.tables.words import Empty
from probe.core.verdicts import Verdict
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint
from probe.judge.verdicts.site_company import TriedEndpoint

UNPLACED: BlockTypeId = "inconclusive.unplaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierPlace:
    """What an earlier run said of an endpoint that it called blocked by its place."""

    cause: CauseId | Empty
    where: HopLocation


EarlierPlaces = Mapping[str, EarlierPlace]
"""Input of an endpoint -> its place."""
NO_PLACES: EarlierPlaces = MappingProxyType({})


def list_found_places(run_id: str, verdicts: Iterable[Verdict]) -> EarlierPlaces:
    """The places that a run found by searches of its own."""
    return {v.input: _make_place(v, run_id) for v in verdicts
            if v.outcome == "blocked" and v.basis == "place" and v.hop and not v.place_run_id}


def list_used_places(verdicts: Iterable[Verdict]) -> EarlierPlaces:
    """The places of earlier runs on which a stored run's verdicts rest."""
    return {v.input: _make_place(v, v.place_run_id) for v in verdicts if v.place_run_id}


def find_earlier_place(judged: JudgedEndpoint, places: EarlierPlaces) -> HopLocation | None:
    """The place to judge an endpoint by once more: where nothing but a place is missing to what was said before."""
    verdict = judged.verdict
    earlier = places.get(judged.endpoint.input)
    same = earlier is not None and verdict.block_type == UNPLACED and verdict.suspected == earlier.cause
    return earlier.where if earlier is not None and same and earlier.where.where == "before" else None


def with_earlier_place(one: TriedEndpoint, where: HopLocation) -> TriedEndpoint:
    """The endpoint, with that place wherever it fails and this run knows of none."""
    return replace(one, paths=[replace(path, place=replace(path.place, located_alike=where))
                               if path.stage and not any(place.where for place in path.place.searched) else path
                               for path in one.paths])


def _make_place(verdict: Verdict, run_id: str) -> EarlierPlace:
    least, _, most = verdict.hop.partition("-")
    numbers = [int(word) if word.isdecimal() and len(word) <= 3 else 0 for word in (least, most or least)]
    return EarlierPlace(cause=verdict.block_type, where=HopLocation(
        least=numbers[0], most=numbers[1], where="before" if all(numbers) else "unknown", scope=verdict.scope,
        found_in=run_id))
