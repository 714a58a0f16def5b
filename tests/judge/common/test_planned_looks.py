"""How often a service works, by what was planned beforehand alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from observations import NEAR4, RESET, replace_flat, site_of, visit_to
from probe.core.observations import Observation
from probe.core.planned_shares import MOST_PLANNED, read_share
from probe.core.tables.failures import Failure
from probe.judge.common.planned_looks import (
    PlannedLooks,
    add_shares,
    describe_share,
    find_interval,
    gather_planned_looks,
)


def looks(*words: Failure, planned: int) -> list[Observation]:
    """One visit for each word; so many of the first were planned."""
    return [replace(o, planned=n <= planned) for n, word in enumerate(words, 1)
            for o in visit_to(until="tls" if word else "", failure=word, attempt=n)]


@pytest.mark.parametrize(("words", "planned", "share"), [
    (("", ""), 2, "0/2"),
    ((RESET, "", ""), 2, "1/2"),
    (("", RESET, RESET, RESET), 2, "1/2"),
    ((RESET, RESET, RESET), 1, "1/1"),
    (("",), 0, "0/1"),
])
def test_what_a_failure_sets_off_is_not_counted(words: Sequence[Failure], planned: int, share: str) -> None:
    assert gather_planned_looks(site_of(), looks(*words, planned=planned), ()).share == share


def with_retransmits(rows: list[Observation], retransmits: int) -> list[Observation]:
    return [replace_flat(o, retransmits=retransmits) for o in rows]


def innocent(failure: Failure = "", retransmits: int = 0, **changes: Any) -> list[Observation]:
    rows = visit_to(until="tls", failure=failure, purpose="innocent", hostname="www.example.com", **changes)
    return with_retransmits(rows, retransmits)


@pytest.mark.parametrize(("own", "around", "shares"), [
    (looks("", "", planned=2), innocent(), ("0/2", "0/2", "0/1")),
    (looks("", RESET, planned=2), innocent(), ("1/2", "1/2", "0/1")),
    (with_retransmits(looks("", planned=1), 2), innocent(), ("0/1", "1/1", "0/1")),
    (looks("", planned=1), innocent(retransmits=1), ("0/1", "0/1", "1/1")),
    (looks("", planned=1), innocent(RESET), ("0/1", "0/1", "1/1")),
    (looks("", planned=1), [*innocent(), *innocent(RESET, attempt=2)], ("0/1", "0/1", "0/1")),
    (looks("", planned=1), innocent(address=NEAR4), ("0/1", "0/1", "")),
    (looks("", planned=1), (), ("0/1", "0/1", "")),
], ids=["all well", "one fails", "one loses", "an innocent one loses", "an innocent one fails",
        "what a failure set off", "another address", "none asked"])
def test_trouble_is_counted_under_both_names(own: Sequence[Observation], around: Sequence[Observation],
                                             shares: tuple[str, str, str]) -> None:
    found = gather_planned_looks(site_of(), own, around)
    assert (found.share, found.troubled_share, found.beside_share) == shares


@pytest.mark.parametrize(("failed", "made", "low", "high"), [
    (0, 3, 0.0, 0.7076), (1, 3, 0.0084, 0.9057), (3, 3, 0.2924, 1.0), (35, 100, 0.2573, 0.4518), (0, 0, 0.0, 1.0),
])
def test_the_interval_of_a_share_is_exact(failed: int, made: int, low: float, high: float) -> None:
    """Values of Clopper and Pearson's table."""
    assert find_interval(failed, made) == pytest.approx((low, high), abs=1e-4)


def test_nothing_planned_has_no_share() -> None:
    assert PlannedLooks().share == ""


@pytest.mark.parametrize(("shares", "together"), [
    (["1/3", "0/2"], "1/5"), (["", "0/1"], "0/1"), (["", ""], ""), ([], ""),
])
def test_shares_of_several_addresses_add_up(shares: Sequence[str], together: str) -> None:
    assert add_shares(shares) == together


@pytest.mark.parametrize("text", ["", "0/3", "x/3", "-1/3", "1/", "\u0661/\u0663x", "\u0661/\u0663", "1/99999",
                                  "1/9999", "9" * 5000 + "/" + "9" * 5000, "1/3\n", " 1/3"])
def test_only_a_share_of_failures_is_described(text: str) -> None:
    assert not describe_share(text)
    assert read_share(text) in ((0, 0), (0, 3))


def test_the_largest_share_that_is_read_has_an_interval() -> None:
    low, high = find_interval(*read_share(f"{MOST_PLANNED // 2}/{MOST_PLANNED}"))
    assert 0.47 < low < 0.5 < high < 0.53
