"""Words of a run: what started it, where it was made, what its first rungs found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

from probe.core.tables.words import read_word

Trigger = Literal["timed", "manual", "followup"]
"""What started the run."""
NetworkType = Literal["unknown", "wired", "wifi", "mobile", "vpn"]
"""The kind of access; vpn: the tunnel is the vantage."""
Tunnel = Literal["", "split", "full"]
"""What a VPN carries of this device's traffic; empty: nothing."""
GeoSource = Literal["settings", "table", "none"]
"""Who says in which country and network the vantage lies."""
CatalogueSource = Literal["packaged", "signed", "own"]
"""Whose list of targets a run took: the program's, one that a publisher signed, or a file of the person's. Never where
that file lies, which would name the person."""
Privilege = Literal["socket", "packet"]
"""What the probe may see: what any program sees, or packets too."""
Rung = Literal["link", "tunnel", "gateway", "resolver", "domestic", "foreign", "tls", "ipv6", "clock", "dot",
               "doh", "https"]
"""What a run looks at before its targets, and beside them."""
Gateway = Literal["answers", "silent", "none", "unknown"]
"""What the default gateway does; none: there is none."""
ResolverState = Literal["ok", "dead", "failing", "unasked"]
"""How the network's resolver fares with innocent names."""
FamilyState = Literal["ok", "broken", "absent", "unknown"]
"""How an address family fares."""
Power = Literal["mains", "battery", "unknown"]
Metered = Literal["yes", "likely", "unknown", "unlikely", "no"]
"""Whether the line is paid for by volume."""
Skip = Literal["", "battery", "metered"]
"""Why a run of a schedule is not made; empty: it is."""
CUT_SHORT: Final = "run:cut_short"
"""Of the column `conditions`: the run was ended from outside, and nobody judged what it had measured."""
NETWORK_TYPES: Mapping[NetworkType, str] = MappingProxyType({
    "unknown": "not told", "wired": "a cable", "wifi": "wireless, behind a cable", "mobile": "a mobile operator",
    "vpn": "a VPN whose far end is what you mean to measure",
})
TOLD_WORDS: Mapping[str, str] = MappingProxyType({
    "ok": "in order", "wrong": "wrong", "dead": "answers nothing", "failing": "fails", "unasked": "was not asked",
    "broken": "broken", "absent": "there is none", "unknown": "not known", "mains": "from the mains",
    "battery": "from the battery", "yes": "yes", "likely": "likely", "unlikely": "unlikely", "no": "no",
})
"""What people are told for the words of rungs and conditions."""
GATEWAYS: tuple[Gateway, ...] = get_args(Gateway)
TUNNELS: tuple[Tunnel, ...] = get_args(Tunnel)
NO_TUNNEL: tuple[Gateway, ...] = ("none", "unknown")
"""Of the rung `tunnel`: there is none, or none can be seen."""
RUNGS: tuple[Rung, ...] = get_args(Rung)
OUT_OF_ORDER: tuple[ResolverState, ...] = ("dead", "failing")
"""A resolver that answers nothing useful."""


def read_rungs(ladder: Iterable[str]) -> dict[Rung, str]:
    """What a run's row says of each rung, from `rung:word`; text without a colon is left out."""
    return {read_word(rung, RUNGS): word for rung, colon, word in (text.partition(":") for text in ladder) if colon}
