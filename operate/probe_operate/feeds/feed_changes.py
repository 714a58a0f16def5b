"""What is new in a feed, held against the one before. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.controls.feeds.feed_document import Feed, FeedEntry, FeedPage
from probe_operate.feeds.feed_learning import list_certificate_keys

KINDS = {
    "fails": "does not answer any more",
    "answers": "answers again",
    "status": "answers with another status",
    "title": "shows another title",
    "key": "shows a certificate with another key",
    "new": "is new",
    "gone": "was not measured this time",
}
"""What can have happened to an endpoint, and how it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChange:
    """One thing that is different."""

    input: str
    kind: str
    """A word of `KINDS`."""
    before: str = ""
    after: str = ""

    @property
    def words(self) -> str:
        """In words."""
        change = f": {self.before or 'none'} -> {self.after or 'none'}" if self.before or self.after else ""
        return f"{self.input} {KINDS[self.kind]}{change}"


def describe_failure(entry: FeedEntry) -> str:
    """How it fails, in a word and where; empty for one that does not."""
    if entry.state != "fails":
        return ""
    if entry.dns_failure:
        return entry.dns_failure
    for place in entry.places:
        for word in ("tcp", "tls", "udp", "app"):
            if said := getattr(place, word):
                return f"{said} ({word})"
    page = entry.page or FeedPage()
    return f"{page.failure} (http)" if page.failure else f"status {page.status}, not as expected" if page.status else ""


def list_feed_changes(before: Feed | None, now: Feed) -> tuple[FeedChange, ...]:
    """Everything, by endpoint; nothing where there was no feed before."""
    if before is None:
        return ()
    old, new = ({entry.input: entry for entry in feed.entries} for feed in (before, now))
    found = [change for url in sorted(old.keys() & new.keys()) for change in _between(old[url], new[url])]
    found += [FeedChange(input=url, kind="new") for url in sorted(new.keys() - old.keys())]
    return (*found, *(FeedChange(input=url, kind="gone") for url in sorted(old.keys() - new.keys())))


def _between(old: FeedEntry, new: FeedEntry) -> Iterator[FeedChange]:
    if "unclear" in (old.state, new.state):
        return
    if old.state != new.state:
        yield FeedChange(input=new.input, kind="fails" if new.state == "fails" else "answers",
                         before=describe_failure(old), after=describe_failure(new))
        return
    was, now = old.page or FeedPage(), new.page or FeedPage()
    if was.status and now.status and was.status != now.status:
        yield FeedChange(input=new.input, kind="status", before=str(was.status), after=str(now.status))
    elif was.title != now.title and was.status and now.status:
        yield FeedChange(input=new.input, kind="title", before=was.title, after=now.title)
    keys = list_certificate_keys(old), list_certificate_keys(new)
    if all(keys) and not keys[0] & keys[1]:
        yield FeedChange(input=new.input, kind="key", before=min(keys[0])[:16], after=min(keys[1])[:16])
