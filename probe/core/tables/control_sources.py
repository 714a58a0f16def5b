"""Where a control's word comes from (`ControlAnswer.source`)."""

from __future__ import annotations

HELPER = "helper"
"""Asked at that moment."""
FEED = "feed"
"""It stood in a signed file: a vantage that was not asked for these very addresses, so where it says nothing of one, it
has given no answer about it."""
