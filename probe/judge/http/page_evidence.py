"""What the page shows that came from an address, held against the pages that controls were served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.evidence_words import Answered
from probe.judge.common.url_places import is_redirect_abroad, parse_host, resolve_location
from probe.judge.http.page_likeness import is_same_page
from probe.judge.http.refusal_evidence import NO_ANSWERS, AnswersElsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEvidence:
    """Of the last page."""

    status: int = 0
    met: Answered = ""
    content_known: bool = False
    foreign_redirect: bool = False
    page_same: int = 0
    """Controls that were served this page."""
    page_differs: int = 0
    page_of_others: bool = False
    """Unrelated services in other networks are answered with this very page here."""
    redirects_alike: int = 0
    """Controls that are redirected to the same host, or abroad as well: places differ by country."""
    elsewhere: AnswersElsewhere = NO_ANSWERS
    """What the page's own server said to controls."""


def add_page(found: PageEvidence, page: Observation, controls: Sequence[ControlAnswer]) -> PageEvidence:
    """With what the page says, and what controls were served."""
    pages = [c for c in controls if c.state == "answered" and c.http_failure == ""]
    same = [is_same_page(page, c) for c in pages]
    target = parse_host(resolve_location(page.http.url, page.http.location))
    return replace(
        found, status=page.http.status, met=page.met_expectation,
        foreign_redirect=is_redirect_abroad(page.http.url, page.http.status, page.http.location),
        page_same=same.count(True), page_differs=same.count(False),
        redirects_alike=sum(
            parse_host(c.http_location) == target or is_redirect_abroad(page.http.url, c.http_status, c.http_location)
            for c in pages),
    )
