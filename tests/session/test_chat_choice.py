"""Which chat servers level 1 asks: two of each service at most, and none of those that are withheld."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.catalogue.load import load_catalogue
from probe.core.tables.untested_words import ASKED_LATELY, ELSEWHERE
from probe.session.chat_choice import CHAT_PROTOCOLS, MOST_CHATS, is_chat, withhold_chats
from probe.session.selection import Selection, select_sites

CATALOGUE = load_catalogue(search=False)


def choose(seed: int, *, level: int = 1, chats: frozenset[str] | None = None, tier: int = 1) -> Selection:
    return select_sites(CATALOGUE, tier=tier, cc="DE", consent_level=level, families=(4,), seed=seed, chats=chats)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 3]))
def test_level_1_asks_at_most_two_servers_of_each_of_four_services(seed: int, tier: int) -> None:
    chosen = choose(seed, tier=tier)
    asked = [e for site in chosen.sites for e in site.endpoints if is_chat(e)]
    assert {e.protocol for e in asked} == set(CHAT_PROTOCOLS)
    assert max(Counter(e.service for e in asked).values()) <= MOST_CHATS
    assert len({e.target_id for e in asked if e.service == "telegram"}) == MOST_CHATS
    others = {e.input for site in choose(seed, tier=tier, chats=frozenset()).sites for e in site.endpoints}
    assert {e.input for site in chosen.sites for e in site.endpoints} - others == {e.input for e in asked}


@pytest.mark.parametrize("why", [ELSEWHERE, ASKED_LATELY])
def test_what_is_withheld_is_a_row_that_says_why(why: str) -> None:
    held = withhold_chats(choose(1), consent_level=1, why=why)
    assert not [e for site in held.sites for e in site.endpoints if is_chat(e)]
    assert {said for e, said in held.skipped.values() if is_chat(e)} == {why}
    assert {said for e, said in held.skipped.values() if not is_chat(e)}.isdisjoint({why})
    assert all(site.endpoints for site in held.sites)


def test_level_2_asks_all_and_leaves_nothing_to_withhold() -> None:
    chosen = choose(1, level=2)
    assert withhold_chats(chosen, consent_level=2, why=ELSEWHERE).sites == chosen.sites
