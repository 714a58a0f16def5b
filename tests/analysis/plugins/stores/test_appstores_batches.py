"""Application stores over time: what checks say together, what a batch asks, and the tables behind both."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue import packaged
from probe.catalogue.load import load_catalogue
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.outcomes import Outcome
from probe.core.tables.words import read_word
from probe_analysis.batches.store_checks import Batch, BatchInfo, StoreCheck
from probe_analysis.plugins.stores.store_batch import (
    FAILURES_IN_A_ROW,
    BatchMeans,
    WantedLookups,
    count_lookups,
    list_apps,
    list_lookups,
    make_batch,
)
from probe_analysis.plugins.stores.store_changes import (
    MIN_CHECKS,
    MIN_SPAN,
    SeriesState,
    follow_series,
    judge_store_role,
    make_series_key,
)
from probe_analysis.plugins.stores.store_fetch import StorePage
from probe_analysis.plugins.stores.store_judging import BlockedStores
from probe_analysis.plugins.stores.store_roles import judge_store_roles
from probe_analysis.tables.store_states import (
    ABSENT,
    BLOCKED,
    IN,
    LIMITED,
    LISTED,
    NO_ANSWER,
    NOT_ASKED,
    NOWHERE,
    REASONS,
    REMOVED,
    UNKNOWN,
)
from probe_lab.lab_types import Fault
from probe_lab.servers.app_stores import store_reply
from probe_lab.servers.faults import Faults
from probe_lab.servers.http1 import Request
from probe_lab.servers.shelves import DETAILS_HOST

STORES = packaged.load_stores()
APPLE, GOOGLE = STORES["app_store"], STORES["google_play"]
WHATSAPP, SIGNAL = "310633997", "874139669"
PACKAGE = "com.whatsapp"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


# --- over time


def check(hours: float, state: str, **more: object) -> StoreCheck:
    made = StoreCheck(
        batch_id=f"b{hours:09.3f}", check_time=(START + timedelta(hours=hours)).isoformat(), store="app_store",
        storefront="ru", service="signal", app=SIGNAL, state=state, reason=NO_ANSWER if state == UNKNOWN else "")
    return replace(made, **more)  # type: ignore[arg-type]


def history(text: str, *, every_h: float = 4) -> list[StoreCheck]:
    """p: there, a: absent, u: unknown, b: the store is blocked; one check every so many hours."""
    words = {"p": IN, "a": ABSENT, "u": UNKNOWN, "b": BLOCKED}
    return [check(every_h * n, words[letter]) for n, letter in enumerate(text)]


@pytest.mark.parametrize(("text", "every_h", "changes"), [
    ("ppp", 4, []),
    ("aaaaaa", 4, []),
    ("paa", 24, []),
    ("paaa", 4, [REMOVED]),
    ("paaa", 3, []),  # six hours are not more than six
    ("paaa", 3.01, [REMOVED]),
    ("paaaaaaa", 0.5, []),
    ("paaaaaaaaaaaaaaa", 0.5, [REMOVED]),
    ("papaaa", 4, [REMOVED]),
    ("papapapapa", 24, []),
    ("paapaapaap", 24, []),
    ("puauaua", 4, [REMOVED]),
    ("pbabbabba", 4, [REMOVED]),
    ("puuuuuu", 24, []),
    ("paaapaaaa", 4, [REMOVED]),  # one glance of it again is no listing, and its end no removal
    ("paaappp", 4, [REMOVED, LISTED]),
    ("aappp", 4, [LISTED]),
    ("aapppaaa", 4, [LISTED, REMOVED]),
    ("aapaaa", 4, []),
])
def test_a_change_is_three_that_agree_over_more_than_six_hours(text: str, every_h: float, changes: list[str]) -> None:
    assert [change.change for change in follow_series(history(text, every_h=every_h))[1]] == changes


def test_a_change_lies_between_two_checks() -> None:
    (found,) = follow_series(history("ppaaaa"))[1]
    assert [found.before_time, found.after_time, found.settled_time] == [
        (START + timedelta(hours=h)).isoformat() for h in (4, 8, 16)]
    assert (found.checks, found.batch_id, found.service) == (3, "b00016.000", "signal")


def test_storefronts_vantages_and_the_laboratory_are_series_of_their_own() -> None:
    mixed = history("pa") + [replace(c, **more) for c in history("uuaa") for more in (
        {"storefront": "us"}, {"probe_cc": "DE"}, {"lab": True}, {"app": WHATSAPP}, {"store": "google_play"})]
    assert follow_series(mixed)[1] == ()


def test_a_batch_that_is_read_twice_counts_once() -> None:
    once = history("paa")
    assert follow_series(once + once + once)[1] == ()
    assert follow_series(list(reversed(history("paaa"))))[1][0].change == REMOVED


@pytest.mark.parametrize(("text", "outcome", "block_type"), [
    ("p", "ok", ""),
    ("a", "inconclusive", "inconclusive.unexplained"),
    ("aaaaaa", "inconclusive", "inconclusive.unexplained"),
    ("pa", "inconclusive", "inconclusive.unconfirmed"),
    ("paa", "inconclusive", "inconclusive.unconfirmed"),
    ("paaa", "down", "server.delisted"),
    ("paaaa", "down", "server.delisted"),
    ("paaap", "ok", ""),
    ("paaau", "inconclusive", "inconclusive.control_failed"),
    ("pb", "blocked", "tls.reset.sni"),
])
def test_the_outcome_of_the_store_role(text: str, outcome: Outcome, block_type: str) -> None:
    checks = history(text)
    standings, _ = follow_series(checks)
    assert judge_store_role(
        checks[-1], standings[make_series_key(checks[-1])], block_type="tls.reset.sni") == (outcome, block_type)


@given(st.text("paub", max_size=40), st.floats(0.01, 30))
def test_every_change_has_its_ground(text: str, every_h: float) -> None:
    checks = history(text, every_h=every_h)
    standings, changes = follow_series(checks)
    by_time = {c.check_time: c for c in checks}
    for change in changes:
        before, after, last = (by_time[t] for t in (change.before_time, change.after_time, change.settled_time))
        assert {before.state, after.state} == {IN, ABSENT}
        assert (after.state == ABSENT) == (change.change == REMOVED)
        between = [c for c in checks if after.check_time <= c.check_time <= last.check_time]
        agreeing = [c for c in between if c.state == after.state]
        assert len(agreeing) == change.checks >= MIN_CHECKS
        assert not [c for c in between if c.state == before.state]
        assert datetime.fromisoformat(last.check_time) - datetime.fromisoformat(after.check_time) > MIN_SPAN
    for c in checks:
        outcome, block_type = judge_store_role(c, standings[make_series_key(c)])
        assert (outcome == "blocked") == (c.state == BLOCKED)
        assert block_type in ("", *BLOCK_TYPES)
    assert sum(c.change == REMOVED for c in changes) <= text.count("p")


def test_without_a_proper_time_nothing_is_followed() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        follow_series([check(0, IN, check_time="yesterday")])


@pytest.mark.parametrize(("outcomes", "outcome", "partial"), [
    (["ok", "ok"], "ok", False),
    (["ok", "down"], "ok", True),
    (["ok", "blocked"], "ok", True),
    (["ok", "inconclusive"], "ok", False),
    (["down", "down"], "down", False),
    (["blocked", "blocked"], "blocked", False),
    (["down", "blocked"], "inconclusive", False),
    (["down", "inconclusive"], "inconclusive", False),
    (["blocked", "inconclusive"], "inconclusive", False),
    (["inconclusive"], "inconclusive", False),
])
def test_a_service_is_gone_where_no_store_has_it(outcomes: list[str], outcome: Outcome, partial: bool) -> None:
    cause = {"down": "server.delisted", "blocked": "ip.blackhole"}
    checks = [check(0, IN, outcome=o, block_type=cause.get(o, ""), app=str(n)) for n, o in enumerate(outcomes)]
    (found,) = judge_store_roles(checks)
    assert (found.outcome, found.partial) == (outcome, partial)
    assert found.not_to_be_had == tuple(str(n) for n, o in enumerate(outcomes) if o in cause)
    assert len(judge_store_roles([*checks, replace(checks[0], storefront="us")])) == 2


# --- a batch


def shop(gone: frozenset[tuple[str, str]] = frozenset()) -> Callable[..., StorePage]:
    """Both stores, without some (application, storefront)."""
    params = [Fault(kind="store_delisted", params={"apps": (app,), "storefronts": (cc,)}) for app, cc in gone]
    faults = Faults((*params, Fault(kind="store_delisted", params={"apps": ("none",)})), seed=1)

    def fetch(url: str, *, max_body_bytes: int) -> StorePage:
        parts = urlsplit(url)
        request = Request(method="GET", target=f"{parts.path}?{parts.query}", headers={})
        reply = store_reply(faults, parts.netloc, request)
        assert reply is not None
        assert len(reply.body) <= max_body_bytes
        return StorePage(status=reply.status, body=reply.body)

    return fetch


class Asked:
    """Notes what was asked and how long was slept."""

    def __init__(self, fetch: Callable[..., StorePage]) -> None:
        self._fetch = fetch
        self.urls: list[str] = []
        self.slept: list[float] = []

    def means(self, *, at: datetime = START, most: int = 100) -> BatchMeans:
        def fetch(url: str, *, max_body_bytes: int) -> StorePage:
            self.urls.append(url)
            return self._fetch(url, max_body_bytes=max_body_bytes)

        return BatchMeans(fetch=fetch, now=lambda: at, sleep=self.slept.append, rng=random.Random(1), pace_s=4,
                          most=most)


WANTED = WantedLookups(apps={"app_store": {WHATSAPP: "whatsapp", SIGNAL: "signal"},
                             "google_play": {PACKAGE: "whatsapp"}},
                       storefronts=("ru", "kz"))


def batch(fetch: Callable[..., StorePage], before: tuple[StoreCheck, ...] = (), *, hours: float = 0, most: int = 100,
          blocked: dict[str, BlockedStores] | None = None) -> tuple[Batch, Asked]:
    asked = Asked(fetch)
    frame = BatchInfo(batch_id=f"b{hours}", probe_cc="RU")
    at = START + timedelta(hours=hours)
    return make_batch(STORES, WANTED, frame, before, blocked or {}, asked.means(at=at, most=most)), asked


def test_a_batch_from_present_to_removed() -> None:
    checks: tuple[StoreCheck, ...] = ()
    gone = frozenset({(SIGNAL, "ru"), (PACKAGE, "ru")})
    said = []
    for hours, shelf in ((0, frozenset[tuple[str, str]]()), (24, gone), (27, gone), (31, gone), (40, gone)):
        made, _ = batch(shop(shelf), checks, hours=hours)
        checks += made.checks
        said.append(({c.block_type for c in made.checks if (c.app, c.storefront) in gone},
                     sorted(c.app for c in made.changes)))
        assert {c.outcome for c in made.checks if (c.app, c.storefront) not in gone} == {"ok"}
    unconfirmed = ({"inconclusive.unconfirmed"}, list[str]())
    delisted = {"server.delisted"}
    assert said == [({""}, []), unconfirmed, unconfirmed, (delisted, [SIGNAL, PACKAGE]), (delisted, [])]


def test_what_is_absent_everywhere_is_asked_for_elsewhere() -> None:
    made, asked = batch(shop(frozenset({(SIGNAL, "ru"), (SIGNAL, "kz")})))
    states = {(c.app, c.storefront): (c.state, c.elsewhere) for c in made.checks}
    assert states[SIGNAL, "ru"] == states[SIGNAL, "kz"] == (ABSENT, ("us",))
    assert [url for url in asked.urls if "country=us" in url] == [
        f"https://itunes.apple.com/lookup?id={','.join((*APPLE.controls, SIGNAL))}&country=us&entity=software"]
    nowhere, _ = batch(shop(frozenset({(SIGNAL, "ru"), (SIGNAL, "kz"), (SIGNAL, "us")})))
    assert {c.reason for c in nowhere.checks if c.app == SIGNAL} == {NOWHERE}


def test_lookups_are_paced_and_bounded() -> None:
    made, asked = batch(shop())
    assert len(asked.urls) == count_lookups(STORES, WANTED) == 2 + 6
    assert len(asked.slept) == len(asked.urls) - 1
    assert min(asked.slept) >= 3
    some, fewer = batch(shop(), most=3)
    assert len(fewer.urls) == 3
    assert {c.reason for c in some.checks if c.store == "google_play"} == {NOT_ASKED}
    assert len(some.checks) == len(made.checks) == 6
    _, tight = batch(shop(frozenset({(SIGNAL, "ru"), (SIGNAL, "kz")})), most=8)
    assert len(tight.urls) == 8


def test_a_store_that_has_enough_of_us_is_left_alone() -> None:
    made, asked = batch(lambda url, max_body_bytes: StorePage(status=429))
    assert len(asked.urls) == 2
    assert {c.state for c in made.checks} == {UNKNOWN}
    assert {c.reason for c in made.checks} == {LIMITED, NOT_ASKED}
    silent, asked = batch(lambda url, max_body_bytes: StorePage(failure="generic_timeout_error"),
                          blocked={"google_play": BlockedStores(block_type="ip.blackhole", evidence="r.t")})
    assert len([url for url in asked.urls if DETAILS_HOST in url]) == FAILURES_IN_A_ROW
    assert {(c.state, c.outcome, c.block_type, c.evidence) for c in silent.checks if c.store == "google_play"} == {
        (BLOCKED, "blocked", "ip.blackhole", "r.t")}
    assert {(c.state, c.outcome) for c in silent.checks if c.store == "app_store"} == {(UNKNOWN, "inconclusive")}


def test_lookups_name_controls_and_no_more_than_may_be_together() -> None:
    many = [str(n) for n in range(1, 50)]
    made = list_lookups("app_store", APPLE, many, ["ru"])
    assert all(set(APPLE.controls) < set(one.asked) and len(one.asked) <= APPLE.together for one in made)
    assert {app for one in made for app in one.asked} == {*many, *APPLE.controls}
    assert [one.asked for one in list_lookups("google_play", GOOGLE, [PACKAGE], ["ru"])] == [
        (app,) for app in (*GOOGLE.controls, PACKAGE)]


# --- the tables


def test_the_table_of_stores_fits_the_catalogue() -> None:
    catalogue = load_catalogue(search=False)
    targets = {e.target_id: urlsplit(e.input).hostname for e in catalogue.endpoints}
    apps = list_apps(catalogue.services, STORES, frozenset(catalogue.services))
    for name, store in STORES.items():
        host = urlsplit(store.url).hostname
        assert {targets[target] for target in store.reachability} == {host}
        assert len(store.controls) >= 2
        assert not set(store.controls) & set(apps[name])
        assert len(apps[name]) >= 40
        assert store.together == 1 or store.together > len(store.controls)
    rows = [e for e in catalogue.endpoints if e.target_id.endswith((".store.ios", ".store.android"))]
    assert len(rows) > 80
    known = {app for found in apps.values() for app in found}
    assert not [e.input for e in rows if not any(f"id={app}&" in e.input for app in known)]


def test_every_reason_has_a_cause_of_its_outcome() -> None:
    causes = [read_word(block_type, BLOCK_TYPES) for _, block_type in REASONS.values()]
    assert {BLOCK_TYPES[cause].outcome for cause in causes} == {"inconclusive"}
    assert judge_store_role(check(0, UNKNOWN), SeriesState()) == ("inconclusive", "inconclusive.control_failed")
