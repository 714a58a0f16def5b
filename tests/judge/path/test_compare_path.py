"""From visits, neighbours and controls to the evidence of one address; addresses, pages and redirects held together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import (
    HERE4,
    HERE6,
    HOST,
    NEAR4,
    REFUSED,
    RESET,
    TIMEOUT,
    endpoint,
    expecting,
    numbered,
    operation,
    plain_visit,
    replace_flat,
    site_of,
    told,
    visit_to,
)
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.failures import Failure
from probe.judge.common.url_places import is_same_place, parse_host, resolve_location
from probe.judge.common.visit_outcomes import http_needs_control, list_failed_inputs, must_not_answer
from probe.judge.path.path_evidence import PathEvidence, gather_path_evidence

PLAIN = f"http://{HOST}/"


def evidence(visits: Sequence[Observation], *, around: Sequence[Observation] = (), address: str = HERE4,
             controls: Sequence[ControlAnswer] = (), of: Endpoint | None = None,
             private_root: str = "") -> PathEvidence:
    measured = of or endpoint()
    return gather_path_evidence(site_of(measured), measured, address, visits=numbered(list(visits)), around=around,
                                controls=controls, private_root=private_root)


def tries(failure: Failure, *, until: str = "tls", n: int = 3, **changes: Any) -> list[Observation]:
    return [o for k in range(1, n + 1) for o in visit_to(until=until, failure=failure, attempt=k, **changes)]


# ---- attempts and stages

def test_a_good_visit_is_proven() -> None:
    e = evidence(visit_to())
    assert (e.attempts, e.failed_attempts, e.last_ok, e.proven, e.stage) == (1, 0, True, True, "")
    assert e.evidence == ("r.0", "r.1", "r.2")


@pytest.mark.parametrize("stage", ["connect", "tls", "http"])
def test_a_failure_is_placed_where_the_attempts_end(stage: str) -> None:
    e = evidence(tries(RESET, until=stage))
    assert (e.stage, e.failure, e.attempts, e.failed_attempts) == (stage, RESET, 3, 3)
    assert e.same_failure
    assert e.proven == (stage == "http")


@pytest.mark.parametrize(("words", "acked"), [(("no",) * 3, "no"), (("yes", "yes", "no"), "yes"), (("", "no"), ""),
                                              (("no", "yes"), "yes"), (("no", ""), "")])
def test_one_attempt_that_was_acknowledged_shows_that_packets_pass(words: tuple[str, ...], acked: str) -> None:
    seen = [o for k, word in enumerate(words, 1) for o in visit_to(until="tls", failure=TIMEOUT, attempt=k, acked=word)]
    assert evidence(seen).acked == acked


def test_attempts_that_end_differently_are_not_alike() -> None:
    ends: list[tuple[str, Failure]] = [("tls", TIMEOUT), ("tls", "timed_out"), ("tls", RESET), ("http", TIMEOUT)]
    first, *others = [visit_to(until=stage, failure=word) for stage, word in ends]
    alike = [evidence([*first, *(replace(o, attempt=2) for o in other)]).same_failure for other in others]
    assert alike == [True, False, False]  # the first two are two words for one silence


@pytest.mark.parametrize(("sources", "source"), [
    (("network",), "network"), (("trusted",), "trusted"), (("trusted", "network"), "network"),
    (("literal",), "literal"),
], ids=" then ".join)
def test_an_address_is_the_networks_where_its_resolver_gave_it_whoever_was_first(
        sources: tuple[str, ...], source: str) -> None:
    visits = [o for word in sources for o in visit_to(address_source=word)]
    assert evidence(visits).source == source


def test_a_success_after_failures_leaves_no_stage() -> None:
    e = evidence([*tries(RESET, n=2), *visit_to(attempt=3)])
    assert (e.failed_attempts, e.last_ok, e.stage, e.same_failure) == (2, True, "", False)


@pytest.mark.parametrize(("looked", "until"), [("connect", "tls"), ("connect", "http"), ("tls", "http")])
def test_a_first_look_at_an_address_is_no_success(looked: str, until: str) -> None:
    """Of several addresses some are only connected to, until another one fails."""
    look = visit_to(attempt=1)[: 1 if looked == "connect" else 2]
    earnest = [replace(o, attempt=o.attempt + 1) for o in tries(TIMEOUT, until=until)]
    e = evidence([*look, *earnest])
    assert (e.attempts, e.failed_attempts, e.same_failure, e.slots) == (3, 3, True, 1)
    whole = evidence([*visit_to(attempt=1), *earnest])
    assert (whole.attempts, whole.failed_attempts) == (4, 3)
    assert (evidence(look).attempts, evidence(look).failed_attempts) == (1, 0)


@pytest.mark.parametrize(("acked", "hushed"), [("no", True), ("yes", False), ("", False)])
def test_a_page_behind_which_nothing_is_acknowledged_is_told(acked: str, hushed: bool) -> None:
    assert evidence(visit_to(page={"acked": acked})).lasting.hushed == hushed
    assert not evidence([*visit_to(page={"acked": acked}), *visit_to(attempt=2, page={"acked": "yes"})]).lasting.hushed


def test_other_addresses_purposes_and_pages_stay_out() -> None:
    other_page = operation("http_round_trip", failure=RESET, input=f"https://{HOST}/other")
    seen = [*visit_to(), *visit_to(NEAR4, until="tls", failure=RESET), other_page,
            operation("connect", failure=TIMEOUT, purpose="redirect")]
    assert evidence(seen).failed_attempts == 0


def test_no_visit_is_no_attempt() -> None:
    assert evidence([]).attempts == 0


# ---- neighbours

@pytest.mark.parametrize(("around", "word"), [
    pytest.param([], "unasked", id="nobody"),
    pytest.param([operation("tls_handshake", purpose="innocent")], "reached", id="answered"),
    pytest.param([operation("tls_handshake", failure=RESET, purpose="innocent")], "failed", id="reset too"),
    pytest.param([operation("connect", failure=TIMEOUT, purpose="innocent")], "failed", id="never connected"),
    pytest.param([operation("tls_handshake", failure=RESET, purpose="innocent", tainted_by="r.0")], "tainted",
                 id="after a failure"),
    pytest.param([operation("tls_handshake", purpose="innocent", port=8443)], "unasked", id="at another port"),
    pytest.param([operation("tls_handshake", NEAR4, purpose="innocent")], "unasked", id="at another address"),
    pytest.param([operation("connect", purpose="innocent", sni="")], "failed", id="connected, not served"),
])
def test_what_became_of_the_innocent_name(around: list[Observation], word: str) -> None:
    assert evidence(tries(RESET), around=around).innocent == word


@pytest.mark.parametrize(("when", "changes", "word"), [
    (2, {}, "passed"), (2, {"failure": TIMEOUT, "acked": "yes"}, "passed"),
    (2, {"failure": TIMEOUT, "acked": "no"}, "failed"), (9, {}, "unasked"), (0, {}, "unasked"),
])
def test_other_bytes_count_between_two_hellos_that_vanish(when: int, changes: dict[str, Any], word: str) -> None:
    site, measured = site_of(endpoint()), endpoint()
    mine = [replace(o, sequence=at) for at, n in ((1, 1), (4, 2))
            for o in visit_to(until="tls", failure=TIMEOUT, attempt=n, acked="no")]
    said = operation("app_round_trip", purpose="bytes", protocol="innocent_http", sequence=when, **changes)
    assert gather_path_evidence(site, measured, HERE4, visits=mine, around=[said], controls=()).tls.other_bytes == word


@pytest.mark.parametrize(("failure", "word"), [("", "open"), (REFUSED, "closed"), (TIMEOUT, "silent")])
def test_another_port_shows_whether_the_host_lives(failure: Failure, word: str) -> None:
    around = [operation("connect", failure=failure, purpose="port", port=80)]
    assert evidence(tries(TIMEOUT, until="connect"), around=around).tcp.other_port == word


@pytest.mark.parametrize(("reads", "alike"), [
    ((0, 0, 0), True), ((16_000, 16_400, 15_900), True), ((542, 13_574, 4_886), False), ((0, 542, 0), False),
])
def test_a_slow_line_stops_anywhere_and_a_frozen_flow_alike(reads: tuple[int, ...], alike: bool) -> None:
    seen = [replace(o, bytes_read=reads[o.attempt - 1]) if o.operation == "http_round_trip" else o
            for o in tries(TIMEOUT, until="http", n=len(reads))]
    assert evidence(seen).stops_alike == alike


@pytest.mark.parametrize(("came_s", "seeps"), [((0.2, 0.3, 0.2), False), ((0.2, 0.2, 7.6), True)])
def test_a_page_that_still_came_when_its_time_was_up_is_slow_and_not_silent(
        came_s: tuple[float, ...], seeps: bool) -> None:
    seen = [replace_flat(o, t_s=o.t0_s + 8, flow_s=came_s[o.attempt - 1]) if o.operation == "http_round_trip" else o
            for o in tries(TIMEOUT, until="http", n=len(came_s))]
    assert evidence(seen).seeps == seeps


@pytest.mark.parametrize(("earlier", "opened"), [
    (operation("connect", purpose="innocent", port=443, sequence=-1), True),
    (operation("connect", purpose="port", port=80), False),
    (operation("connect", failure=TIMEOUT, purpose="innocent", port=443), False),
])
def test_an_address_that_took_a_connection_before(earlier: Observation, opened: bool) -> None:
    refused = tries(TIMEOUT, until="connect")
    assert evidence(refused, around=[earlier]).tcp.opened_before == opened


def test_only_when_every_failure_followed_a_neighbours_it_is_tainted() -> None:
    first, *rest = [visit_to(until="tls", failure=RESET, attempt=n, tainted_by="r.9") for n in (1, 2, 3)]
    assert evidence(first + [o for v in rest for o in v]).tainted
    clean = visit_to(until="tls", failure=RESET, attempt=1)
    assert not evidence(clean + [o for v in rest for o in v]).tainted


def test_a_private_authority_under_an_unknown_root() -> None:
    seen = tries("ssl_unknown_authority", trust="self_signed", issuer="O=Signal Messenger\\, LLC,C=US")
    assert evidence(seen, private_root="Signal Messenger, LLC").tls.private_root
    assert not evidence(seen, private_root="Somebody Else").tls.private_root
    assert not evidence(seen).tls.private_root


# ---- controls

TLS_OK = ((f"{HERE4}:443", ""),)
TLS_BAD = ((f"{HERE4}:443", RESET),)


@pytest.mark.parametrize(("controls", "ok", "failed"), [
    pytest.param([], 0, 0, id="none"),
    pytest.param([told("a", tls=TLS_OK), told("b", tls=TLS_OK)], 2, 0, id="both reach it"),
    pytest.param([told("a", tls=TLS_OK), told("b", tls=TLS_BAD)], 1, 1, id="they disagree"),
    pytest.param([told("a", tls=((f"{NEAR4}:443", ""),))], 0, 0, id="another address"),
    pytest.param([told("a", tcp=TLS_BAD)], 0, 1, id="not even TCP"),
    pytest.param([told("a", state="failed", tls=TLS_BAD)], 0, 0, id="it could not be asked"),
    pytest.param([told("a", tls=TLS_BAD)] * 2, 0, 1, id="one control heard twice"),
    pytest.param([told("a", tls=TLS_BAD), told("b", asn=told("a").asn, cc="A", tls=TLS_BAD)], 0, 1,
                 id="two controls in one network"),
    pytest.param([told("a", input="https://other.example/", tls=TLS_BAD)], 0, 0, id="about something else"),
])
def test_controls_are_counted_by_network_at_this_address(controls: list[ControlAnswer], ok: int, failed: int) -> None:
    e = evidence(tries(RESET), controls=controls)
    assert (e.controls.ok, e.controls.failed) == (ok, failed)
    assert e.controls.answered == len({c.control_id for c in controls if c.state == "answered"
                                       and c.input == endpoint().input})


@pytest.mark.parametrize(("control", "here"), [
    (told("a", http_failure="", http_status=200, addresses=(HERE4,)), 1),
    (told("a", http_failure="", http_status=200, addresses=(NEAR4,)), 0),
    (told("a", http_failure="", http_status=200), 0),
    (told("a", http_failure=RESET, addresses=(HERE4,)), 0),
])
def test_a_control_may_have_had_its_page_from_this_address(control: ControlAnswer, here: int) -> None:
    assert evidence(tries(RESET, until="http"), controls=[control]).controls.here == here


def test_ipv6_addresses_are_compared_in_brackets() -> None:
    seen = visit_to(HERE6, until="connect", failure=TIMEOUT)
    e = evidence(seen, address=HERE6, controls=[told(tcp=((f"[{HERE6}]:443", ""),))])
    assert (e.family, e.controls.ok) == (6, 1)


def test_keys_of_controls_are_held_against_the_one_presented() -> None:
    seen = tries("ssl_unknown_authority", trust="unknown_issuer", chain=("ours", "root"))
    same = evidence(seen, controls=[told(leaf_keys=((f"{HERE4}:443", "ours"),))])
    assert (same.tls.same_key, same.tls.other_key) == (1, 0)
    other = evidence(seen, controls=[told(leaf_keys=((f"{HERE4}:443", "theirs"), (f"{HERE4}:80", "ours")))])
    assert (other.tls.same_key, other.tls.other_key) == (0, 1)


# ---- pages

def page_evidence(control: ControlAnswer, **page: Any) -> PathEvidence:
    of = expecting(PLAIN, status=("200",))
    return evidence(plain_visit(**page), of=of, controls=[replace(control, input=PLAIN, http_failure="")])


@pytest.mark.parametrize(("page", "control", "same"), [
    (dict(title="Chat"), dict(http_status=200, http_title="Chat"), True),
    (dict(title="Blocked", body_bytes=9), dict(http_status=200, http_title="Chat"), False),
    (dict(title="Chat"), dict(http_status=403, http_title="Chat"), False),
    # A filter's page of like size in the place of an answer that has no title, and the other way round.
    (dict(title="Blocked", body_bytes=553), dict(http_status=200, http_body_bytes=403), False),
    (dict(body_bytes=403), dict(http_status=200, http_title="Chat", http_body_bytes=553), False),
    (dict(title="Chat", body_bytes=553), dict(http_status=200, http_body_bytes=540), True),
    (dict(body_bytes=800), dict(http_status=200, http_body_bytes=1000), True),
    (dict(body_bytes=100), dict(http_status=200, http_body_bytes=1000), False),
    (dict(body_bytes=16384, body_truncated=True), dict(http_status=200, http_body_bytes=90000), True),
    (dict(status=302, location="http://a.example/x"), dict(http_status=302, http_location="http://a.example/y"), True),
    (dict(status=302, location="http://b.example/"), dict(http_status=302, http_location="http://a.example/"), False),
])
def test_pages_are_compared_as_the_field_does(page: dict[str, Any], control: dict[str, Any], same: bool) -> None:
    e = page_evidence(told(**control), **page)
    assert (e.http.page_same, e.http.page_differs) == (int(same), int(not same))


@pytest.mark.parametrize(("location", "foreign"), [
    ("http://block.example.net/", True), (f"https://www.{HOST}/", False), ("/login", False), ("", False),
    ("http://[", False), ("//[::1", False), ("mailto:somebody", False),
])
def test_a_redirect_abroad_is_told_from_one_at_home(location: str, foreign: bool) -> None:
    e = page_evidence(told(http_status=200), status=302, location=location)
    assert e.http.foreign_redirect == foreign


def test_an_unexpected_page_in_the_clear_is_a_failure_and_over_tls_it_is_an_answer() -> None:
    unexpected: dict[str, Any] = dict(met_expectation="no", status=403)
    twice = [o for n in (1, 2) for o in plain_visit(attempt=n, **unexpected)]
    clear = evidence(twice, of=expecting(PLAIN, status=("200",)))
    assert (clear.stage, clear.failed_attempts, clear.http.status) == ("page", 2, 403)
    secure = evidence(visit_to(page=unexpected))
    assert (secure.stage, secure.failed_attempts, secure.http.met, secure.http.status) == ("", 0, "no", 403)


# ---- what needs another try, and what a control

def test_below_http_every_page_fails_and_above_only_its_own() -> None:
    site = site_of(endpoint(), endpoint(f"https://{HOST}/b", target_id="chat.web.b"))
    every = {f"https://{HOST}/", f"https://{HOST}/b"}
    assert list_failed_inputs(site, visit_to(until="tls", failure=RESET)) == every
    assert list_failed_inputs(site, visit_to()) == frozenset()  # what was not asked for did not fail
    assert list_failed_inputs(site, visit_to(until="http", failure=RESET)) == {f"https://{HOST}/"}


def test_a_page_in_the_clear_needs_a_control_unless_its_content_is_known() -> None:
    known = expecting(PLAIN, body=("hello",))
    page = plain_visit(met_expectation="yes")[-1]
    assert not http_needs_control(site_of(known), page)
    assert http_needs_control(site_of(expecting(PLAIN, status=("200",))), page)
    assert not http_needs_control(site_of(expecting(PLAIN, status=("204",))), page)
    assert http_needs_control(site_of(known), replace(page, met_expectation="no"))
    assert not http_needs_control(site_of(), visit_to()[-1])


def test_a_port_that_must_stay_closed_is_known() -> None:
    assert must_not_answer(expecting("tcpconnect://chat.example:9", status=("closed",)))
    assert not must_not_answer(endpoint())


# ---- anything at all

@given(st.text(max_size=40), st.text(max_size=40))
def test_any_location_leads_somewhere_or_nowhere(base: str, location: str) -> None:
    url = resolve_location(base, location)
    assert parse_host(url) == parse_host(url).lower()
    assert is_same_place(url, url)


SEEN = st.builds(
    operation, st.sampled_from(["connect", "tls_handshake", "http_round_trip"]), st.just(HERE4),
    st.sampled_from(["", TIMEOUT, RESET, "eof_error"]), attempt=st.integers(1, 3),
    purpose=st.sampled_from(["target", "trusted", "redirect"]), tainted_by=st.sampled_from(["", "r.0"]),
    status=st.sampled_from([0, 200, 302, 403]), location=st.text(max_size=12), url=st.text(max_size=12),
    met_expectation=st.sampled_from(["", "yes", "no"]),
)


@given(st.lists(SEEN, max_size=8), st.sampled_from(["https", "http", "tcpconnect", "tlshandshake"]))
def test_any_observations_make_evidence(seen: list[Observation], scheme: str) -> None:
    of = endpoint(f"{scheme}://{HOST}:443/", target_id="x")
    e = evidence(seen, of=of, controls=[told(http_failure="", http_location="http://["), told("b", tls=TLS_BAD)])
    assert e.failed_attempts <= e.attempts <= 3
    assert not (e.last_ok and e.stage)
    assert e.stage in ("", "connect", "tls", "http", "page")
