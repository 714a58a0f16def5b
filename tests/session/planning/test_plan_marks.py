"""What a name costs that fails here and is known elsewhere: the questions that tell whose the failure is."""

from __future__ import annotations

import random

import pytest

from made_up_net import FRAME, Net, walk
from observations import HERE4, HOST, TIMEOUT, site_of
from probe.catalogue.load import load_catalogue
from probe.config.settings import Settings
from probe.core.observations import ControlAnswer
from probe.core.tables.failures import Failure
from probe.core.tables.resolvers import find_operator
from probe.instruments.steps import Lookup, Step
from probe.session.context_making import make_plan_context

Dns = dict[str, tuple[str, ...] | str]


def in_any_order(net: Net) -> list[list[Step]]:
    """The same story with events in several orders."""
    return [walk(site_of(), net), *(walk(site_of(), net, rng=random.Random(n)) for n in range(8))]


def lookups(taken: list[Step]) -> list[Lookup]:
    return [s for s in taken if isinstance(s, Lookup)]


@pytest.mark.parametrize(("failure", "further"), [
    ("dns_nxdomain_error", ["again", "zone"]), ("dns_no_answer", ["again", "zone"]), ("dns_servfail_error", []),
    ("dns_refused_error", ["zone"]), (TIMEOUT, []),
])
def test_a_name_that_fails_here_alone_costs_two_further_questions_at_most(failure: Failure,
                                                                          further: list[str]) -> None:
    lied: Dns = {
        "system": failure, "network": failure, "public": (HERE4,), "doh": (HERE4,), "again": failure, "zone": failure}
    for taken in in_any_order(Net(dns=lied)):
        mine = [s for s in lookups(taken) if s.channel in ("again", "zone") and s.about == HOST]
        assert sorted(s.channel for s in mine) == further
        assert all(s.server == FRAME.network_resolver for s in mine)
        innocent = [s for s in lookups(taken) if s.channel == "again" and s.name == FRAME.innocent]
        assert sorted(s.attempt for s in innocent) == ([1, 2] if "again" in further else [])
        last = max(taken.index(s) for s in lookups(taken) if s.channel == "network")
        assert all(taken.index(s) > last for s in mine)


def test_a_name_that_nobody_knows_costs_no_further_question() -> None:
    denied: Dns = dict.fromkeys(
        ("system", "network", "public", "doh", "tcp"), "dns_nxdomain_error")
    strangers = Net(dns=denied, told=lambda step: ControlAnswer(
        control_id=step.control_id, input=step.input, state="answered", dns_failure="dns_nxdomain_error"))
    for taken in in_any_order(strangers):
        assert not {"again", "zone"} & {s.channel for s in lookups(taken)}


def test_addresses_without_a_resolver_are_asked_where_two_resolvers_fail_alike() -> None:
    both: Dns = {
        "system": TIMEOUT, "network": TIMEOUT, "public": TIMEOUT, "doh": (HERE4,)}
    for taken in in_any_order(Net(dns=both)):
        dark = [s for s in lookups(taken) if s.channel == "dark"]
        assert [(s.name, s.server) for s in dark] == [(FRAME.innocent, FRAME.dark_server)]
        assert {s.name for s in lookups(taken) if s.channel == "again"} == {FRAME.innocent}


@pytest.mark.parametrize("seed", range(8))
def test_who_is_asked_in_the_clear_is_asked_encrypted_too(seed: int) -> None:
    context = make_plan_context(Settings(), load_catalogue(search=False), families=(4,), network_resolver="93.184.0.53",
                                rng=random.Random(seed))
    assert find_operator(context.public_resolver) in context.doh
    assert len(set(context.doh)) == 2
