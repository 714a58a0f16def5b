"""Events for programs, as `events.schema.json` describes them, and the days of each network and service. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from probe.core.stamps import format_time
from probe_analysis.counting.cell_view import COUNTED
from probe_analysis.site.event_states import find_state, is_established, make_look, name_service, say_state
from probe_analysis.site.site_charts import write_cell
from probe_analysis.site.site_values import SiteData, SiteEvent
from probe_analysis.tables.plain_csv import make_plain_csv

SCHEMA_FILE = "events.schema.json"
FORMAT = 1
Row = dict[str, Any]


def make_events_json(data: SiteData) -> dict[str, bytes]:
    """`events.json` and its schema."""
    last = data.first_day + timedelta(days=data.days - 1)
    made = {"format": FORMAT, "lab": data.lab, "source": data.kind, "last_day": last.isoformat(),
            "events": [event_to_json(data, event) for event in data.events]}
    return {"events.json": dump(made),
            SCHEMA_FILE: files("probe_analysis.site").joinpath(SCHEMA_FILE).read_bytes()}


def event_to_json(data: SiteData, event: SiteEvent) -> Row:
    """One event."""
    finding, source = event.finding, make_look(data, event).sources[0]
    named = [one for one in finding.networks if one.asn or one.label]
    return {
        "key": event.key, "page": f"event/{event.key}.html", "state": find_state(data, event),
        "established": is_established(event), "status": finding.status, "kind": finding.kind, "cc": event.cc,
        "service": event.service, "title": name_service(data, event.service), "roles": list(finding.roles),
        "targets": list(finding.targets), "mechanism": finding.mechanism,
        "networks": [{"asn": one.asn, "name": one.label or data.operators.get(one.asn, ""), "n": one.n,
                      "blocked": one.blocked, "witnesses": one.witnesses,
                      "onset": [_stamp(one.onset_from), _stamp(one.onset_until)]} for one in named],
        "networks_not_named": len(finding.networks) - len(named),
        "onset": [_stamp(finding.onset_from), _stamp(finding.onset_until)],
        "end": [_stamp(finding.end_from), _stamp(finding.end_until)] if finding.end_from else None,
        "last": _stamp(finding.last), "n": finding.n, "blocked": finding.blocked, "witnesses": finding.witnesses,
        "daily_hours": list(finding.daily_hours) if finding.daily_hours else None,
        "probability": finding.probability, "ruled_out": list(finding.ruled_out),
        "not_ruled_out": list(finding.not_ruled_out), "sentence": say_state(data, event), "source": source.label,
        "changes": [{"change": one.change, "revision": one.revision, "published": _stamp(one.published)}
                    for one in event.changes],
        "corrections": [{"kind": one.kind, "by": one.by, "text": one.text, "link": one.link, "published": one.logged_at}
                        for one in data.corrections.get(event.key, ())],
    }


def dump(value: Mapping[str, Any]) -> bytes:
    """JSON that holds no character which could end a script or move a terminal's cursor."""
    text = json.dumps(value, indent=1, ensure_ascii=True)
    return (text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n").encode()


def write_daily_csv(data: SiteData) -> bytes:
    """A row for each day of a network, or of the networks of a country that may not be named, and service."""
    stamps = [(data.first_day + timedelta(days=at)).isoformat() for at in range(data.days)]
    return make_plain_csv(("day", "cc", "asn", "service", *COUNTED), (
        (stamps[at], cc, asn or "", name, *counts) for (cc, asn, service), days in data.sums.items()
        for name in [write_cell(service)] for at, counts in days.items()))


def _stamp(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
