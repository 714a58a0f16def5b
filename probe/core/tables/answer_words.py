"""What a person is told of a messenger and of a run: every word of the answer, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from probe.core.tables.control_remedies import FIRST_CONTROL
from probe.core.tables.roles import Role
from probe.core.tables.untested_words import UntestedWhy

AccountPart = Literal["calls", "group_calls", "call_media", "chat_gateway"]
"""Keys of `probe.core.tables.roles.ACCOUNT_PARTS`."""
PartState = Literal["blocked", "partly_blocked", "suspected", "undecided", "partly_fails", "refuses", "busy", "down",
                    "at_times", "mostly", "reached_only", "not_tested", "not_judged", "not_reached", "works",
                    "needs_account"]
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

    one: str
    many: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CircumstanceWords:
    """What is so, and what to do about it."""

    text: str
    todo: str
    stops: bool = False
    """Nothing follows for any service."""


_ADD_CONTROL: Final = f"{FIRST_CONTROL} offers some, and says what each tells to whom"

ROLE_WORDS: Mapping[Role, str] = MappingProxyType({
    "chat": "chat", "api": "account", "web": "web", "media": "pictures and files", "call": "call servers",
    "push": "notifications", "register": "sign-up", "store": "its place in the app store", "download": "downloads",
    "control": "controls",
})
"""What people call a part."""
PLURAL_ROLES: frozenset[Role] = frozenset({"media", "call", "push", "download", "control"})

PART_STATES: Mapping[PartState, StateWords] = MappingProxyType({
    "blocked": StateWords(one="is BLOCKED", many="are BLOCKED"),
    "partly_blocked": StateWords(one="is partly BLOCKED", many="are partly BLOCKED"),
    "suspected": StateWords(one="fails: a block or the service's own refusal, not known which",
                            many="fail: a block or the service's own refusal, not known which"),
    "undecided": StateWords(one="fails, not known why", many="fail, not known why"),
    "partly_fails": StateWords(one="fails in part", many="fail in part"),
    "refuses": StateWords(one="is refused by the service itself", many="are refused by the service itself"),
    "busy": StateWords(one="was busy, which is no failure", many="were busy, which is no failure"),
    "down": StateWords(one="is out of order at the service itself", many="are out of order at the service itself"),
    "at_times": StateWords(one="works, but not each time", many="work, but not each time"),
    "mostly": StateWords(one="works, but not all of it", many="work, but not all of it"),
    "reached_only": StateWords(one="can be reached, its own protocol NOT TESTED",
                               many="can be reached, their own protocols NOT TESTED"),
    "not_tested": StateWords(one="NOT TESTED", many="NOT TESTED"),
    "not_judged": StateWords(one="not judged", many="not judged"),
    "not_reached": StateWords(one="not reached, so nothing is known", many="not reached, so nothing is known"),
    "works": StateWords(one="works", many="work"),
    "needs_account": StateWords(one="cannot be tested without an account", many="cannot be tested without an account"),
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
    "offline": CircumstanceWords(stops=True, text="This device had no network. Nothing was tested.",
                                 todo="connect it, then: probe run --fast"),
    "nobody": CircumstanceWords(stops=True, text="The router answered, and nothing beyond it did. The network carried "
                                "nobody, whatever the service.",
                                todo="ask others nearby whether theirs works; test again later: probe run --fast"),
    "portal": CircumstanceWords(stops=True, text="A sign-in page answered in the place of every site. Nothing was "
                                "tested.", todo="open a browser, sign in to this network, then: probe run --fast"),
    "vpn": CircumstanceWords(text="A VPN carried the run. Nothing is said of the network that you are in.",
                             todo="leave the VPN, or say that it is what you mean to measure: "
                                  "probe setup --network-type vpn"),
    "moved": CircumstanceWords(text="The device changed its network during the run. Nothing is said of any service.",
                               todo="stay in one network, then: probe run --fast"),
    "clock": CircumstanceWords(text="The clock of this device is wrong. Certificates may look false for that alone.",
                               todo="set it, best by itself: timedatectl set-ntp true"),
    "resolver": CircumstanceWords(text="The resolver of this network, which looks names up, is out of order for every "
                                  "name.", todo="restart the router, or ask whoever runs the network"),
    "filter": CircumstanceWords(text="A filter of this household or company answers for names.",
                                todo="ask whoever runs the router or the filter"),
    "interception": CircumstanceWords(stops=True, text="A program or proxy on your side opens every encrypted "
                                      "connection, so none shows what the network does.",
                                      todo="turn off inspection of HTTPS in the antivirus, or measure elsewhere"),
    "firewall": CircumstanceWords(stops=True, text="A firewall on your side treats every name alike.",
                                  todo="measure on a line of your own, then: probe run --fast"),
    "mtu": CircumstanceWords(stops=True, text="Large packets do not pass on this line, whatever the service.",
                             todo="restart the router, or ask the provider about the MTU"),
    "allowlist": CircumstanceWords(text="This network lets only listed places pass. What is not on its list cannot be "
                                   "reached, whatever it is.", todo="compare with another network"),
    "perhaps_listed": CircumstanceWords(text="Perhaps this network lets only listed places pass. An outage of the way "
                                        "abroad looks alike.", todo="compare with another network of this country"),
    "unreached": CircumstanceWords(stops=True, text="No server abroad answered, and none by which this line is judged. "
                                   "It is dead, or it reaches its own country alone. Nothing follows for any service.",
                                   todo="test again later: probe run --fast"),
    "national_only": CircumstanceWords(stops=True, text="Only addresses within the country answer. The way abroad is "
                                       "cut for every service.", todo="test again later: probe run --fast"),
    "degraded": CircumstanceWords(text="Everything is slow or loses packets here, whatever the service.",
                                  todo="test again when the line is quiet: probe run --fast"),
    "network": CircumstanceWords(stops=True, text="The whole network is disturbed, and no service is singled out.",
                                 todo="test again later: probe run --fast"),
    "device": CircumstanceWords(text="The cause lies on your own side: this device, its router or its filter.",
                                todo="see probe doctor"),
    "cut_off": CircumstanceWords(text="The run ended by its time limit: {missing} of {chosen} tests are missing. They "
                                 "would take about {more}.", todo="probe run{fast} --deadline-s {deadline_s}"),
    "no_control": CircumstanceWords(text="No place elsewhere said whether the failing services work there, so less can "
                                    "be said. Tests that one control would decide: {first}.", todo=_ADD_CONTROL),
    "one_control": CircumstanceWords(text="Tests that one control elsewhere would decide: {first}.", todo=_ADD_CONTROL),
    "second_control": CircumstanceWords(text="Tests that a second control, in another network and country, would "
                                        "decide: {second}.", todo=_ADD_CONTROL),
    "encrypted_dns": CircumstanceWords(text="Encrypted ways to ask for names (DoH or DoT) are blocked here. That stops "
                                       "no messenger by itself.", todo="what it means: probe explain dns.encrypted"),
    "place": CircumstanceWords(text="Country or network of this line are in doubt.",
                               todo="see place in: probe status --details"),
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
