"""One recording for each rule over the network as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import WELL
from probe.judge.network.allowlist_evidence import AllowlistEvidence
from probe.judge.network.dark_spells import DarkSpell
from probe.judge.network.ladder_evidence import LadderEvidence

NOTHING: dict[str, Any] = dict(foreign_failed=5, resolver="dead")
DARK = DarkSpell(from_s=20.0, to_s=90.0, lasts=True)
NETWORKS: dict[str, LadderEvidence] = {
    "net/starved": replace(WELL, slow=True, stalled=2),
    "net/crawls": replace(WELL, slow=True, crawls=True),
    "net/changed": replace(WELL, changed=True),
    "net/tunnel": replace(WELL, tunnel="full"),
    "net/captive_portal": replace(WELL, altered=2),
    "net/offline": LadderEvidence(gateway="silent", **NOTHING),
    "net/shutdown": LadderEvidence(gateway="answers", **NOTHING),
    "net/nothing_answers": LadderEvidence(**NOTHING),
    "net/national_only": LadderEvidence(domestic_ok=1, foreign_failed=3, resolver="ok"),
    "net/national_by_address": LadderEvidence(home_alone=True, foreign_failed=3, resolver="ok", passes=True),
    "net/allowlist_name": replace(WELL, allowlist=AllowlistEvidence(way="name", far_apart=True)),
    "net/allowlist_data": replace(WELL, allowlist=AllowlistEvidence(way="data", far_apart=True)),
    "net/allowlist_address": replace(WELL, allowlist=AllowlistEvidence(way="address", neighbours=("a", "b", "c"))),
    "net/clock": replace(WELL, clock_offset_s=-9e7),
    "net/resolver": replace(WELL, resolver="failing"),
    "net/went_dark": replace(WELL, dark=(DARK,)),
    "net/abroad_went_dark": replace(WELL, dark_abroad=(DARK,), home_later=True),
    "net/only_names": LadderEvidence(domestic_failed=1, foreign_failed=5, resolver="ok"),
    "net/controls_failed": LadderEvidence(domestic_failed=1, foreign_failed=5, resolver="ok", passes=True),
    "net/well": WELL,
}
