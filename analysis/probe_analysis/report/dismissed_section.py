"""What looked like an event and is none, and what fails by itself: by which check, with its numbers, on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.language import ReportLanguage

_MAX_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DismissedRow:
    """One window, or one series, as the file tells it; empty where it does not."""

    flaky: bool
    """It is a series that fails again and again, not a single window."""
    lab: bool
    place: str
    service: str
    roles: tuple[str, ...]
    endpoints: tuple[str, ...]
    networks: tuple[str, ...]
    begin: str
    end: str
    explained_by: str
    numbers: tuple[tuple[str, str], ...]


def make_dismissed_list(rows: Sequence[DismissedRow], titles: Mapping[str, str], say: ReportLanguage) -> Html:
    """Folded away, the latest first; nothing where there is none."""
    if not rows:
        return join_html()
    shown = rows[::-1][:_MAX_ROWS]
    heads = make_tag("tr", [make_tag("th", say(f"dismissed.{key}"), scope="col")
                            for key in ("what", "where", "when", "why", "numbers", "mind")])
    table = make_tag("table", make_tag("caption", say("dismissed.heading"), class_="unseen"),
                     make_tag("thead", heads), make_tag("tbody", [_row(row, titles, say) for row in shown]),
                     class_="events")
    left = len(rows) - len(shown)
    return make_tag(
        "details", make_tag("summary", say("dismissed.summary", n=len(rows))),
        make_tag("p", say("dismissed.note"), class_="note"),
        make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=say("dismissed.heading")),
        make_tag("p", say("event.more", n=left), class_="note") if left else "",
    )


def _row(row: DismissedRow, titles: Mapping[str, str], say: ReportLanguage) -> Html:
    service = titles.get(row.service) or row.service.replace("_", " ") or say("event.unknown")
    roles = say("page.comma").join(say.name_word("role", role) for role in row.roles)
    place = say("page.seen_lab", place=row.place) if row.lab else row.place
    where = " ".join(filter(None, (place, f"({', '.join(row.networks)})" if row.networks else "")))
    cells = (
        join_html(make_tag("b", service), f" {roles}",
                  make_tag("div", ", ".join(row.endpoints), class_="ids") if row.endpoints else ""),
        where or say("event.unknown"),
        " \u2013 ".join(filter(None, (row.begin, row.end))) or say("event.unknown"),
        say("dismissed.always") if row.flaky else say.name_word("check", row.explained_by),
        [make_tag("div", f"{name.replace('_', ' ')}: {value}") for name, value in row.numbers],
        say.name_word("check_mind", row.explained_by),
    )
    first, *rest = cells
    return make_tag("tr", make_tag("th", first, scope="row"), [make_tag("td", cell) for cell in rest],
                    data_service=row.service, class_="event dismissed")
