"""What was found blocked on the last day though no event of it is open: a page may not keep quiet about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probe_analysis.counting.cell_view import COUNTED
from probe_analysis.pages.time_buckets import make_fleet_cell
from probe_analysis.site.day_lines import DayLine
from probe_analysis.site.event_states import find_state
from probe_analysis.site.site_values import SiteData, SiteEvent

_CLOSED = ("ended", "withdrawn")


def list_unexplained(data: SiteData, lines: Mapping[str, DayLine],
                     events: Mapping[str, Sequence[SiteEvent]]) -> list[str]:
    """Lines of which at least half of what was decided on the last day was blocked; `told`: the events of each."""
    found = []
    for key, line in lines.items():
        last = line.last
        if last is None or last[0] != data.days - 1:
            continue
        state = make_fleet_cell(dict(zip(COUNTED, last[1], strict=True))).state
        if state == "blocked" and all(find_state(data, event) in _CLOSED for event in events.get(key, ())):
            found.append(key)
    return sorted(found)
