"""The controls that leave only some networks, services or outcomes on the page; a script makes them work.

Without the script the page is whole and the controls are not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probe.report.findings import network_name
from probe.report.gather import Part
from probe.report.language import Tongue
from probe.report.markup import Html, tag
from probe.report.words import LETTERS


def filters(parts: Sequence[Part], names: Mapping[str, str], say: Tongue) -> Html:
    """Three lists of choices, and a line that says how much is shown."""
    services = sorted({service for part in parts for service, _ in part.services})
    states = {state for part in parts for rows in part.services.values() for _, state in rows}
    networks = [(f"n{number}", network_name(part.network, say)) for number, part in enumerate(parts, start=1)]
    shown = [(service, names.get(service) or service.replace("_", " ")) for service in services]
    outcomes = [(state, say(f"outcome.{state}")) for state in LETTERS if state in states]
    return tag(
        "div",
        tag("p", say("page.filters"), class_="filters-name", id="filters-name"),
        _choice("network", networks, say), _choice("service", shown, say), _choice("outcome", outcomes, say),
        tag("p", "", id="shown", role="status", data_words=say("page.shown", shown="{shown}", total="{total}")),
        id="filters", role="search", aria_labelledby="filters-name", hidden="hidden",
    )


def _choice(name: str, options: Sequence[tuple[str, str]], say: Tongue) -> Html:
    items = [tag("option", say("page.all"), value="")]
    items += [tag("option", words, value=value) for value, words in options]
    return tag("label", tag("span", say(f"page.{name}")), tag("select", items, id=f"filter-{name}", autocomplete="off"))
