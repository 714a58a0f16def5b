"""How sure a finding is, in a sentence. Pure."""

from __future__ import annotations

from probe.core.counted_words import count_things
from probe_analysis.findings.finding_values import LookFinding
from probe_analysis.look.look_words import describe_word


def describe_certainty(finding: LookFinding) -> str:
    """How sure a finding is, and on what that rests."""
    seen = ("nobody counted the probes" if finding.witnesses is None else
            f"at least {count_things(finding.witnesses, 'probe')} saw it")
    if finding.kind == "population":
        if finding.status == "confirmed":
            return f"Many probes together show a block: {describe_word(finding.basis)}; {seen}."
        if finding.basis:
            return (f"Suspected: many probes together show a block, {describe_word(finding.basis)}, of which no event "
                    f"tells yet; {seen}.")
        return f"Not decided: probes fail alike, and a refusal by the service itself would look the same; {seen}."
    sure = "" if finding.probability is None else f", with a probability of {finding.probability:.2f}"
    if finding.status == "confirmed":
        return f"The detector of events confirms it{sure}, from a prior of one block a network and year; {seen}."
    return f"Suspected{sure}: the detector does not confirm it; {seen}."
