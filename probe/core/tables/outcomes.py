"""The six outcomes of a verdict, and what each means to a reader."""

from __future__ import annotations

from typing import Final, Literal

Decided = Literal["ok", "blocked", "down", "network", "local", "inconclusive"]
"""What came of a target that was tried."""
Outcome = Literal["ok", "blocked", "down", "network", "local", "inconclusive", "not_attempted"]
"""Words of the column `outcome`."""

OUTCOMES: dict[Decided, str] = {
    "ok": "the service answered as it should",
    "blocked": "something between the volunteer and the service interferes with it; `block_type` says how",
    "down": "the service itself fails or refuses, also from elsewhere, or by its own evident choice",
    "network": "the whole network is cut, walled or slowed, and no service is singled out",
    "local": "the volunteer's own device, router or resolver is the cause",
    "inconclusive": "the evidence does not decide; never counted as ok or as blocked",
}

NOT_ATTEMPTED: Final = "not_attempted"
"""Written in the outcome column of a target that was never tried; counted in no share."""
