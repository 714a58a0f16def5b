"""Sentences about outages, and those of plug-ins. None of them convicts. Pure.

Failures that an outage may explain are not told apart from it, unless other services were well beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from probe.core.counted_words import count_things
from probe_analysis.findings.finding_values import LookFinding
from probe_analysis.imported.outage_reports import OutageReport
from probe_analysis.look.look_values import LookData, LookSentence
from probe_analysis.pages.language import ENGLISH

MAX_TOLD = 8
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


def make_beside_sentences(data: LookData) -> Iterator[LookSentence]:
    """What plug-ins say, and that no outage is known."""
    for part in data.beside.parts:
        yield from part.make_sentences(data)
    if data.beside.outages_asked and not data.beside.outages:
        yield LookSentence(topic="else", rows=("outages",), text=f"No outage of {data.subject.cc}, nor of the networks "
                           "that are named here, is in the answers that were given. They need not be whole.")


def describe_outages(data: LookData, finding: LookFinding) -> Iterator[tuple[str, str]]:
    """(sentence, row) for each outage in the hours of a finding."""
    overlaps = find_overlaps(finding, data.beside.outages)
    for one in overlaps[:MAX_TOLD]:
        yield f"{_describe_outage(data, one.outage)}. {_weigh_outage(finding, one)}", f"o{one.number}"
    if len(overlaps) > MAX_TOLD:
        yield f"{len(overlaps) - MAX_TOLD} more outages in these hours are in the table.", "outages"


def is_explained_by_outage(data: LookData, finding: LookFinding) -> bool:
    """Whether an outage may have made all of it, and nothing tells them apart."""
    return not is_told_apart(finding) and any(one.covers for one in find_overlaps(finding, data.beside.outages))


def _describe_outage(data: LookData, outage: OutageReport) -> str:
    named = [f"AS{asn} ({data.operators[asn]})" if asn in data.operators else f"AS{asn}" for asn in outage.asns[:4]]
    more = f" and {count_things(len(outage.asns) - 4, 'more network')}" if len(outage.asns) > 4 else ""
    place = ", ".join(named) + more if named else (
        f"a part of {data.subject.cc} ({outage.part})" if outage.part else data.subject.cc)
    signal = f", by its data {outage.signal!r}" if outage.signal else ""
    end = f"to {ENGLISH.moment(outage.end)}" if outage.end else "on, without an end"
    return f"{outage.source} reports an outage of {place} from {ENGLISH.moment(outage.start)} {end}{signal}"


def _weigh_outage(finding: LookFinding, overlap: OutageOverlap) -> str:
    if finding.kind == "network":
        return "That fits a loss of whole networks; by a fault or on purpose, neither tells."
    if is_told_apart(finding):
        return ("It does not explain these failures by itself: other services were well on the same networks in these "
                "hours.")
    if overlap.covers:
        return "These failures are not told apart from it: no other service is known to have been well beside."
    return "In its hours the failures are not told apart from it; it did not last as long, or not on all the networks."


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
