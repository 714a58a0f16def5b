"""Hellos as programs send them: to whom, when, in which order, and what is read off their ends."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from made_up_net import FRAME, Net, walk
from observations import EOF, HERE4, HOST, NEAR4, RESET, TIMEOUT, endpoint, replace_flat, site_of
from probe.catalogue.programs import PROGRAM_HELLOS
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.roles import Role
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.words import read_word
from probe.instruments.steps import AskControl, LocateHop, Step, Visit
from probe.judge.program.program_evidence import (
    ProgramEvidence,
    gather_program_evidence,
    list_program_meetings,
    list_unasked,
)
from probe.judge.program.user_shapes import gather_user_shapes, list_user_shapes, speak_for_most
from probe.session.observation_log import ObservationLog
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.struck_shapes import MOST_SITES, StruckShapes, choose_struck_shapes

DNS: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4,))
DUE = replace(FRAME, programs=True)
INNOCENT = FRAME.innocent


class ShapedNet(Net):
    """A network that strikes some hellos of programs."""

    strikes: Callable[[Visit], bool] = staticmethod(lambda step: False)
    word: Failure = RESET

    def _visit(self, step: Visit) -> list[Observation]:
        if step.purpose != "program" or not self.strikes(step):
            return super()._visit(step)
        seen = Net(dns={}, cuts={step.address: ("tls", self.word)})._visit(step)
        return [replace_flat(o, trust="") for o in seen]


def net_of(strikes: Callable[[Visit], bool] = lambda step: False, word: Failure = RESET,
           cuts: dict[str, tuple[str, str]] | None = None) -> ShapedNet:
    net = ShapedNet(dns=DNS, cuts=cuts or {})
    net.strikes, net.word = strikes, word
    return net


def draw_for(*firsts: str, url: str = f"https://{HOST}/") -> PlanContext:
    """A run that has drawn these shapes."""
    site = site_of(endpoint(url))
    for draw in range(200):
        context = replace(DUE, draw=draw)
        if [shape for _, shape, _ in sent(walk(site, net_of(), context=context))] == list(firsts):
            return context
    raise AssertionError("the draw never decides so")


def sent(taken: list[Step]) -> list[tuple[str, str, int]]:
    return [(s.hostname, s.shape, s.attempt) for s in taken if isinstance(s, Visit) and s.purpose == "program"]


def with_draw(*, first: bool) -> PlanContext:
    """A run that has drawn the program before the library, or after it."""
    for draw in range(100):
        context = replace(DUE, draw=draw)
        kinds = [s.purpose for s in walk(site_of(), net_of(), context=context) if isinstance(s, Visit)]
        if (kinds.index("program") < kinds.index("target")) == first:
            return context
    raise AssertionError("the draw never decides so")


def see(strikes: Callable[[Visit], bool], word: Failure = RESET) -> tuple[ProgramEvidence, list[Step]]:
    book = ObservationLog("r")
    taken = walk(site_of(), net_of(strikes, word), context=draw_for("chrome"), book=book)
    near = book.history_of(site_of())
    return gather_program_evidence(site_of(), HERE4, near.around, (*near.visits, *near.around)), taken


@pytest.mark.parametrize("first", [True, False])
def test_one_hello_goes_before_or_after_the_librarys(first: bool) -> None:
    taken = walk(site_of(), net_of(), context=with_draw(first=first))
    (name, shape, attempt), *more = sent(taken)
    assert (name, attempt, shape in ("chrome", "firefox", "safari")) == (HOST, 1, True)
    assert [(name, shape) for name, shape, _ in more] == [(HOST, "chrome")] * (shape != "chrome")


@pytest.mark.parametrize("role", ["web", "chat", "push"])
@pytest.mark.parametrize("word", [RESET, TIMEOUT])
@pytest.mark.parametrize("every_name", [True, False])
def test_a_site_gets_no_more_than_is_written_down(role: Role, word: Failure, every_name: bool) -> None:
    net = net_of(lambda step: step.shape != "" and (every_name or step.hostname == HOST), word)
    site = site_of(endpoint(role=role))
    counts = [len(sent(walk(site, net, context=replace(DUE, draw=draw)))) for draw in range(30)]
    assert max(counts) <= 21


@pytest.mark.parametrize(("role", "users"), [
    ("web", {"chrome", "firefox", "safari"}), ("push", {"conscrypt", "conscrypt_large", "safari"}),
    ("chat", {"conscrypt", "conscrypt_large", "chrome", "openssl", "openssl_small", "safari"})])
def test_runs_draw_each_shape_and_no_more_than_speak_for_half_of_a_sites_users_and_both_sizes(
        role: Role, users: set[ProgramShape]) -> None:
    site = site_of(endpoint(role=role))
    drawn = [[read_word(shape, PROGRAM_HELLOS)
              for _, shape, _ in sent(walk(site, net_of(), context=replace(DUE, draw=draw))) if shape]
             for draw in range(200)]
    shares = list_user_shapes(site)
    assert {shapes[0] for shapes in drawn} == users
    for shapes in drawn:
        assert speak_for_most(shapes, shares)
        captured = [shape for shape in shapes if PROGRAM_HELLOS[shape].verified]
        assert {PROGRAM_HELLOS[shape].is_large for shape in captured} == {
            PROGRAM_HELLOS[shape].is_large for shape in users if PROGRAM_HELLOS[shape].verified}
        assert len(shapes) <= 3
        assert len(captured) <= 2 or PROGRAM_HELLOS[shapes[0]].is_large == PROGRAM_HELLOS[shapes[1]].is_large


def test_where_an_imitation_alone_is_struck_the_turns_are_its_own() -> None:
    book, context = ObservationLog("r"), draw_for("safari", "chrome")
    taken = walk(site_of(), net_of(lambda step: step.shape == "safari" and step.hostname == HOST), context=context,
                 book=book)
    near = book.history_of(site_of())
    seen = gather_program_evidence(site_of(), HERE4, near.around, (*near.visits, *near.around))
    assert (seen.chief, seen.struck, seen.spared, seen.verified) == (
        "safari", ("safari",), ("library", "chrome", "firefox"), False)
    assert (seen.failed, seen.turns, seen.innocent) == (4, 3, "reached")
    assert len(sent(taken)) <= 14


def test_where_a_captured_shape_is_struck_as_well_the_turns_are_that_ones() -> None:
    book, context = ObservationLog("r"), draw_for("safari", "chrome")
    taken = walk(site_of(), net_of(lambda step: step.shape != "" and step.hostname == HOST), context=context, book=book)
    near = book.history_of(site_of())
    seen = gather_program_evidence(site_of(), HERE4, near.around, (*near.visits, *near.around))
    assert (seen.chief, seen.failed, seen.turns, seen.verified) == ("chrome", 4, 3, True)
    assert set(seen.struck) == {"chrome", "firefox", "safari"}
    assert len(sent(taken)) <= 14


def test_in_haste_what_most_users_send_goes_alone_and_is_left_out_where_it_may_show_nothing() -> None:
    hasty = replace(draw_for("safari", "chrome"), together=True)

    def may_miss(net: ShapedNet, context: PlanContext) -> Sequence[tuple[str, bool]]:
        return [(s.shape, s.may_be_left_out) for s in walk(site_of(), net, context=context)
                if isinstance(s, Visit) and s.purpose == "program"][:2]

    assert may_miss(net_of(), hasty) == [("chrome", True)]
    assert may_miss(net_of(lambda step: step.shape == "chrome"), hasty) == [("chrome", True), ("", False)]
    asked = StruckShapes(shapes=("firefox",), inputs=frozenset({f"https://{HOST}/"}))
    assert may_miss(net_of(), replace(hasty, struck=asked))[0] == ("firefox", False)


def test_a_site_whose_turn_it_is_not_is_asked_in_what_is_struck_elsewhere_and_nothing_else() -> None:
    asked = StruckShapes(shapes=("conscrypt", "safari"), inputs=frozenset({f"https://{HOST}/"}))
    assert sent(walk(site_of(), net_of(), context=replace(FRAME, struck=asked))) == [(HOST, "safari", 1)]
    others = replace(asked, inputs=frozenset({"https://others.example/"}))
    assert not sent(walk(site_of(), net_of(), context=replace(FRAME, struck=others)))


@pytest.mark.parametrize("context", [FRAME, DUE], ids=["not due", "due"])
@pytest.mark.parametrize("member", [endpoint(role="control"), endpoint(f"http://{HOST}/"),
                                    endpoint(alpn=("apns-security-v3",), protocol="tls")], ids=lambda e: e.input)
def test_nobodys_site_is_asked_so(context: PlanContext, member: object) -> None:
    assert not sent(walk(site_of(member), net_of(), context=context))  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [("connect", TIMEOUT), ("tls", RESET)])
def test_where_the_library_fails_no_turns_are_taken(cut: tuple[str, str]) -> None:
    for draw in range(8):
        net = net_of(lambda step: True, cuts={HERE4: cut})
        assert len(sent(walk(site_of(), net, context=replace(DUE, draw=draw)))) <= 1


@pytest.mark.parametrize(("word", "failures"), [(RESET, 4), (EOF, 4), (TIMEOUT, 3)])
def test_what_fails_is_repeated_in_turns_with_the_librarys(word: Failure, failures: int) -> None:
    seen, taken = see(lambda step: step.shape != "" and step.hostname == HOST, word)
    chief = sent(taken)[0][1]
    own = [shape for name, shape, _ in sent(taken) if name == HOST]
    assert own[: 2 * failures - 1] == [chief, *["", chief] * (failures - 1)]
    assert (INNOCENT, chief, 1) in sent(taken)
    assert set(seen.struck) == {"chrome", "firefox", "safari"}
    assert (seen.spared, seen.failed, seen.turns) == (("library",), failures, failures - 1)
    assert (seen.failure, seen.same_failure, seen.innocent, seen.verified) == (word, True, "reached", True)
    assert len(sent(taken)) <= 14


def test_what_other_programs_meet_is_told_apart() -> None:
    for draw in range(12):
        book = ObservationLog("r")
        net = net_of(lambda step: step.shape == "firefox" and step.hostname == HOST)
        taken = walk(site_of(), net, context=replace(DUE, draw=draw), book=book)
        near = book.history_of(site_of())
        seen = gather_program_evidence(site_of(), HERE4, near.around, (*near.visits, *near.around))
        if sent(taken)[0][1] == "firefox" or sent(taken)[1:2] == [(HOST, "firefox", 1)]:
            assert (seen.struck, seen.spared) == (("firefox",), ("library", "chrome", "safari"))
        else:
            assert (seen.struck, len(sent(taken))) == ((), len(seen.spared))


def test_a_name_that_is_struck_in_every_shape_is_no_matter_of_shapes() -> None:
    seen, taken = see(lambda step: step.hostname == HOST)
    assert not seen.struck
    assert len(sent(taken)) == 2


def test_one_failure_that_does_not_come_again_strikes_nothing() -> None:
    seen, taken = see(lambda step: step.shape != "" and step.attempt == 1 and step.hostname == HOST)
    assert not seen.struck
    assert len(sent(taken)) == 3


@pytest.mark.parametrize(("only", "innocent"), [(True, "failed"), (False, "reached")])
def test_size_is_told_from_shape(only: bool, innocent: str) -> None:
    """Firefox's and Chrome's take two segments, and so does the imitation of Safari's."""
    seen, _ = see(lambda step: step.shape not in ("", "conscrypt") and (only or step.hostname == HOST), TIMEOUT)
    assert (seen.only_large, seen.innocent) == (True, innocent)


def test_steps_come_one_after_the_other_in_any_order_of_the_rest() -> None:
    for n in range(6):
        taken = walk(site_of(), net_of(lambda step: step.shape == "chrome"), context=replace(DUE, draw=n),
                     rng=random.Random(n))
        assert len(sent(taken)) == len(set(sent(taken))) <= 14
        assert NEAR4 not in {s.address for s in taken if isinstance(s, Visit)}


def test_helpers_are_asked_to_send_what_failed_and_nothing_else() -> None:
    _, taken = see(lambda step: step.shape != "" and step.hostname == HOST)
    asked = [s for s in taken if isinstance(s, AskControl)]
    assert {(s.control_id, s.shape, s.addresses) for s in asked} == {
        (control, sent(taken)[0][1], (HERE4,)) for control in FRAME.controls}
    assert not [s for s in see(lambda step: False)[1] if isinstance(s, AskControl)]


def test_where_a_program_is_struck_the_hop_is_looked_for_with_its_hello() -> None:
    level3 = replace(draw_for("chrome"), consent_level=3)
    taken = walk(site_of(), net_of(lambda step: step.shape != "" and step.hostname == HOST), context=level3)
    (search,) = [s for s in taken if isinstance(s, LocateHop)]
    asked, control = search.asked, search.control
    assert isinstance(asked, Visit)
    assert isinstance(control, Visit)
    assert (asked.shape, asked.sni, control.shape, control.sni) == (sent(taken)[0][1], HOST, asked.shape, INNOCENT)
    for spared in (lambda step: False, lambda step: step.shape != ""):
        quiet = walk(site_of(), net_of(spared), context=level3)
        assert not [s for s in quiet if isinstance(s, LocateHop)]


# ---- once a shape is struck somewhere

def seen_at(host: str, strikes: Callable[[Visit], bool], context: PlanContext, *, service: str = ""
            ) -> tuple[Site, tuple[Observation, ...], tuple[Observation, ...]]:
    service = service or host.partition(".")[0]
    site, book = site_of(endpoint(f"https://{host}/", service=service, target_id=f"{host}.web")), ObservationLog("r")
    walk(site, net_of(strikes), context=context, book=book)
    near = book.history_of(site)
    return site, near.visits, near.around


def test_other_owners_sites_are_asked_in_the_shape_that_was_struck_somewhere() -> None:
    struck = seen_at(HOST, lambda step: step.shape == "chrome" and step.hostname == HOST, draw_for("chrome"))
    others = [seen_at(f"s{n}.example", lambda step: False, FRAME) for n in range(MOST_SITES + 3)]
    known = {others[0][0].endpoints[0].target_id}
    found = choose_struck_shapes([others[1], struck, *others], lambda: known)
    assert found.shapes == ("chrome",)
    assert found.inputs == {f"https://s{n}.example/" for n in range(1, MOST_SITES + 1)}
    assert choose_struck_shapes([struck, *reversed(others)], frozenset, found) == found
    few = choose_struck_shapes([struck, others[1]], frozenset)
    more = choose_struck_shapes([struck, *others], frozenset, few)
    assert few.inputs < more.inputs
    assert len(more.inputs) == MOST_SITES


@pytest.mark.parametrize("other", [
    seen_at("s1.example", lambda step: False, draw_for("chrome", url="https://s1.example/")),
    seen_at("s1.example", lambda step: False, FRAME, service=HOST.partition(".")[0]),
], ids=["asked in it", "the same owner's"])
def test_who_could_say_nothing_new_is_not_asked(other: tuple[Site, tuple[Observation, ...], tuple[Observation, ...]]
                                                ) -> None:
    struck = seen_at(HOST, lambda step: step.shape == "chrome" and step.hostname == HOST, draw_for("chrome"))
    assert not choose_struck_shapes([struck, other], frozenset).inputs


def test_where_nothing_is_struck_nobody_looks_at_earlier_runs() -> None:
    def fail() -> frozenset[str]:
        raise AssertionError

    assert choose_struck_shapes([seen_at(HOST, lambda step: False, DUE)], fail) == StruckShapes()


def test_a_site_that_was_not_asked_in_what_is_struck_elsewhere_is_known() -> None:
    struck = seen_at(HOST, lambda step: step.shape == "safari" and step.hostname == HOST, draw_for("safari", "chrome"))
    meetings = list_program_meetings(*struck, {})
    site, _, around = seen_at("s1.example", lambda step: False, FRAME)
    assert list_unasked(gather_user_shapes(site, around).unseen, meetings) == ("safari",)
    assert list_unasked(gather_user_shapes(site_of(endpoint("http://s1.example/")), ()).unseen, meetings) == ()
    context = draw_for("safari", "chrome", url="https://s1.example/")
    site, _, around = seen_at("s1.example", lambda step: False, context)
    assert list_unasked(gather_user_shapes(site, around).unseen, meetings) == ()
