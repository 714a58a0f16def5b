"""Signed control feeds of made-up vantages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from observations import HERE4, HOST
from probe.controls.feeds.feed_document import Feed, FeedEntry, FeedPage, FeedPlace, write_feed
from signed import OURS, Signer

URL = f"https://{HOST}/"
MADE = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
KEY = "ab" * 32


def place(ip: str = HERE4, port: int = 443, **changes: Any) -> FeedPlace:
    """A place that serves TLS."""
    return FeedPlace(**{"ip": ip, "port": port, "tcp": "", "tls": "", "key": KEY, **changes})


def entry(url: str = URL, **changes: Any) -> FeedEntry:
    """An endpoint that answers."""
    return FeedEntry(**{"input": url, "at": 60, "state": "ok", "proof": "http", "addresses": (HERE4,),
                        "places": (place(),), "page": FeedPage(status=200, title="Chat", bytes=1000), **changes})


def failing(url: str = URL, word: str = "connection_refused", **changes: Any) -> FeedEntry:
    """An endpoint whose address takes no connection."""
    return entry(url, **{"state": "fails", "proof": "dns", "page": None,
                         "places": (place(tcp=word, tls=None, key=""),), **changes})


def feed(*entries: FeedEntry, name: str = "de-1", asn: int = 64510, cc: str = "DE", made: datetime = MADE,
         **changes: Any) -> Feed:
    """A feed that took ten minutes to make; without entries, of one endpoint that answers."""
    return Feed(**{"format": 1, "name": name, "asn": asn, "cc": cc, "begun": made - timedelta(minutes=10), "made": made,
                   "entries": entries or (entry(),), **changes})


def put_feed(folder: Path, made: Feed, *, signer: Signer = OURS, name: str = "") -> Path:
    """The feed and its signature in a folder."""
    path, raw = folder / (name or f"{made.name}.json"), write_feed(made)
    path.write_bytes(raw)
    path.with_name(path.name + ".minisig").write_bytes(signer.sign(raw, comment=b"feed"))
    return path
