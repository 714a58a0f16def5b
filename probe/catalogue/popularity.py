"""In which order an answer names messengers: those that most people of a country use come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from probe.catalogue.packaged import load_users


@cache
def _order(cc: str) -> Mapping[str, int]:
    users = load_users()
    order = dict.fromkeys((*users.countries.get(cc.upper(), ()), *users.worldwide))
    return {service: rank for rank, service in enumerate(order)}


def rank_by_users(cc: str) -> Callable[[str], int]:
    """Service -> its place; those that the table does not name come last, alike."""
    order = _order(cc)
    return lambda service: order.get(service, len(order))
