"""What resolvers said of a name, held against each other: forged, denied, injected, filtered, or merely different."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import HERE4, NEAR4, PRIVATE, RESOLVER, THERE4, TIMEOUT, lookup, told
from probe.core.addresses import family_of, is_bogon, is_private, may_connect
from probe.core.nat64 import extract_ipv4
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.judge.dns.dns_evidence import DnsEvidence, gather_dns_evidence, read_channel_state
from probe.store.text_forms import read_reply

# ---- addresses

@pytest.mark.parametrize("address", [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.31.31.2", "192.168.1.1", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "203.0.113.9", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
    "d0::11", "2001:db8::1", "2001::1", "2002:5bd8::1", "::ffff:8.8.8.8", "64:ff9b::10.10.34.34", "", "no address",
    "8.8.8.8.8", "08.8.8.8", "1",
])
def test_what_no_public_name_has_is_never_connected_to(address: str) -> None:
    assert is_bogon(address)
    assert not may_connect(address)


@pytest.mark.parametrize("address", ["8.8.8.8", HERE4, "2606:4700::1", "64:ff9b::8.8.8.8"])
def test_public_addresses_may_be_measured(address: str) -> None:
    assert not is_bogon(address)
    assert may_connect(address)


def test_the_networks_own_nat64_prefix_is_looked_through() -> None:
    assert extract_ipv4("2a00:1:2:3::808:808", "2a00:1:2:3::/96") == "8.8.8.8"
    assert may_connect("2a00:1:2:3::808:808", "2a00:1:2:3::/96")
    assert is_bogon("2a00:1:2:3::a0a:2222", "2a00:1:2:3::/96")
    assert extract_ipv4("2a00:1:2:3::808:808") == ""


@given(st.ip_addresses(v=4))
def test_a_nat64_address_is_what_it_embeds(address: object) -> None:
    assert is_bogon(f"64:ff9b::{address}") == is_bogon(str(address))
    assert is_private(str(address)) <= is_bogon(str(address)) or str(address).startswith("192.0.0.")


@given(st.text(max_size=40))
def test_addresses_are_read_from_any_text(text: str) -> None:
    assert family_of(text) in (0, 4, 6)
    assert not (may_connect(text) and family_of(text) == 0)


# ---- channels

def test_nothing_asked_is_no_evidence() -> None:
    assert gather_dns_evidence(()) == DnsEvidence()
    assert gather_dns_evidence((lookup(HERE4, reason="deadline"),)) == DnsEvidence()


@pytest.mark.parametrize(("words", "state"), [
    ((), "unasked"), (("", "dns_nxdomain_error"), "ok"), (("dns_nxdomain_error", TIMEOUT), "timeout"),
    (("dns_no_answer", "dns_nxdomain_error"), "nxdomain"), (("dns_no_answer",), "empty"),
    (("dns_servfail_error", "dns_refused_error"), "servfail"), (("host_unreachable",), "error"),
])
def test_the_state_of_a_channel(words: tuple[Failure, ...], state: str) -> None:
    assert read_channel_state([lookup(failure=w) if w else lookup(HERE4) for w in words]) == state


def test_a_name_without_ipv6_resolves() -> None:
    e = gather_dns_evidence((lookup(HERE4), lookup(query_type="AAAA")))
    assert (e.network, e.attempts, e.failed_attempts) == ("ok", 1, 0)


def test_attempts_are_counted_not_questions() -> None:
    seen = [lookup(failure=TIMEOUT, attempt=n, query_type=t) for n in (1, 2, 3) for t in ("A", "AAAA")]
    e = gather_dns_evidence((*seen, lookup(HERE4, attempt=4)))
    assert (e.network, e.attempts, e.failed_attempts) == ("ok", 4, 3)


def test_without_a_direct_question_the_system_speaks_for_the_network() -> None:
    e = gather_dns_evidence((lookup(resolver="system", failure="dns_nxdomain_error"),))
    assert (e.network, e.system, e.public) == ("nxdomain", "nxdomain", "unasked")


def test_operators_are_counted_once_each() -> None:
    e = gather_dns_evidence((lookup(HERE4), lookup(THERE4, resolver="google"),
                             lookup(resolver="google", query_type="AAAA"),
                             lookup(resolver="quad9", failure="dns_nxdomain_error"),
                             lookup(resolver="adguard", failure=TIMEOUT)))
    assert (e.trusted_ok, e.trusted_denying) == (1, 1)
    assert not e.agrees
    assert e.known_elsewhere


def test_controls_of_one_network_that_deny_are_one_view() -> None:
    denial = told("a", dns_failure="dns_nxdomain_error")
    e = gather_dns_evidence((lookup(failure="dns_nxdomain_error"),),
                            (denial, replace(denial, input="https://chat.example/x")))
    assert e.control_denying == 1
    for asn, networks in ((denial.asn, 1), (denial.asn + 1, 2)):
        other = replace(denial, control_id="b", asn=asn)
        e = gather_dns_evidence((lookup(failure="dns_nxdomain_error"),), (denial, other))
        assert e.control_denying == networks


def test_a_control_that_could_not_be_asked_says_nothing() -> None:
    e = gather_dns_evidence((lookup(HERE4),), (told(state="failed", addresses=(THERE4,)),))
    assert (e.controls_asked, e.control_ok, e.known_elsewhere) == (1, 0, False)
    assert not e.trusted_answers


# ---- false and merely different answers

def test_a_private_answer_is_bogus_unless_trusted_resolvers_give_it_too() -> None:
    forged = gather_dns_evidence((lookup(PRIVATE), lookup(THERE4, resolver="google")))
    assert forged.bogus == {PRIVATE}
    genuine = gather_dns_evidence((lookup(PRIVATE), lookup(PRIVATE, resolver="google")))
    assert not genuine.bogus
    assert genuine.agrees


@pytest.mark.parametrize("own", ["0.0.0.0", "127.0.0.1", PRIVATE])
def test_a_list_of_this_device_s_own_is_no_lie_of_the_network(own: str) -> None:
    system, trusted = lookup(own, resolver="system", fingerprint="x", fingerprint_scope="nat ZZ"), lookup(
        THERE4, resolver="google")
    told_directly = gather_dns_evidence((system, lookup(THERE4), trusted))
    assert (told_directly.bogus, told_directly.fingerprint, told_directly.filtered) == (frozenset(), "", False)
    assert told_directly.network_answers == {THERE4}
    assert gather_dns_evidence((system, lookup(own), trusted)).bogus == {own}
    assert gather_dns_evidence((system, lookup(failure=TIMEOUT), trusted)).bogus == {own}
    assert gather_dns_evidence((system, trusted)).bogus == {own}


def test_another_public_address_is_not_bogus() -> None:
    e = gather_dns_evidence((lookup(HERE4), lookup(THERE4, resolver="google")))
    assert not e.bogus
    assert not e.injected


def test_an_nat64_answer_on_an_nat64_network_is_genuine() -> None:
    answer = "2a00:1:2:3::5db8:1"
    e = gather_dns_evidence((lookup(answer),), nat64_prefix="2a00:1:2:3::/96")
    assert not e.bogus


@pytest.mark.parametrize(("answer", "ede", "filtered"), [
    ("0.0.0.0", (), True), ("::", (), True), (PRIVATE, (), False), (HERE4, ("17 Filtered",), True),
    (HERE4, ("15",), True), (HERE4, ("3 Stale Answer",), False),
])
def test_a_filter_shows_by_the_null_address_or_a_policy(answer: str, ede: tuple[str, ...], filtered: bool) -> None:
    e = gather_dns_evidence((lookup(answer, ede=ede, resolver_address="192.168.1.1"),))
    assert e.filtered == filtered
    assert e.resolver_private


def replies(*texts: str) -> Observation:
    return lookup(*sorted(read_reply(texts[0]).answers), replies=tuple(texts))


EARLY, LATE = f"3.0|54|NOERROR|QR|{NEAR4}", f"60.0|49|NOERROR|QR|{THERE4}"
TRUTH = lookup(THERE4, resolver="google")


@pytest.mark.parametrize(("seen", "injected"), [
    pytest.param((replies(EARLY, LATE), TRUTH), True, id="the true answer came second"),
    pytest.param((replies(EARLY, LATE),), False, id="two public answers, nobody knows the true one"),
    pytest.param((replies(LATE, EARLY), TRUTH), False, id="the true answer came first"),
    pytest.param((replies(EARLY, EARLY), TRUTH), False, id="one answer twice"),
    pytest.param((replies(EARLY, f"9|1|NOERROR|QR|{HERE4}"), TRUTH), False, id="neither is known to be true"),
    pytest.param((replies(f"3|9|NOERROR|QR|{PRIVATE}", LATE),), True, id="a private one, then a public one"),
    pytest.param((replies(f"3|9|NOERROR|QR|{PRIVATE}", f"9|1|NOERROR|QR|{PRIVATE} 10.0.0.1"),), False,
                 id="private ones that share an address"),
    pytest.param((replies(EARLY, "60|1|SERVFAIL|QR|"), TRUTH), False, id="then a failure"),
    pytest.param((replies(EARLY, "60|1|malformed X||"), TRUTH), False, id="then rubbish"),
    pytest.param((replies("1|1|malformed X||", EARLY, LATE), TRUTH), True, id="rubbish first"),
    pytest.param((replies(EARLY, f"60|1|NOERROR|QR|{NEAR4} {THERE4}"), TRUTH), False, id="a pool that grew"),
])
def test_two_answers_are_injection_only_when_the_early_one_is_shown_false(
    seen: tuple[Observation, ...], injected: bool,
) -> None:
    assert gather_dns_evidence(seen).injected == injected


def test_an_address_that_runs_no_resolver_answers() -> None:
    lie, innocent = lookup(HERE4, resolver="dark"), lookup(resolver="dark", purpose="innocent", name="www.example.com")
    assert gather_dns_evidence((lookup(HERE4), lie, innocent)).dark_answered
    assert not gather_dns_evidence((lookup(HERE4), lookup(resolver="dark"), innocent)).dark_answered


def test_a_router_that_answers_every_question_itself_injects_nothing() -> None:
    lie = lookup(HERE4, resolver="dark")
    for_everybody = replace(lie, purpose="innocent", hostname="www.example.com")
    assert not gather_dns_evidence((lookup(HERE4), lie, for_everybody)).dark_answered
    assert not gather_dns_evidence((lookup(HERE4), lie)).dark_answered  # nobody knows what an innocent name would get


ADDRESSES = st.sampled_from([HERE4, NEAR4, THERE4, PRIVATE, "0.0.0.0", "::", "rubbish"])
LOOKUPS = st.builds(
    lambda resolver, failure, answers, texts, attempt: lookup(
        *answers, resolver=resolver, failure=failure, replies=tuple(texts), attempt=attempt),
    st.sampled_from(["system", "network", "public", "dark", "google"]), st.sampled_from(["", TIMEOUT, "x"]),
    st.lists(ADDRESSES, max_size=3), st.lists(st.text(max_size=20) | st.sampled_from([EARLY, LATE]), max_size=3),
    st.integers(1, 3),
)


@given(st.lists(LOOKUPS, max_size=6), st.lists(ADDRESSES, max_size=2))
def test_evidence_is_total_and_bogus_means_untrusted(seen: list[Observation], addresses: list[str]) -> None:
    e = gather_dns_evidence(seen, (told(addresses=tuple(addresses)),))
    assert e.failed_attempts <= e.attempts
    assert not e.bogus & e.trusted_answers
    assert e.bogus <= e.network_answers


@pytest.mark.parametrize(("resolver", "ede", "chosen"), [
    ("93.184.0.53", ("17 Filtered",), True), ("93.184.0.53", ("17",), True), ("93.184.0.53", ("16 Censored",), False),
    ("93.184.0.53", ("15 Blocked",), False), ("1.1.1.3", (), True), ("1.1.1.1", (), False),
])
def test_a_filter_that_the_household_chose_shows_by_its_word_or_its_address(
    resolver: str, ede: tuple[str, ...], chosen: bool,
) -> None:
    denied = lookup(failure="dns_nxdomain_error", ede=ede, resolver_address=resolver)
    assert gather_dns_evidence((denied,)).chosen_filter == chosen


@pytest.mark.parametrize(("resolver", "answers", "where"), [
    ("192.168.1.1", ("192.168.1.1",), "beside"),
    ("192.168.1.1", ("192.168.1.9", "192.168.1.1"), "beside"),
    ("192.168.1.1", ("172.16.4.4",), "elsewhere"),
    ("127.0.0.53", ("192.168.1.1",), "elsewhere"),
    ("192.168.1.1", ("0.0.0.0",), ""),
    ("192.168.1.1", ("192.168.1.1", HERE4), ""),
    (RESOLVER, ("192.168.1.1",), ""),
])
def test_a_resolver_in_private_space_may_give_an_address_of_its_own_network(
        resolver: str, answers: tuple[str, ...], where: str) -> None:
    assert gather_dns_evidence([lookup(*answers, resolver_address=resolver)]).near_answer == where


def test_a_known_block_address_is_nobody_s_router() -> None:
    seen = lookup(PRIVATE, resolver_address="192.168.1.1", fingerprint="ir.dns")
    assert gather_dns_evidence([seen]).near_answer == ""


LATE, EMPTY_LATE, GARBAGE = "9000.0|59|SERVFAIL|QR RD RA|", "7000.0|59|NOERROR|QR RD RA|", "7000.0|59|malformed||"


@pytest.mark.parametrize(("tries", "laboured"), [
    ([("timeout", ()), ("timeout", ()), ("timeout", ())], False),
    ([("timeout", ()), ("timeout", (LATE,)), ("timeout", ())], True),
    ([("timeout", (EMPTY_LATE,)), ("timeout", ())], True),
    ([("timeout", (GARBAGE,)), ("timeout", ())], False),
    ([("timeout", ()), ("servfail", (LATE,))], True),
    ([("timeout", ()), ("empty", ("30.0|59|NOERROR|QR RD RA|",))], False),
    ([("timeout", ()), ("refused", ("30.0|59|REFUSED|QR RD RA|",))], False),
])
def test_a_resolver_that_answers_too_late_or_gives_up_works_at_the_name(
        tries: list[tuple[str, tuple[str, ...]]], laboured: bool) -> None:
    words: dict[str, Failure] = {
        "timeout": TIMEOUT, "servfail": "dns_servfail_error", "empty": "", "refused": "dns_refused_error"}
    seen = [lookup(failure=words[word], replies=replies, attempt=n) for n, (word, replies) in enumerate(tries, start=1)]
    assert gather_dns_evidence(seen).laboured is laboured


@pytest.mark.parametrize(("ede", "blamed"), [
    ([("22 at delegation",)] * 3, True), ([("6",), ("23 udp",), ("22", "15 policy")], True),
    ([("22",), (), ("22",)], False), ([("15 policy",)] * 3, False), ([()] * 3, False),
])
def test_a_resolver_that_blames_the_zone_does_so_each_time(ede: list[tuple[str, ...]], blamed: bool) -> None:
    seen = [lookup(failure="dns_servfail_error", ede=words, attempt=n) for n, words in enumerate(ede)]
    assert gather_dns_evidence(seen).zone_blamed is blamed
    assert not gather_dns_evidence([lookup(HERE4, ede=("22",))]).zone_blamed


def test_an_answer_over_tcp_is_none_to_questions_over_udp() -> None:
    seen = [lookup(failure=TIMEOUT, resolver="public"), lookup(HERE4, resolver="public", dns_engine="tcp")]
    found = gather_dns_evidence(seen)
    assert (found.public, found.public_udp, found.tcp) == ("ok", "timeout", "ok")


def test_who_is_asked_how_old_a_denial_is_is_not_asked_once_more() -> None:
    denied = [lookup(failure="dns_nxdomain_error", attempt=n) for n in (1, 2, 3)]
    marks = [lookup(failure="dns_nxdomain_error", purpose="again"), lookup(HERE4, purpose="zone"),
             lookup(NEAR4, name="www.example.com", purpose="yardstick")]
    found = gather_dns_evidence([*denied, *marks])
    assert found == gather_dns_evidence(denied)
    assert (found.attempts, found.network_answers) == (3, frozenset())
