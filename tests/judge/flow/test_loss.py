"""Loss that strikes one service alone: the connection is the unit, and only turns show anything."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import BEYOND4, ELSEWHERE, HERE4, HOST, observation, replace_flat
from probe.core.observations import Observation
from probe.core.tables.purposes import Purpose
from probe.judge.flow.connection_loss import NO_LOSS, Group, LossCount, count_losses, score_loss
from probe.judge.flow.loss_evidence import BESIDE, TURN, gather_loss_evidence

SUSPECT: Group = ("telegram", "t")
GROUPS = {SUSPECT: frozenset({HERE4}), ("signal", "s"): frozenset({ELSEWHERE}), ("line", "l"): frozenset({BEYOND4})}
SEGMENTS = 5
SEEDS = range(20)


def connection(address: str, retransmits: int = 0, *, purpose: Purpose = "target", sni: str = "", t0_s: float = 0.0,
               delivered: int = SEGMENTS) -> Observation:
    """The last row of a connection that sent so many segments again."""
    return observation(operation="tls_handshake" if sni else "connect", address=address, port=443, purpose=purpose,
                       sni=sni, t0_s=t0_s, retransmits=retransmits, delivered=delivered,
                       segments_out=delivered + retransmits)


def numbered(rows: Iterable[Observation]) -> list[Observation]:
    return [replace(row, observation_id=f"r.{n}") for n, row in enumerate(rows)]


def lose(rng: random.Random, loss: float) -> int:
    """How often a connection's segments are sent again where each is lost with this chance."""
    return sum(next(n for n in range(20) if rng.random() >= loss) for _ in range(SEGMENTS))


@given(st.integers(0, 40), st.integers(1, 40))
def test_a_score_grows_with_the_share_that_is_lost(retransmits: int, delivered: int) -> None:
    score = score_loss(connection(HERE4, retransmits, delivered=delivered))
    assert 0 <= score <= 4
    assert (score == 0) == (retransmits == 0)
    assert score <= score_loss(connection(HERE4, retransmits + 1, delivered=delivered))


@pytest.mark.parametrize("loss", [0.45, 0.7])
def test_a_service_that_is_slowed_by_loss_stands_out(loss: float) -> None:
    for seed in SEEDS:
        rng = random.Random(seed)
        rows = [connection(HERE4, lose(rng, loss)) for _ in range(8)]
        rows += [connection(address) for address in (ELSEWHERE, BEYOND4) for _ in range(20)]
        assert count_losses(GROUPS, numbered(rows))[SUSPECT].stands_out


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.2])
def test_on_a_lossy_line_hardly_any_service_stands_out(loss: float) -> None:
    found = []
    for seed in range(100):
        rng = random.Random(seed)
        rows = [connection(address, lose(rng, loss)) for address in (HERE4, ELSEWHERE, BEYOND4) for _ in range(8)]
        found += [count.stands_out for count in count_losses(GROUPS, numbered(rows)).values()]
    assert sum(found) <= 8


@pytest.mark.parametrize(("ours", "others", "doubtful"), [
    ((2, 3), (1, 60), True), ((1, 1), (0, 9), True), ((1, 3), (0, 60), False), ((2, 3), (30, 60), False),
    ((0, 3), (0, 60), False), ((1, 1), (0, 0), False),
])
def test_few_connections_that_mostly_lose_are_in_doubt(ours: tuple[int, int], others: tuple[int, int],
                                                       doubtful: bool) -> None:
    count = LossCount(lossy=ours[0], connections=ours[1], others_lossy=others[0], others=others[1])
    assert count.is_doubtful == doubtful


def test_answers_that_come_out_of_order_raise_doubts_and_show_nothing() -> None:
    """Loss on the way to us: the other side sends again, and we see only that the order was broken."""
    rows = [replace_flat(connection(HERE4), out_of_order=2) for _ in range(8)]
    rows += [connection(address) for address in (ELSEWHERE, BEYOND4) for _ in range(20)]
    count = count_losses(GROUPS, numbered(rows))[SUSPECT]
    assert count.is_doubtful
    assert not count.stands_out
    every = [replace_flat(row, out_of_order=2) for row in rows]
    assert not any(count.is_doubtful for count in count_losses(GROUPS, numbered(every)).values())


def answered(address: str, wait_ms: float, **changes: float) -> Observation:
    """A handshake whose answer began so long after a round trip of 50 ms."""
    return replace_flat(connection(address, sni=HOST), min_rtt_ms=50.0, end_ms=50.0 + wait_ms, **changes)


@pytest.mark.parametrize(("waits_ms", "late"), [
    ([3, 480, 490, 2], 2), ([3, 199], 0), ([3, 210], 1), ([480, 490, 485], 0), ([480], 0), ([], 0),
], ids=["repeated answers", "busy for a moment", "one repeat", "a server that is slow to all", "one alone", "nothing"])
def test_answers_that_come_a_repeat_later_than_others_of_an_address_raise_doubts(waits_ms: list[float],
                                                                                 late: int) -> None:
    rows = numbered([*(answered(HERE4, wait_ms) for wait_ms in waits_ms), *(answered(ELSEWHERE, 2) for _ in range(20))])
    count = count_losses(GROUPS, rows)[SUSPECT]
    assert (count.lossy, count.stands_out) == (late, False)
    assert count.is_doubtful == (2 * late >= max(1, len(waits_ms)))


def test_late_answers_of_all_services_doubt_none() -> None:
    rows = numbered(answered(address, wait_ms) for address in (HERE4, ELSEWHERE, BEYOND4) for wait_ms in [2, 400] * 4)
    assert not any(count.is_doubtful for count in count_losses(GROUPS, rows).values())


def test_one_connection_counts_once_however_much_it_loses() -> None:
    rows = [connection(HERE4, 30), *(connection(HERE4) for _ in range(5)),
            *(connection(ELSEWHERE, 1) for _ in range(3)), *(connection(ELSEWHERE) for _ in range(20))]
    assert not count_losses(GROUPS, numbered(rows))[SUSPECT].stands_out


@pytest.mark.parametrize("rows", [
    [connection(HERE4, 3, delivered=0)] * 8,
    [connection(HERE4, 3, purpose="shape")] * 8,
    [replace(row, tcp=replace(row.tcp, segments_out=0)) for row in [connection(HERE4, 3)] * 8],
], ids=["never answered", "made to fail", "not the last row"])
def test_what_tells_of_no_whole_connection_is_left_out(rows: list[Observation]) -> None:
    beside = [connection(ELSEWHERE) for _ in range(20)]
    assert not count_losses(GROUPS, numbered([*rows, *beside]))[SUSPECT].lossy


# ---- turns

def turns(ours: Sequence[int], theirs: Sequence[int], *, own: Sequence[int] = (),
          innocent: Sequence[int] = ()) -> list[Observation]:
    """Exchanges in turns: at the suspect's address and two others', and under two names at the suspect's."""
    others = (ELSEWHERE, BEYOND4)
    return [
        *(connection(HERE4, n, purpose=TURN, t0_s=7.0 * i) for i, n in enumerate(ours)),
        *(connection(others[i % 2], n, purpose=BESIDE, t0_s=7.0 * i) for i, n in enumerate(theirs)),
        *(connection(HERE4, n, purpose=TURN, sni=HOST, t0_s=7.0 * i) for i, n in enumerate(own)),
        *(connection(HERE4, n, purpose=BESIDE, sni="www.example.com", t0_s=7.0 * i) for i, n in enumerate(innocent)),
    ]


CLEAN, LOSSY = [0] * 24, [1, 0, 2, 0, 1, 1] * 4


def shown(rows: Sequence[Observation]) -> tuple[bool, bool]:
    found = gather_loss_evidence(NO_LOSS, rows)
    return found.by_address, found.by_name


@pytest.mark.parametrize(("rows", "expected"), [
    (turns(LOSSY, CLEAN), (True, False)),
    (turns(CLEAN, CLEAN, own=LOSSY, innocent=CLEAN), (False, True)),
    (turns(LOSSY, CLEAN, own=LOSSY, innocent=LOSSY), (True, False)),
    (turns(LOSSY, LOSSY), (False, False)),
    (turns(CLEAN, LOSSY), (False, False)),
    (turns(LOSSY[:6], CLEAN[:6]), (False, False)),
    (turns([2] * 5 + [0] * 19, CLEAN), (False, False)),
    ([], (False, False)),
], ids=["by address", "by name", "an address loses under every name", "the whole line", "others alone",
        "too few", "a burst at the beginning", "nothing"])
def test_turns_show_whom_loss_strikes(rows: Sequence[Observation], expected: tuple[bool, bool]) -> None:
    assert shown(rows) == expected


def test_one_yardstick_is_not_enough() -> None:
    rows = [o for o in turns(LOSSY, CLEAN + CLEAN) if o.address != BEYOND4]
    assert shown(rows) == (False, False)


def test_an_address_that_mostly_keeps_silent_is_cut_off_and_not_lossy() -> None:
    rows = turns(LOSSY, CLEAN) + [connection(HERE4, 2, purpose=TURN, delivered=0, t0_s=7.0 * i) for i in range(30)]
    assert shown(rows) == (False, False)


@pytest.mark.parametrize("loss", [0.05, 0.2, 0.4])
def test_in_turns_a_lossy_line_shows_hardly_anybody(loss: float) -> None:
    found = 0
    for seed in range(200):
        rng = random.Random(seed)
        rows = turns([lose(rng, loss) for _ in range(24)], [lose(rng, loss) for _ in range(24)])
        found += shown(rows)[0]
    assert found <= 1


DISORDERED = [1, 0, 2, 0, 1, 1] * 4
"""Segments out of order on each of 24 handshakes."""


def named_turns(own: Sequence[int], innocent: Sequence[int], *, own_bytes: int = 3000,
                innocent_bytes: int = 3000) -> list[Observation]:
    """Handshakes in turns that sent nothing again, with so much out of order in each answer."""
    def heard(purpose: Purpose, sni: str, disorders: Sequence[int], size: int) -> list[Observation]:
        return [replace_flat(connection(HERE4, purpose=purpose, sni=sni, t0_s=7.0 * i), out_of_order=n, bytes_read=size)
                for i, n in enumerate(disorders)]

    return [*heard(TURN, HOST, own, own_bytes), *heard(BESIDE, "www.example.com", innocent, innocent_bytes)]


@pytest.mark.parametrize(("rows", "by_name"), [
    (named_turns(DISORDERED, CLEAN), True),
    (named_turns(DISORDERED, CLEAN, innocent_bytes=9000), True),
    (named_turns(DISORDERED, CLEAN, own_bytes=3200), True),
    (named_turns(DISORDERED, CLEAN, own_bytes=3400), False),
    (named_turns(DISORDERED, DISORDERED), False),
    (named_turns(CLEAN, DISORDERED), False),
    (named_turns(CLEAN, CLEAN), False),
    (named_turns(DISORDERED[:6], CLEAN[:6]), False),
    (named_turns([2] * 5 + [0] * 19, CLEAN), False),
    (named_turns(DISORDERED, []), False),
], ids=["by name", "though the others are longer", "a little longer", "longer answers", "whatever is named",
        "the innocent name alone", "nothing", "too few", "a burst at the beginning", "nothing to compare"])
def test_answers_out_of_order_show_loss_by_name_where_they_are_as_long(rows: list[Observation], by_name: bool) -> None:
    assert shown(rows) == (False, by_name)


@pytest.mark.parametrize("loss", [0.05, 0.2, 0.4])
def test_on_a_lossy_way_back_hardly_any_name_is_shown(loss: float) -> None:
    found = 0
    for seed in range(200):
        rng = random.Random(seed)
        own, innocent = ([int(any(rng.random() < loss for _ in range(3))) for _ in range(24)] for _ in range(2))
        found += shown(named_turns(own, innocent))[1]
    assert found <= 1
