"""What planned connections say, in sentences: suspicions that a service is slowed, and how often it fails. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from probe.core.tables.words import read_word
from probe_analysis.findings.finding_values import LookFinding, PlannedPart, SlowedPart
from probe_analysis.look.look_values import LookSubject
from probe_analysis.look.look_words import DECIDES, Topic
from probe_analysis.slowed.slowed_services import DOUBTS, Doubt
from probe_analysis.tables.event_checks import EventCheck
from probe_analysis.tables.population_words import PopulationDoubt

_CHECKS: Mapping[Doubt, EventCheck | PopulationDoubt] = MappingProxyType({
    "device": "one_device", "service": "service", "fresh_names": "fresh_names"})
"""Doubt -> the word for what would decide it."""


def describe_slowed_part(part: SlowedPart, subject: LookSubject, place: str) -> Iterator[tuple[Topic, str]]:
    """`place`: what its network may be called."""
    title = subject.title if part.service == subject.service else f"a web page of {subject.title} ({part.service})"
    yield "what", (f"a suspicion, not established: {title} seems to be slowed from {place} in {subject.cc}: "
                   f"{count_trouble(part)}; of the network's other services {part.others_troubled} of {part.others_n}, "
                   f"of its own in other countries {part.elsewhere_troubled} of {part.elsewhere_n}.")
    began = "a day without such trouble came before" if part.has_onset else "it was so on the first day measured"
    yield "since", f"slowed connections from {part.first_day} to {part.last_day}; {began}."
    if part.by_name:
        yield "how", ("of innocent names at the same addresses, "
                      f"{part.beside_troubled} of {part.beside_n} were in trouble: the name matters.")
    doubts = [read_word(word, DOUBTS) for word in part.not_ruled_out]
    if doubts:
        yield "else", f"Not excluded: {'; '.join(DOUBTS.get(word, word) for word in doubts)}."
    decides = [DECIDES[_CHECKS[word]] for word in doubts if word in _CHECKS]
    if decides:
        yield "decide", f"{'; '.join(decides)}."


def is_told_by(part: SlowedPart, finding: LookFinding) -> bool:
    """Whether a finding explains such a suspicion: it stops as much of the service on that network, on all its days.
    Connections that are blocked are in trouble as well, and to tell them twice would make two blocks of one."""
    if finding.kind == "network" or finding.service != part.service or finding.strength < part.low or (
            part.asn, part.label) not in {(one.asn, one.label) for one in finding.networks}:
        return False
    first = (finding.onset_from or finding.onset_until).date().isoformat()
    return first <= part.first_day and part.last_day <= finding.last.date().isoformat()


def describe_told_part(part: SlowedPart, place: str) -> Iterator[tuple[Topic, str]]:
    """The trouble of planned connections where a finding explains it."""
    yield "sure", (f"planned connections from {place} were in trouble on the same days, which is no second finding: "
                   f"{count_trouble(part)}.")


def count_trouble(part: PlannedPart) -> str:
    """How many planned connections were in trouble, with the interval of their share."""
    return (f"{part.troubled} of {part.n} planned connections failed or lost something ({part.low:.0%} to "
            f"{part.high:.0%} of all, with 95 %)")
