"""What the log of events tells and what many probes say together, as one account: the log has the status. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from probe.core.stamps import parse_time
from probe_analysis.findings.finding_values import LookFinding

_HOUR = timedelta(hours=1)
Row = Mapping[str, Any]


def leave_told(rows: Iterable[Row], events: Sequence[LookFinding]) -> list[Row]:
    """The rows of a population of which no event tells: none of the same service and network has a time in common."""
    return [row for row in rows if not any(_tells(event, row) for event in events)]


def take_status(finding: LookFinding) -> LookFinding:
    """What a population shows alone: a suspicion, until the log has an event of it."""
    return replace(finding, status="suspected", basis=finding.basis if finding.status == "confirmed" else "")


def _tells(event: LookFinding, row: Row) -> bool:
    begin = event.onset_from or event.onset_until - _HOUR
    asns = {network.asn for network in event.networks}
    return (event.kind == "event" and event.service == row["service"] and (not asns or row["probe_asn"] in asns)
            and (not event.roles or row["role"] in event.roles or not any(event.roles))
            and begin <= parse_time(row["last"]) + _HOUR and parse_time(row["onset"]) <= event.last)
