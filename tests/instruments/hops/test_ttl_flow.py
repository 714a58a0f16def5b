"""With which TTL each packet of a walk went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.instruments.hops.ttl_flow import SentPackets


def walk(ttls: tuple[int, ...], numbers: list[int]) -> tuple[list[int], list[int]]:
    """The TTLs with which packets went, and those that the socket was given, for what the kernel says at each look."""
    sent = SentPackets(ttls)
    given_ttls = [sent.note(number, 0.0) for number in numbers]
    return [ttl for ttl, _ in sent.packets], given_ttls


@pytest.mark.parametrize(("numbers", "went", "next_ttls"), [
    ([1, 2, 3], [4, 5, 6], [5, 6, 0]),
    ([1, 1, 2], [4, 5], [5, 0, 6]),
    ([1, 3, 4], [4, 5, 5, 6], [5, 6, 0]),  # two went before anybody could set another
    ([1, 2, 3, 7], [4, 5, 6], [5, 6, 0, 0]),  # the kernel goes on repeating the last
], ids=str)
def test_a_packet_goes_with_the_sockets_ttl(numbers: list[int], went: list[int], next_ttls: list[int]) -> None:
    assert walk((4, 5, 6), numbers) == (went, next_ttls)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.lists(st.integers(0, 20), max_size=30))
def test_no_ttl_is_left_out(ttls: list[int], numbers: list[int]) -> None:
    went, _ = walk(tuple(ttls), numbers)
    distinct = [ttl for at, ttl in enumerate(went) if not at or went[at - 1] != ttl]
    rest = iter(ttls)
    assert all(ttl in rest for ttl in distinct)
    assert len(went) <= max([0, *numbers])
