"""What planned connections say of one service in one country: suspicions of days, and counts. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from probe_analysis.findings.finding_values import PlannedPart, SlowedPart
from probe_analysis.look.look_subject import is_about
from probe_analysis.look.look_values import LookSubject
from probe_analysis.slowed.slowed_rows import describe_tally, make_rows
from probe_analysis.slowed.slowed_services import QuarterTally, find_slowed, sum_services

_MAX_TEXT = 80


def list_slowed_parts(tallies: Sequence[QuarterTally], subject: LookSubject, since: datetime | None,
                      known: Container[int]) -> Iterator[SlowedPart]:
    """The suspicions, but for those that were over before `since`; the latest first. `known`: networks in which enough
    probes were known some days before."""
    rows = make_rows(one for one in find_slowed(tallies)
                     if one.network[0] == subject.cc and is_about(subject, one.service, ()))
    for row in sorted(rows, key=lambda row: (row["last_day"], row["n"]), reverse=True):
        if not since or row["last_day"] >= since.date().isoformat():
            yield make_slowed_part({**row, "service": row["service"][:_MAX_TEXT]}, known)


def make_slowed_part(row: Mapping[str, Any], known: Container[int] = ()) -> SlowedPart:
    """One suspicion, from a row of `slowed.json`. Raises ValueError or KeyError for a row that is none."""
    return msgspec.convert({
        **row, "asn": row["probe_asn"], "label": "", "has_onset": row["onset"],
        "known": row["probe_asn"] in known and "fresh_names" not in row["not_ruled_out"]}, SlowedPart)


def list_planned_parts(tallies: Sequence[QuarterTally], subject: LookSubject,
                       known: Container[int]) -> list[PlannedPart]:
    """What was counted on each network, the largest share in trouble first."""
    heard = {(one.network, one.service) for one in tallies if not one.fresh}
    parts = [PlannedPart(asn=network[1], label="", service=service[:_MAX_TEXT],
                         known=network[1] in known and (network, service) in heard, **describe_tally(counted))
             for (network, service), counted in sum_services(tallies).items()
             if network[0] == subject.cc and is_about(subject, service, ()) and counted.made]
    return sorted(parts, key=lambda part: (-part.troubled / part.n, part.asn, part.service))
