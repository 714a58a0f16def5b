"""Who holds a helper's connections: decided at once, by client, by network, and by who says nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from probe_operate.helper.connection_limits import ConnectionLimits, LimitedListener, limit_listener
from probe_operate.helper.helper_clients import ClientShares, ShareLimits, find_client_groups
from probe_operate.helper.rate_limiter import RateLimiter


@pytest.mark.parametrize(("client", "alone", "network"), [
    ("192.0.2.7", "192.0.2.7/32", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1:2::/64", "2001:db8:1::/48"),
    ("::ffff:192.0.2.7", "192.0.2.7/32", "192.0.2.0/24"), ("no address", "no address", "no address"), ("", "", ""),
])
def test_what_a_client_is_counted_by(client: str, alone: str, network: str) -> None:
    groups = find_client_groups(client)
    assert (groups.alone, groups.network) == (alone, network)


def test_a_network_asks_no_more_than_a_few_of_its_clients_may() -> None:
    limiter = RateLimiter(clock=lambda: 0.0, burst=2)
    allowed = [limiter.allows(f"192.0.2.{last}") for last in range(1, 20) for _ in range(3)]
    assert sum(allowed) == 8
    assert limiter.allows("198.51.100.1")


def test_places_are_counted_for_each_alone_for_networks_and_for_all() -> None:
    shares = ClientShares(ShareLimits(alone=2, network=3, everybody=4))
    taken = [client for client in ("127.0.1.1",) * 3 + ("127.0.1.2",) * 3 + ("127.0.2.1",) * 2 if shares.enter(client)]
    assert taken == ["127.0.1.1", "127.0.1.1", "127.0.1.2", "127.0.2.1"]
    for client in taken:
        shares.leave(client)
    assert len(shares) == 0


@pytest.fixture
def listener() -> Iterator[LimitedListener]:
    """With four places, of which one client may have three; a rate that nobody here reaches."""
    limits = ConnectionLimits(shares=ClientShares(ShareLimits(alone=3, network=3, everybody=4)), rate=None)
    with socket.create_server(("127.0.0.1", 0)) as sock, closing(limit_listener(sock, limits)) as limited:
        limited.setblocking(False)
        yield limited


def come(listener: LimitedListener, client: str, held: ExitStack) -> tuple[socket.socket, socket.socket | None]:
    """A new connection: the client's end, and the helper's where it was admitted."""
    sock = held.enter_context(socket.create_connection(listener.getsockname(), source_address=(client, 0), timeout=20))
    listener.settimeout(0.2)
    try:
        return sock, held.enter_context(listener.accept()[0])
    except (BlockingIOError, TimeoutError):
        return sock, None


def is_ended(sock: socket.socket) -> bool:
    """Whether the other end has closed it, which is waited for."""
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True


def test_who_holds_most_and_says_nothing_makes_room(listener: LimitedListener) -> None:
    with ExitStack() as held:
        first, spoken = come(listener, "127.0.1.1", held)
        assert spoken is not None
        listener.limits.hear(first.getsockname())
        second, silent = come(listener, "127.0.1.1", held)
        assert silent is not None
        assert come(listener, "127.0.1.1", held)[1] is not None
        fourth = come(listener, "127.0.1.1", held)
        assert (fourth[1], is_ended(fourth[0])) == (None, True)
        assert come(listener, "127.0.2.1", held)[1] is not None
        assert come(listener, "127.0.3.1", held)[1] is not None, "the second made room"
        assert is_ended(second)
        last = come(listener, "127.0.4.1", held)
        assert (last[1], is_ended(last[0])) == (None, True), "now nobody holds more than another"
        for sock in (first, spoken):
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(1)


def test_a_place_is_given_back_once(listener: LimitedListener) -> None:
    with ExitStack() as held:
        for _ in range(10):
            _, ours = come(listener, "127.0.1.1", held)
            assert ours is not None
            ours.close()
            ours.close()
