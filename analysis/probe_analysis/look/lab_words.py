"""What is said of the laboratory's data: that they are none of the world, and how many rows of the other side were left
out."""

from __future__ import annotations

from probe.core.counted_words import count_things
from probe_analysis.findings.finding_values import LookSource
from probe_analysis.look.look_values import LookData
from probe_analysis.pages.language import ENGLISH


def describe_lab(data: LookData) -> tuple[str, str]:
    """The banner of `probe report`: its first words, and what they mean; counts of others may be of the world."""
    whole = not any(source.kind == "counts" for source in data.sources)
    return ENGLISH("page.lab"), ENGLISH("page.lab_whole" if whole else "page.lab_parts")


def describe_other_side(source: LookSource) -> str:
    """How many rows were left out, as `probe analyse` says it; empty: none."""
    return "" if not source.other_side else (
        f"{count_things(source.other_side, 'row')} left out, because laboratory runs and others are never mixed; see "
        f"--lab.")
