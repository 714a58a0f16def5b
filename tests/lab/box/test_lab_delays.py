"""Packets that a box holds back, and losses that come in bursts."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from lab_traffic import HELLO, SERVER, Flow, Scene, rule

PACKETS = 20_000


@pytest.mark.parametrize(("direction", "delays"), [
    ("both", (0.4, 0.4)), ("client", (0.0, 0.4)), ("server", (0.4, 0.0)),
])
def test_each_packet_waits_as_long_however_many_there_are(
    tmp_path: Path, direction: str, delays: tuple[float, float]
) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "delay", wait_ms=400, direction=direction))
    flow = Flow()
    for _ in range(50):
        out, back = scene.out(flow.data(HELLO)), scene.back(flow.answer(bytes(1200)))
        assert (out.forward_delay_s, back.forward_delay_s) == pytest.approx(delays)
    assert len(scene.log) == 1


def test_a_name_is_delayed_from_its_hello_on(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "delay", wait_ms=1000))
    flow = scene.open(Flow())
    assert [scene.out(flow.data(words)).forward_delay_s for words in (HELLO, b"more")] == [1.0, 1.0]
    assert scene.out(scene.open(Flow(cport=1)).data(b"GET")).forward_delay_s == 0


def test_jitter_varies_and_keeps_the_order(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "delay", wait_ms=10, jitter_ms=300))
    flow = Flow()
    leaves_s = []
    for _ in range(200):
        scene.now_s += 0.05
        leaves_s.append(scene.now_s + scene.back(flow.answer(b"x")).forward_delay_s)
    assert leaves_s == sorted(leaves_s)
    waits_s = [left - 1000 - 0.05 * number for number, left in enumerate(leaves_s, 1)]
    assert 0.01 <= min(waits_s) < 0.1
    assert 0.2 < max(waits_s) <= 0.311


@pytest.mark.parametrize(("loss", "burst"), [(0.1, 1), (0.1, 8), (0.3, 4)])
def test_losses_come_in_bursts_of_a_length_and_their_share_stays(tmp_path: Path, loss: float, burst: int) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "degrade", loss=loss, burst_packets=burst, direction="client"))
    raw = Flow().answer(b"x")
    lost = [scene.back(raw).forward is None for _ in range(PACKETS)]
    lengths = [len(list(run)) for is_lost, run in groupby(lost) if is_lost]
    assert sum(lost) / PACKETS == pytest.approx(loss, abs=0.03)
    expected = burst if burst > 1 else 1 / (1 - loss)
    assert sum(lengths) / len(lengths) == pytest.approx(expected, rel=0.15)
