"""The document around each page of a site: one that fetches nothing, and runs no script but one that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.page_shell import hash_script


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
    script: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFrame:
    """What all pages share."""

    name: str
    address: str
    """Where the site is published, ending in a slash; empty: not known, links are relative."""
    lab: bool


def link_from(page: str, target: str) -> str:
    """The relative link from one file of the site to another."""
    return "../" * page.count("/") + target


def make_site_document(page: SitePage, body: Html, frame: SiteFrame) -> bytes:
    """The whole document."""
    links = (("index.html", "Now"), ("index.html#countries", "Countries"), ("index.html#services", "Services"),
             ("index.html#networks", "Networks"), ("explore.html", "Explore"), ("about.html", "About"))
    brand = make_tag("p", make_tag("a", frame.name, href=link_from(page.path, "index.html")), class_="brand")
    nav = make_tag("nav", make_tag("ul", [make_tag("li", make_tag("a", words, href=link_from(page.path, target)))
                                          for target, words in links]), class_="contents", aria_label="Pages")
    banner = make_tag("p", make_tag("b", "Made-up data. "), "Nothing on this page was measured in the world.",
                      class_="lab") if frame.lab else ""
    scripts = make_tag("script", Html(page.script)) if page.script else ""
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{_head(page, frame)}\n'
            f"<style>\n{load_style()}</style>\n</head>\n"
            f"<body>\n{make_tag('a', 'To the contents', class_='skip', href='#main')}\n"
            f"{make_tag('header', brand, nav, make_tag('h1', page.title), banner, class_='top')}\n"
            f"{make_tag('main', body, id='main')}\n{scripts}\n</body>\n</html>\n").encode()


def _head(page: SitePage, frame: SiteFrame) -> Html:
    script = f" script-src '{hash_script(page.script)}';" if page.script else ""
    policy = (f"default-src 'none'; style-src 'unsafe-inline';{script} base-uri 'none'; form-action 'none'")
    words = [("charset", "utf-8", None), ("name", "viewport", "width=device-width, initial-scale=1"),
             ("name", "color-scheme", "light dark"), ("name", "referrer", "no-referrer"),
             ("http-equiv", "Content-Security-Policy", policy), ("name", "description", page.about),
             ("property", "og:type", "article"), ("property", "og:title", page.title),
             ("property", "og:site_name", frame.name), ("property", "og:description", page.about)]
    if frame.address:
        words.append(("property", "og:url", frame.address + page.path))
    if page.picture:
        words += [("property", "og:image", frame.address + page.picture if frame.address
                   else link_from(page.path, page.picture)), ("property", "og:image:width", "1200"),
                  ("property", "og:image:height", "630"), ("name", "twitter:card", "summary_large_image")]
    return join_html([_meta(*row) for row in words], make_tag("title", f"{page.title} \u2013 {frame.name}"),
                     _feed_links(page))


def _feed_links(page: SitePage) -> Sequence[Html]:
    kinds = (("application/atom+xml", ".atom"), ("application/feed+json", ".feed.json"))
    return [_void("link", rel="alternate", type=kind, href=link_from(page.path, page.feed + ending))
            for kind, ending in kinds] if page.feed else []


def _meta(kind: str, name: str, content: str | None) -> Html:
    return _void("meta", **{f"{kind.replace('-', '_')}_": name, "content": content})


def _void(name: str, **attributes: str | None) -> Html:
    """An element that has no end in HTML."""
    return Html(make_tag(name, **attributes).removesuffix(f"</{name}>"))


@cache
def load_style() -> str:
    """The style sheet of every page: what charts are drawn with in reports, and the site's own."""
    return (files("probe_analysis.report").joinpath("page.css").read_text(encoding="utf-8")
            + files("probe_analysis.site").joinpath("site.css").read_text(encoding="utf-8"))
