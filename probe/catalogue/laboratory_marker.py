"""Are we inside the laboratory? Told by a file that is mounted over the packaged empty one, and by nothing else.

A flag or a variable could be set by mistake on a real network; a mount cannot. The marker says that results are
laboratory results and how far the clock of that world is shifted; it says nothing of the scenario.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

MARKER = Path(__file__).with_name("laboratory.json")


@dataclass(frozen=True, slots=True)
class Marker:
    """`lab` marks every row; time stamps may be shifted only when it is set."""

    lab: bool = False


def read_marker(marker: Path = MARKER, mounts: Path = Path("/proc/self/mountinfo")) -> Marker:
    """The laboratory's marker when one is really mounted, else the plain world."""
    try:
        text = marker.read_text()
        if not text.strip():
            return Marker()
        mounted = any(line.split()[4] == str(marker.resolve()) for line in mounts.read_text().splitlines())
        return Marker(lab=mounted and json.loads(text).get("lab") is True)
    except (OSError, ValueError, IndexError, AttributeError):
        return Marker()
