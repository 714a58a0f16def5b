"""Whose flow looks odd, and who is glanced at: made-up visits and transfers, no network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import HERE4, HOST, TIMEOUT, endpoint, replace_flat, site_of, visit_to
from probe.core.observations import Observation
from probe.instruments.steps import Transfer
from probe.session.planning.flow_plan import plan_transfers
from probe.session.planning.flow_suspects import FlowContext, make_flow_context, make_glance_context
from probe.session.planning.plan_context import SiteHistory
from test_flow import FRAME, SITE, flow


def visits_of(host: str, address: str, page_s: float, **page: Any) -> tuple[Any, tuple[Observation, ...]]:
    """A site and a visit to it: connected within 0.05 s, and a page that took so long."""
    site = site_of(endpoint(f"https://{host}/"))
    connect, shake, http = visit_to(address, hostname=host, input=f"https://{host}/", url=f"https://{host}/",
                                    sni=host, bytes_read=9000)
    return site, (replace(connect, t_s=0.05), replace(shake, t0_s=0.05, t_s=0.15),
                  replace_flat(http, t0_s=0.15, t_s=0.15 + page_s, **page))


OTHERS = [visits_of(f"s{n}.example", f"93.184.6.{n}", 0.1) for n in range(6)]


# ---- who is glanced at


def test_sites_with_small_pages_are_glanced_at_and_a_few_alone() -> None:
    many = [visits_of(f"s{n}.example", f"93.184.6.{n}", 0.1) for n in range(30)]
    frame = make_glance_context(many)
    assert frame.glances == tuple((f"s{n}.example", 443, f"93.184.6.{n}") for n in range(16))
    large = visits_of(HOST, HERE4, 0.3, bytes_read=50_000)
    assert make_glance_context([large]) == FlowContext()


def test_controls_are_not_glanced_at() -> None:
    site, seen = visits_of(HOST, HERE4, 0.1)
    control = replace(site, endpoints=tuple(replace(e, role="control") for e in site.endpoints))
    assert make_glance_context([(control, seen), *OTHERS[:1]]).glances == (("s0.example", 443, "93.184.6.0"),)


def test_a_glance_is_one_transfer_and_a_slow_one_makes_a_suspect() -> None:
    frame = replace(FRAME, flow=FlowContext(glances=((HOST, 443, HERE4),)))
    (glance,) = plan_transfers(SITE, SiteHistory(), frame)
    assert isinstance(glance, Transfer)
    assert (glance.purpose, glance.sni) == ("sample", HOST)
    slow = flow(size=100_000, flow_s=6.0, at=HERE4)
    assert plan_transfers(SITE, SiteHistory(flows=(slow,)), frame) == []
    gone = flow(size=0, failure="connection_reset")
    assert [step.attempt for step in plan_transfers(SITE, SiteHistory(flows=(gone,)), frame)
            if isinstance(step, Transfer)] == [2]
    assert plan_transfers(SITE, SiteHistory(flows=(gone, gone)), frame) == []
    site, visits = visits_of(HOST, HERE4, 0.1)
    assert make_flow_context([*OTHERS, (site, (*visits, slow))]).suspects == ((HOST, 443, HERE4),)


# ---- whose flow is odd


def test_a_page_that_took_markedly_longer_than_others_is_odd() -> None:
    found = make_flow_context([*OTHERS, visits_of(HOST, HERE4, 2.0)])
    assert found.suspects == ((HOST, 443, HERE4),)
    assert len(found.yardsticks) == 6


def test_without_anything_odd_nobody_is_looked_at() -> None:
    assert make_flow_context(OTHERS) == FlowContext()


def test_where_everything_is_slow_nothing_is_odd() -> None:
    slow = [visits_of(f"s{n}.example", f"93.184.6.{n}", 2.0 + n / 10) for n in range(6)]
    assert make_flow_context(slow) == FlowContext()


def test_beside_few_others_one_that_takes_long_hides_no_second() -> None:
    """A server may take its time for many small answers."""
    few = [visits_of("q.example", "93.184.7.1", 0.3), visits_of("l.example", "93.184.7.2", 1.5)]
    assert make_flow_context([*few, visits_of(HOST, HERE4, 6.0)]).suspects == ((HOST, 443, HERE4),)
    assert not make_flow_context([*few, visits_of(HOST, HERE4, 2.0)]).suspects


def test_among_many_one_must_stand_out_from_the_late_ones() -> None:
    many = [visits_of(f"s{n}.example", f"93.184.6.{n}", 1.5 if n % 8 == 0 else 0.1) for n in range(40)]
    assert make_flow_context([*many, visits_of(HOST, HERE4, 2.0)]) == FlowContext()
    assert make_flow_context([*many, visits_of(HOST, HERE4, 7.0)]).suspects


def test_a_page_that_fell_silent_is_odd_unless_it_never_began() -> None:
    stalls = visits_of(HOST, HERE4, 8.0, failure=TIMEOUT, bytes_read=9000)
    assert make_flow_context([*OTHERS, stalls]).suspects
    mute = visits_of(HOST, HERE4, 8.0, failure=TIMEOUT, bytes_read=0)
    assert not make_flow_context([*OTHERS, mute]).suspects


LOSSY = [visits_of(f"s{n}.example", f"93.184.6.{n}", 2.0 + n / 10) for n in range(6)]
"""Pages of a line where everything takes long."""


def glanced(host: str, address: str, **transfer: Any) -> tuple[Any, tuple[Observation, ...]]:
    site, visits = visits_of(host, address, 2.0)
    return site, (*visits, flow(at=address, input=f"https://{host}/", **transfer))


def sampled(crawling: dict[str, Any], *, others: int = 5, size: int = 80_000) -> FlowContext:
    usual = [glanced(f"s{n}.example", f"93.184.6.{n}", size=size, took_s=6.0 + n / 10) for n in range(others)]
    return make_flow_context([*LOSSY[others:], *usual, glanced(HOST, HERE4, **crawling)])


def test_a_transfer_that_crawls_beside_others_is_odd_on_a_slow_line_too() -> None:
    assert sampled(dict(size=3000, took_s=4.5)).suspects == ((HOST, 443, HERE4),)


@pytest.mark.parametrize("crawling", [
    dict(size=30_000, took_s=6.0),  # not four times slower
    dict(size=800, took_s=0.4),  # a small answer that is over
    dict(size=3000, took_s=4.5, failure="connection_reset"),  # no transfer
], ids=str)
def test_what_does_not_crawl_is_not_odd_there(crawling: dict[str, Any]) -> None:
    assert not sampled(crawling).suspects


HELD: dict[str, Any] = dict(size=100_000, took_s=6.0)


@pytest.mark.parametrize(("mine", "others", "odd"), [
    (HELD, [dict(took_s=0.8)] * 2, True),
    (HELD, [], True),
    (HELD, [HELD, *[dict(took_s=0.8)] * 4], True),  # another one is throttled as well
    (HELD, [HELD, HELD, dict(took_s=0.8)], False),  # the line is slow
    (HELD | {"rtt_ms": 600.0}, [dict(took_s=0.8)] * 2, False),  # its round trips make it so
    (dict(took_s=3.0), [dict(took_s=0.8)] * 2, False),  # slower than others, and no slower than lines are
])
def test_in_a_rush_of_visits_transfers_tell_who_is_held(
        mine: dict[str, Any], others: list[dict[str, Any]], odd: bool) -> None:
    beside = [glanced(f"s{n}.example", f"93.184.6.{n}", **kind) for n, kind in enumerate(others)]
    found = make_flow_context([*LOSSY[len(others):], *beside, glanced(HOST, HERE4, **mine)])
    assert ((HOST, 443, HERE4) in found.suspects) == odd


def test_among_few_transfers_or_slow_ones_none_crawls() -> None:
    assert not sampled(dict(size=3000, took_s=4.5), others=2).suspects
    assert not sampled(dict(size=3000, took_s=4.5), size=6000).suspects


def test_what_crawls_is_looked_at_before_what_only_takes_longest() -> None:
    quick = [glanced(f"q{n}.example", f"93.184.7.{n}", size=80_000, took_s=0.5) for n in range(40)]
    quick = [(site, (*(replace(o, t_s=o.t0_s + 0.1) for o in visits[:3]), visits[3])) for site, visits in quick]
    long = [glanced(f"l{n}.example", f"93.184.8.{n}", size=600_000, took_s=9.0) for n in range(3)]
    found = make_flow_context([*quick, *long, glanced(HOST, HERE4, size=3000, took_s=4.5)])
    assert found.suspects[0] == (HOST, 443, HERE4)
    assert len(found.suspects) == 3
