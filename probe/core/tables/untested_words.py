"""Why an endpoint was not tried, as rows say it (`reason` of a verdict `not_attempted`): written and read here."""

from __future__ import annotations

import re
from typing import Literal

from probe.core.tables.protocols import PROTOCOLS

UntestedWhy = Literal["level", "choice", "library", "family", "no_way", "time", "closed", "turn", "place", "hour",
                      "other"]
"""level: it takes more consent; choice: the person left the service out; library: one is not installed; family: this
network has no address family for it; no_way: the probe does not speak its protocol; time: the run ended before it, or
between the site's first answer and this page, or the line was dark then; closed: its operator closed it; turn: this
run did not take it; place: this line is not known to lie in the country that was agreed for; hour: a run of the last
hour tried it."""

OPTED_OUT = "the volunteer opted out of this service"
CLOSED_NAMELESS = "the service is closed and has no name to ask for"
RAN_OUT = "the run ended before it was tried"
LINE_DARK = "nothing at all was answered while it was tried"
PAGE_UNASKED = "the site answered, and this page of it was never asked for"
ELSEWHERE = "the country that was looked up is unknown, or not the one that was agreed for"
ASKED_LATELY = "chats are asked once an hour at consent level 1"
NO_FAMILY = "no usable address in the address families of this network"
_LEVEL = re.compile(r"(?:the service )?needs consent level (\d)")
_LIBRARY = re.compile(r"needs [\w.-]{1,40}, which is not installed")
_ROUTE = re.compile(r"no IPv[46] route to a literal address")
_EXACT: dict[str, UntestedWhy] = {OPTED_OUT: "choice", CLOSED_NAMELESS: "closed", RAN_OUT: "time", LINE_DARK: "time",
                                  PAGE_UNASKED: "time", NO_FAMILY: "family", ELSEWHERE: "place",
                                  ASKED_LATELY: "hour"}
_UNSPOKEN = frozenset(protocol.why_not for protocol in PROTOCOLS.values() if protocol.why_not)


def lack_level(level: int, *, whole_service: bool = False) -> str:
    """The reason of what takes more consent than was given."""
    return f"{'the service ' if whole_service else ''}needs consent level {level}"


def lack_library(module: str) -> str:
    """The reason of what takes a library; how to add it depends on the installation, and is said elsewhere."""
    return f"needs {module}, which is not installed"


def lack_route(family: int) -> str:
    """The reason of a literal address without a route."""
    return f"no IPv{family} route to a literal address"


def read_untested_reason(reason: str) -> tuple[UntestedWhy, int]:
    """The word of a reason, and the consent level that would do (0: none). Rows of other versions may hold other
    reasons, which are `other`."""
    if found := _LEVEL.fullmatch(reason):
        return "level", int(found[1])
    if reason in _EXACT:
        return _EXACT[reason], 0
    if _LIBRARY.match(reason):
        return "library", 0
    if _ROUTE.fullmatch(reason):
        return "family", 0
    return ("no_way" if reason in _UNSPOKEN else "other"), 0
