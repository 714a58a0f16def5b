"""Punishments that grow, that are renewed or that only degrade, and limits on what is open at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_traffic import HELLO, INNOCENT, SERVER, Flow, Scene, rule, sent
from probe_lab.box.open_connections import IDLE_S
from probe_lab.lab_types import Value
from probe_lab.wire.packet import ACK, FIN, RST, SYN

OTHER = "151.101.2.2"


def is_punished(scene: Scene, number: int) -> bool:
    return scene.out(Flow(cport=number).syn()).forward is None


def offend(scene: Scene, number: int) -> None:
    scene.out(scene.open(Flow(cport=number)).data(HELLO))


def punishment_s(scene: Scene, number: int) -> int:
    """How many seconds pass from an offence until a SYN gets through."""
    offend(scene, number)
    for second in range(1, 5000):
        scene.now_s += 1
        if not is_punished(scene, 10_000 + number * 5000 + second):
            return second
    raise AssertionError


def strict(**params: Value) -> dict[str, Value]:
    return {"residual_s": 30, "residual_tuple": 2, "residual_action": "drop", **params}


@pytest.mark.parametrize(("grows", "lasts_s"), [(1, [30, 30, 30]), (2, [30, 60, 120]), (100, [30, 3000, 3600])])
def test_each_offence_is_punished_longer(tmp_path: Path, grows: int, lasts_s: list[int]) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", **strict(residual_grows=grows)))
    assert [punishment_s(scene, number) for number in (1, 2, 3)] == lasts_s


def test_repeated_segments_of_one_flow_are_one_offence(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "reset", on="data", **strict(residual_grows=3)))
    flow = scene.open(Flow())
    for _ in range(5):
        scene.now_s += 1
        scene.out(flow.data(b"again"))
    scene.now_s += 31
    assert not is_punished(scene, 7)


@pytest.mark.parametrize(("renews", "still"), [(True, True), (False, False)])
def test_trying_again_may_make_the_time_begin_anew(tmp_path: Path, renews: bool, still: bool) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", **strict(residual_renews=renews)))
    offend(scene, 1)
    scene.now_s += 20
    assert is_punished(scene, 2)
    scene.now_s += 20
    assert is_punished(scene, 3) == still
    scene.now_s += 31
    assert not is_punished(scene, 4)


def test_what_is_left_behind_may_only_lose_packets(tmp_path: Path) -> None:
    params = strict(residual_action="degrade", residual_loss=0.5)
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", **params))
    offend(scene, 1)
    later = Flow(cport=2)
    passed = sum(scene.out(later.data(INNOCENT)).forward is not None for _ in range(1000))
    assert passed == pytest.approx(500, abs=80)
    assert {entry.action for entry in scene.log} == {"reset", "residual:degrade"}


# limits on what is open at once


def opened(scene: Scene, number: int, server: str = SERVER) -> Flow | None:
    flow = Flow(cport=number, server=server)
    return flow if scene.out(flow.syn()).forward is not None else None


@pytest.mark.parametrize(("per", "elsewhere"), [("address", True), ("all", False)])
def test_so_many_connections_may_be_open_and_no_more(tmp_path: Path, per: str, elsewhere: bool) -> None:
    scene = Scene(tmp_path, rule("port", "443", "limit", open_at_once=2, per=per))
    assert [opened(scene, number) is not None for number in (1, 2, 3, 3)] == [True, True, False, False]
    assert (opened(scene, 4, OTHER) is not None) == elsewhere
    assert opened(scene, 1) is not None, "its SYN is repeated"


@pytest.mark.parametrize(("ends", "frees"), [
    (lambda scene, flow: scene.back(flow.answer(flags=RST)), True),
    (lambda scene, flow: scene.out(flow.data(b"", flags=FIN | ACK)), False),
    (lambda scene, flow: (scene.out(flow.data(b"", flags=FIN | ACK)), scene.back(flow.answer(flags=FIN | ACK))), True),
    (lambda scene, flow: setattr(scene, "now_s", scene.now_s + IDLE_S), True),
])
def test_a_connection_that_has_ended_makes_room(tmp_path: Path, ends: object, frees: bool) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "limit", open_at_once=1))
    first = opened(scene, 1)
    assert first is not None
    scene.back(first.answer(flags=SYN | ACK))
    assert opened(scene, 2) is None
    assert callable(ends)
    ends(scene, first)
    assert (opened(scene, 3) is not None) == frees


def test_one_too_many_may_be_reset(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "limit", open_at_once=1, refusal="reset"))
    opened(scene, 1)
    (reset,) = sent(scene.out(Flow(cport=2).syn()), to_client=True)
    assert reset.flags == RST | ACK
