"""What a list costs and whom it touches: told of the list in use, and the measured figures of the shipped one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from in_order import in_order
from probe.catalogue.list_reach import SERVER_KINDS, count_reach
from probe.catalogue.load import load_catalogue
from probe.config.consent.list_costs import describe_list
from probe.config.consent.run_costs import MEASURED
from probe.core.tables.consent_words import LEVELS

SHIPPED = load_catalogue(search=False)


@pytest.mark.parametrize("level", LEVELS)
def test_the_shipped_list_costs_about_what_was_measured(level: int) -> None:
    """A list that changed much since its runs were measured needs new figures."""
    assert count_reach(SHIPPED, level=level, tier=1).endpoints == pytest.approx(MEASURED[level].endpoints, rel=0.2)


def test_every_kind_of_server_is_told() -> None:
    reach = count_reach(SHIPPED, level=3, tier=3)
    assert {kind for kind, _ in reach.hosts} == {*SERVER_KINDS}
    told = " ".join(describe_list(SHIPPED, level=3, tier=3))
    assert in_order(told, str(reach.endpoints), *(str(n) for _, n in reach.hosts))


def test_twice_the_endpoints_are_told_at_twice_the_cost() -> None:
    more = tuple(replace(e, input=f"{e.input}#{n}") for e in SHIPPED.endpoints for n in (1, 2))
    told = [next(describe_list(c, level=1, tier=1)) for c in (SHIPPED, replace(SHIPPED, endpoints=more))]
    assert [str(n * MEASURED[1].connections) in text for n, text in enumerate(told, start=1)] == [True, True]
