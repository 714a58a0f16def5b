"""One batch: which lookups are made, in which order and how fast, and the rows that come of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from probe.catalogue.types import Service, Store
from probe.core.progress import Progress, ignore_progress
from probe.core.stamps import format_time
from probe_analysis.batches.store_checks import Batch, BatchInfo, StoreCheck
from probe_analysis.plugins.stores.store_answers import MAX_BODY_BYTES, READERS
from probe_analysis.plugins.stores.store_changes import SeriesState, follow_series, judge_store_role, make_series_key
from probe_analysis.plugins.stores.store_fetch import StorePage
from probe_analysis.plugins.stores.store_judging import (
    BlockedStores,
    JudgedApp,
    LookupAnswer,
    find_absent_everywhere,
    judge_apps,
)
from probe_analysis.tables.store_states import LIMITED

FAILURES_IN_A_ROW = 3
"""Lookups of one store that fail on the way before the batch leaves it alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLookups:
    """What is asked of which storefronts."""

    apps: Mapping[str, Mapping[str, str]]
    """Store -> application -> service."""
    storefronts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One request to a store."""

    store: str
    storefront: str
    asked: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMeans:
    """What a batch works with; tests bring their own."""

    fetch: Callable[..., StorePage]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    rng: random.Random
    pace_s: float
    most: int
    """Lookups at most, those that look elsewhere for what is absent among them."""
    progress: Progress = ignore_progress


def list_apps(services: Mapping[str, Service], stores: Iterable[str],
              names: frozenset[str]) -> dict[str, dict[str, str]]:
    """Store -> application -> service, of the services of these names."""
    chosen = {name: service for name, service in services.items() if name in names}
    ids = {"app_store": lambda s: s.app_store_ids, "google_play": lambda s: s.play_packages}
    return {store: {app: name for name, service in chosen.items() for app in ids[store](service)} for store in stores}


def list_lookups(name: str, store: Store, apps: Sequence[str], storefronts: Iterable[str]) -> list[Lookup]:
    """The lookups for some applications in some storefronts; where a store takes one id at a time, controls first."""
    made = []
    for storefront in storefronts:
        room = max(1, store.together - len(store.controls))
        parts = [(*store.controls, *apps[at:at + room]) for at in range(0, len(apps), room)]
        if store.together == 1:
            parts = [(app,) for app in (*store.controls, *apps)]
        for asked in parts:
            url = store.url.format(apps=",".join(asked), cc=storefront.lower(), CC=storefront.upper())
            made.append(Lookup(store=name, storefront=storefront, asked=tuple(asked), url=url))
    return made


def count_lookups(stores: Mapping[str, Store], wanted: WantedLookups) -> int:
    """How many lookups a batch makes, but for those elsewhere."""
    return sum(len(list_lookups(name, stores[name], tuple(apps), wanted.storefronts)) for name,
               apps in wanted.apps.items())


def make_batch(stores: Mapping[str, Store], wanted: WantedLookups, info: BatchInfo, history: Sequence[StoreCheck],
               blocked: Mapping[str, BlockedStores], means: BatchMeans) -> Batch:
    """Ask, judge, and compare with the checks before. Network failures become states; nothing is raised for them."""
    begun = format_time(means.now())
    rows: list[StoreCheck] = []
    found_blocked = {name: blocked.get(name, BlockedStores()) for name in wanted.apps}
    done, total = 0, count_lookups(stores, wanted)
    for name, apps in wanted.apps.items():
        asking = _Asking(means, done, total)
        answers = asking.ask(list_lookups(name, stores[name], tuple(apps), wanted.storefronts)[:means.most - done])
        judged = judge_apps(stores[name], apps, wanted.storefronts, answers, found_blocked[name])
        left = means.most - done - asking.made
        other = next((cc for cc in stores[name].elsewhere if cc not in wanted.storefronts), "")
        if (gone := find_absent_everywhere(judged)) and other and left > 0:
            answers += asking.ask(list_lookups(name, stores[name], gone, (other,))[:left])
            judged = judge_apps(stores[name], apps, wanted.storefronts, answers, found_blocked[name])
        done += asking.made
        rows += _rows(info, name, apps, judged, begun)
    return _settle_changes(info, rows, history, found_blocked)


class _Asking:
    """Asks one store, paced, until it has enough of us."""

    def __init__(self, means: BatchMeans, done: int, total: int) -> None:
        self._means, self._done, self._total = means, done, total
        self.made = 0
        self._failed = 0
        self._over = False

    def ask(self, wanted: Iterable[Lookup]) -> list[LookupAnswer]:
        """The answers, until the store asks for fewer lookups or fails several times in a row."""
        answers = []
        for lookup in wanted:
            if self._over:
                break
            if self._done + self.made:
                self._means.sleep(self._means.pace_s * self._means.rng.uniform(1.0, 1.4))
            answers.append(_answer(lookup, self._means))
            self.made += 1
            self._failed = self._failed + 1 if answers[-1].failure else 0
            self._over = answers[-1].said.word == LIMITED or self._failed >= FAILURES_IN_A_ROW
            self._means.progress(self._done + self.made, max(self._total, self._done + self.made))
        return answers


def _answer(lookup: Lookup, means: BatchMeans) -> LookupAnswer:
    page = means.fetch(lookup.url, max_body_bytes=MAX_BODY_BYTES)
    made = LookupAnswer(store=lookup.store, storefront=lookup.storefront, asked=lookup.asked, failure=page.failure,
                        status=page.status, time=format_time(means.now()))
    if page.failure:
        return made
    return replace(made, said=READERS[lookup.store](
        status=page.status, body=page.body, truncated=page.truncated, asked=lookup.asked,
        storefront=lookup.storefront))


def _rows(info: BatchInfo, store: str, apps: Mapping[str, str], judged: Mapping[tuple[str, str], JudgedApp],
          begun: str) -> Iterator[StoreCheck]:
    for (app, storefront), found in judged.items():
        answer = found.answer
        yield StoreCheck(
            **asdict(info), check_time=answer.time if answer else begun, store=store, storefront=storefront,
            service=apps[app], app=app, state=found.state, reason=found.reason, status=answer.status if answer else 0,
            failure=answer.failure if answer else "", controls_present=found.controls_present,
            elsewhere=found.elsewhere,
        )


def _settle_changes(info: BatchInfo, rows: Sequence[StoreCheck], history: Sequence[StoreCheck],
                    blocked: Mapping[str, BlockedStores]) -> Batch:
    standings, changes = follow_series((*history, *rows))
    checks = []
    for row in rows:
        found = blocked[row.store]
        outcome, block_type = judge_store_role(row, standings.get(make_series_key(row), SeriesState()),
                                               block_type=found.block_type)
        checks.append(replace(row, outcome=outcome, block_type=block_type,
                              evidence=found.evidence if outcome == "blocked" else ""))
    new = tuple(change for change in changes if change.batch_id == info.batch_id)
    return Batch(info=info, checks=tuple(checks), changes=new)
