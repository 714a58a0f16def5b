"""Where probes are asked for: lines of homes and of servers in several countries, and never where it may harm. Pure.

Everywhere the probes' owners carry the questions over their own lines. So they are asked for in countries in which we
know of no harm from that; in the volunteers' own as well, since a service that is reached there has not shut the
country out, but in none of grave risk.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from probe.config.consent.country_profiles import is_grave
from probe.controls.globalping.questions import HOME, LineTag, ProbePlace

COUNTRIES = ("US", "DE", "FR", "NL", "GB", "JP", "SE", "PL")
"""In which it has many probes, of profile `open`."""
_LINES: tuple[LineTag, ...] = (HOME, "datacenter-network", "")
MOST_VOLUNTEERS = 2
"""Countries of volunteers that are asked about at once."""
CONTROL_ASN, CONTROL_CC = 4_200_000_026, "XX"
"""What stands in results for the network and the country of all of it: a number for private use (RFC 6996), a code
that is assigned to nobody. However many lines it has, one operator's word is one network's."""


def choose_places(rng: random.Random, volunteers: Iterable[str] = ()) -> tuple[ProbePlace, ...]:
    """A home line and two others in three countries, and a line in each of the first of the volunteers' countries."""
    near = [cc for cc in dict.fromkeys(cc.upper() for cc in volunteers) if may_be_asked(cc)][:MOST_VOLUNTEERS]
    far = rng.sample([cc for cc in COUNTRIES if cc not in near], len(_LINES))
    return (*(ProbePlace(cc=cc, line=line) for cc, line in zip(far, _LINES, strict=True)),
            *(ProbePlace(cc=cc) for cc in near))


def may_be_asked(cc: str) -> bool:
    """Whether probes in a country may carry such questions."""
    return len(cc) == 2 and cc.isascii() and cc.isalpha() and cc != "ZZ" and not is_grave(cc)
