"""Which outages that others report lie in the time and place of a finding. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from probe_analysis.imported.outage_reports import OutageReport
from probe_analysis.look.look_values import LookFinding

SLACK = timedelta(hours=1)
"""Outages are told by the minute, findings by the hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageOverlap:
    """An outage beside a finding."""

    outage: OutageReport
    number: int
    """Its place in the list, for its row."""
    covers: bool
    """It lasted as long as the finding, on every network of it: all of the failures may be its doing."""


def find_overlaps(finding: LookFinding, outages: Iterable[OutageReport]) -> list[OutageOverlap]:
    """Outages in the hours of a finding, on networks of it; those first that may explain all of it."""
    asns = {one.asn for one in finding.networks if one.asn > 0}
    begin, last = finding.onset_from or finding.onset_until - SLACK, finding.last
    found = []
    for number, outage in enumerate(outages):
        in_time = outage.start <= last + SLACK and (outage.end is None or outage.end >= begin - SLACK)
        if not in_time or (outage.asns and not asns & set(outage.asns)):
            continue
        everywhere = not outage.asns or all(one.asn in outage.asns for one in finding.networks)
        whole = outage.start <= finding.onset_until + SLACK and (outage.end is None or outage.end + SLACK >= last)
        found.append(OutageOverlap(outage=outage, number=number, covers=everywhere and whole))
    return sorted(found, key=lambda one: not one.covers)


def is_told_apart(finding: LookFinding) -> bool:
    """Whether other services were well on the same networks in the same hours, which an outage does not spare."""
    return "network" in finding.ruled_out
