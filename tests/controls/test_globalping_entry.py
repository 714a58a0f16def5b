"""What sightings of several probes make of an endpoint: that it lives there, that nobody connects, or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from globalping_made import ADDRESS, HOST
from probe.controls.feeds.feed_board import FeedBoard, answer_of
from probe.controls.feeds.feed_document import Feed, FeedEntry, read_feed, write_feed
from probe.controls.globalping.answers import PageSeen, Sighting
from probe.controls.globalping.endpoint_questions import (
    make_innocent_question,
    make_name_questions,
    make_open_question,
    make_place_question,
    make_trial_question,
)
from probe.controls.globalping.entry_making import make_entry
from probe.controls.globalping.probe_places import CONTROL_ASN, CONTROL_CC
from probe.controls.globalping.questions import PING_PACKETS, ProbePlace, Question, encode_question
from probe.controls.globalping.sighting_book import BookedQuestion
from probe.core.endpoints import Endpoint, Expectation
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.judge.path.control_findings import reaches_in_country
from probe.store.flat_control import flatten_control, nest_control

INNOCENT = "www.example.com"
SITE = Endpoint(target_id="chat.web", service="chat", role="web", tier=1, input=f"https://{HOST}/a?b=1",
                protocol="http", host=HOST, port=443, sni=HOST, trust="web_pki", alpn=("http/1.1",))
PORT = replace(SITE, input=f"tcpconnect://{HOST}:5222", protocol="tcp", port=5222, sni="", trust="none")
EXPECTING = replace(SITE, expect=Expectation(status=("200",), body=("welcome",)))
PLACED = make_place_question(SITE, ADDRESS)
BESIDE = make_innocent_question(SITE, ADDRESS, INNOCENT)
OPENED = make_open_question(SITE, ADDRESS)
NAMES = make_name_questions(SITE)[0]


def saw(*asns: int, **changes: object) -> tuple[Sighting, ...]:
    base = Sighting(cc="DE", asn=1, address=ADDRESS, secure=True, trusted=True, key="ab" * 32)
    return tuple(replace(base, asn=asn, cc=f"{chr(64 + asn)}A", **changes) for asn in asns)  # type: ignore[arg-type]


def make(seen: dict[Question | None, tuple[Sighting, ...]], *, silent: tuple[Sighting, ...] = (),
         endpoint: Endpoint = SITE) -> FeedEntry:
    known = {question: BookedQuestion(question=question, ended=True, sightings=found)
             for question, found in seen.items() if question}
    if silent and (opened := make_open_question(endpoint, ADDRESS)):
        known[opened] = BookedQuestion(question=opened, ended=True, silent=silent)
    return make_entry(endpoint, (ADDRESS,), known, innocent=INNOCENT, at_s=5)


def test_two_networks_are_enough_and_one_is_not() -> None:
    (place,) = make({PLACED: saw(1, 2)}).places
    assert (place.tcp, place.tls, place.key, place.served_in) == ("", "", "ab" * 32, ("AA", "BA"))
    assert make({PLACED: saw(1, 1)}).state == "unclear"


def test_keys_that_differ_are_not_told() -> None:
    (place,) = make({PLACED: (*saw(1), *saw(2, key="cd" * 32))}).places
    assert (place.tls, place.key) == ("", "")


@pytest.mark.parametrize("seen", [
    {PLACED: saw(1, 2, trusted=False)}, {BESIDE: saw(1, 2)}, {OPENED: saw(1, 2, secure=False, trusted=False)},
    {PLACED: saw(1), BESIDE: saw(2)},
])
def test_other_certificates_and_names_show_a_port_alone(seen: dict[Question | None, tuple[Sighting, ...]]) -> None:
    found = make(seen)
    assert (found.state, found.proof, found.addresses) == ("ok", "tcp", ())
    assert [(place.tcp, place.tls, place.served_in) for place in found.places] == [("", None, ())]


def test_a_connection_to_another_address_is_none() -> None:
    assert make({PLACED: saw(1, 2, address="8.8.8.8")}).places == ()


def missed(*countries: str, home: bool = True) -> tuple[Sighting, ...]:
    return tuple(Sighting(cc=cc, asn=n, home=home) for n, cc in enumerate(countries, start=1))


@pytest.mark.parametrize(("silent", "state"), [
    (missed("DE", "US", "JP"), "fails"), (missed("DE", "US", "JP", home=False), "unclear"),
    (missed("DE", "US"), "unclear"), (missed("DE", "DE", "DE"), "unclear"), (missed("DE", "US", "TR"), "unclear"),
])
def test_shut_takes_three_networks_in_three_countries_and_a_home(silent: tuple[Sighting, ...], state: str) -> None:
    assert make({}, silent=silent).state == state


def test_whoever_connects_outweighs_all_who_do_not() -> None:
    assert make({PLACED: saw(9)}, silent=missed("DE", "US", "JP")).state == "unclear"


def test_a_port_is_all_that_is_shown_of_other_protocols() -> None:
    found = make({make_place_question(PORT, ADDRESS): saw(1, 2)}, endpoint=PORT)
    assert (found.state, found.proof) == ("ok", "tcp")


PAGES = {"as expected": (PageSeen(status=200, body="<title>Chat</title>welcome"), True),
         "a refusal": (PageSeen(status=403, body="welcome"), False),
         "a challenge": (PageSeen(status=200, body="are you human"), False),
         "a redirect": (PageSeen(status=302, body="welcome"), False),
         "cut off": (PageSeen(status=200, body="welcome", truncated=True), False)}


@pytest.mark.parametrize(("page", "told"), PAGES.values(), ids=PAGES)
def test_a_page_is_told_where_the_catalogue_knows_it(page: PageSeen, told: bool) -> None:
    found = make({make_place_question(EXPECTING, ADDRESS): saw(1, 2, page=page)}, endpoint=EXPECTING)
    assert (found.page is not None) is told
    assert found.proof == ("http" if told else "tls")
    assert make({PLACED: saw(1, 2, page=page)}).page is None


def test_texts_of_servers_are_neutralised() -> None:
    page = PageSeen(status=200, headers=(("x-<b>", "1"), ("server\x1b", "2"), ("etag", "3")),
                    body="<title>\x1b[2J\u2028=cmd 198.51.100.7</title>welcome")
    found = make({make_place_question(EXPECTING, ADDRESS): saw(1, 2, page=page)}, endpoint=EXPECTING)
    assert found.page is not None
    assert found.page.headers == ("etag",)
    assert found.page.title.isprintable()
    assert "198.51.100.7" not in found.page.title
    now = datetime(2026, 11, 28, tzinfo=UTC)
    made = Feed(format=1, name="world", asn=CONTROL_ASN, cc=CONTROL_CC, begun=now, made=now + timedelta(seconds=9),
                entries=(found,))
    assert read_feed(write_feed(made)) == made


def test_names_need_two_networks_as_well() -> None:
    told = (*saw(1, addresses=(ADDRESS, "8.8.8.8")), *saw(2, addresses=(ADDRESS,)))
    seen: dict[Question | None, tuple[Sighting, ...]] = {NAMES: told}
    assert make(seen).addresses == (ADDRESS,)


def test_as_an_answer_it_is_what_a_control_says() -> None:
    blank = ControlAnswer(control_id="feed-world", input=SITE.input, source="feed", state="refused")
    told = answer_of(make({PLACED: saw(1, 2)}), blank)
    where = Place(ADDRESS, 443)
    assert (told.tcp, told.tls, told.http_failure) == (((where, ""),), ((where, ""),), None)
    assert told.served_in == ((where, "AA"), (where, "BA"))
    assert reaches_in_country("tls", told, where, "AA")
    assert not reaches_in_country("tls", told, where, "CA")
    assert not reaches_in_country("tls", told, Place("8.8.8.8", 443), "AA")


def test_what_was_seen_before_we_failed_speaks_against_no_fence() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    made = Feed(format=1, name="world", asn=CONTROL_ASN, cc=CONTROL_CC, begun=now, made=now + timedelta(seconds=9),
                entries=(make({PLACED: saw(1, 2)}),))
    told = FeedBoard(feeds=(made,)).consult("feed-world", SITE, now=now + timedelta(minutes=1), t_s=0.0)
    assert (told.before, told.tcp, told.served_in) == (True, (), ())


def test_it_is_written_and_read_again() -> None:
    blank = ControlAnswer(control_id="feed-world", input=SITE.input, source="public", state="refused")
    told = answer_of(make({PLACED: saw(1, 2)}), blank)
    assert nest_control(flatten_control(told))["served_in"] == told.served_in


@pytest.mark.parametrize(("endpoint", "address", "kind"), [
    (SITE, ADDRESS, "http"), (PORT, ADDRESS, "ping"), (SITE, "10.0.0.1", ""), (SITE, "not an address", ""),
    (replace(SITE, protocol="stun", port=3478), ADDRESS, ""), (replace(SITE, trust="signal_root"), ADDRESS, "ping"),
    (replace(SITE, protocol="tls", port=5223), ADDRESS, "ping"), (replace(SITE, protocol="tls"), ADDRESS, "http"),
    (replace(SITE, protocol="dns", port=0), ADDRESS, ""),
])
def test_what_an_endpoint_is_asked(endpoint: Endpoint, address: str, kind: str) -> None:
    asked = make_place_question(endpoint, address)
    assert (asked.kind if asked else "") == kind


def test_questions_are_written_as_its_description_has_them() -> None:
    places = (ProbePlace(cc="DE", line="eyeball-network"), ProbePlace(cc="US", probes=2))
    assert PLACED is not None
    assert json.loads(encode_question(PLACED, places)) == {
        "type": "http", "target": ADDRESS, "inProgressUpdates": False,
        "locations": [{"country": "DE", "limit": 1, "tags": ["eyeball-network"]}, {"country": "US", "limit": 2}],
        "measurementOptions": {"protocol": "HTTPS", "port": 443,
                               "request": {"method": "HEAD", "path": "/", "host": HOST}}}
    whole = make_place_question(EXPECTING, ADDRESS)
    assert whole is not None
    assert json.loads(encode_question(whole, places))["measurementOptions"]["request"] == {
        "method": "GET", "path": "/a", "query": "b=1", "host": HOST}
    assert json.loads(encode_question(make_trial_question(PORT), places))["measurementOptions"] == {
        "protocol": "TCP", "port": 5222, "packets": PING_PACKETS}
    assert json.loads(encode_question(NAMES, places))["measurementOptions"] == {"query": {"type": "A"}}
