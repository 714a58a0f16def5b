"""What an accusation over a name rests on: each basis, and the innocent look beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import HERE4, HERE6, HOST, NEAR4, PRIVATE, TIMEOUT, lookup
from probe.core.observations import Observation
from probe.core.tables.resolvers import PUBLIC_RESOLVERS
from probe.judge.common.fingerprint_weight import FingerprintMark
from probe.judge.common.rule import decide
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.judge.dns.dns_rules import NAME_TABLE
from probe.judge.dns.name_context import NameEvidence
from probe.judge.dns.plain_and_encrypted import find_answers_of_the_same
from probe.judge.dns.port53 import Port53Evidence
from recorded_names import BOGUS, ELSEWHERE, HONEST, RESTRICTED, WRONG, failing, name

REFUSAL: dict[str, Any] = dict(resolver_alive="ok", public="ok")
CONTENT: dict[str, tuple[NameEvidence, bool]] = {
    "an address that no public name has": (name(**BOGUS, **HONEST), True),
    "a block address of this country": (name(fingerprint="f", mark=FingerprintMark(name="f", fits=True)), True),
    "one of another country, which serves nothing": (name({"dead_answer": True}, **ELSEWHERE, **HONEST), True),
    "one of another country, which serves the name": (name({"validated": True}, **ELSEWHERE, **HONEST), False),
    "a restricted mode": (name({"validated": True}, **RESTRICTED, **HONEST), True),
    "two answers": (name(injected=True), True),
    "a root server that answers": (name(dark_answered=True), True),
    "somebody else's server": (name(WRONG, **HONEST), False),
    "somebody else's server, wherever a question is sent": (
        name(WRONG, port53=Port53Evidence(intercepted=True, led_astray=True)), False),
    "a false address, wherever a question is sent": (
        name(**BOGUS, port53=Port53Evidence(intercepted=True, led_astray=True)), True),
    "a dead address": (name(dict(dead_answer=True, trusted_reached=True)), False),
    "a made-up denial": (failing("nxdomain", denial="made_up"), True),
    "a denial that grows older": (failing("nxdomain", denial="cached"), False),
    "a denial out of an old zone": (failing("nxdomain", denial="own_zone"), False),
    "a denial without marks": (failing("nxdomain"), False),
    "a denial that names a policy": (failing("nxdomain", policy_named=True), True),
    "a household's denial": (failing("nxdomain", policy_named=True, resolver_private=True), False),
    "a refusal of a resolver's": (failing("refused", zone_served=True, **REFUSAL), True),
    "one that a forwarder passes on": (failing("refused", **REFUSAL), False),
    "one where nobody else answers": (failing("refused", zone_served=True, public="refused"), False),
    "a failure": (failing("servfail", resolver_alive="ok"), False),
    "silence": (failing("timeout", resolver_alive="ok"), False),
}


@pytest.mark.parametrize("story", CONTENT)
def test_what_is_false_by_itself(story: str) -> None:
    evidence, false = CONTENT[story]
    assert evidence.false_by_itself is false


SAME: dict[str, Any] = dict(same_operator_answers=frozenset({NEAR4}), port53=Port53Evidence(tried=True))
APART: dict[str, Any] = dict(resolvers_apart=True)
STRUCK = replace(failing("timeout", resolver_alive="ok", public_udp="timeout", **SAME), **APART)
PLACES: dict[str, tuple[NameEvidence, bool]] = {
    "two resolvers are silent, and one of them answers encrypted": (STRUCK, True),
    "two deny alike": (replace(failing("nxdomain", public_udp="nxdomain", **SAME), **APART), True),
    "the other resolver answers": (
        replace(failing("timeout", resolver_alive="ok", public_udp="ok", **SAME), **APART), False),
    "the other fails otherwise": (replace(failing("nxdomain", public_udp="timeout", **SAME), **APART), False),
    "nobody asked that operator encrypted": (
        replace(failing("nxdomain", public_udp="nxdomain", port53=Port53Evidence(tried=True)), **APART), False),
    "all of port 53 is led to one resolver": (
        replace(failing("nxdomain", public_udp="nxdomain", **SAME | dict(port53=Port53Evidence(
            tried=True, intercepted=True))), **APART), False),
    "nobody looked whether it is": (
        replace(failing("nxdomain", public_udp="nxdomain", **SAME | dict(port53=Port53Evidence())), **APART), False),
    "both answer from one distance": (failing("nxdomain", public_udp="nxdomain", **SAME), False),
    "this line loses questions": (replace(STRUCK, unlucky=True), False),
    "the resolver works at the name": (replace(STRUCK, dns=replace(STRUCK.dns, laboured=True)), False),
    "no answer as long as the name's came": (replace(STRUCK, dns=replace(STRUCK.dns, may_be_length=True)), False),
    "both give an address that the encrypted answer lacks": (
        name(WRONG | APART, public="ok", public_answers=frozenset({HERE4}), **SAME), True),
    "both give an address that it has": (
        name(APART, public="ok", public_answers=frozenset({HERE4}), **SAME | dict(
            trusted_answers=frozenset({HERE4, NEAR4}))), False),
}


@pytest.mark.parametrize("story", PLACES)
def test_what_is_struck_on_the_way(story: str) -> None:
    evidence, struck = PLACES[story]
    assert evidence.struck_on_the_way is struck


WITHOUT: dict[str, tuple[NameEvidence, str]] = {
    "a denial that grows older": (failing("nxdomain", denial="cached"), "dns/denied_by_the_zone"),
    "a copy of the root": (failing("nxdomain", denial="local_root"), "dns/denied_by_the_zone"),
    "an old zone": (failing("nxdomain", denial="own_zone"), "dns/unplaced"),
    "a denial without marks": (failing("empty"), "dns/unplaced"),
    "a refusal that was passed on": (failing("refused", **REFUSAL), "dns/unplaced"),
    "stale signatures": (failing("servfail", resolver_alive="ok", zone_blamed=True), "dns/zone_blamed"),
    "a failure": (failing("servfail", resolver_alive="ok"), "dns/unplaced"),
    "silence": (failing("timeout", resolver_alive="ok"), "dns/unplaced"),
    "somebody else's server, wherever a question is sent": (
        name(WRONG, port53=Port53Evidence(intercepted=True, led_astray=True)), "dns/unplaced"),
    "somebody else's server, at every resolver": (
        name(WRONG, control_ok=1, public="ok", public_answers=frozenset({HERE4})), "dns/unplaced"),
}


@pytest.mark.parametrize("story", WITHOUT)
def test_what_the_services_own_side_can_cause_accuses_nobody(story: str) -> None:
    evidence, rule = WITHOUT[story]
    assert decide(NAME_TABLE, evidence).rule.id == rule


ACCUSED: dict[str, tuple[NameEvidence, str, str]] = {
    "a made-up denial": (failing("nxdomain", denial="made_up"), "dns/denied_here_only", "content"),
    "an empty answer that was made up": (failing("empty", denial="made_up"), "dns/empty_here_only", "content"),
    "a refusal of a resolver's": (failing("refused", zone_served=True, **REFUSAL), "dns/refused_here_only",
                                  "content"),
    "silence on the way": (STRUCK, "dns/unanswered_here_only", "place"),
    "one false address for three services": (
        name(WRONG | {"shared_answer": True}, **HONEST), "dns/wrong_server_for_many", "company"),
    "an address that no public name has": (name(**BOGUS, **HONEST), "dns/false_answer_here_only", "content"),
}


@pytest.mark.parametrize("story", ACCUSED)
def test_what_accuses_names_its_basis(story: str) -> None:
    evidence, rule, basis = ACCUSED[story]
    decision = decide(NAME_TABLE, evidence)
    assert (decision.rule.id, decision.basis) == (rule, basis)


# ---- one operator, asked in the clear and encrypted

GOOGLE, CLOUDFLARE = (o for o in PUBLIC_RESOLVERS if o.name in ("google", "cloudflare"))


def plain(address: str, **changes: Any) -> Observation:
    return lookup(failure=TIMEOUT, resolver="public", resolver_address=address, **changes)


@pytest.mark.parametrize(("seen", "prefix", "answers"), [
    ([plain(GOOGLE.ipv4[1]), lookup(HERE4, resolver="google")], "", {HERE4}),
    ([plain(GOOGLE.ipv6[0]), lookup(HERE4, resolver="google"), lookup(NEAR4, resolver="cloudflare")], "", {HERE4}),
    ([plain("64:ff9b::808:808"), lookup(HERE6, resolver="google")], "64:ff9b::/96", {HERE6}),
    ([plain(CLOUDFLARE.ipv4[0]), lookup(HERE4, resolver="google")], "", set()),
    ([plain(GOOGLE.ipv4[0]), lookup(failure=TIMEOUT, resolver="google")], "", set()),
    ([plain(PRIVATE), lookup(HERE4, resolver="google")], "", set()),
    ([plain(GOOGLE.ipv4[0]), lookup(failure=TIMEOUT, resolver_address=GOOGLE.ipv4[1]),
      lookup(HERE4, resolver="google")], "", set()),
])
def test_the_public_resolvers_own_operator_is_asked_encrypted(seen: list[Observation], prefix: str,
                                                              answers: set[str]) -> None:
    assert find_answers_of_the_same(seen, prefix) == answers


# ---- what a resolver says of its failure

@pytest.mark.parametrize(("ede", "signatures", "authority"), [
    ([("7 expired",)] * 3, True, False), ([("22 at delegation",), ("23",)], False, True),
    ([("6",), ("22",)], False, False), ([()], False, False), ([("15",)], False, False),
])
def test_a_resolver_says_whether_signatures_or_servers_are_why(ede: list[tuple[str, ...]], signatures: bool,
                                                               authority: bool) -> None:
    seen = [lookup(failure="dns_servfail_error", ede=words, attempt=n) for n, words in enumerate(ede)]
    found = gather_dns_evidence(seen)
    assert (found.stale_signatures, found.unreachable_authority) == (signatures, authority)


def zone_reply(owner: str, section: str = "answer", rcode: str = "NOERROR", asked: str = "") -> Observation:
    return lookup(name=asked or owner, purpose="zone", input=HOST, query_type="SOA", rcode=rcode,
                  soas=(f"{section}|300|900|7|{owner}",))


@pytest.mark.parametrize(("host", "replies", "served"), [
    ("www.chat.example", [zone_reply("chat.example")], True),
    ("a.www.chat.example", [zone_reply("chat.example", "authority")], True),
    ("chat.example", [zone_reply("example")], False), ("www.chat.example", [zone_reply("www.chat.example")], False),
    ("chat.co.uk", [zone_reply("co.uk")], False), ("chat.asso.fr", [zone_reply("asso.fr")], False),
    ("www.telegram.me", [zone_reply("telegram.me")], True), ("www.chat.example", [zone_reply(".")], False),
    ("www.chat.example", [zone_reply("chat.example", rcode="REFUSED")], False),
    ("www.chat.example", [zone_reply("other.example")], False), ("www.chat.example", [], False),
    ("chat.example", [zone_reply("chat.example", "authority", asked="www.chat.example")], True),
    ("chat.example", [zone_reply("chat.example", "authority", "NXDOMAIN", asked="www.chat.example")], True),
    ("chat.example", [zone_reply("chat.example", rcode="REFUSED", asked="www.chat.example")], False),
    ("chat.example", [zone_reply("www.chat.example", asked="www.chat.example")], False),
    ("chat.example", [zone_reply("chat.example")], False),
])
def test_a_refusal_of_a_name_in_a_zone_that_is_served_is_the_resolvers_own(
        host: str, replies: list[Observation], served: bool) -> None:
    refused = lookup(name=host, failure="dns_refused_error", rcode="REFUSED")
    assert gather_dns_evidence([refused, *replies]).zone_served is served


@pytest.mark.parametrize(("ede", "named"), [([("15 x",), ("16",)], True), ([("15",), ()], False), ([("17",)], False)])
def test_a_resolver_names_a_policy_each_time(ede: list[tuple[str, ...]], named: bool) -> None:
    seen = [lookup(failure="dns_nxdomain_error", ede=words, attempt=n) for n, words in enumerate(ede)]
    assert gather_dns_evidence(seen).policy_named is named
