"""All pages of a site as orders, each with a digest of what it is made from, so that an hour costs what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import TypeAlias

from probe import __version__
from probe.catalogue.readiness import is_on_trial
from probe.judge.rules_version import RULES_VERSION
from probe.store.files.atomic import StoreError
from probe_analysis.pages.png import check_png, render_png
from probe_analysis.site.corrections_page import list_shown, make_corrections_page
from probe_analysis.site.event_page import make_event_files
from probe_analysis.site.event_states import find_state, is_established, name_event, name_service, say_state
from probe_analysis.site.explore_page import make_explore_page
from probe_analysis.site.front_page import list_all_unexplained, list_recent, make_about_page, make_front_page
from probe_analysis.site.place_pages import PlacePage, list_places, make_chart_files, make_place_page
from probe_analysis.site.share_card import STYLE, draw_share_card
from probe_analysis.site.site_feeds import make_feeds
from probe_analysis.site.site_files import PageOrder
from probe_analysis.site.site_json import dump, event_to_json, make_events_json, write_daily_csv
from probe_analysis.site.site_names import name_file
from probe_analysis.site.site_shell import SiteFrame
from probe_analysis.site.site_values import SiteData, SiteEvent

_FRONT_CARD = "share.png"
MakeOrder: TypeAlias = Callable[[str, object, Callable[[], Mapping[str, bytes]]], PageOrder]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWish:
    """How the site is to be made."""

    head: SiteFrame
    png: bool
    """A PNG beside each SVG as well."""


def list_orders(data: SiteData, wish: SiteWish) -> Iterator[PageOrder]:
    """Everything that the site is made of."""
    head, places = wish.head, list_places(data)
    events = {event.key: _digest(event, find_state(data, event), data.corrections.get(event.key, ()))
              for event in data.events}
    cards = {event.key: _digest(event.key, event.finding, event.withdrawn, find_state(data, event))
             for event in data.events}
    news = {event.key: _digest(event.changes, data.corrections.get(event.key, ())) for event in data.events}
    common = _digest(_program(), is_on_trial(), head, wish.png, data.kind, data.titles, data.operators, data.labels)
    recent = list_recent(data)

    def order(name: str, inputs: object, make: Callable[[], Mapping[str, bytes]]) -> PageOrder:
        return PageOrder(name=name, digest=_digest(common, inputs), make=make)

    yield order("about", "", partial(make_about_page, head))
    yield order("corrections", list_shown(data), partial(make_corrections_page, data, head))
    shown = _digest(
        list_all_unexplained(data, places), [cards[one.key] for one in recent], data.dismissed[:30], data.first_day,
        data.days, [place.stem for place in places], [cards[one.key] for place in places for one in place.events])
    yield order("index", shown, partial(_make_front, data, places, wish))
    yield order("events", (events, data.first_day, data.days), partial(make_events_json, data))
    yield order("daily", data.sums, lambda: {"daily.csv": write_daily_csv(data)})
    yield order("explore", (data.sums, data.days), partial(make_explore_page, data, head))
    yield order("all", [(one.key, news[one.key]) for one in data.events], partial(
        make_feeds, data, "all", "What is blocked where", data.events, head, "index.html"))
    for place in places:
        cards_here = [cards[one.key] for one in place.events]
        days = (place.lines, data.first_day, data.days)
        yield order(place.stem, (cards_here, place.dismissed, place.networks, days),
                    partial(make_place_page, data, place, head, _FRONT_CARD if _can_draw() else ""))
        yield order(f"{place.stem} chart", days, partial(_make_chart, data, place, wish))
        if place.feed:
            yield order(f"{place.stem} feed", [(one.key, news[one.key]) for one in place.events], partial(
                make_feeds, data, place.stem, place.title, place.events, head, f"{place.stem}.html"))
        if place.pairs:
            yield from _list_pairs(data, place, news, order, head)
    for event in data.events:
        current = event.key in {one.key for one in recent}
        yield order(f"event {event.key}", (events[event.key], current),
                    partial(_make_event, data, event, wish, current))


def _list_pairs(data: SiteData, place: PlacePage, news: Mapping[str, str], order: MakeOrder,
                head: SiteFrame) -> Iterator[PageOrder]:
    """A feed for each service of a country, also before anything is told in it: people follow it by then."""
    by_service: dict[str, list[SiteEvent]] = {service: [] for service in place.lines}
    for event in place.events:
        by_service.setdefault(event.service, []).append(event)
    for service, found in by_service.items():
        stem = f"{place.stem}/{name_file(service or 'network')}"
        title = f"{name_service(data, service)} in {place.chart.partition(':')[0]}"
        yield order(f"{stem} feed", [(one.key, news[one.key]) for one in found],
                    partial(make_feeds, data, stem, title, found, head, f"{place.stem}.html"))


def _make_front(data: SiteData, places: Sequence[PlacePage], wish: SiteWish) -> Mapping[str, bytes]:
    confirmed = [one for one in data.events if find_state(data, one) == "confirmed"]
    words = "; ".join(name_event(data, one) for one in confirmed) or "No block is established now."
    card = _draw(_FRONT_CARD, "What is blocked now", words, wish, doubt=False)
    return {**make_front_page(data, places, wish.head, next(iter(card), "")), **card}


def _make_chart(data: SiteData, place: PlacePage, wish: SiteWish) -> Mapping[str, bytes]:
    return _add_png(make_chart_files(data, place), wish)


def _make_event(data: SiteData, event: SiteEvent, wish: SiteWish, current: bool) -> Mapping[str, bytes]:
    """The page, its JSON, and while it is news a picture of its own."""
    doubt = not is_established(event)
    stem = f"event/{event.key}"
    card = _draw(f"{stem}.card.png", name_event(data, event), say_state(data, event), wish, doubt=doubt
                 ) if current else {}
    picture = next(iter(card), _FRONT_CARD if _can_draw() and not doubt else "")
    return {**_add_png(make_event_files(data, event, wish.head, picture), wish),
            f"{stem}.json": dump(event_to_json(data, event)), **card}


def _draw(path: str, title: str, text: str, wish: SiteWish, *, doubt: bool) -> dict[str, bytes]:
    if not _can_draw():
        return {}
    return {path: render_png(draw_share_card(title, text, site=wish.head.name, doubt=doubt, lab=wish.head.lab))}


def _add_png(made: Mapping[str, bytes], wish: SiteWish) -> dict[str, bytes]:
    drawn = {f"{name.removesuffix('.svg')}.png": render_png(content.decode()) for name, content in made.items()
             if name.endswith(".svg")} if wish.png else {}
    return {**made, **drawn}


@cache
def _can_draw() -> bool:
    """Whether pictures can be made here; without them pages have none."""
    try:
        check_png(STYLE)
    except StoreError:
        return False
    return True


@cache
def _program() -> str:
    """What the pages are made by: versions, templates, style and script, and the code of both rooms."""
    rooms = [files("probe_analysis.pages"), files("probe_analysis.pages").joinpath("templates"),
             files("probe_analysis.site")]
    own = [one for room in rooms for one in sorted(room.iterdir(), key=lambda one: one.name) if one.is_file()]
    return _digest(__version__, RULES_VERSION, [one.read_bytes() for one in own], _can_draw())


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()
