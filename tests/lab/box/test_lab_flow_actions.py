"""What happens to whole flows: throttling, freezing, degrading, limits, one-way silence, and when rules are awake."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_traffic import (
    CLIENT,
    CLIENT_TTL,
    HELLO,
    INNOCENT,
    SERVER,
    SERVER6,
    Flow,
    Scene,
    assert_untouched,
    flow_of,
    read,
    rule,
    sent,
    untouched,
)
from probe_lab.box.buckets import Buckets
from probe_lab.box.limits import Limits
from probe_lab.box.rulebook import Schedule, make_ready
from probe_lab.wire.packet import ACK, RST, SYN, IpHeader, build_udp

FULL = bytes(1400)


def datagram(payload: bytes = b"x", *, to_server: bool = True, sport: int = 443, cport: int = 50_000) -> bytes:
    """A UDP packet of the client or for it."""
    if to_server:
        header = IpHeader(src=CLIENT, dst=SERVER, ttl=CLIENT_TTL)
        return build_udp(header, sport=cport, dport=sport, payload=payload)
    return build_udp(IpHeader(src=SERVER, dst=CLIENT), sport=sport, dport=cport, payload=payload)


def passed_bytes(scene: Scene, raw: bytes, *, seconds: float, step_s: float = 0.01) -> int:
    """What a sender who never tires gets through to the client."""
    total = 0
    for _ in range(round(seconds / step_s)):
        scene.now_s += step_s
        total += len(scene.back(raw).forward or b"")
    return total


# throttle


@pytest.mark.parametrize("version", [4, 6])
def test_a_policer_lets_the_bucket_and_then_the_rate_pass(tmp_path: Path, version: int) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "throttle", rate_bps=80_000, bucket_bytes=10_000))
    flow = scene.open(flow_of(version))
    assert_untouched(scene, flow, HELLO)
    assert not scene.log
    total = passed_bytes(scene, flow.answer(FULL), seconds=20)
    assert total == pytest.approx(10_000 + 20 * 10_000, abs=2 * 1500)
    assert {(entry.action, entry.name, entry.direction) for entry in scene.log} == {
        ("throttle", "t.example", "to_client")
    }
    assert len(scene.log) == 200


def test_each_direction_has_its_bucket_and_one_may_be_spared(tmp_path: Path) -> None:
    for direction, expected in (("both", (False, False)), ("client", (True, False)), ("server", (False, True))):
        throttle = rule("address", SERVER, "throttle", rate_bps=100, bucket_bytes=1500, direction=direction)
        scene = Scene(tmp_path, throttle)
        flow = Flow()
        assert scene.out(flow.data(FULL)).forward is not None
        assert scene.back(flow.answer(FULL)).forward is not None
        again = (scene.out(flow.data(FULL)).forward is not None, scene.back(flow.answer(FULL)).forward is not None)
        assert again == expected, direction


def test_a_shaper_delays_in_order_and_drops_what_would_wait_too_long(tmp_path: Path) -> None:
    shaper = rule("address", SERVER, "throttle", rate_bps=80_000, bucket_bytes=1500, shape=True, queue_ms=500)
    scene = Scene(tmp_path, shaper)
    raw = Flow().answer(bytes(960))
    assert len(raw) == 1000
    passages = [scene.back(raw) for _ in range(9)]
    delays = [passage.forward_delay_s for passage in passages if passage.forward is not None]
    assert delays == pytest.approx([0, 0.05, 0.15, 0.25, 0.35, 0.45])
    assert [passage.forward is None for passage in passages] == [False] * 6 + [True] * 3
    assert len(scene.log) == 8
    scene.now_s += 10
    assert scene.back(raw).forward_delay_s == 0


def test_who_shares_a_bucket(tmp_path: Path) -> None:
    cases = {"flow": {"other server", "other flow"}, "tuple": {"other server"}, "all": set[str]()}
    for per, free in cases.items():
        throttle = rule("port", "443", "throttle", rate_bps=100, bucket_bytes=1500, per=per, residual_tuple=2)
        scene = Scene(tmp_path, throttle)
        assert scene.back(Flow(cport=1).answer(FULL)).forward is not None
        flows = {"other flow": Flow(cport=2), "other server": Flow(cport=1, server="151.101.1.11")}
        found = {name for name, flow in flows.items() if scene.back(flow.answer(FULL)).forward is not None}
        assert found == free, per


def test_after_one_hit_the_address_stays_slow_whatever_the_name(tmp_path: Path) -> None:
    slow = rule("sni", "t.example", "throttle", rate_bps=100, bucket_bytes=1500, residual_s=300, residual_tuple=2)
    scene = Scene(tmp_path, slow)
    scene.out(scene.open(Flow()).data(HELLO))
    scene.now_s += 299
    other = Flow(cport=40_001, sport=8443)
    fates = [scene.back(other.answer(FULL)).forward is not None for _ in range(3)]
    assert fates == [True, False, False]
    assert [(entry.action, entry.block_type) for entry in scene.log] == [("residual:throttle", "x.throttle")] * 2
    scene.now_s += 2
    free = Flow(cport=40_002)
    assert all(scene.back(free.answer(FULL)).forward is not None for _ in range(3))


def test_buckets_and_queues_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_lab.box.buckets.MAX_BUCKETS", 5)
    monkeypatch.setattr("probe_lab.box.buckets.MAX_QUEUED_BYTES", 10_000)
    buckets = Buckets()

    def wait_s(whose: int, now_s: float) -> float | None:
        return buckets.wait_s(whose, 1000, bytes_per_s=100, capacity=1500, longest_s=1e6, now_s=now_s)

    first = [wait_s(0, 0.0) for _ in range(20)]
    assert sum(wait is None for wait in first) == 9  # one passes, ten wait
    assert wait_s(1, 0.0) == 0
    assert wait_s(1, 0.0) is None  # the memory of all queues is one
    assert wait_s(1, 1e5) == 0
    for whose in range(2, 50):
        assert wait_s(whose, 1e5) == 0
    assert wait_s(1, 1e5) == 0  # forgotten, and so full again


# freeze


@pytest.mark.parametrize("version", [4, 6])
def test_a_flow_freezes_after_so_many_bytes_to_the_client(tmp_path: Path, version: int) -> None:
    scene = Scene(tmp_path, rule("address", (SERVER, SERVER6), "freeze", after_bytes=4000))
    flow = scene.open(flow_of(version))
    scene.out(flow.data(bytes(5000)))  # not counted
    fates = [scene.back(flow.answer(FULL)).forward is not None for _ in range(5)]
    assert fates == [True, True, True, False, False]
    raw = flow.data(b"", flags=ACK)
    assert untouched(scene.out(raw), raw)
    assert [(entry.action, entry.direction) for entry in scene.log] == [("freeze", "to_client")] * 2
    other = scene.open(flow_of(version, cport=7))
    assert scene.back(other.answer(FULL)).forward is not None


def test_a_flow_freezes_after_so_many_packets_over_udp_too(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "freeze", after_packets=25, direction="both"))
    packets = [(scene.out, datagram()), (scene.back, datagram(to_server=False))] * 15
    fates = [handle(raw).forward is not None for handle, raw in packets]
    assert fates == [True] * 25 + [False] * 5


def test_a_freeze_by_name_counts_from_the_hello(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "freeze", after_packets=3, direction="server"))
    flow = scene.open(Flow())
    fates = [scene.out(flow.data(payload)).forward is not None for payload in (HELLO, b"a", b"b", b"c")]
    assert fates == [True, True, True, False]
    assert scene.back(flow.answer(FULL)).forward is not None


def test_a_freeze_wants_a_count() -> None:
    with pytest.raises(ValueError, match="after_bytes"):
        make_ready([rule("address", SERVER, "freeze")])


# degrade


def test_degrading_loses_about_its_share_in_the_direction_named(tmp_path: Path) -> None:
    spoiled = rule("address", SERVER, "degrade", loss=0.9, direction="client", transport="udp")
    scene = Scene(tmp_path, spoiled, seed=11)
    assert all(scene.out(datagram()).forward is not None for _ in range(200))
    passed = sum(scene.back(datagram(to_server=False)).forward is not None for _ in range(1000))
    assert 60 < passed < 150, "seed 11"
    assert all(scene.back(Flow().answer(FULL)).forward is not None for _ in range(20))
    assert len(scene.log) == 200


def test_a_flow_that_loses_nothing_is_not_written_down(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("protocol", "stun", "degrade", loss=0))
    scene.out(datagram(b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)))
    assert not scene.log


# limit


@pytest.mark.parametrize("refusal", ["drop", "reset"])
def test_too_many_connections_are_refused_for_a_while(tmp_path: Path, refusal: str) -> None:
    limit = rule("port", "443", "limit", connections=3, window_s=10, cooldown_s=60, refusal=refusal, ttl=99, window=7)
    scene = Scene(tmp_path, limit)
    first = Flow(cport=1)
    for _ in range(5):  # a repeated SYN is no new connection
        assert scene.out(first.syn()).forward is not None
    assert [scene.out(Flow(cport=port).syn()).forward is None for port in (2, 3, 4, 5)] == [False, False, True, True]
    assert scene.out(first.data(HELLO)).forward is not None
    assert scene.out(Flow(cport=6, server="151.101.1.11").syn()).forward is not None
    scene.now_s += 59
    flow = Flow(cport=7)
    passage = scene.out(flow.syn())
    assert passage.forward is None
    answers = sent(passage, to_client=True)
    expected = [(RST | ACK, 0, flow.next_seq, 99, 7)] if refusal == "reset" else []
    assert [(a.flags, a.seq, a.ack, a.ttl, a.window) for a in answers] == expected
    assert {entry.action for entry in scene.log} == {"limit"}
    assert len(scene.log) == 3
    scene.now_s += 2
    assert [scene.out(Flow(cport=port).syn()).forward is None for port in (8, 9, 10, 11)] == [False] * 3 + [True]


def test_connections_further_apart_than_the_window_are_not_too_many(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("all", (), "limit", connections=2, window_s=10, per="all"))
    for port in range(1, 20):
        assert scene.out(Flow(cport=port, server=f"151.101.1.{port}").syn()).forward is not None
        scene.now_s += 5.1
    assert scene.out(Flow(cport=30).syn()).forward is not None
    assert scene.out(Flow(cport=31, server="151.101.1.31").syn()).forward is None


def test_counters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_lab.box.limits.MAX_COUNTERS", 4)
    limits = Limits()

    def refuses(whose: int) -> bool:
        return limits.refuses(whose, new=True, most=1, window_s=10, cooldown_s=60, now_s=0)

    assert [refuses(0), refuses(0)] == [False, True]
    assert not any(refuses(whose) for whose in range(1, 50))
    assert not refuses(0)


# one-way silence and delays


@pytest.mark.parametrize("version", [4, 6])
def test_drop_to_server_lets_the_client_hear(tmp_path: Path, version: int) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop_to_server", residual_s=180))
    flow = scene.open(flow_of(version))
    assert scene.out(flow.data(HELLO)).forward is None
    assert scene.out(flow.data(b"x")).forward is None
    assert scene.back(flow.answer(b"x")).forward is not None
    other = flow_of(version, cport=2)
    assert scene.out(other.syn()).forward is None
    assert scene.back(other.answer(flags=SYN | ACK)).forward is not None
    assert [entry.action for entry in scene.log] == ["drop_to_server", "residual:drop_to_server"]


@pytest.mark.parametrize("action", ["drop", "drop_to_server"])
def test_a_late_drop_is_an_act_when_it_is_felt(tmp_path: Path, action: str) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", action, delay_s=0.5, residual_s=180))
    flow = scene.open(Flow())
    assert_untouched(scene, flow, HELLO)
    scene.now_s += 0.4
    assert_untouched(scene, flow, b"x")
    assert not scene.log
    assert_untouched(scene, Flow(cport=2), b"early")
    scene.now_s += 0.2
    assert scene.out(flow.data(b"x")).forward is None
    assert scene.out(flow.data(b"x")).forward is None
    assert [entry.action for entry in scene.log] == [action]
    assert scene.out(Flow(cport=2).data(b"x")).forward is None
    assert scene.log[-1].action == f"residual:{action}"


# schedules and scopes


@pytest.mark.parametrize(
    ("schedule", "awake_at"),
    [
        ({"from_s": 10}, {10, 15, 25, 1000, 1010}),
        ({"until_s": 15}, {0, 5, 10}),
        ({"from_s": 10, "until_s": 20}, {10, 15}),
        ({"from_s": 10, "until_s": 15, "every_s": 25}, {10, 1010}),
        ({"from_s": 5, "every_s": 10}, {5, 15, 25}),
    ],
)
def test_rules_sleep_and_wake(tmp_path: Path, schedule: dict[str, int], awake_at: set[int]) -> None:
    scene = Scene(tmp_path, rule("address", SERVER, "drop", **schedule))
    scene.out(Flow(server="151.101.1.11").syn())  # the clock begins
    began_s, found = scene.now_s, set()
    for at in (0, 5, 10, 15, 25, 1000, 1010):
        scene.now_s = began_s + at
        if scene.out(Flow().syn()).forward is None:
            found.add(at)
    assert found == awake_at


def test_what_a_sleeping_rule_has_left_sleeps_too(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop", until_s=10, residual_s=100))
    flow = scene.open(Flow())
    assert scene.out(flow.data(HELLO)).forward is None
    scene.now_s += 11
    assert_untouched(scene, flow, b"x")
    assert_untouched(scene, Flow(cport=3), b"x")


@pytest.mark.parametrize(
    "schedule", [{"from_s": 5, "until_s": 5}, {"from_s": 9, "every_s": 8}, {"until_s": 9, "every_s": 8}]
)
def test_schedules_that_never_come_are_refused(schedule: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="never"):
        make_ready([rule("address", SERVER, "drop", **schedule)])


def test_a_schedule_without_an_end_lasts_to_the_end_of_its_period() -> None:
    schedule = Schedule(from_s=8, until_s=0, every_s=10)
    assert [schedule.awake(at) for at in (0, 7.9, 8, 9.9, 10, 18)] == [False, False, True, True, False, True]


def test_ports_and_transport_narrow_any_rule(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path,
        rule("address", SERVER, "drop", ports=("443", "853"), transport="tcp"),
        rule("sni", "t.example", "reset", ports="8443"),
    )
    assert scene.out(Flow().syn()).forward is None
    assert scene.out(Flow(sport=80).syn()).forward is not None
    assert scene.out(datagram()).forward is not None
    for sport, hits in ((8443, 1), (8444, 0)):
        flow = scene.open(Flow(server="151.101.1.11", sport=sport))
        assert len(sent(scene.out(flow.data(HELLO)), to_client=True)) == hits


def test_a_quiet_flow_is_read_again_when_its_places_fall_under_punishment(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop", residual_s=60, residual_tuple="2"))
    quiet = scene.open(Flow(cport=9))
    assert_untouched(scene, quiet, INNOCENT)
    assert_untouched(scene, quiet, b"more")
    scene.out(scene.open(Flow(cport=8)).data(HELLO))
    assert scene.out(quiet.data(b"even more")).forward is None
    assert scene.back(quiet.answer(b"late")).forward is None
    scene.now_s += 61
    assert_untouched(scene, quiet, b"at last")


def test_a_quiet_flow_begins_anew_with_a_syn(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop"))
    assert_untouched(scene, scene.open(Flow()), INNOCENT)
    assert read(scene.back(Flow().answer(b"x")).forward).payload == b"x"
    again = bytearray(Flow().syn())
    again[27] += 1  # another sequence number
    scene.out(bytes(again))
    hello = bytearray(Flow().data(HELLO))
    hello[27] += 1
    assert scene.out(bytes(hello)).forward is None
