"""The six outcomes of a verdict, and what each means to a reader."""

from __future__ import annotations

OUTCOMES: dict[str, str] = {
    "ok": "the service answered as it should",
    "blocked": "something between the volunteer and the service interferes with it; `block_type` says how",
    "down": "the service itself fails or refuses, also from elsewhere, or by its own evident choice",
    "network": "the whole network is cut, walled or slowed, and no service is singled out",
    "local": "the volunteer's own device, router or resolver is the cause",
    "inconclusive": "the evidence does not decide; never counted as ok or as blocked",
}

NOT_ATTEMPTED = "not_attempted"
"""Written in the outcome column of a target that was never tried; counted in no share."""
