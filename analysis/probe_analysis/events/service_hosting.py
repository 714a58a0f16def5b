"""Where services stand: what those that fail may have in common that no censor chose. Facts from the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from probe.catalogue.owners import find_owner
from probe.catalogue.packaged import load_owners

CommonCause: TypeAlias = Literal["front", "abroad", "ipv6", "names"]
_LEAST_SHARED = 3
"""Services that fail together make a cause that they share the likeliest."""
_MOST_WITHOUT = 0.1
"""Share of the services that may stand against a cause: some fail by themselves, some recover."""
_LEAST_FRONTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHosting:
    """What a service stands on, seen from a country."""

    owner: str
    fronts: frozenset[str] = frozenset()
    """Clouds and content networks that it shares with services of other owners."""
    is_abroad: bool = True
    """Its owner is known, and neither it nor a cache of it is known to be within the country."""
    has_ipv6: bool | None = None
    """None: not known."""
    by_address: bool = False
    """It is known to be reached without a resolver."""
    is_known: bool = True
    """Somebody listed where it stands; otherwise it may share a front with any other."""


FindHosting: TypeAlias = Callable[[str, str], ServiceHosting]
"""Service, country -> where it stands."""


@lru_cache(maxsize=4096)
def find_hosting(service: str, cc: str) -> ServiceHosting:
    """What `owners.toml` says; of a service that no owner lists nobody knows whether it is abroad."""
    name = find_owner(service)
    owner = load_owners().get(name)
    if owner is None:
        return ServiceHosting(owner=name, is_abroad=False, is_known=False)
    # The caches of an operator that is a front as well hold its own content.
    within = bool(owner.caches) or any(load_owners()[front].caches for front in owner.fronts
                                       if "operator" not in load_owners()[front].kinds)
    return ServiceHosting(owner=name, fronts=frozenset(owner.fronts),
                          is_abroad=not within and cc not in owner.countries)


def find_common_cause(failed: Collection[ServiceHosting], spared: Collection[ServiceHosting], *,
                      line_well: bool, by_name: bool = False, by_hello: bool = False) -> CommonCause | Literal[""]:
    """What all that fail may have in common, and nothing that is spared has: then that is broken, and no censor chose.

    `line_well`: names were found, and servers abroad answered; `by_name`: how they fail shows that names are stopped,
    which no front that is not reached looks like, so that nobody need know where they stand; `by_hello`: names in
    hellos are, while harmless ones at the same addresses are served: the front is reached.
    """
    if len(failed) < _LEAST_SHARED or not spared:
        return ""
    if not by_hello and _may_share_front(failed, spared, by_name=by_name) and len({one.owner for one in failed}) > 1:
        return "front"
    causes: list[tuple[CommonCause, list[bool], list[bool]]] = []
    if any(one.has_ipv6 for one in failed):
        causes.append(("ipv6", [one.has_ipv6 is not False for one in failed], [bool(one.has_ipv6) for one in spared]))
    causes += [] if line_well else [
        ("abroad", [one.is_abroad for one in failed], [one.is_abroad for one in spared]),
        ("names", [not one.by_address for one in failed], [not one.by_address for one in spared]),
    ]
    return next((word for word, have, keep in causes if _explains(have, keep)), "")


def _may_share_front(failed: Collection[ServiceHosting], spared: Collection[ServiceHosting], *, by_name: bool) -> bool:
    """Whether one front holds all that fail and nothing that is spared, as far as anybody knows where they stand. Where
    nobody listed any service, the question cannot be asked."""
    unlisted = [not one.is_known and not by_name for one in failed]
    return (any(one.is_known for one in spared) and _explains(unlisted, [])) or any(
        _explains([front in one.fronts or unknown for one, unknown in zip(failed, unlisted, strict=True)],
                  [front in one.fronts for one in spared])
        for front in frozenset[str]().union(*(one.fronts for one in failed)))


def _explains(failed: list[bool], spared: list[bool]) -> bool:
    return (failed.count(False) <= _MOST_WITHOUT * len(failed)
            and spared.count(True) <= _MOST_WITHOUT * len(failed))


def are_unrelated_abroad(spared: Collection[ServiceHosting]) -> bool:
    """Whether services are spared that are abroad, and share neither owner nor front: the line to them is well."""
    seen: set[str] = set()
    found = 0
    for one in sorted(spared, key=lambda one: (len(one.fronts), one.owner)):
        own = {one.owner, *one.fronts}
        if one.is_abroad and not own & seen:
            found += 1
            seen |= own
    return found >= _LEAST_FRONTS
