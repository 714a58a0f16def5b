"""What happens to flows that last: cut after a silence, frozen by what is uploaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_traffic import HELLO, INNOCENT, SERVER, Flow, Scene, rule, sent
from probe_lab.box.rulebook import make_ready
from probe_lab.wire.packet import RST

IDLE_S = 20.0


def talk(scene: Scene, flow: Flow, pause_s: float) -> tuple[bool, bool]:
    """After a pause the client says something and is answered: what of both passes."""
    scene.now_s += pause_s
    return scene.out(flow.data(b"ask")).forward is not None, scene.back(flow.answer(b"told")).forward is not None


@pytest.mark.parametrize("trigger", ["sni", "address"])
def test_a_flow_is_dropped_when_it_goes_on_after_a_silence(tmp_path: Path, trigger: str) -> None:
    match = {"sni": "t.example", "address": SERVER}[trigger]
    scene = Scene(tmp_path, rule(trigger, match, "drop", idle_s=IDLE_S))
    flow = scene.open(Flow())
    scene.out(flow.data(HELLO))
    assert [talk(scene, flow, IDLE_S - 1) for _ in range(5)] == [(True, True)] * 5
    assert not scene.log
    assert [talk(scene, flow, pause_s) for pause_s in (IDLE_S, 0, 1)] == [(False, False)] * 3
    assert [entry.action for entry in scene.log] == ["drop"]
    assert talk(scene, scene.open(Flow(cport=2)), 1) == (True, True)


def test_a_flow_is_reset_when_the_client_goes_on_after_a_silence(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "reset", idle_s=IDLE_S))
    flow, other = scene.open(Flow()), scene.open(Flow(cport=2))
    for each, hello in ((flow, HELLO), (other, INNOCENT)):
        scene.out(each.data(hello))
    scene.now_s += IDLE_S
    assert scene.back(flow.answer(b"push")).injected == []
    (reset,) = sent(scene.out(flow.data(b"ask")), to_client=True)
    assert reset.flags & RST
    assert scene.out(other.data(b"ask")).injected == []


def test_nothing_is_left_behind_by_a_rule_that_waits_for_a_silence() -> None:
    with pytest.raises(ValueError, match="idle_s"):
        make_ready((rule("sni", "t.example", "reset", idle_s=5, residual_s=5),))


@pytest.mark.parametrize(("counted", "direction", "uploaded", "downloaded"), [
    ("client", "client", 10, 4), ("server", "server", 4, 10), ("server", "both", 4, 3), ("both", "both", 2, 2),
])
def test_a_freeze_counts_what_its_rule_says(
    tmp_path: Path, counted: str, direction: str, uploaded: int, downloaded: int
) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "freeze", after_bytes=4000, counted=counted, direction=direction))
    flow = Flow()
    up, down = 0, 0
    for _ in range(10):
        up += scene.out(flow.data(bytes(1000))).forward is not None
        down += scene.back(flow.answer(bytes(1000))).forward is not None
    assert (up, down) == (uploaded, downloaded)
