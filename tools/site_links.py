"""The links and anchors of one page."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """What a page leads to, as (tag, attribute, URL), and the places in it that a link may name."""

    links: list[tuple[str, str, str]] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = PageLinks()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.found.links.append((tag, name, value))
            if name in ("id", "name") and value:
                self.found.anchors.add(value)


def read_page(path: Path) -> PageLinks:
    """The links and anchors of an HTML file."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.found
