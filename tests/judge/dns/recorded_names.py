"""One recording for each rule over a name's resolution."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import HERE4, THERE4
from probe.judge.common.fingerprint_weight import FingerprintMark
from probe.judge.dns.dns_evidence import DnsEvidence
from probe.judge.dns.https_evidence import HttpsEvidence
from probe.judge.dns.name_context import NameEvidence
from probe.judge.dns.port53 import Port53Evidence

TRUSTED: dict[str, Any] = dict(asked=True, network="ok", network_answers=frozenset({HERE4}), trusted_ok=2,
                               trusted_answers=frozenset({THERE4}))
HONEST: dict[str, Any] = dict(public="ok", public_answers=frozenset({THERE4}))
BOGUS: dict[str, Any] = dict(bogus=frozenset({HERE4}))


def name(changes: dict[str, Any] | None = None, **dns: Any) -> NameEvidence:
    return NameEvidence(dns=DnsEvidence(**TRUSTED | dns), **changes or {})


def failing(state: str, **dns: Any) -> NameEvidence:
    return name(network=state, network_answers=frozenset(), attempts=3, failed_attempts=3, **dns)


WRONG: dict[str, Any] = dict(wrong_server=True, trusted_reached=True)
RESTRICTED: dict[str, Any] = dict(fingerprint="safe", mark=FingerprintMark(name="safe", restricted=True))
ELSEWHERE: dict[str, Any] = dict(fingerprint="notice", mark=FingerprintMark(name="notice"))
"""A block address that is known of another country."""
NOBODY: dict[str, Any] = dict(trusted_ok=0, trusted_answers=frozenset())
NAMES: dict[str, NameEvidence] = {
    "dns/literal": NameEvidence(dns=DnsEvidence()),
    "dns/resolver_out_of_order": replace(failing("servfail"), resolver_dead=True),
    "dns/chosen_filter": name(chosen_filter=True, network="nxdomain", system="nxdomain"),
    "dns/false_answer_of_near_resolver": name(near_answer="elsewhere", resolver_private=True, **BOGUS),
    "dns/household_filter": name(filtered=True, resolver_private=True, **BOGUS),
    "dns/two_answers": name(injected=True),
    "dns/dark_address_answers": name(dark_answered=True),
    "dns/https_two_answers": name(https=HttpsEvidence(injected=True)),
    "dns/https_dark_address_answers": name(https=HttpsEvidence(dark_answered=True)),
    "dns/false_https_hint": name(https=HttpsEvidence(bogus=frozenset({HERE4}))),
    "dns/malformed_over_tcp": name(port53=Port53Evidence(tcp_malformed=True), **BOGUS),
    "dns/led_astray": name(WRONG, port53=Port53Evidence(intercepted=True, led_astray=True)),
    "dns/restricted_mode": name({"validated": True}, **RESTRICTED, **HONEST),
    "dns/restricted_mode_everywhere": name({"validated": True}, **RESTRICTED, public_restricted=True),
    "dns/block_address_known_elsewhere": name({"wrong_server": True}, **ELSEWHERE, **HONEST),
    "dns/block_address_known_elsewhere_everywhere": name(
        {"dead_answer": True}, **ELSEWHERE, public="ok", public_answers=frozenset({HERE4})),
    "dns/false_answer_here_only": name(**BOGUS, **HONEST),
    "dns/false_answer_everywhere": name(**BOGUS),
    "dns/wrong_server_for_many": name(WRONG | {"shared_answer": True}, **HONEST),
    "dns/wrong_server": name(WRONG, **HONEST),
    "dns/wrong_server_everywhere": name(WRONG, control_ok=1, public="ok", public_answers=frozenset({HERE4})),
    "dns/dead_answer_for_many": name(dict(dead_answer=True, shared_answer=True, trusted_reached=True), **HONEST),
    "dns/dead_answer": name(dict(dead_answer=True, trusted_reached=True)),
    "dns/denied_everywhere": failing("nxdomain", **NOBODY, trusted_denying=2),
    "dns/denied_by_the_zone": failing("nxdomain", denial="cached"),
    "dns/denied_here_only": failing("nxdomain"),
    "dns/empty_here_only": failing("empty"),
    "dns/refused_here_only": failing("refused", resolver_alive="ok"),
    "dns/zone_blamed": failing("servfail", resolver_alive="ok", zone_blamed=True),
    "dns/servfail_here_only": failing("servfail", resolver_alive="ok"),
    "dns/unanswered_here_only": failing("timeout", resolver_alive="ok"),
    "dns/long_answer_lost": failing("timeout", resolver_alive="ok", may_be_length=True),
    "dns/resolver_gave_up": failing("timeout", resolver_alive="timeout"),
    "dns/failed_control_failed": failing("timeout", **NOBODY),
    "dns/denial_disputed": failing("nxdomain", trusted_denying=2),
    "dns/failed_sometimes": failing("nxdomain", **NOBODY, trusted_denying=1),
    "dns/known_here_only": name(**NOBODY, trusted_denying=2),
    "dns/answered": name(),
}

FALLS_TO: dict[str, tuple[NameEvidence, str]] = {
    "a reply from elsewhere follows the false one": (name(**BOGUS, two_senders=True), "dns/two_answers"),
    "and of a router's": (name(**BOGUS, two_senders=True, near_answer="elsewhere", resolver_private=True),
                          "dns/false_answer_of_near_resolver"),
    "a router leads to a restricted mode": (
        name({"validated": True}, **RESTRICTED, **HONEST, resolver_private=True), "dns/false_answer_of_near_resolver"),
    "the device beside ours answers every question": (
        name(WRONG, port53=Port53Evidence(intercepted=True, led_astray=True, next_door=True)),
        "dns/false_answer_of_near_resolver"),
    "a router leads several services to a page of its filter": (
        name(WRONG | {"shared_answer": True}, **HONEST, resolver_private=True), "dns/false_answer_of_near_resolver"),
    "a router leads several services to one dead address": (
        name(dict(dead_answer=True, shared_answer=True, trusted_reached=True), **HONEST, resolver_private=True),
        "dns/false_answer_of_near_resolver"),
    "a router leads to the page of a filter's maker": (
        name({"wrong_server": True}, **ELSEWHERE, **HONEST, resolver_private=True),
        "dns/false_answer_of_near_resolver"),
    "a router denies a name": (failing("nxdomain", **HONEST, resolver_private=True),
                               "dns/false_answer_of_near_resolver"),
    "a router denies a name, and no public resolver can be asked": (
        failing("nxdomain", public="timeout", resolver_private=True), "dns/false_answer_of_near_resolver"),
    "a router denies a name, and so does a public resolver": (
        failing("nxdomain", public="nxdomain", resolver_private=True), "dns/denied_here_only"),
    "a router gives a block address of this country": (
        name(WRONG, **HONEST, resolver_private=True, fingerprint="notice",
             mark=FingerprintMark(name="notice", fits=True)),
        "dns/false_answer_here_only"),
    "datagrams to the public resolver are answered as falsely, and its stream truly": (
        name({"dead_answer": True}, **ELSEWHERE, public="ok", public_answers=frozenset({HERE4, THERE4})),
        "dns/block_address_known_elsewhere_everywhere"),
    "nobody to be trusted was asked": (failing("timeout", **NOBODY), "dns/failed_control_failed"),
    "a single control denies": (failing("nxdomain", **NOBODY, control_denying=1, controls_asked=2),
                                "dns/failed_sometimes"),
    "a copy of the root denies": (failing("nxdomain", denial="local_root"), "dns/denied_by_the_zone"),
    "one trusted resolver remembers what two views deny": (
        failing("nxdomain", trusted_ok=1, trusted_denying=1, control_denying=1), "dns/denial_disputed"),
    "one view in four denies as well": (failing("nxdomain", trusted_ok=2, control_ok=1, control_denying=1),
                                        "dns/denied_here_only"),
    "a made-up denial": (failing("nxdomain", denial="made_up"), "dns/denied_here_only"),
    "a zone of the resolver's own denies": (failing("empty", denial="own_zone"), "dns/empty_here_only"),
    "a denial in the cache of two resolvers, while encrypted questions are answered": (
        replace(failing("nxdomain", denial="cached", public_udp="nxdomain", same_operator_answers=frozenset({THERE4}),
                        port53=Port53Evidence(tried=True)), resolvers_apart=True), "dns/denied_here_only"),
    "the resolver works at the name": (failing("timeout", resolver_alive="ok", laboured=True),
                                       "dns/failed_sometimes"),
    "other names are as unlucky": (replace(failing("timeout", resolver_alive="ok"), unlucky=True),
                                   "dns/failed_sometimes"),
    "a denial is no bad luck": (replace(failing("nxdomain"), unlucky=True), "dns/denied_here_only"),
    "few attempts failed": (name(network="nxdomain", attempts=3, failed_attempts=1), "dns/failed_sometimes"),
}
"""Further looks of a name's resolution, and the rules that they fall to."""
