"""What files of a site are called: lower case, safe in a URL and in any file system, one name for one thing. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from probe.core.stamps import parse_time
from probe_analysis.events.event_log import is_event
from probe_analysis.findings.logged_findings import Row, check_row

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)")
"""Names that Windows keeps for itself."""


def name_file(text: str) -> str:
    """The text itself where it is plain, else what is plain in it with a short digest of the whole."""
    if _PLAIN.fullmatch(text) and not _DEVICES.fullmatch(text):
        return text
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:32] or "other"
    return f"{plain}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def name_network_file(cc: str, asn: int) -> str:
    """Of a network's page."""
    return f"{name_file(cc.lower())}-as{asn}"


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
