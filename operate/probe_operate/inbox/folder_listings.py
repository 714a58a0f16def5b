"""Lists of a folder as web servers give them: WebDAV's answers, nginx's JSON, pages with links. Pure.

Of each entry only its name is taken, never where its link leads: what is asked for next is made from names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

from probe_operate.collect.remote_runs import is_safe_name

_DAV = "{DAV:}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntry:
    """A file or a folder."""

    name: str
    """One step below the folder that was asked for."""
    is_folder: bool
    bytes: int | None = None
    tag: str = ""
    """As `probe_operate.collect.remote_runs.RemoteFile` has it."""


def read_dav_listing(text: bytes, url: str) -> list[ListedEntry]:
    """The entries of an answer to PROPFIND, depth 1 (RFC 4918). Raises ValueError for what is none."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ValueError("has a document type, which no answer needs")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, LookupError, RecursionError) as error:
        raise ValueError("is no XML") from error
    if root.tag != f"{_DAV}multistatus":
        raise ValueError("is no list of a folder")
    found = []
    for response in root.iterfind(f"{_DAV}response"):
        name = _name_below(url, response.findtext(f"{_DAV}href", ""))
        if name:
            bytes_, etag, changed = (next((each.text or "" for each in response.iter(f"{_DAV}{what}")), "")
                                     for what in ("getcontentlength", "getetag", "getlastmodified"))
            found.append(ListedEntry(name=name, is_folder=next(response.iter(f"{_DAV}collection"), None) is not None,
                                     bytes=_count(bytes_), tag=" ".join(filter(None, (etag, changed)))))
    return found


def read_json_listing(text: bytes) -> list[ListedEntry]:
    """The entries of nginx's `autoindex_format json`. Raises ValueError for what is none."""
    try:
        rows = json.loads(text)
    except RecursionError as error:
        raise ValueError("is no JSON of ours") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("is no list of a folder")
    return [ListedEntry(name=str(row["name"]), is_folder=row.get("type") == "directory",
                        bytes=_count(str(row.get("size", ""))), tag=str(row.get("mtime", "")))
            for row in rows if is_safe_name(str(row.get("name", "")))]


def read_html_listing(text: bytes, url: str) -> list[ListedEntry]:
    """The entries of a page with a link each, as nginx's, Apache's and Python's servers make them."""
    page = _LinkedPage()
    page.feed(text.decode("utf-8", "replace"))
    page.close()
    found = []
    for link, beside in page.links:
        caption = " ".join("".join(beside).split())
        if name := _name_below(url, link):
            found.append(ListedEntry(name=name, is_folder=link.endswith("/"), bytes=_last_count(caption), tag=caption))
    return found


class _LinkedPage(HTMLParser):
    """The links of a page, each with the words that stand between it and the next."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, list[str]]] = []
        self._within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append((dict(attrs).get("href") or "", []))
            self._within = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._within = False

    def handle_data(self, data: str) -> None:
        if self.links and not self._within:
            self.links[-1][1].append(f"{data} ")


def _name_below(url: str, link: str) -> str:
    """The name of what a link in the list of a folder leads to; empty where that is not directly in the folder."""
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, link))
    except ValueError:
        return ""
    if (here.scheme, here.netloc) != (there.scheme, there.netloc) or there.query:
        return ""
    folder, _, name = unquote(there.path).removesuffix("/").rpartition("/")
    return name if folder == unquote(here.path).rstrip("/") and is_safe_name(name) else ""


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _last_count(caption: str) -> int | None:
    """The size that ends a line of nginx's page; None for others, which round."""
    words = caption.split()
    return _count(words[-1]) if len(words) == 3 else None

