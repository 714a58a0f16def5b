"""Redirects served in the clear: the place they lead to may show who answered."""

from __future__ import annotations

from probe.core.tables.http_status import REDIRECTS
from probe.instruments.steps import FollowRedirect, Step
from probe.judge.common.url_places import is_same_place, resolve_location
from probe.session.planning.plan_context import SiteHistory

MAX_REDIRECTS = 5


def plan_redirects(history: SiteHistory) -> list[Step]:
    """Redirects served in the clear to another host: the place they lead to may show who answered."""
    steps: list[Step] = []
    for o in history.visits:
        leads = o.http.status in REDIRECTS and o.http.location
        if o.operation != "http_round_trip" or o.tls.sni or not leads or o.attempt > 1:
            continue
        url = resolve_location(o.http.url, o.http.location)
        if not url.lower().startswith(("http:", "https:")) or is_same_place(o.http.url, url):
            continue
        followed = sum(v.purpose == "redirect" and v.operation == "http_round_trip" and v.input == o.input
                       for v in history.visits)
        if followed < MAX_REDIRECTS:
            steps.append(FollowRedirect(input=o.input, target_id=o.target_id, url=url[:2000]))
    return steps
