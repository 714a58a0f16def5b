"""Rules that begin and end by how far the client has come, not by the clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_traffic import HELLO, SERVER, Flow, Scene, rule
from probe_lab.box.progress import Moment, RunSpan
from probe_lab.box.rulebook import make_ready
from probe_lab.wire.packet import ACK, SYN

SERVERS = tuple(f"151.101.{number}.10" for number in range(1, 7))


def opens(scene: Scene, number: int, server: str = SERVER) -> bool:
    """Whether a new connection, the client's next, reaches the server; a lost SYN is repeated."""
    flow = Flow(cport=40_000 + number, server=server)
    syn = flow.syn()
    found = {scene.out(syn).forward is not None, scene.out(syn).forward is not None}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(("params", "passes"), [
    ({"from_connections": 3}, [True, True, False, False, False, False]),
    ({"until_connections": 3}, [False, False, True, True, True, True]),
    ({"from_connections": 2, "until_connections": 4}, [True, False, False, True, True, True]),
    ({"from_servers": 3}, [True, True, True, True, True, True]),
])
def test_a_rule_acts_from_one_connection_to_another(
    tmp_path: Path, params: dict[str, int], passes: list[bool]
) -> None:
    scene = Scene(tmp_path, rule("all", (), "drop", **params))
    assert [opens(scene, number) for number in range(6)] == passes


def test_servers_are_counted_once_each(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("all", (), "drop", from_servers=3, until_servers=5))
    found = [[opens(scene, 10 * number + again, server) for again in range(2)]
             for number, server in enumerate(SERVERS)]
    assert found == [[True] * 2, [True] * 2, [False] * 2, [False] * 2, [True] * 2, [True] * 2]


def test_what_is_open_already_is_struck_too(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "drop", from_connections=2))
    early = scene.open(Flow())
    assert scene.out(early.data(HELLO)).forward is not None
    opens(scene, 1, SERVERS[1])
    assert scene.out(early.data(b"more")).forward is None
    assert scene.back(early.answer(b"more")).forward is None


def test_datagrams_and_answers_are_no_connections(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("all", (), "drop", from_connections=2))
    for number in range(5):
        scene.back(Flow(cport=number + 1).answer(flags=SYN | ACK))
    assert opens(scene, 50)


def test_a_span_without_moments_is_refused() -> None:
    with pytest.raises(ValueError, match="never comes"):
        make_ready((rule("all", (), "drop", from_servers=4, until_servers=4),))
    assert Moment(0.0, 3, 9) in RunSpan(until_servers=10)
