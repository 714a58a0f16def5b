"""Names of events that never change. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from probe.core.stamps import parse_time
from probe_analysis.events.event_log import is_event
from probe_analysis.look.logged_findings import Row, check_row
from probe_analysis.site.site_names import name_file


def name_events(log: Iterable[Row]) -> dict[str, str]:
    """Id of an event -> what its page is called, from the day of onset that was told first, country and subject.

    Events that agree in all three are numbered in the order of the log, which only grows; so neither later data, nor
    what may not be shown yet, changes a name.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for row in log:
        event_id = str(row["event_id"])
        if event_id in names or not is_event(row):
            continue
        try:
            check_row(row)
            day = parse_time(row["onset_until"]).date()
        except (ValueError, KeyError, TypeError):
            continue
        stem = f"{day.isoformat()}-{str(row['place']).lower()}-{name_file(name_stem(row))}"
        number = 1
        while (name := f"{stem}-{number}" if number > 1 else stem) in taken:
            number += 1
        taken.add(name)
        names[event_id] = name
    return names


def name_stem(row: Row) -> str:
    """What the name of an event's page says of its subject."""
    return str(row["service"]) or ("services" if row["kind"] == "services" else "network")
