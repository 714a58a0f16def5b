"""Whose connections are tried in turns with whose, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from made_up_net import FRAME
from observations import BEYOND4, ELSEWHERE, HERE4, endpoint, replace_flat, site_of, visit_to
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.instruments.steps import Visit
from probe.judge.flow.loss_evidence import BESIDE, ENOUGH_TURNS, TURN
from probe.session.planning.loss_plan import APART_S, TURNS, plan_loss_turns
from probe.session.planning.loss_suspects import LossContext, LossPlace, make_loss_context

ADDRESSES = {"telegram": HERE4, "signal": ELSEWHERE, "line": BEYOND4}
SITES = {service: site_of(endpoint(f"https://{service}.example/", service=service, target_id=f"{service}.web.main"))
         for service in ADDRESSES}


def seen(**retransmits: int) -> list[tuple[Site, Sequence[Observation]]]:
    """Each service with eight connections, of which each lost so many segments."""
    rows = [(site, [replace_flat(visit_to(ADDRESSES[service], attempt=n)[-1], segments_out=9, delivered=5,
                                 retransmits=retransmits.get(service, 0)) for n in range(8)])
            for service, site in SITES.items()]
    number = iter(range(1000))
    return [(site, [replace(o, observation_id=f"r.{next(number)}") for o in mine]) for site, mine in rows]


def test_who_loses_alone_is_tried_beside_two_others() -> None:
    (suspect,) = make_loss_context(seen(telegram=3), now_s=5.0).suspects
    assert suspect.input == "https://telegram.example/"
    assert suspect.place == LossPlace(address=HERE4, port=443)
    assert {place.address for place in suspect.yardsticks} == {ELSEWHERE, BEYOND4}


@pytest.mark.parametrize("lost", [{}, {"telegram": 2, "signal": 2, "line": 2}], ids=["nobody", "everybody"])
def test_where_nobody_stands_out_nobody_is_tried(lost: dict[str, int]) -> None:
    assert make_loss_context(seen(**lost), now_s=5.0) == LossContext(begin_s=5.0)


def test_one_other_owner_is_no_yardstick() -> None:
    assert not make_loss_context(seen(telegram=3)[:2], now_s=5.0).suspects


def turns_of(service: str, *, together: bool) -> list[Visit]:
    context = replace(FRAME, loss=make_loss_context(seen(telegram=3), now_s=5.0), together=together)
    return [step for step in plan_loss_turns(SITES[service], context) if isinstance(step, Visit)]


def test_turns_last_more_than_a_minute_and_say_both_names() -> None:
    steps = turns_of("telegram", together=False)
    assert max(s.not_before_s for s in steps) - min(s.not_before_s for s in steps) == APART_S * (TURNS - 1) > 60
    kinds = {(s.purpose, s.address == HERE4, bool(s.sni)) for s in steps}
    assert kinds == {(TURN, True, False), (BESIDE, False, False), (TURN, True, True), (BESIDE, True, True)}
    assert len(set(steps)) == len(steps) == 4 * TURNS
    assert all(s.ends_stream and not s.pages and not s.app for s in steps)


def test_a_run_that_must_be_over_soon_says_no_name() -> None:
    steps = turns_of("telegram", together=True)
    assert not any(s.sni for s in steps)
    for purpose in (TURN, BESIDE):
        assert sum(s.purpose == purpose for s in steps) >= ENOUGH_TURNS


def test_others_take_no_turns_of_their_own() -> None:
    assert not turns_of("signal", together=False)
