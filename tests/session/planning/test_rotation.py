"""Who has a turn when: from the catalogue and the clock alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.catalogue.load import load_catalogue
from probe.catalogue.sites import group_sites
from probe.catalogue.types import Catalogue
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.restraint import restrain_context
from probe.session.planning.rotation import RotationShare, RotationTurn, choose_share
from probe.session.planning.run_order import ROUNDS
from probe.session.selection import select_sites
from probe.upkeep.schedules.rhythm import EVERY_MIN

CATALOGUE = load_catalogue(search=False)
SMALL = {name for name, service in CATALOGUE.services.items() if service.small}
START = 495_000


@cache
def share(number: int, every_min: int = 60, salt: str = "60:7", *, extended: bool = True) -> RotationShare:
    return choose_share(CATALOGUE, RotationTurn(number=number, every_min=every_min, salt=salt, extended=extended))


def inputs(*tiers: int, small: bool | None = None) -> set[str]:
    return {e.input for e in CATALOGUE.endpoints
            if e.tier in tiers and (small is None or (e.service in SMALL) == small)}


DAILY = inputs(2) | inputs(0, 1, small=True)


@pytest.mark.parametrize("every_min", EVERY_MIN)
def test_within_a_day_everything_extended_has_its_turn_once(every_min: int) -> None:
    cycle = max(1, 1440 // every_min - 1)
    assert cycle * every_min <= 1440
    shares = [share(START + n, every_min) for n in range(cycle)]
    taken = Counter(i for s in shares for i in s.inputs if i in DAILY)
    assert set(taken) == DAILY
    assert set(taken.values()) == {1}


@pytest.mark.slow
def test_within_a_week_everything_rare_has_its_turn_once() -> None:
    shares = [share(START + n) for n in range(167)]
    taken = Counter(i for s in shares for i in s.inputs if i in inputs(3))
    assert set(taken) == inputs(3)
    assert set(taken.values()) == {1}
    assert Counter(share(START + n + 167).glances for n in range(167)) == {True: 1, False: 166}


@given(st.integers(0, 10**7), st.sampled_from(EVERY_MIN))
@settings(max_examples=15)
def test_the_core_is_in_every_run(number: int, every_min: int) -> None:
    assert inputs(0, 1, small=False) <= share(number, every_min).inputs


@pytest.mark.parametrize("salt", ["60:0", "60:7", "60:59"])
def test_no_run_has_much_more_than_another(salt: str) -> None:
    sizes = [len(share(START + n, salt=salt).inputs & DAILY) for n in range(23)]
    largest = max(Counter((e.service, e.role) for e in CATALOGUE.endpoints if e.input in DAILY).values())
    assert max(sizes) <= max(largest, len(DAILY) / 23 + largest / 2)
    assert min(sizes) >= len(DAILY) / 23 / 2
    rare = [len(share(START + n, salt=salt).inputs & inputs(3)) for n in range(167)]
    idle = max(len(run) for run in "".join("x" if n else "." for n in rare).split("x"))
    assert idle <= 4, "few things are spread over the week, not dealt to its first days"


def test_a_role_is_measured_whole() -> None:
    for tier in (2, 3):
        turns: dict[tuple[str, str], set[int]] = {}
        for number in range(23 if tier == 2 else 167):
            for e in CATALOGUE.endpoints:
                if e.tier == tier and e.input in share(START + number).inputs:
                    turns.setdefault((e.service, e.role), set()).add(number)
        assert all(len(found) == 1 for found in turns.values())


def test_the_hour_of_a_target_moves_on() -> None:
    url = sorted(DAILY)[0]
    numbers = [n for n in range(START, START + 24 * 10) if url in share(n).inputs]
    assert {later - earlier for earlier, later in pairwise(numbers)} == {23}
    assert len({n % 24 for n in numbers}) == len(numbers)


def test_another_installation_has_another_order() -> None:
    assert share(START, salt="60:7").inputs != share(START, salt="60:8").inputs


def test_who_is_careful_has_the_core_and_small_servers_by_turns() -> None:
    shares = [share(START + n, extended=False).inputs for n in range(23)]
    assert set().union(*shares) == inputs(0, 1)
    assert set.intersection(*map(set, shares)) == inputs(0, 1, small=False)


def test_each_target_is_looked_at_thoroughly_about_once_a_week() -> None:
    """Tier 1 of every hour one, tier 2 of its seven or so times one, tier 3 each time."""
    seen: Counter[tuple[str, int]] = Counter()
    weeks = 3
    for number in range(167 * weeks):
        seen.update(share(START + number).thorough)
    assert {e.target_id for e in CATALOGUE.endpoints if e.tier < 3} <= {target for target, _ in seen}
    assert {seen[e.target_id, 1] for e in CATALOGUE.endpoints if e.tier == 1 and e.service not in SMALL} == {weeks}
    assert {seen[e.target_id, 2] for e in CATALOGUE.endpoints if e.tier == 2} <= {weeks, weeks + 1}
    assert {seen[e.target_id, 3] for e in CATALOGUE.endpoints if e.tier == 3} == {weeks}


def test_each_place_is_looked_for_once_a_day_at_most() -> None:
    """Tier 1 once, tier 2 whenever it is measured, tier 3 once a week."""
    seen: Counter[tuple[str, int]] = Counter()
    days = 7
    for number in range(23 * days):
        seen.update(share(START + number).searches)
    assert {seen[e.target_id, e.tier] for e in CATALOGUE.endpoints if e.tier in (1, 2)} == {days}
    assert {seen[e.target_id, 3] for e in CATALOGUE.endpoints if e.tier == 3} <= {0, 1}


def test_each_target_is_asked_as_programs_ask_once_a_day_at_most_and_spread_over_it() -> None:
    days = 7
    seen: Counter[tuple[str, int]] = Counter()
    sizes = [len(found) for number in range(23 * days) if not seen.update(found := share(START + number).programs)]
    assert {seen[e.target_id, e.tier] for e in CATALOGUE.endpoints if e.tier in (1, 2)} == {days}
    assert {seen[e.target_id, 3] for e in CATALOGUE.endpoints if e.tier == 3} <= {0, 1}
    assert max(sizes) < sum(sizes) / days / 4, "not all in one run"


def test_programs_are_for_sites_whose_turn_it_is() -> None:
    endpoint = next(e for e in CATALOGUE.endpoints if (e.tier, e.protocol) == (1, "http"))
    site = group_sites([endpoint])[0]
    due = {restrain_context(site, PlanContext(programs=asked, share=share(START + number))).programs
           for asked in (True, False) for number in range(23)}
    assert due == {True, False}
    assert not any(restrain_context(site, PlanContext(share=share(START + number))).programs for number in range(23))
    turns = [restrain_context(site, PlanContext(programs=True, share=share(START + n))).programs for n in range(23)]
    assert sum(turns) == 1


def test_nothing_is_said_of_what_has_no_turn() -> None:
    due = share(START).inputs
    chosen = select_sites(CATALOGUE, tier=1, cc="DE", consent_level=1, families=(4,), seed=1, due=due)
    measured = {e.target_id for site in chosen.sites for e in site.endpoints}
    spoken_of = measured | {e.target_id for e, _ in chosen.skipped.values()}
    assert spoken_of == {e.target_id for e in CATALOGUE.endpoints if e.input in due}
    assert len(spoken_of) < len({e.target_id for e in CATALOGUE.endpoints}) / 2


def some_site(catalogue: Catalogue, service: str) -> PlanContext:
    endpoint = next(e for e in catalogue.endpoints if (e.service, e.tier, e.protocol) == (service, 1, "http"))
    site = group_sites([endpoint])[0]
    frame = PlanContext(consent_level=3, slots_s=(240.0,), share=share(START))
    return restrain_context(site, frame)


def test_small_servers_are_not_asked_again_later() -> None:
    assert some_site(CATALOGUE, "xmpp").slots_s == ()
    assert some_site(CATALOGUE, "whatsapp").slots_s == (240.0,)


def list_flow_rounds(context: PlanContext) -> tuple[str, ...]:
    return tuple(r.name for r in ROUNDS if r.name in ("glances", "flows") and r.needs(context))


def test_without_turns_or_on_a_metered_line() -> None:
    site = group_sites([CATALOGUE.endpoints[40]])[0]
    plain = PlanContext(consent_level=3)
    assert restrain_context(site, plain) is plain
    assert list_flow_rounds(plain) == ("glances", "flows")
    assert list_flow_rounds(replace(plain, transfers=False)) == ()
    assert list_flow_rounds(replace(plain, consent_level=2)) == ()
    weekly = [list_flow_rounds(replace(plain, share=share(START + n))) for n in range(167)]
    assert Counter(weekly) == {("flows",): 166, ("glances", "flows"): 1}


def test_the_row_tells_the_share() -> None:
    turn = RotationTurn(number=167 * 23 + 5, every_min=60, salt="")
    assert turn.words == ("tier:1", "daily:6/23", "weekly:6/167")
    assert replace(turn, extended=False).words == ("tier:1", "small:6/23")
