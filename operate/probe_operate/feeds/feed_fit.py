"""A feed that whoever reads it takes: what servers said of themselves goes before the feed as a whole does. Pure."""

from __future__ import annotations

import msgspec

from probe.controls.feeds.feed_document import MAX_BYTES, Feed

_HEAD_BYTES = 4096
"""More than everything takes that is no entry."""


def fit_feed(feed: Feed) -> tuple[Feed, tuple[str, ...]]:
    """The feed, and the inputs whose pages are left out of it because it would be larger than readers allow.

    Titles, redirects and names of headers are as long as a server likes, addresses and keys are not: so pages go, and
    of those endpoints alone that take more than their share.
    """
    lengths = [len(msgspec.json.encode(entry)) + 2 for entry in feed.entries]
    if sum(lengths) + _HEAD_BYTES <= MAX_BYTES:
        return feed, ()
    share = (MAX_BYTES - _HEAD_BYTES) // len(lengths)
    without_page = tuple(entry.input for entry, length in zip(feed.entries, lengths, strict=True)
                         if length > share and entry.page is not None)
    dropped = frozenset(without_page)
    entries = tuple(msgspec.structs.replace(entry, page=None) if entry.input in dropped else entry
                    for entry in feed.entries)
    return msgspec.structs.replace(feed, entries=entries), without_page
