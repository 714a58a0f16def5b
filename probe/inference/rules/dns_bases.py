"""On what each accusation over a name may rest, and what is left without a basis.

- `content`: what was said can come from nobody who answers for the name (`NameEvidence.false_by_itself`).
- `place`: plain questions fare alike at two resolvers, one of whom answers them encrypted (`struck_on_the_way`).
- `packets`: captured replies of two senders (`DnsEvidence.two_senders`).
- `company`: names of three unrelated owners, which are given one false address or fail alike.

`time` is not among them: a resolver answers at once out of its cache, whoever filled that. Nor is a failure of the
resolver's, or silence, `content`: it passes the zone's servers' own refusal on as the one or the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

DnsBasis = Literal["content", "place", "packets", "company"]

DNS_BASES: Mapping[str, tuple[DnsBasis, ...]] = {
    "dns/two_answers": ("content", "packets"),
    "dns/dark_address_answers": ("content",),
    "dns/malformed_over_tcp": ("content",),
    # Led to a resolver that lies; where it gives an address that merely serves somebody else, that may be an old one.
    "dns/led_astray": ("content", "place", "company"),
    "dns/restricted_mode": ("content",),
    "dns/restricted_mode_everywhere": ("content",),
    "dns/false_answer_here_only": ("content",),
    "dns/false_answer_everywhere": ("content",),
    "dns/block_address_known_elsewhere": ("content",),
    "dns/block_address_known_elsewhere_everywhere": ("content",),
    "dns/wrong_server_for_many": ("company", "place"),
    # Unplaced: the zone's servers may lead a country to a server of their own that has the wrong certificate.
    "dns/wrong_server_everywhere": ("place", "company"),
    "dns/dead_answer_for_many": ("company", "place"),
    # Unplaced: a denial that the zone's servers gave, or out of an old zone (`dns_marks.py`).
    "dns/denied_here_only": ("content", "place", "company"),
    "dns/empty_here_only": ("content", "place", "company"),
    # Unplaced: a forwarder may have passed on that the zone's servers refuse it.
    "dns/refused_here_only": ("content", "place", "company"),
    # Unplaced: the zone's servers refuse or drop this resolver's questions, or its signatures are out of date.
    "dns/servfail_here_only": ("place", "company"),
    "dns/unanswered_here_only": ("place", "company"),
}
"""Rule -> bases, each of which suffices. Where none is shown, the verdict is `inconclusive.unplaced`."""
