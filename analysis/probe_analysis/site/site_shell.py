"""The frame of each page of a site: what is said of it to who sees a link, and where its links lead."""

from __future__ import annotations

from dataclasses import dataclass

from probe_analysis.pages.engine import render


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePage:
    """One document, beside its body."""

    path: str
    """Below the site's folder, as `country/ru.html`."""
    title: str
    about: str
    """One sentence for who sees a link to it."""
    feed: str = ""
    """Its feed, as `country/ru`, without the ending; empty: it has none."""
    picture: str = ""
    """A PNG that stands for it, below the site's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFrame:
    """What all pages share."""

    name: str
    address: str
    """Where the site is published, ending in a slash; empty: not known, links are relative."""
    lab: bool
    contact: str = ""
    """Who reads that something is wrong: a mail address or an https one; empty: nobody does."""


def find_root(path: str) -> str:
    """What leads from a file of the site to its folder."""
    return "../" * path.count("/")


def make_site_page(template: str, page: SitePage, head: SiteFrame, **values: object) -> dict[str, bytes]:
    """The document."""
    return {page.path: render(template, page=page, head=head, root=find_root(page.path), **values).encode()}
