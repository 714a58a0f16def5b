"""Application stores beside a finding: what the checks of many batches say of one country."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from look_findings import BEGAN, NOW, finding, look, say
from probe.core.stamps import format_time
from probe_analysis.batches.store_checks import StoreCheck
from probe_analysis.look.beside_values import LookBeside
from probe_analysis.look.look_values import LookData
from probe_analysis.plugins.stores.store_listings import StoreListing, list_store_listings
from probe_analysis.plugins.stores.stores_part import StoresPart
from probe_analysis.tables.store_states import ABSENT, BLOCKED, IN, UNKNOWN


def listing(**values: Any) -> StoreListing:
    return replace(StoreListing(store="app_store", app="310633997", probe_cc="DE", state=IN, reason="", checked=NOW,
                                checks=4, removed_from=None, removed_until=None), **values)


def beside(*stores: StoreListing, asked: bool = True) -> LookData:
    return replace(look(finding()), beside=LookBeside(parts=(StoresPart(stores=stores, stores_asked=asked),)))


def test_states_of_stores_have_words_of_their_own() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"state": ABSENT}, {"state": ABSENT, "removed_from": BEGAN, "removed_until": NOW},
        {"state": BLOCKED}, {"state": UNKNOWN, "reason": "rate_limited"}, {"state": UNKNOWN},
        {"checked": NOW - timedelta(days=40)}, {"probe_cc": "RU"}]
    said = {say(beside(listing(**each)), "stores")[0].text for each in changes}
    assert len(said) == len(changes)
    assert len(say(beside(), "stores")) == 1
    assert say(look(finding()), "stores") == say(beside(asked=False), "stores") == []


def check(hour: int, state: str, **values: Any) -> StoreCheck:
    made = StoreCheck(batch_id=f"b{hour:03d}", probe_cc="DE", check_time=format_time(BEGAN + timedelta(hours=hour)),
                      store="app_store", storefront="ru", service="whatsapp", app="1", state=state)
    return replace(made, **values)


@pytest.mark.parametrize(("states", "state", "removed"), [
    ([IN, ABSENT, ABSENT, ABSENT], ABSENT, True),
    ([IN, ABSENT, ABSENT], ABSENT, False),
    ([ABSENT, ABSENT, ABSENT, ABSENT], ABSENT, False),
    ([IN, ABSENT, ABSENT, ABSENT, IN], IN, True),
    ([IN, ABSENT, ABSENT, ABSENT, IN, IN, IN], IN, False),
    ([IN, UNKNOWN], IN, False),
    ([UNKNOWN, UNKNOWN], UNKNOWN, False),
])
def test_a_removal_is_told_where_enough_checks_agree(states: list[str], state: str, removed: bool) -> None:
    checks = [check(5 * number, each) for number, each in enumerate(states)]
    others = [check(1, IN, storefront="us"), check(1, IN, service="signal"), check(1, IN, lab=True)]
    (one,) = list_store_listings([*checks, *others], "whatsapp", "RU", lab=False)
    assert (one.state, one.removed_from is not None) == (state, removed)
