"""What a person is told of a messenger and of a run: every word of the answer, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from probe.core.tables.roles import Role
from probe.core.tables.table_file import read_table
from probe.core.tables.untested_words import UntestedWhy

AccountPart = Literal["calls", "group_calls", "call_media", "chat_gateway"]
"""Keys of `probe.core.tables.roles.ACCOUNT_PARTS`."""
PartState = Literal["blocked", "partly_blocked", "suspected", "undecided", "partly_fails", "refuses", "busy", "down",
                    "at_times", "mostly", "reached_only", "too_little", "not_tested", "not_judged", "not_reached",
                    "works", "needs_account"]
"""What is so of one part of a service. The order is the order of the answer: what is blocked comes first."""
Sureness = Literal["", "confirmed", "seen_once"]
"""Of a block: a later look or an earlier run saw it too, or this run alone did."""
Circumstance = Literal["offline", "nobody", "portal", "vpn", "moved", "clock", "resolver", "filter", "interception",
                       "firewall", "mtu", "allowlist", "perhaps_listed", "unreached", "national_only", "degraded",
                       "network", "device", "cut_off", "no_control", "one_control", "second_control", "encrypted_dns",
                       "place"]
"""What kept a run from seeing all that it should."""
NextStep = Literal["show", "again", "compare", "keep", "report", "safety", "level", "library", "longer"]
"""What a person can do now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWords:
    """A state in a sentence behind one part, and behind several."""

    state: PartState
    one: str
    many: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CircumstanceWords:
    """What is so, and what to do about it."""

    circumstance: Circumstance
    text: str
    todo: str
    stops: bool = False
    """Nothing follows for any service."""


_FOLDER = Path(__file__).parent

ROLE_WORDS: Mapping[Role, str] = MappingProxyType({
    "chat": "chat", "api": "account", "web": "web", "media": "pictures and files", "call": "call servers",
    "push": "notifications", "register": "sign-up", "store": "its place in the app store", "download": "downloads",
    "control": "controls",
})
"""What people call a part."""
PLURAL_ROLES: frozenset[Role] = frozenset({"media", "call", "push", "download", "control"})

PART_STATES: Mapping[PartState, StateWords] = MappingProxyType({
    row.state: row for row in read_table(_FOLDER / "part_states.csv", StateWords)
})
STATE_ORDER: tuple[PartState, ...] = tuple(PART_STATES)

UNTESTED_WHYS: Mapping[UntestedWhy, str] = MappingProxyType({
    "level": "consent level {level} tests it", "choice": "you left it out", "library": "a library is missing",
    "family": "this network has no address for it", "no_way": "this program cannot test it yet",
    "time": "the run ended before", "closed": "its maker closed it",
    "turn": "it was not part of this run", "hour": "a run of the last hour tested it",
    "place": "the country of this line is unknown, or not the agreed one", "other": "see --details",
})
"""Behind what was not tested."""

CIRCUMSTANCES: Mapping[Circumstance, CircumstanceWords] = MappingProxyType({
    row.circumstance: row for row in read_table(_FOLDER / "circumstances.csv", CircumstanceWords)
})

SURENESS: Mapping[Sureness, str] = MappingProxyType({
    "confirmed": "seen again at another time", "seen_once": "seen in this run alone so far", "": "",
})

NEXT_STEPS: Mapping[NextStep, str] = MappingProxyType({
    "show": "what it rests on: probe show {target}{where}",
    "again": "test again: probe run --fast",
    "compare": "compare: ask somebody on another network to run this program, or see https://explorer.ooni.org",
    "keep": "keep the evidence, as one page: probe show {run}{where} --page {run}.html",
    "report": "a wrong verdict? Send this file to whoever gave you this program: "
              "probe show {run}{where} --json > {run}.json",
    "safety": "stay safe and in touch: https://ssd.eff.org, https://securityinabox.org",
    "level": "to test the rest: probe setup --level {level} (it says first what others then see)",
    "library": "to test the rest: probe doctor says what to install",
    "longer": "to test the rest: probe run (without --fast)",
})
