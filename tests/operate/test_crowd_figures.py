"""What counts of volunteers show, and how they are rounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowds_made import COUNTRIES, volunteers
from probe.controls.feeds.feed_document import CrowdFigure
from probe_operate.feeds.crowd_figures import (
    FAILING_COUNTRIES,
    LEAST_COUNTRIES,
    LEAST_PROBES,
    PROBE_STEPS,
    CrowdSpread,
    round_down,
)

MEMBERS = volunteers()
SPREAD = CrowdSpread(MEMBERS)
ALL = (1 << len(MEMBERS)) - 1


def of(**each: int) -> int:
    """So many volunteers of each country."""
    who = 0
    for cc, count in each.items():
        for bit in [bit for bit, one in enumerate(MEMBERS) if one.cc == cc][:count]:
            who |= 1 << bit
    return who


@pytest.mark.parametrize(("who", "figure"), [
    (0, CrowdFigure()), (of(AT=4, BR=1), CrowdFigure()), (of(AT=2, BR=1, CA=1), CrowdFigure()),
    (of(AT=2, BR=2, CA=1), CrowdFigure(probes=5, networks=5, countries=3)),
    (of(AT=4, BR=4, CA=1), CrowdFigure(probes=5, networks=5, countries=3)),
    (ALL, CrowdFigure(probes=20, networks=20, countries=10)),
])
def test_figures_take_enough_volunteers_and_are_rounded_down(who: int, figure: CrowdFigure) -> None:
    assert SPREAD.figure(who) == figure


@pytest.mark.parametrize(("worked", "failed", "word"), [
    (ALL, 0, "works"), (0, ALL, "fails"), (0, 0, "unclear"),
    # too few to say anything
    (of(AT=4), 0, "unclear"), (of(AT=2, BR=2), 0, "unclear"), (of(AT=2, BR=2, CA=1), 0, "works"),
    (0, of(AT=2, BR=2, CA=1), "unclear"), (0, of(AT=4, BR=4, CA=4, DE=4), "unclear"),
    (0, of(AT=1, BR=1, CA=1, DE=1, ES=1), "fails"),
    # blocked at some places: it works
    (ALL & ~of(AT=4, BR=4, CA=4), of(AT=4, BR=4, CA=4), "works"),
    (of(AT=2, BR=2, CA=2), ALL & ~of(AT=4, BR=4, CA=4), "works"),
    # neighbours that block alike, and the one volunteer elsewhere who is served
    (of(JP=1), of(AT=4, BR=4), "unclear"), (of(JP=1), of(AT=1, BR=1, CA=1, DE=1, ES=1), "unclear"),
    # an outage begins: half of everybody, everywhere
    (of(**dict.fromkeys(COUNTRIES, 3)), ALL & ~of(**dict.fromkeys(COUNTRIES, 3)), "unclear"),
    (of(**dict.fromkeys(COUNTRIES, 1)), ALL & ~of(**dict.fromkeys(COUNTRIES, 1)), "unclear"),
])
def test_what_they_show_together(worked: int, failed: int, word: str) -> None:
    assert SPREAD.judge(worked, failed) == word


@given(st.sets(st.integers(0, len(MEMBERS) - 1), min_size=3, max_size=3), st.booleans())
def test_three_liars_among_forty_change_no_word(liars: set[int], up: bool) -> None:
    lied = sum(1 << bit for bit in liars)
    worked, failed = (ALL & ~lied, lied) if up else (lied, ALL & ~lied)
    assert SPREAD.judge(worked, failed) == ("works" if up else "fails")


@given(st.integers(0, ALL), st.integers(0, ALL))
def test_words_rest_on_enough(worked: int, failed: int) -> None:
    word = SPREAD.judge(worked, failed & ~worked)
    assert word != "works" or SPREAD.may_be_published(worked, countries=LEAST_COUNTRIES)
    assert word != "fails" or SPREAD.may_be_published(failed, countries=FAILING_COUNTRIES)
    for who in (worked, failed):
        figure = SPREAD.figure(who)
        assert (figure.probes == 0) == (not SPREAD.may_be_published(who))
        assert figure.probes == 0 or LEAST_PROBES <= figure.probes <= who.bit_count()


@given(st.integers(0, ALL), st.integers(0, len(MEMBERS) - 1))
def test_one_volunteer_more_changes_a_figure_at_a_step_alone(who: int, bit: int) -> None:
    less, more = SPREAD.figure(who & ~(1 << bit)), SPREAD.figure(who | 1 << bit)
    assert less.probes == more.probes or (who | 1 << bit).bit_count() in PROBE_STEPS or less.probes == 0


@pytest.mark.parametrize(("number", "rounded"), [(0, 0), (4, 0), (5, 5), (9, 5), (10, 10), (199, 100), (10_000, 200)])
def test_round_down(number: int, rounded: int) -> None:
    assert round_down(number, PROBE_STEPS) == rounded


def test_the_time_is_the_latest_since_which_enough_said_so() -> None:
    times = {bit: float(bit) for bit in range(len(MEMBERS))}
    assert SPREAD.last_time_of(ALL, times) == 31.0, "of KE, JP and the first of IN"
    assert SPREAD.last_time_of(of(AT=4), times) == 0.0
