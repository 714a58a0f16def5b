"""Which volunteers measure staged targets first: drawn by the name that a probe has for a month. Pure.

Everybody gets the same signed bytes, so no server learns who was drawn. Who collects runs draws anew from the names on
them, and believes no run's own word. The draw depends on the targets: another catalogue falls to others first, and a
higher share of the same one adds to those who were drawn.
"""

from __future__ import annotations

import hashlib

from probe.upkeep.updates.list_document import StagedTargets

_DRAWN_BYTES = 8


def is_drawn(stage: StagedTargets, name: str) -> bool:
    """Whether the probe of this name is among the first; one that has no name never is."""
    if not name:
        return False
    salt = hashlib.sha256(stage.targets.encode()).digest()
    drawn = int.from_bytes(hashlib.sha256(salt + name.encode()).digest()[:_DRAWN_BYTES])
    return drawn * 100 < stage.percent << 8 * _DRAWN_BYTES
