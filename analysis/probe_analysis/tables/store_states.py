"""What one check says of one application in one storefront, and why nothing can be said."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

IN, ABSENT, BLOCKED, UNKNOWN = "in_storefront", "not_in_storefront", "store_blocked", "unknown"

STATES: Mapping[str, str] = MappingProxyType({
    IN: "the store shows the application in this storefront",
    ABSENT: "the store shows others there, and this one elsewhere: removed, withdrawn or never released there",
    BLOCKED: "no lookup of the batch was answered, and a run of the last day found the store itself blocked",
    UNKNOWN: "nothing can be said; the column `reason` tells why",
})

NO_ANSWER, LIMITED, STRANGE, NOT_ASKED = "no_answer", "rate_limited", "strange_answer", "not_asked"
UNTOLD, NO_CONTROL, NOWHERE = "availability_untold", "control_absent", "absent_everywhere"

REASONS: Mapping[str, tuple[str, str]] = MappingProxyType({
    NO_ANSWER: ("the lookup failed on the way", "inconclusive.control_failed"),
    LIMITED: ("the store asks for fewer lookups, or refuses them", "inconclusive.instrument"),
    STRANGE: ("the answer is none of this store's as they are known: a consent page, a redirect, another storefront's",
              "inconclusive.instrument"),
    NOT_ASKED: ("the batch ended before this lookup, or had none left", "inconclusive.not_attempted"),
    UNTOLD: ("the application's page came, without what tells whether it can be installed there",
             "inconclusive.instrument"),
    NO_CONTROL: ("not even the store's own applications are shown in this storefront", "inconclusive.control_failed"),
    NOWHERE: ("no storefront that was asked shows it: withdrawn everywhere, or not under this id",
              "inconclusive.unexplained"),
})
"""Reason of `unknown` -> (meaning, block type)."""

REMOVED, LISTED = "removed", "listed"

CHANGES: Mapping[str, str] = MappingProxyType({
    REMOVED: "it was shown, and then was not",
    LISTED: "it was not shown, and then was",
})
"""Both only by three agreeing checks over more than six hours."""
