"""Where a control's word comes from (`ControlAnswer.source`)."""

from __future__ import annotations

from typing import Final, Literal

from probe.core.tables.failures import Failure
from probe.core.tables.handshakes import Proof

AppWord = Proof | Failure | Literal["unknown"]
"""What a control says of a messenger's own first words: the proof in the answer, or the failure."""
ControlSource = Literal["helper", "feed"]
ControlState = Literal["answered", "failed", "refused"]
"""What became of the question to a control (`ControlAnswer.state`)."""
ControlWord = Literal["not_needed", "none", "failed", "agrees", "contrary", "doubtful"]
"""What controls said of a finding (`Verdict.control`)."""

HELPER: Final = "helper"
"""Asked at that moment."""
FEED: Final = "feed"
"""It stood in a signed file: a vantage that was not asked for these very addresses, so where it says nothing of one, it
has given no answer about it."""
