"""Who is at home in a country: what goes on while the way abroad is cut."""

from __future__ import annotations

from collections.abc import Iterable

from probe.catalogue.owners import find_owner, list_seats
from probe.catalogue.packaged import load_controls
from probe.core.endpoints import Endpoint


def list_home_names(endpoints: Iterable[Endpoint], cc: str) -> tuple[str, ...]:
    """The hosts of the catalogue whose operators sit in the country, and those of its controls there."""
    controls = load_controls().controls
    found = dict.fromkeys(
        row.host.lower() for row in endpoints
        if row.host and (cc in list_seats(find_owner(row.service, row.host)) or (
            (control := controls.get(row.target_id)) is not None and control.domestic and control.country == cc)))
    return tuple(sorted(found))
