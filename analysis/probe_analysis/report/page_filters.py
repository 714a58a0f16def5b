"""The controls that leave only some networks, services or outcomes on the page; a script makes them work.

Without the script the page is whole and the controls are not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from probe.upkeep.page.markup import Html, make_tag
from probe_analysis.report.language import ReportLanguage
from probe_analysis.report.report_findings import name_service
from probe_analysis.report.target_sentences import LETTERS


def make_filters(networks: Sequence[tuple[str, str]], services: Iterable[str], states: Collection[str],
                 names: Mapping[str, str], say: ReportLanguage) -> Html:
    """Three lists of choices, and a line that says how much is shown; `networks`: their anchors and names."""
    shown = [(service, name_service(service, names)) for service in sorted(services)]
    outcomes = [(state, say(f"outcome.{state}")) for state in LETTERS if state in states]
    return make_tag(
        "div",
        make_tag("p", say("page.filters"), class_="filters-name", id="filters-name"),
        _choice("network", networks, say), _choice("service", shown, say), _choice("outcome", outcomes, say),
        make_tag("p", "", id="shown", role="status", data_words=say("page.shown", shown="{shown}", total="{total}")),
        id="filters", role="search", aria_labelledby="filters-name", hidden="hidden",
    )


def _choice(name: str, options: Sequence[tuple[str, str]], say: ReportLanguage) -> Html:
    items = [make_tag("option", say("page.all"), value="")]
    items += [make_tag("option", words, value=value) for value, words in options]
    return make_tag("label", make_tag("span", say(f"page.{name}")),
                    make_tag("select", items, id=f"filter-{name}", autocomplete="off"))
