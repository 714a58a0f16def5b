"""The page around its networks: heading, contents, filters, and the sections that explain."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from probe.core.tables.block_types import BLOCK_TYPES
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.event_section import EventFile, make_events_section
from probe_analysis.report.language import ReportLanguage, find_block_type
from probe_analysis.report.page_filters import make_filters
from probe_analysis.report.report_findings import name_network
from probe_analysis.report.verdict_series import ReportNetwork

MAX_PARTS = 12
"""Networks on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContents:
    """What a page holds, beside what its language says anyway."""

    title: str
    networks: Sequence[ReportNetwork]
    body: Html
    """The sections of the networks, `n1`, `n2` and so on."""
    services: Collection[str]
    states: Collection[str]
    """Services and states to choose from."""
    block_types: Iterable[str]
    """Causes to explain."""
    reading: Sequence[str]
    limits: Sequence[str]
    """Keys of words: how to read the page, and what it cannot tell."""
    events: EventFile | None = None


def make_document(contents: PageContents, names: Mapping[str, str], say: ReportLanguage) -> str:
    """The document; `names`: what services are called."""
    resources = files("probe_analysis.report")
    script = resources.joinpath("filters.js").read_text(encoding="utf-8")
    page = Template(resources.joinpath("template.html").read_text(encoding="utf-8"))
    links = [(f"n{number}", name_network(network, say)) for number, network in enumerate(contents.networks, start=1)]
    return page.substitute(
        language=say.tag, direction=say.direction, title=join_html(contents.title), skip=join_html(say("page.skip")),
        banner=_banner(contents.networks, say), nav=_links(links, contents.events is not None, say),
        filters=make_filters(links, contents.services, contents.states, names, say),
        style=resources.joinpath("page.css").read_text(encoding="utf-8"), script=script,
        script_hash=hash_script(script),
        body=join_html(make_events_section(contents.events, names, say) if contents.events else "", contents.body),
        kinds=_section("kinds", say("page.kinds"), _kinds(contents.block_types, say)),
        reading=_section("reading", say("page.reading"), _list([say(key) for key in contents.reading])),
        limits=_section("limits", say("page.limits"), _list([say(key) for key in contents.limits])),
    )


def hash_script(script: str) -> str:
    """The source expression by which the page allows its own script and no other (CSP 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _banner(networks: Sequence[ReportNetwork], say: ReportLanguage) -> Html:
    if not any(network.lab for network in networks):
        return join_html()
    whole = "page.lab_whole" if all(network.lab for network in networks) else "page.lab_parts"
    return make_tag("p", make_tag("b", f"{say('page.lab')} "), say(whole), class_="lab")


def _links(networks: Sequence[tuple[str, str]], events: bool, say: ReportLanguage) -> Html:
    """Links to the parts of the page."""
    links = [("events", say("event.heading"))] if events else []
    links += [*networks, *((key, say(f"page.{key}")) for key in ("kinds", "reading", "limits"))]
    return make_tag("nav",
                    make_tag("ul",
                             [make_tag("li", make_tag("a", words, href=f"#{anchor}")) for anchor, words in links]),
                    aria_label=say("page.contents"), class_="contents")


def _kinds(named: Iterable[str], say: ReportLanguage) -> Html:
    """Every cause that the verdicts name, explained by the table of block types."""
    found = sorted(set(named))
    return make_tag("dl", [_kind(name, say) for name in found]) if found else make_tag("p", say("page.no_kinds"))


def _kind(name: str, say: ReportLanguage) -> Html:
    """One cause in words; an unknown one by its deepest known ancestor."""
    known = find_block_type(name)
    term = make_tag("dt", make_tag("code", name))
    if known is None:
        return join_html(term, make_tag("dd", say("page.no_explanation")))
    near = BLOCK_TYPES.get(known.nearest)
    nearest = f"{say.meaning(near)} ({near.id})" if near else known.nearest
    meaning = say.meaning(known)
    return join_html(term, make_tag(
        "dd", f"{meaning[:1].upper()}{meaning[1:]}{say('page.stop')}",
        make_tag("span", f" {say('page.told_from', nearest=nearest, test=say.describe_test(known))}", class_="note"),
    ))


def _section(anchor: str, heading: str, body: Html) -> Html:
    return make_tag("section", make_tag("h2", heading, id=f"{anchor}-h"), body, id=anchor, class_=anchor,
                    aria_labelledby=f"{anchor}-h")


def _list(sentences: Sequence[str]) -> Html:
    return make_tag("ul", [make_tag("li", sentence) for sentence in sentences])
