"""The role `store` of a service in one country: all its applications in all stores that were asked. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe_analysis.batches.store_checks import StoreCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRole:
    """What a batch says of one service in one country, as far as its checks are decided."""

    service: str
    storefront: str
    outcome: str
    """ok where a store offers it, down where it was removed from each, blocked where each store is, else
    inconclusive."""
    partial: bool
    """One application is to be had and another is not."""
    block_types: tuple[str, ...]
    n: int
    """Applications that are decided."""
    not_to_be_had: tuple[str, ...]
    """Those that were removed, or whose store is blocked."""


def judge_store_roles(checks: Iterable[StoreCheck]) -> Sequence[StoreRole]:
    """One for each service and storefront, in the order of the checks."""
    groups: defaultdict[tuple[str, str], list[StoreCheck]] = defaultdict(list)
    for check in checks:
        groups[check.service, check.storefront].append(check)
    return tuple(_role(service, storefront, members) for (service, storefront), members in groups.items())


def _role(service: str, storefront: str, members: Sequence[StoreCheck]) -> StoreRole:
    decided = [check for check in members if check.outcome in ("ok", "down", "blocked")]
    outcomes = {check.outcome for check in decided}
    gone = [check for check in decided if check.outcome != "ok"]
    alone = next(iter(outcomes)) if len(outcomes) == 1 and len(decided) == len(members) else "inconclusive"
    return StoreRole(
        service=service, storefront=storefront, outcome="ok" if "ok" in outcomes else alone,
        partial="ok" in outcomes and bool(gone), block_types=tuple(sorted({check.block_type for check in gone})),
        n=len(decided), not_to_be_had=tuple(check.app for check in gone),
    )
