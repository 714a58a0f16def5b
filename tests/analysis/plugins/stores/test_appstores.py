"""Application stores: what one answer says, and what a batch of them says of an application."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue import packaged
from probe_analysis.plugins.stores.store_answers import StoreAnswer, read_app_store_lookup, read_play_details
from probe_analysis.plugins.stores.store_judging import BlockedStores, LookupAnswer, judge_apps
from probe_analysis.tables.store_states import (
    ABSENT,
    BLOCKED,
    IN,
    LIMITED,
    NO_ANSWER,
    NO_CONTROL,
    NOT_ASKED,
    NOWHERE,
    REASONS,
    STRANGE,
    UNKNOWN,
    UNTOLD,
)
from probe_lab.lab_types import Fault
from probe_lab.servers.app_stores import store_reply
from probe_lab.servers.faults import Faults
from probe_lab.servers.http1 import Request
from probe_lab.servers.shelves import DETAILS_HOST, LOOKUP_HOST, app_store_lookup, play_details

STORES = packaged.load_stores()
APPLE, GOOGLE = STORES["app_store"], STORES["google_play"]
WHATSAPP, SIGNAL = "310633997", "874139669"
PACKAGE = "com.whatsapp"
CONTROL = APPLE.controls[0]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


# --- answers


def lookup(body: object, *, status: int = 200, asked: tuple[str, ...] = (WHATSAPP, SIGNAL),
           cc: str = "ru") -> StoreAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_app_store_lookup(status=status, body=raw, truncated=False, asked=asked, storefront=cc)


def item(number: str, **more: object) -> dict[str, object]:
    return {"trackId": int(number), "kind": "software", "trackViewUrl": f"https://apps.apple.com/ru/app/id{number}",
            **more}


def test_the_app_store_names_what_it_has() -> None:
    said = lookup({"resultCount": 1, "results": [item(SIGNAL)]})
    assert said == StoreAnswer(present=frozenset({SIGNAL}), absent=frozenset({WHATSAPP}))
    assert lookup({"resultCount": 0, "results": []}).absent == {WHATSAPP, SIGNAL}
    no_url = {"resultCount": 1, "results": [item(SIGNAL, trackViewUrl="")]}
    assert lookup(no_url).present == {SIGNAL}


@pytest.mark.parametrize(("body", "status", "word"), [
    ({"resultCount": 0, "results": []}, 403, LIMITED),
    (b"<html>Forbidden</html>", 429, LIMITED),
    ({"resultCount": 0, "results": []}, 503, LIMITED),
    ({"resultCount": 0, "results": []}, 404, STRANGE),
    ({"resultCount": 0, "results": []}, 302, STRANGE),
    (b"<!doctype html><title>Sign in</title>", 200, STRANGE),
    (b"", 200, STRANGE),
    (b"[" * 100_000, 200, STRANGE),
    (b'{"resultCount": 0', 200, STRANGE),
    (b'\xff\xfe{"resultCount": 0, "results": []}', 200, STRANGE),
    ([], 200, STRANGE),
    ({"results": []}, 200, STRANGE),
    ({"resultCount": 3, "results": []}, 200, STRANGE),
    ({"resultCount": 1, "results": [item("999999999")]}, 200, STRANGE),
    ({"resultCount": 1, "results": [item(SIGNAL, kind="song")]}, 200, STRANGE),
    ({"resultCount": 1, "results": [item(SIGNAL, trackViewUrl="https://apps.apple.com/us/app/id1")]}, 200, STRANGE),
    ({"errorMessage": "Invalid value(s) for key(s): [country]", "queryParameters": {}}, 400, STRANGE),
])
def test_any_other_answer_says_nothing(body: object, status: int, word: str) -> None:
    assert lookup(body, status=status) == StoreAnswer(word=word)


def details(body: bytes, *, status: int = 200, truncated: bool = False, package: str = PACKAGE) -> StoreAnswer:
    return read_play_details(status=status, body=body, truncated=truncated, asked=(package,), storefront="ru")


def page(*, package: str = PACKAGE, available: bool = True) -> bytes:
    return play_details({"id": [package]}, lambda app, storefront: available).body


def test_google_play_says_whether_it_can_be_installed() -> None:
    assert details(page()) == StoreAnswer(present=frozenset({PACKAGE}))
    assert details(page(available=False)) == StoreAnswer(absent=frozenset({PACKAGE}))
    assert details(b"anything", status=404) == StoreAnswer(absent=frozenset({PACKAGE}))


@pytest.mark.parametrize(("body", "status", "word"), [
    (page(), 429, LIMITED),
    (page(), 302, STRANGE),
    (page(package="com.other"), 200, STRANGE),
    (page(package=PACKAGE + ".w4b"), 200, STRANGE),
    (page().replace(b"play.google.com", b"play.example.com"), 200, STRANGE),
    (b"<title>Before you continue</title>", 200, STRANGE),
    (page().replace(b"'ds:5'", b"'ds:6'"), 200, UNTOLD),
    (page().partition(b"AF_init")[0], 200, UNTOLD),
    (page().partition(b", sideChannel")[0][:-3], 200, UNTOLD),
    (page().replace(b"[1]", b'["soon"]'), 200, UNTOLD),
    (page().replace(b"[1]", b"[]"), 200, UNTOLD),
])
def test_a_page_that_does_not_say_it_is_no_proof(body: bytes, status: int, word: str) -> None:
    assert details(body, status=status) == StoreAnswer(word=word)


def test_half_a_page_says_nothing_of_what_is_missing() -> None:
    assert details(page(), truncated=True).word == UNTOLD


@given(st.binary(max_size=2000), st.integers(0, 999), st.booleans())
def test_no_answer_is_too_wrong(body: bytes, status: int, truncated: bool) -> None:
    for raw in (body, b'{"resultCount":1,"results":[' + body + b"]}", page()[:500] + body + page()[500:]):
        for read, asked in ((read_app_store_lookup, (WHATSAPP,)), (read_play_details, (PACKAGE,))):
            said = read(status=status, body=raw, truncated=truncated, asked=asked, storefront="ru")
            assert said.present | said.absent <= set(asked)
            assert not (said.present & said.absent)
            assert said.word in ("", *REASONS)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(
    inner, max_size=4) | st.dictionaries(st.sampled_from(["resultCount", "results", "trackId", "kind"]), inner)))
def test_no_json_is_too_wrong(value: object) -> None:
    assert lookup(value).present <= {WHATSAPP, SIGNAL}
    assert lookup({"resultCount": 1, "results": [value]}).present <= {WHATSAPP, SIGNAL}


@pytest.mark.parametrize("hostile", [
    b"<link" * 60_000, b'<link rel="canonical" href=' * 20_000, b"AF_initDataCallback({key: 'ds:5'" * 10_000,
    page().partition(b"data:[")[0] + b"data:" + b"[" * 1_000_000, b'<meta content="' + b"a" * 1_000_000,
])
def test_hostile_pages_cost_little(hostile: bytes) -> None:
    assert details(hostile).present == frozenset()


# --- what a batch of answers says


def answer(present: str = "", absent: str = "", *, cc: str = "ru", store: str = "app_store", word: str = "",
           failure: str = "") -> LookupAnswer:
    there, gone = frozenset(present.split()), frozenset(absent.split())
    return LookupAnswer(store=store, storefront=cc, asked=(*sorted(there | gone),), failure=failure,
                        said=StoreAnswer(present=there, absent=gone, word=word))


def state_of(*answers: LookupAnswer, app: str = SIGNAL, blocked: BlockedStores | None = None) -> tuple[str, str]:
    found = judge_apps(APPLE, [WHATSAPP, SIGNAL], ["ru", "us"], answers, blocked or BlockedStores())[app, "ru"]
    return found.state, found.reason


HERE = answer(f"{CONTROL} {SIGNAL}")
GONE = answer(CONTROL, SIGNAL)
THERE = answer(f"{CONTROL} {SIGNAL}", cc="us")
FAILED = replace(GONE, said=StoreAnswer(), failure="connection_reset")


@pytest.mark.parametrize(("answers", "state", "reason"), [
    ([], UNKNOWN, NOT_ASKED),
    ([HERE], IN, ""),
    ([answer(SIGNAL)], IN, ""),
    ([GONE, THERE], ABSENT, ""),
    ([GONE], UNKNOWN, NOWHERE),
    ([GONE, answer(CONTROL, SIGNAL, cc="us")], UNKNOWN, NOWHERE),
    ([answer("", f"{CONTROL} {SIGNAL}"), THERE], UNKNOWN, NO_CONTROL),
    ([answer("", f"{CONTROL} {SIGNAL}"), answer(CONTROL, WHATSAPP), THERE], UNKNOWN, NO_CONTROL),
    ([replace(GONE, said=StoreAnswer(word=LIMITED)), THERE], UNKNOWN, LIMITED),
    ([replace(GONE, said=StoreAnswer(word=STRANGE)), THERE], UNKNOWN, STRANGE),
    ([FAILED, THERE], UNKNOWN, NO_ANSWER),
    ([FAILED], UNKNOWN, NO_ANSWER),
])
def test_an_application_is_absent_only_beside_what_is_there(answers: list[LookupAnswer], state: str,
                                                            reason: str) -> None:
    assert state_of(*answers) == (state, reason)


def test_a_store_is_blocked_only_where_a_run_says_so_and_nothing_answered() -> None:
    blocked = BlockedStores(block_type="tls.reset.sni", evidence="r.t")
    assert state_of(FAILED) == (UNKNOWN, NO_ANSWER)
    assert state_of(FAILED, blocked=blocked) == (BLOCKED, "")
    assert state_of(FAILED, app=WHATSAPP, blocked=blocked) == (BLOCKED, "")
    assert state_of(FAILED, THERE, blocked=blocked) == (UNKNOWN, NO_ANSWER), "it answers after all"
    assert state_of(HERE, blocked=blocked) == (IN, "")
    assert state_of(blocked=blocked) == (UNKNOWN, NOT_ASKED), "nobody asked it"


def test_where_one_is_asked_for_at_a_time_the_batch_has_the_controls() -> None:
    def one(app: str, *, there: bool, cc: str = "ru") -> LookupAnswer:
        return answer(app if there else "", "" if there else app, cc=cc, store="google_play")

    gone, there = one(PACKAGE, there=False), one(PACKAGE, there=True, cc="us")
    control, none = one(GOOGLE.controls[0], there=True), one(GOOGLE.controls[0], there=False)
    for answers, wanted in (([control, gone, there], ABSENT), ([none, gone, there], UNKNOWN), ([gone, there], UNKNOWN),
                            ([one(GOOGLE.controls[0], there=True, cc="us"), gone, there], UNKNOWN)):
        assert judge_apps(GOOGLE, [PACKAGE], ["ru"], answers, BlockedStores())[PACKAGE, "ru"].state == wanted


ANSWERS = st.builds(
    lambda cc, present, word, failure: replace(
        answer(" ".join(present), " ".join({CONTROL, WHATSAPP, SIGNAL} - present), cc=cc), failure=failure,
        said=StoreAnswer(word=word) if word or failure else StoreAnswer(
            present=frozenset(present), absent=frozenset({CONTROL, WHATSAPP, SIGNAL} - present))),
    st.sampled_from(["ru", "us"]), st.sets(st.sampled_from([CONTROL, WHATSAPP, SIGNAL])),
    st.sampled_from(["", "", "", LIMITED, STRANGE]), st.sampled_from(["", "", "", "timed_out"]))


@given(st.lists(ANSWERS, max_size=5), st.booleans())
def test_nothing_is_said_without_its_ground(answers: list[LookupAnswer], blocked: bool) -> None:
    verdict = BlockedStores(block_type="ip.blackhole") if blocked else BlockedStores()
    for (app, cc), found in judge_apps(APPLE, [WHATSAPP, SIGNAL], ["ru", "us"], answers, verdict).items():
        here = [a for a in answers if a.storefront == cc]
        if found.state == IN:
            assert any(app in a.said.present for a in here)
        if found.state == ABSENT:
            assert any(app in a.said.absent and CONTROL in a.said.present for a in here)
            assert any(app in a.said.present for a in answers if a.storefront != cc)
        if found.state == BLOCKED:
            assert blocked
            assert answers
            assert all(a.failure for a in answers)
        assert bool(found.reason) == (found.state == UNKNOWN)


# --- the laboratory's side


@pytest.mark.parametrize(("style", "word"), [
    ("page", STRANGE), ("limited", LIMITED), ("consent", STRANGE), ("cut", STRANGE), ("count", STRANGE),
    ("elsewhere", STRANGE),
])
def test_strange_answers_of_the_laboratory_are_taken_for_none(style: str, word: str) -> None:
    faults = Faults([Fault(kind="store_strange", params={"style": style, "storefronts": ("ru",)})], seed=1)
    for cc, wanted in (("ru", word), ("us", "")):
        request = Request(method="GET", target=f"/lookup?id={SIGNAL}&country={cc}", headers={})
        reply = store_reply(faults, LOOKUP_HOST, request)
        assert reply is not None
        assert lookup(reply.body, status=reply.status, asked=(SIGNAL,), cc=cc).word == wanted


def test_a_package_may_keep_its_page_without_a_way_to_install_it() -> None:
    faults = Faults([Fault(kind="store_delisted", params={"style": "page", "storefronts": ("ru",)})], seed=1)
    for cc, there in (("RU", False), ("US", True)):
        request = Request(method="GET", target=f"/store/apps/details?id={PACKAGE}&gl={cc}", headers={})
        reply = store_reply(faults, DETAILS_HOST, request)
        assert reply is not None
        assert reply.status == 200
        assert bool(details(reply.body).present) is there
        assert bool(details(reply.body).absent) is not there


def test_the_laboratory_s_app_store_knows_what_it_is_asked_for() -> None:
    body = app_store_lookup({"id": [f"{SIGNAL},{WHATSAPP},x"], "country": ["RU"]}).body
    assert lookup(body) == StoreAnswer(present=frozenset({SIGNAL, WHATSAPP}))
