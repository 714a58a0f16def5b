"""Whether a control was served the page that we were served."""

from __future__ import annotations

from probe.core.observations import ControlAnswer, Observation
from probe.judge.common.url_places import parse_host

ALIKE = 0.7
"""Share of the larger page's bytes that the smaller one has where both may be one page: the field's usual bound."""
NEARLY_THE_SAME = 0.9


def is_same_page(page: Observation, control: ControlAnswer) -> bool:
    """Status agrees, and the titles do, or the sizes where neither page has one. Where one alone has a title the sizes
    must be nearly the same: whoever told of the other may have read less of it."""
    if page.http.status != control.http_status:
        return False
    if not page.http.body_bytes and not control.http_body_bytes:
        return parse_host(page.http.location) == parse_host(control.http_location)
    if page.http.title and control.http_title:
        return page.http.title == control.http_title
    small, large = sorted((page.http.body_bytes, control.http_body_bytes))
    alike = ALIKE if page.http.title == control.http_title else NEARLY_THE_SAME
    return page.http.body_truncated or small > alike * large
