"""Feeds of what was told: Atom (RFC 4287) and JSON Feed 1.1, each the newest changes first. Pure."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from probe.core.stamps import format_time, parse_time
from probe.core.visible_text import visible
from probe_analysis.events.corrections import KINDS, Correction
from probe_analysis.site.event_states import name_event, say_state, say_time
from probe_analysis.site.site_shell import SiteFrame, find_root
from probe_analysis.site.site_values import SiteChange, SiteData, SiteEvent

MAX_ITEMS = 100
_SPACE = uuid.UUID("6f2f0a52-2b0e-5c0b-9a6e-0d5e3a9f2c11")
"""Of the names of items, which never change."""
_WORDS = {"new": "New", "revised": "Revised", "ended": "Ended", "withdrawn": "Withdrawn", "retracted": "Retracted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """One thing that was told."""

    name: str
    page: str
    title: str
    text: str
    published: datetime


def list_items(data: SiteData, events: Iterable[SiteEvent]) -> list[FeedItem]:
    """The newest things that were told of these events."""
    shown = list(events)
    changes = [(event, change) for event in shown for change in event.changes]
    changes.sort(key=lambda pair: (pair[1].published, pair[0].key, pair[1].revision), reverse=True)
    items = [_make_item(data, event, change) for event, change in changes[:MAX_ITEMS]]
    items += [_make_correction_item(data, event, one) for event in shown for one in data.corrections.get(event.key, ())
              if one.kind != "retraction"]  # that is a change of the event already
    return sorted(items, key=lambda item: item.published, reverse=True)[:MAX_ITEMS]


def _make_item(data: SiteData, event: SiteEvent, change: SiteChange) -> FeedItem:
    doubt = "" if change.finding.status == "confirmed" else "suspicion: "
    return FeedItem(
        name=name_change(event, change), published=change.published,
        page=f"event/{event.key}.html", title=f"{_WORDS[change.change]}: {doubt}{name_event(data, event)}",
        text=f"{say_state(data, event, change)} {say_time(data, event, change.finding)}")


def _make_correction_item(data: SiteData, event: SiteEvent, one: Correction) -> FeedItem:
    name = f"{event.key} {one.kind} {one.logged_at} {one.by} {one.text}"
    return FeedItem(
        name=uuid.uuid5(_SPACE, name).urn, published=parse_time(one.logged_at), page=f"event/{event.key}.html",
        title=f"{KINDS[one.kind]}: {name_event(data, event)}", text=f"{one.by}: {one.text} {one.link}".rstrip())


def name_change(event: SiteEvent, change: SiteChange) -> str:
    """A name that no other change has, the same whenever it is made."""
    return uuid.uuid5(_SPACE, f"{event.key} {change.revision} {change.change}").urn


def make_feeds(data: SiteData, stem: str, title: str, events: Iterable[SiteEvent], head: SiteFrame,
               page: str) -> dict[str, bytes]:
    """Both files; `page`: what the feed is about, below the site's folder."""
    items = list_items(data, events)
    return {f"{stem}.atom": make_atom(stem, title, items, head, page),
            f"{stem}.feed.json": make_json_feed(stem, title, items, head, page)}


def make_atom(stem: str, title: str, items: Sequence[FeedItem], head: SiteFrame, page: str) -> bytes:
    """The Atom document."""
    def link(target: str) -> str:
        return _address(stem, target, head)

    newest = max((item.published for item in items), default=datetime.fromtimestamp(0).astimezone())
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<feed xmlns="http://www.w3.org/2005/Atom">',
             f"<id>{uuid.uuid5(_SPACE, f'feed {head.address}{stem}').urn}</id>", f"<title>{_text(title)}</title>",
             f"<updated>{format_time(newest)}</updated>", f"<author><name>{_text(head.name)}</name></author>",
             f"<link rel=\"self\" type=\"application/atom+xml\" href={quoteattr(link(f'{stem}.atom'))}/>",
             f'<link rel="alternate" type="text/html" href={quoteattr(link(page))}/>']
    for item in items:
        lines += ["<entry>", f"<id>{item.name}</id>", f"<title>{_text(item.title)}</title>",
                  f"<published>{format_time(item.published)}</published>",
                  f"<updated>{format_time(item.published)}</updated>",
                  f'<link rel="alternate" type="text/html" href={quoteattr(link(item.page))}/>',
                  f"<summary>{_text(item.text)}</summary>", "</entry>"]
    return "\n".join([*lines, "</feed>", ""]).encode()


def make_json_feed(stem: str, title: str, items: Sequence[FeedItem], head: SiteFrame, page: str) -> bytes:
    """The JSON Feed document; addresses alone where it is known where the site is."""
    feed: dict[str, object] = {"version": "https://jsonfeed.org/version/1.1", "title": visible(title), "language": "en"}
    if head.address:
        feed |= {"home_page_url": head.address + page, "feed_url": f"{head.address}{stem}.feed.json"}
    feed["items"] = [{"id": item.name, "url": _address(stem, item.page, head), "title": visible(item.title),
                      "content_text": visible(item.text), "date_published": format_time(item.published)}
                     for item in items]
    return (json.dumps(feed, indent=1, ensure_ascii=False) + "\n").encode()


def _address(stem: str, target: str, head: SiteFrame) -> str:
    return (head.address or find_root(stem)) + target


def _text(text: str) -> str:
    return escape(visible(text))
