"""One cause: what shows for one name or address of an owner that it fails on the way, told to its others.

A run does not search for the place of every name that fails: what is searched for sets a filter off once more. Nor is
every address asked for all that tells how soon its ends came. Names of one owner that fail in the same way, while one
of them is shown to fail before the owner's own door, fail by the same cause: its front would have to refuse them in the
very way of somebody else. Names of other owners learn nothing of it, for many fronts reset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from probe.catalogue.owners import OwnerId, find_owner
from probe.core.renewal import renew_changed
from probe.core.tables.evidence_words import Stage
from probe.core.tables.failures import kind_of
from probe.core.tables.words import Empty
from probe.inference.evidence.hop_evidence import NOWHERE, HopLocation
from probe.inference.evidence.path_evidence import PathEvidence
from probe.inference.verdicts.site_company import TriedEndpoint

Cause = tuple[OwnerId, Stage | Empty, str, bool]
"""Whose name, at which stage it ends, with what sort of failure, and whether with an answer's page."""


def gather_places(tried: Iterable[TriedEndpoint]) -> Mapping[Cause, HopLocation]:
    """Cause -> the place that was found for a name that fails so."""
    return {_cause_of(one, path): place for one in tried for path in one.paths
            if path.stage and (place := _find_place(path)).where == "before"}


def gather_timed(tried: Iterable[TriedEndpoint]) -> frozenset[Cause]:
    """The causes by which a name fails sooner than its service can answer, not at the service's own door."""
    return frozenset(_cause_of(one, path) for one in tried for path in one.paths
                     if path.stage and path.timing.is_before_door and not path.may_be_door)


def with_places(one: TriedEndpoint, places: Mapping[Cause, HopLocation], timed: frozenset[Cause]) -> TriedEndpoint:
    """The endpoint, with the place of another name of its owner's where it was searched for at none of its own, and
    with what was timed for another."""
    return replace(one, paths=[_with_place(path, _cause_of(one, path), places, timed) if path.stage else path
                               for path in one.paths])


def _with_place(path: PathEvidence, cause: Cause, places: Mapping[Cause, HopLocation],
                timed: frozenset[Cause]) -> PathEvidence:
    alike = NOWHERE if _find_place(path).where else places.get(cause, NOWHERE)
    return renew_changed(path, located_alike=alike, timed_alike=cause in timed)


def _find_place(path: PathEvidence) -> HopLocation:
    """Of a path that was told of no other's yet."""
    return next((place for place in path.places if place.where), NOWHERE)


def _cause_of(one: TriedEndpoint, path: PathEvidence) -> Cause:
    return (find_owner(one.endpoint.service, one.endpoint.host), path.stage, kind_of(path.failure),
            bool(path.mark.name))
