"""Pages that unrelated services are answered with alike: those are nobody's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.owners import ServiceAt, are_unrelated, describe_service
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPage:
    """What one service was answered with in the clear where the catalogue expects another page."""

    whose: ServiceAt
    """The service, at the one address that answered."""
    body_sha256: str
    title: str


def find_unexpected_pages(site: Site, visits: Iterable[Observation],
                          networks: Mapping[str, int]) -> frozenset[SharedPage]:
    """The pages of a site that proves nothing by its connection which are not what is expected of it."""
    if site.proves_itself:
        return frozenset()
    service = site.endpoints[0].service
    return frozenset(
        SharedPage(whose=describe_service(service, site.host, (o.address,), networks), body_sha256=o.http.body_sha256,
                   title=o.http.title)
        for o in visits if o.operation == "http_round_trip" and o.purpose in NETWORK_PURPOSES and not o.failure
        and o.met_expectation == "no" and o.http.body_bytes)


def is_shared(known: Iterable[SharedPage], pages: Sequence[SharedPage]) -> bool:
    """Whether an unrelated service was answered with one of these pages: the same bytes, or the same title, for block
    pages name what they block."""
    others = tuple(known)
    return any((ours.body_sha256 == theirs.body_sha256 or (ours.title and ours.title == theirs.title))
               and are_unrelated(ours.whose, theirs.whose) for ours in pages for theirs in others)
