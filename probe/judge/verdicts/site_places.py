"""One cause: what shows for one name or address of an owner that it fails on the way, given to its others.

A run does not search for the place of every name that fails: what is searched for sets a filter off once more. Nor is
every address asked for all that tells how soon its ends came. Names of one owner that fail in the same way, while one
of them is shown to fail before the owner's own door, fail by the same cause: its front would have to refuse them in the
very way of somebody else. Names of other owners learn nothing of it, for many fronts reset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from probe.catalogue.owners import OwnerId, find_owner
from probe.core.tables.evidence_words import STRUCK_ELSEWHERE, Elsewhere, Stage
from probe.core.tables.failures import kind_of
from probe.core.tables.words import Empty
from probe.judge.hops.hop_evidence import NOWHERE, HopLocation
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.verdicts.site_company import TriedEndpoint

Cause = tuple[OwnerId, Stage | Empty, str, bool]
"""Whose name, at which stage it ends, with what sort of failure, and whether with an answer's page."""


def gather_places(tried: Iterable[TriedEndpoint]) -> Mapping[Cause, HopLocation]:
    """Cause -> the place that was found for a name that fails so."""
    return {_cause_of(one, path): place for one in tried for path in one.paths
            if path.stage and (place := _find_place(path)).where == "before"}


def gather_timed(tried: Iterable[TriedEndpoint]) -> frozenset[Cause]:
    """The causes by which a name fails sooner than its service can answer, not at the service's own door."""
    return frozenset(_cause_of(one, path) for one in tried for path in one.paths
                     if path.stage and path.place.timing.is_before_door and not path.place.may_be_door)


def gather_elsewhere(tried: Iterable[TriedEndpoint]) -> Mapping[Cause, Elsewhere]:
    """Cause -> that a name which fails so fails alike at servers of other owners: a run sends few names there."""
    return {_cause_of(one, path): path.tls.shapes.elsewhere for one in tried for path in one.paths
            if path.stage and path.tls.shapes.elsewhere in STRUCK_ELSEWHERE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCauses:
    """What shows of some names that they fail on the way."""

    places: Mapping[Cause, HopLocation] = field(default_factory=dict)
    timed: frozenset[Cause] = frozenset()
    elsewhere: Mapping[Cause, Elsewhere] = field(default_factory=dict)


def gather_causes(tried: Sequence[TriedEndpoint]) -> ShownCauses:
    """Of a run's endpoints, before any of them has the causes of the others."""
    return ShownCauses(places=gather_places(tried), timed=gather_timed(tried), elsewhere=gather_elsewhere(tried))


def with_causes(one: TriedEndpoint, shown: ShownCauses) -> TriedEndpoint:
    """The endpoint, with what is shown of another name of its owner's, where nobody looked at its own."""
    return replace(one, paths=[_with_cause(path, _cause_of(one, path), shown) if path.stage else path
                               for path in one.paths])


def _with_cause(path: PathEvidence, cause: Cause, shown: ShownCauses) -> PathEvidence:
    alike = NOWHERE if _find_place(path).where else shown.places.get(cause, NOWHERE)
    timed, elsewhere = cause in shown.timed, "" if path.tls.shapes.elsewhere else shown.elsewhere.get(cause, "")
    if not (alike.where or timed or elsewhere):
        return path
    return replace(path, place=replace(path.place, located_alike=alike, timed_alike=timed, elsewhere_alike=elsewhere))


def _find_place(path: PathEvidence) -> HopLocation:
    """Of a path, before it has the causes of others."""
    return next((place for place in path.place.searched if place.where), NOWHERE)


def _cause_of(one: TriedEndpoint, path: PathEvidence) -> Cause:
    return (find_owner(one.endpoint.service, one.endpoint.host), path.stage, kind_of(path.failure),
            bool(path.mark.name))
