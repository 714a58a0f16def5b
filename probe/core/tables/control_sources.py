"""Where a control's word comes from (`ControlAnswer.source`)."""

from __future__ import annotations

from typing import Final, Literal

from probe.core.tables.failures import Failure
from probe.core.tables.handshakes import Proof

AppWord = Proof | Failure | Literal["unknown"]
"""What a control says of a messenger's own first words: the proof in the answer, or the failure."""
ControlSource = Literal["helper", "feed", "public"]
ControlState = Literal["answered", "failed", "refused"]
"""What became of the question to a control (`ControlAnswer.state`)."""
ControlWord = Literal["not_needed", "none", "failed", "agrees", "contrary", "doubtful"]
"""What controls said of a finding (`Verdict.control`)."""
HelperRefusal = Literal["forbidden", "rate_limited", "busy"]
"""Why a helper declines; `reason` of a `ControlAnswer`, beside what others say."""
ControlFault = Literal["denies", "invents", "loaded"]
"""Why a control is not counted in a run (`Run.controls_left_out`): what it said of places of which the answer is known,
or that it was too busy to say it."""
CONTROL_FAULTS: dict[ControlFault, str] = {
    "denies": "says that a place does not answer which answered here at the same time",
    "invents": "says that a place answers at which nothing does",
    "loaded": "is too busy to say whether a known place answers",
}

BUSY: Final = "busy"
"""With this word a helper declines because of its load: it says nothing of the service."""
HELPER: Final = "helper"
"""Asked at that moment."""
FEED: Final = "feed"
"""It stood in a signed file: a vantage that was not asked for these very addresses, so where it says nothing of one, it
has given no answer about it."""
PUBLIC: Final = "public"
"""A public network of probes, asked at that moment: it tells what works, and where it says nothing it has given no
answer either."""
SELECTIVE: Final = (FEED, PUBLIC)
"""Those that tell of some addresses and not of others."""
