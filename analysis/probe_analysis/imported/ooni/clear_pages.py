"""Pages in the clear that surely are not what the test helper is served. Pure.

Files say nothing of what a page should be, and pages differ by country, language and chance. So a page is unexpected
only where it is refused here and served to the helper, or where the request is led to another site in the clear and
the helper ends at another page. Over TLS the server itself answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.core.observations import ControlAnswer, Observation
from probe.judge.common.url_places import is_redirect_abroad
from probe.judge.http.page_likeness import is_same_page

_REFUSED = 400
_CLEAR = "http://"


def mark_foreign_pages(rows: Sequence[Observation], controls: Sequence[ControlAnswer]) -> list[Observation]:
    """The rows of one measurement, with the unexpected pages marked; `controls`: what the helper says of it."""
    answers = [one for one in controls if one.state == "answered" and one.http_failure == ""]
    pages = [row for row in rows if row.operation == "http_round_trip" and not row.failure and row.http.status]
    if not answers or not pages or not pages[-1].http.url.startswith(_CLEAR):
        return list(rows)
    last = pages[-1]
    served = all(0 < one.http_status < _REFUSED and not is_same_page(last, one) for one in answers)
    if not served:
        return list(rows)
    foreign = {id(row) for row in pages if _leads_abroad(row) or (row is last and row.http.status >= _REFUSED)}
    return [replace(row, met_expectation="no") if id(row) in foreign else row for row in rows]


def _leads_abroad(row: Observation) -> bool:
    return row.http.url.startswith(_CLEAR) and is_redirect_abroad(row.http.url, row.http.status, row.http.location)
