"""For whose programs `ok` speaks: those whose hellos were answered, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_up_net import FRAME, Net
from made_up_verdicts import HONEST, verdict_on
from observations import HERE4, HOST, NEAR4, RESET, endpoint, operation, site_of
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.roles import Role
from probe.core.tables.shapes import ProgramShape
from probe.judge.common.planned_looks import gather_planned_looks
from probe.judge.program.user_shapes import NO_USERS, UserShapes, gather_user_shapes
from probe.judge.verdicts.confidence import OF_DOUBTFUL


def hello(shape: ProgramShape, failure: Failure = "", *, address: str = HERE4, name: str = HOST) -> Observation:
    return operation("tls_handshake", address, failure, purpose="program", hostname=name, sni=name, shape=shape)


@pytest.mark.parametrize(("role", "seen", "answered", "most"), [
    ("web", [], (), False),
    ("web", [hello("chrome")], ("chrome",), True),
    ("web", [hello("chrome", address=NEAR4)], ("chrome",), True),
    ("web", [hello("firefox"), hello("safari")], ("firefox", "safari"), False),
    ("web", [hello("chrome"), hello("chrome", RESET)], (), False),
    ("web", [hello("chrome", name="www.example.com")], (), False),
    ("api", [hello("conscrypt")], ("conscrypt",), True),
    ("api", [hello("chrome"), hello("safari")], ("chrome", "safari"), False),
    ("push", [hello("safari")], ("safari",), False),
])
def test_what_was_answered_is_known_of_those_who_send_it(
    role: Role, seen: list[Observation], answered: tuple[ProgramShape, ...], most: bool,
) -> None:
    found = gather_user_shapes(site_of(endpoint(role=role)), seen)
    assert (found.seen, found.most) == (answered, most)
    assert not set(found.seen).intersection(found.unseen)
    assert found.unseen


@pytest.mark.parametrize("site", [site_of(endpoint(f"http://{HOST}/")), site_of(endpoint(role="control"))],
                         ids=["in the clear", "a control"])
def test_where_no_program_of_users_is_known_none_is_missing(site: object) -> None:
    assert gather_user_shapes(site, [hello("chrome")]) == NO_USERS  # type: ignore[arg-type]


def test_all_that_were_answered_leave_none_out() -> None:
    every: tuple[ProgramShape, ...] = ("chrome", "firefox", "safari")
    assert gather_user_shapes(site_of(), [hello(shape) for shape in every]) == UserShapes(seen=every)


def test_a_programs_hello_that_was_answered_is_a_look() -> None:
    mine = [operation("connect", HERE4, attempt=1), operation("connect", HERE4, attempt=2)]
    bare = gather_planned_looks(site_of(), mine, [])
    more = gather_planned_looks(site_of(), mine, [hello("chrome"), hello("safari", RESET), hello("firefox",
                                                                                                address=NEAR4)])
    assert (more.shapes, more.looks) == (1, bare.looks + 1)


def test_ok_says_for_whom_and_is_not_sure_where_most_users_were_not_asked_for() -> None:
    context = replace(FRAME, planned=3)
    unasked = verdict_on(Net(dns=HONEST), context=context)
    asked = [verdict_on(Net(dns=HONEST), context=replace(context, programs=True, draw=draw)) for draw in range(40)]
    assert (unasked.outcome, unasked.spared) == ("ok", ())
    assert unasked.confidence <= OF_DOUBTFUL
    assert "chrome" in unasked.reason
    assert {("chrome" in v.spared, v.confidence > OF_DOUBTFUL) for v in asked} == {(True, True)}
    assert all(v.outcome == "ok" for v in asked)


@pytest.mark.parametrize(("shapes", "most"), [
    (("chrome",), True), (("firefox",), False), (("safari",), False), (("safari", "firefox"), False),
    (("safari", "chrome"), True), ((), False)])
def test_half_of_a_sites_users_are_most(shapes: tuple[ProgramShape, ...], most: bool) -> None:
    seen = gather_user_shapes(site_of(), [hello(shape) for shape in shapes])
    assert (set(seen.seen), seen.most) == (set(shapes), most)
