"""Parts of what `probe status` says: sizes, looks for something new that failed, and when a run began. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from probe.core.runs import Run
from probe.core.stamps import parse_time
from probe.core.translation import say
from probe.core.visible_text import visible
from probe.upkeep.updates.signed_file import LookState


def describe_failed_look(looks: LookState) -> str:
    """When a look for a new one failed, and why; empty where none did."""
    if not looks.at or not looks.failed:
        return ""
    return say("; the last look for a new one, {time}, failed: {why}", time=f"{looks.at:%Y-%m-%d %H:%M} UTC",
               why=visible(looks.failed))


def describe_size(count: float) -> str:
    """`12.5 MB`, in powers of ten."""
    if count < 1000:
        return say("{size} B", size=f"{count:.0f}")
    if count < 1e6:
        return say("{size} kB", size=f"{count / 1e3:.1f}")
    if count < 1e9:
        return say("{size} MB", size=f"{count / 1e6:.1f}")
    return say("{size} GB", size=f"{count / 1e9:.1f}")


def read_start(run: Run) -> datetime:
    """When a run began; long ago where its row does not tell."""
    try:
        return parse_time(run.measurement_start_time)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
