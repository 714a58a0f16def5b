"""What an alert says, in the languages of the report. Pure.

In English these are the sentences of `probe look`; elsewhere the words of the report. A suspicion says so first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probe.core.visible_text import visible
from probe_analysis.events.event_log import ENDED, GONE
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.report.event_section import describe_event
from probe_analysis.site.event_states import name_service, say_state, say_time
from probe_analysis.site.site_feeds import name_change
from probe_analysis.site.site_values import SiteChange, SiteData, SiteEvent

MAX_TEXT = 3000
"""Telegram takes 4,096 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to be told."""

    name: str
    """Of the change, the same for ever: what was told once is known by it."""
    event: str
    """Key of the event."""
    sure: bool
    """It was told as a fact, now or before."""
    title: str
    text: str


def list_alerts(data: SiteData, events: Iterable[SiteEvent], say: ReportLanguage, address: str) -> list[Alert]:
    """Each step of these events, the oldest first; `address`: of the site, ending in a slash."""
    changes = sorted(((change.published, event.key, change.revision, event, change)
                      for event in events for change in list_steps(event)), key=lambda row: row[:3])
    return [make_alert(data, event, change, say, address) for _, _, _, event, change in changes]


def list_steps(event: SiteEvent) -> Iterator[SiteChange]:
    """The changes by which it came to stand otherwise: new, more or less sure, over, withdrawn. What is part of an
    event of several services is told with that."""
    before = ""
    for change in event.changes:
        step = change.change if change.change in (ENDED, *GONE) else change.finding.status
        if step != before and not change.finding.part_of:
            yield change
        before = step


def make_alert(data: SiteData, event: SiteEvent, change: SiteChange, say: ReportLanguage, address: str) -> Alert:
    """The alert of one change."""
    finding = change.finding
    service = name_service(data, event.service) if event.service else say("event.whole_network")
    what = say("alert.subject", service=service, place=event.cc)
    title = say(f"alert.{change.change}", what=what)
    if finding.status != "confirmed":
        title = say("alert.suspicion", title=title)
    if data.lab:
        title = say("alert.lab", title=title)
    lines = [*_describe(data, event, change, say), say("alert.who")]
    if address:
        lines.append(f"{address}event/{event.key}.html")
    before = [one for one in event.changes if one.revision <= change.revision]
    return Alert(name=name_change(event, change), event=event.key,
                 sure=any(one.finding.status == "confirmed" for one in before), title=visible(title),
                 text="\n".join(map(visible, lines))[:MAX_TEXT])


def _describe(data: SiteData, event: SiteEvent, change: SiteChange, say: ReportLanguage) -> list[str]:
    finding = change.finding
    if say.code == "en":
        return [say_state(data, event, change), say_time(data, event, finding)]
    named = [one.label or f"AS{one.asn}" for one in finding.networks if one.asn or one.label]
    left = len(finding.networks) - len(named)
    networks = [say("alert.networks", networks=", ".join(named))] if named else []
    networks += [say("alert.not_named", n=left)] if left else []
    return [f"{describe_event(finding, say, ongoing=finding.end_from is None)}.", *networks,
            say("alert.counts", blocked=finding.blocked, n=finding.n)]
