"""What people said of events, on a page of its own and on each event's, and where to say that something is wrong. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from probe.core.stamps import parse_time
from probe_analysis.events.corrections import KINDS, Correction
from probe_analysis.site.event_states import name_event
from probe_analysis.site.site_shell import SiteFrame, SitePage, make_site_page
from probe_analysis.site.site_values import SiteData

CORRECTIONS_PAGE = "corrections.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCorrection:
    """One, as a page shows it."""

    time: datetime
    kind: str
    by: str
    text: str
    link: str
    page: str
    """The event's page, below the site's folder."""
    event: str


def list_shown(data: SiteData, key: str = "") -> list[ShownCorrection]:
    """Those of an event, or of all that are shown, the newest first."""
    events = {event.key: event for event in data.events if not key or event.key == key}
    found = [_show(correction, name, name_event(data, event)) for name, event in events.items()
             for correction in data.corrections.get(name, ())]
    return sorted(found, key=lambda one: one.time, reverse=True)


def _show(correction: Correction, key: str, event: str) -> ShownCorrection:
    return ShownCorrection(
        time=parse_time(correction.logged_at), kind=KINDS[correction.kind], by=correction.by, text=correction.text,
        link=correction.link, page=f"event/{key}.html", event=event)


def make_contact_link(contact: str, key: str) -> str:
    """Where somebody says that an event is wrong; empty where nobody reads it."""
    if not contact or contact.startswith("https://"):
        return contact
    return f"mailto:{quote(contact, safe='@')}?subject={quote(f'Wrong: {key}')}"


def make_corrections_page(data: SiteData, head: SiteFrame) -> Mapping[str, bytes]:
    """`corrections.html`."""
    page = SitePage(path=CORRECTIONS_PAGE, title="Corrections", about="What was wrong, and what those concerned say.")
    return make_site_page("site_corrections.html", page, head, shown=list_shown(data),
                          contact_link=make_contact_link(head.contact, ""))
