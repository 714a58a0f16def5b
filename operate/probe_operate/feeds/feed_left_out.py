"""Which endpoints a feed says nothing of, and why: whoever publishes it must not take silence for an answer. Pure."""

from __future__ import annotations

from probe.catalogue.sites import expand_templates
from probe.catalogue.types import Catalogue
from probe.controls.feeds.feed_document import MAX_ENTRIES, Feed
from probe.core.endpoints import Endpoint
from probe.core.runs import RunResult
from probe.core.tables.operations import LOOKUPS
from probe.judge.common.visit_outcomes import must_not_answer
from probe.session.selection import select_sites

BY_PLACE = "the question itself names a country or chance, and so others ask otherwise"
CONTROL = "a control that must not answer"
NO_NAME = "no resolver gave its name an address, and none that is trusted denied it"
NO_TURN = "the run ended before its turn (--deadline-s gives it longer)"
TOO_MANY = f"a feed holds {MAX_ENTRIES} endpoints"
UNEXPECTED = frozenset((NO_NAME, NO_TURN, TOO_MANY))
"""Reasons for which somebody should look: the others hold in every run."""


def list_left_out(result: RunResult, catalogue: Catalogue, made: Feed, *, tier: int,
                  lacking: frozenset[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    """Reason -> inputs, sorted, of the active endpoints up to this tier that are not in the feed.

    `lacking` names libraries that this installation has not. `unproven` and closed endpoints are none of a feed's.
    """
    run = result.run
    cc = run.vantage.stated_cc or run.vantage.probe_cc
    skipped = select_sites(catalogue, tier=tier, cc=cc, consent_level=run.vantage.consent_level,
                           families=tuple(run.vantage.families) or (4,), seed=run.seed, lacking=lacking).skipped
    names = _Names(result)
    included = {entry.input for entry in made.entries}
    found: dict[str, list[str]] = {}
    for endpoint in catalogue.endpoints:
        if endpoint.status != "active" or endpoint.tier > tier or endpoint.input in included:
            continue
        asked = expand_templates(endpoint, cc=cc, seed=run.seed)
        _, why = skipped.get(asked.input, (asked, ""))
        found.setdefault(why or _why(endpoint, asked, made, names), []).append(endpoint.input)
    return {why: tuple(sorted(inputs)) for why, inputs in sorted(found.items())}


class _Names:
    """The names that a run asked for, and those of which it learned an address."""

    def __init__(self, result: RunResult) -> None:
        asked = [o for o in result.observations if o.operation in LOOKUPS and not o.reason and o.purpose != "https"]
        self.asked = {o.hostname for o in asked}
        self.known = {o.hostname for o in asked if o.dns.answers}


def _why(raw: Endpoint, asked: Endpoint, made: Feed, names: _Names) -> str:
    if must_not_answer(raw):
        return CONTROL
    if raw.input != asked.input:
        return BY_PLACE
    if len(made.entries) >= MAX_ENTRIES:
        return TOO_MANY
    return NO_NAME if asked.host in names.asked - names.known else NO_TURN
