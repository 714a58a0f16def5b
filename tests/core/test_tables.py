"""The tables of domain words hold together: known parents, known neighbours, rules that say only what they may."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.tables.block_types import BLOCK_TYPES, BlockType, is_ancestor
from probe.core.tables.failures import (
    ERRNO_FAILURES,
    GAI_FAILURES,
    RCODE_FAILURES,
    TRUST_FAILURES,
    X509_TRUST,
    classify_failure,
    classify_rcode,
    scrub_addresses,
)
from probe.core.tables.outcomes import OUTCOMES
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, ROOT_SERVERS
from probe.core.tables.words import read_word
from probe.judge.common.rule import NEEDS, Rule
from probe.judge.dns.dns_rules import DNS_RULES
from probe.judge.network.network_rules import NETWORK_RULES, STOPS
from probe.judge.path.all_rules import list_convictable, list_rules
from probe.judge.path.path_rules import PATH_RULES

RULES = [pytest.param(rule, id=rule.id) for rule in list_rules()]
BLOCKS = [pytest.param(block, id=block.id) for block in BLOCK_TYPES.values()]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_ancestor_of_a_block_type_is_a_row_of_the_same_outcome(block: BlockType) -> None:
    words = block.id.split(".")
    assert all(word.isidentifier() for word in words)
    ancestors = [".".join(words[:n]) for n in range(1, len(words))]
    if block.outcome == "inconclusive":
        assert ancestors == ["inconclusive"]  # the outcome itself is their parent: an abstention has no degrees
        return
    for ancestor in ancestors:
        assert BLOCK_TYPES[read_word(ancestor, BLOCK_TYPES)].outcome == block.outcome


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_type_names_its_neighbour_and_the_test_between_them(block: BlockType) -> None:
    assert block.outcome in OUTCOMES
    assert block.nearest in BLOCK_TYPES
    assert block.nearest != block.id
    assert block.meaning
    assert block.test
    assert not block.test.endswith(".")


GIVEN_OTHERWISE = {
    "dns.encrypted": "a finding of the run", "server.retired": "the catalogue says so",
    "server.delisted": "checks of application stores",
}
"""Words that no rule gives -> what does."""


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_type_is_given_by_something(block: BlockType) -> None:
    """By a rule, itself or a word below it, of which it is what all have in common."""
    given = {rule.block_type for rule in list_rules()} | set(GIVEN_OTHERWISE)
    assert any(is_ancestor(block.id, word) for word in given if word)


def test_a_prefix_ends_at_a_dot() -> None:
    assert is_ancestor("tls.reset", "tls.reset.sni")
    assert is_ancestor("tls.reset.sni", "tls.reset.sni")
    assert not is_ancestor("tls.res", "tls.reset")
    assert not is_ancestor("tls.reset.sni", "tls.reset")


def test_rule_ids_are_unique() -> None:
    ids = [rule.id for rule in list_rules()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_only_what_the_tables_allow(rule: Rule[Any]) -> None:
    assert rule.outcome in OUTCOMES
    if rule.outcome == "ok":
        assert rule.block_type == ""
    else:
        assert BLOCK_TYPES[read_word(rule.block_type, BLOCK_TYPES)].outcome == rule.outcome
    assert rule.needs
    assert set(rule.needs) <= set(NEEDS)
    assert 0.0 <= rule.confidence <= 1.0
    assert rule.why
    assert not rule.why.endswith(".")


@pytest.mark.parametrize("table", [NETWORK_RULES, DNS_RULES, PATH_RULES], ids=["network", "dns", "path"])
def test_a_deciding_rule_is_surer_than_an_abstaining_one(table: tuple[Rule[Any], ...]) -> None:
    abstaining = [rule.confidence for rule in table if rule.outcome == "inconclusive"]
    convicting = [rule.confidence for rule in table if rule.outcome == "blocked"]
    assert all(sure > 0.5 for sure in convicting)
    assert all(doubt <= 0.7 for doubt in abstaining)


def test_causes_that_stop_a_run_are_of_the_network_or_this_side() -> None:
    assert {BLOCK_TYPES[cause].outcome for cause in STOPS} == {"local", "network", "inconclusive"}


def test_what_an_installation_can_convict_grows_with_its_means() -> None:
    least, most = list_convictable(frozenset({"nothing"})), list_convictable(frozenset(NEEDS))
    assert all(most.values())
    assert set(most) == {rule.block_type for rule in list_rules() if rule.outcome == "blocked"}
    assert {block for block, can in least.items() if can} == {
        "dns.injection", "http.redirect", "http.blockpage", "tls.mitm"}
    assert list_convictable(frozenset({"helper", "routers"}))["ip.blackhole"]
    assert not list_convictable(frozenset({"helper"}))["ip.blackhole"]
    assert not list_convictable(frozenset({"innocent"}))["tls.close.sni"]


# ---- failures

@pytest.mark.parametrize(("error", "word"), [
    (OSError(errno.ECONNRESET, "reset"), "connection_reset"),
    (BrokenPipeError(errno.EPIPE, "pipe"), "connection_reset"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "no"), "connection_refused"),
    (OSError(errno.EHOSTUNREACH, "no"), "host_unreachable"),
    (OSError(errno.ENETUNREACH, "no"), "network_unreachable"),
    (TimeoutError(), "generic_timeout_error"),
    (TimeoutError(errno.ETIMEDOUT, "late"), "timed_out"),
    (socket.gaierror(socket.EAI_NONAME, "no"), "dns_nxdomain_error"),
    (socket.gaierror(socket.EAI_AGAIN, "no"), "dns_temporary_failure"),
    (socket.gaierror(99999, "?"), "dns_server_misbehaving"),
    (ssl.SSLError(1, "x"), "ssl_error: unknown"),
])
def test_an_exception_has_one_failure_word(error: BaseException, word: str) -> None:
    assert classify_failure(error) == word


@pytest.mark.parametrize("address", ["192.0.2.77", "192.0.2.77:443", "[2001:db8:1::7]:443", "2001:db8:0:1:2:3:4:5"])
def test_an_unknown_failure_tells_no_address(address: str) -> None:
    word = classify_failure(RuntimeError(f"no way to {address} today"))
    assert word.startswith("unknown_failure: RuntimeError no way to ")
    assert address.strip("[]").split("]")[0] not in word
    assert "192.0.2" not in word
    assert "2001:db8" not in word


@given(st.text(max_size=400))
def test_scrubbing_is_total_and_bounded(text: str) -> None:
    assert len(scrub_addresses(text)) <= 200


def test_failure_tables_lead_to_words() -> None:
    for table in (ERRNO_FAILURES, GAI_FAILURES):
        assert all(word and word == word.lower() for word in table.values())
    assert set(X509_TRUST.values()) <= set(TRUST_FAILURES)
    assert classify_rcode("NOERROR", True) == ""
    assert classify_rcode("NOERROR", False) == "dns_no_answer"
    assert all(classify_rcode(rcode, True) for rcode in (*RCODE_FAILURES, "NOTIMP", "weird"))


# ---- pinned addresses

def test_resolvers_are_unique_and_enough_for_a_majority() -> None:
    addresses = [a for r in PUBLIC_RESOLVERS for a in (*r.ipv4, *r.ipv6)]
    assert len(addresses) == len(set(addresses))
    assert sum(bool(r.doh_host) for r in PUBLIC_RESOLVERS) >= 3
    assert not set(ROOT_SERVERS) & set(addresses)
