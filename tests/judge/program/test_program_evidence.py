"""What programs' hellos at several services say of each other: company, a line that takes no large ones, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import HERE4, HOST, RESET, TIMEOUT, numbered, operation, replace_flat, site_of
from probe.catalogue.owners import ServiceAt
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.failures import Failure
from probe.core.tables.shapes import ShapeName
from probe.core.tables.words import Empty
from probe.judge.network.ladder_evidence import gather_ladder_evidence
from probe.judge.program.program_evidence import (
    UNTRIED,
    ProgramEvidence,
    ProgramMeeting,
    count_alike,
    count_passes,
    count_silent,
    gather_program_evidence,
    list_program_meetings,
)

INNOCENT = "www.example.com"
OURS = ServiceAt(service="signal", host="signal.org", addresses=frozenset({"76.223.92.165"}))
LINE = ServiceAt(service="line", host="line.me", addresses=frozenset({"147.92.1.1"}))
KAKAO = ServiceAt(service="kakaotalk", host="kakao.com", addresses=frozenset({"211.249.220.24"}))
TELEGRAM = ServiceAt(service="telegram", host="telegram.org", addresses=frozenset({"149.154.167.99"}))
STRUCK = ProgramEvidence(struck=("chrome",), failure=RESET)


def hello(shape: ShapeName | Empty, failure: Failure = "", attempt: int = 1, *, name: str = HOST,
          **changes: Any) -> list[Observation]:
    common: dict[str, Any] = dict(purpose="program", hostname=name, sni=name, shape=shape, attempt=attempt, trust="",
                                  **changes)
    return [operation("connect", HERE4, **common), operation("tls_handshake", HERE4, failure, **common)]


def shut(shape: ShapeName | Empty, attempt: int) -> list[Observation]:
    """A connection for a hello that does not come about."""
    return [operation("connect", HERE4, TIMEOUT, purpose="program", hostname=HOST, shape=shape, attempt=attempt)]


def turns(failure: Failure = RESET, *, innocent: Failure = "") -> list[Observation]:
    seen = [*hello("chrome", failure)]
    for attempt in (2, 3, 4):
        seen += [*hello("", attempt=attempt - 1), *hello("chrome", failure, attempt)]
    return [*seen, *hello("chrome", innocent, name=INNOCENT), *hello("conscrypt")]


def see(seen: list[Observation]) -> ProgramEvidence:
    return gather_program_evidence(site_of(), HERE4, numbered(seen), numbered(seen))


def meeting(whose: ServiceAt, failure: Failure = RESET, *, shape: Any = "chrome",
            served: bool = True) -> ProgramMeeting:
    return ProgramMeeting(shape=shape, failure="timeout" if failure == TIMEOUT else failure, others_served=served,
                          whose=whose)


def test_turns_are_read_as_counts() -> None:
    found = see(turns())
    assert (found.struck, found.spared, found.chief) == (("chrome",), ("library", "conscrypt"), "chrome")
    assert (found.failed, found.turns, found.innocent) == (4, 3, "reached")
    assert see(turns(innocent=RESET)).innocent == "failed"
    assert see([*hello("chrome", RESET), *hello("chrome", attempt=2)]) == UNTRIED
    assert see(hello("chrome", RESET)) == UNTRIED
    assert see([*hello("chrome"), *hello("safari")]) == replace(UNTRIED, spared=("chrome", "safari"))


def first(failure: Failure = "") -> list[Observation]:
    """The site's own visit."""
    return [operation("connect", HERE4, hostname=HOST), operation("tls_handshake", HERE4, failure, hostname=HOST)]


MINE = hello("")


@pytest.mark.parametrize(("seen", "mixed"), [
    pytest.param([*hello("chrome", RESET), *MINE, *hello("chrome", RESET, 2), *MINE, *hello("chrome", attempt=3)], True,
                 id="two of three"),
    pytest.param([*hello("chrome"), *MINE, *hello("chrome", TIMEOUT, 2), *MINE, *hello("chrome", TIMEOUT, 3)], True,
                 id="answered at first"),
    pytest.param([*hello("chrome", RESET), *MINE, *hello("chrome", attempt=2)], False, id="one may be chance"),
    pytest.param([*hello("chrome", RESET), *MINE, *hello("safari", RESET), *hello("firefox")], False,
                 id="each shape once"),
    pytest.param([*hello("chrome", RESET), *hello("", RESET), *hello("chrome", RESET, 2), *hello("chrome", attempt=3)],
                 False, id="ours fails at times as well"),
    pytest.param([*hello("chrome", RESET), *hello("chrome", RESET, 2), *hello("chrome", attempt=3)], False,
                 id="ours was not tried between"),
    pytest.param(turns(), False, id="every time"),
    pytest.param([*hello("chrome", RESET, name=INNOCENT), *MINE, *hello("chrome", RESET, 2, name=INNOCENT),
                  *hello("chrome", attempt=3, name=INNOCENT)], False, id="another name"),
])
def test_a_shape_that_is_answered_at_times_is_not_well(seen: list[Observation], mixed: bool) -> None:
    assert see(seen).fails_at_times is mixed


@pytest.mark.parametrize(("seen", "lost"), [
    pytest.param([*first(), *hello("conscrypt", RESET), *hello("", RESET)], True, id="a slow box, or a ban"),
    pytest.param([*first(), *hello("conscrypt", TIMEOUT), *hello("", TIMEOUT)], True, id="silence"),
    pytest.param([*first(), *hello("conscrypt", TIMEOUT), *shut("", 1)], True, id="the address is shut"),
    pytest.param([*first(), *hello("conscrypt", RESET), *hello("")], False, id="the program alone"),
    pytest.param([*first(), *hello("", RESET), *hello("conscrypt")], False, id="a program is answered at last"),
    pytest.param([*hello("conscrypt", RESET), *first()], False, id="the own visit comes later and is answered"),
    pytest.param([*hello("conscrypt", RESET), *hello("", RESET), *first()], False, id="all that failed is over"),
    pytest.param([*first(), *hello("", RESET)], False, id="no program was tried"),
    pytest.param([*first(), *hello("chrome", RESET, name=INNOCENT), *hello("", RESET, name=INNOCENT)], False,
                 id="other names"),
    pytest.param([], False, id="nothing"),
])
def test_what_is_lost_at_last_under_every_shape_is_not_well(seen: list[Observation], lost: bool) -> None:
    assert see(seen).lost_at_last is lost


@pytest.mark.parametrize(("first", "then"), [("safari", "chrome"), ("chrome", "safari")])
def test_what_is_told_is_of_a_captured_shape_before_an_imitation(first: ShapeName, then: ShapeName) -> None:
    seen = [*hello(first, RESET), *hello(then, RESET), *hello(first, RESET, 2), *hello(then, RESET, 2)]
    assert (see(seen).chief, see(seen).failed, set(see(seen).struck)) == ("chrome", 2, {"chrome", "safari"})
    imitation = see([*hello("safari", RESET), *hello("chrome"), *hello("safari", RESET, 2)])
    assert (imitation.chief, imitation.verified, imitation.spared) == ("safari", False, ("chrome",))


@pytest.mark.parametrize(("seen", "struck", "failed"), [
    ([*hello("", attempt=1), *hello("chrome", TIMEOUT), *shut("", 1), *shut("chrome", 2)], ("chrome",), 2),
    ([*hello("chrome", TIMEOUT), *shut("chrome", 2), *shut("chrome", 3)], ("chrome",), 3),
    ([*shut("chrome", 1), *shut("chrome", 2)], (), 0),  # no hello was ever sent: the server is away
    ([*hello("chrome"), *shut("chrome", 2)], (), 0),
    ([*hello("chrome", TIMEOUT), *shut("", 1)], (), 0),
])
def test_a_hello_after_which_nothing_is_reached_strikes(seen: list[Observation], struck: tuple[str, ...],
                                                        failed: int) -> None:
    found = see(seen)
    assert (found.struck, found.failed, found.turns) == (struck, failed, 0)


def test_shapes_of_others_programs_are_nobodys() -> None:
    seen = [replace_flat(o, shape="opera") for o in (*hello("chrome", RESET), *hello("chrome", RESET, 2))]
    assert see(seen) == UNTRIED


def test_controls_tell_what_they_met_in_that_shape() -> None:
    words = (("a", 1, "chrome answered"), ("b", 2, f"chrome {RESET}"), ("c", 2, f"chrome {RESET}"),
             ("d", 3, "firefox answered"), ("e", 4, f"chrome {TIMEOUT}"))
    told = [ControlAnswer(control_id=name, asn=asn, cc="DE", input="https://chat.example/", state="answered",
                          shapes=((Place(HERE4, 443), word),))
            for name, asn, word in words]
    seen = numbered(turns())
    found = gather_program_evidence(site_of(), HERE4, seen, seen, told, known_as=HERE4)
    assert (found.control_ok, found.control_failed) == (1, 1)
    elsewhere = gather_program_evidence(site_of(), HERE4, seen, seen, told, known_as="93.184.0.9")
    assert (elsewhere.control_ok, elsewhere.control_failed) == (0, 0)


def test_an_alert_neither_strikes_nor_spares() -> None:
    assert see(hello("chrome", tls_alert=40)) == UNTRIED
    assert see([*turns(), *hello("firefox", tls_alert=40)]).spared == ("library", "conscrypt")


def test_meetings_of_a_site() -> None:
    found = list_program_meetings(site_of(), (), numbered(turns()), {})
    assert {(m.shape, m.failure, m.others_served) for m in found} == {
        ("chrome", RESET, True), ("conscrypt", "", True)}
    assert not list_program_meetings(site_of(), (), (), {})


@pytest.mark.parametrize(("known", "alike"), [
    ([LINE, KAKAO], 2), ([LINE, LINE], 1), ([OURS], 0), ([LINE, KAKAO, TELEGRAM], 3),
], ids=["two", "one twice", "ourselves", "three"])
def test_unrelated_owners_are_counted_once(known: list[ServiceAt], alike: int) -> None:
    assert count_alike(STRUCK, map(meeting, known), OURS, cc="RU") == alike


@pytest.mark.parametrize("other", [
    meeting(LINE, TIMEOUT), meeting(LINE, shape="firefox"), meeting(LINE, served=False), meeting(LINE, ""),
    meeting(LINE, shape="safari"),
], ids=["another failure", "another shape", "whatever name", "it passes", "an imitation"])
def test_what_is_not_alike_is_no_company(other: ProgramMeeting) -> None:
    assert count_alike(replace(STRUCK, struck=("chrome", "safari")), [other], OURS, cc="RU") == 0


def test_passes_and_losses_are_counted_apart() -> None:
    assert count_passes(STRUCK, [meeting(LINE, ""), meeting(KAKAO, "", shape="firefox"), meeting(TELEGRAM)], OURS) == 1
    lost = ProgramEvidence(struck=("chrome",), failure=TIMEOUT)
    known = [meeting(LINE, TIMEOUT, served=False), meeting(KAKAO, TIMEOUT, served=False, shape="firefox"),
             meeting(TELEGRAM, TIMEOUT, served=False, shape="conscrypt")]
    assert count_silent(lost, known, OURS) == 2


def test_programs_hellos_say_nothing_of_the_line() -> None:
    silent = numbered([o for n in range(4) for o in hello("chrome", TIMEOUT, n + 1)])
    assert gather_ladder_evidence(silent).stalled == gather_ladder_evidence(()).stalled
