"""The router does what its box says about time and fragments: packets leave late, in order, and in all their parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_net import DELAY_S, Net
from lab_traffic import CLIENT, CLIENT_TTL, SERVER, read, rule
from probe_lab.box.defragment import fragment_packet
from probe_lab.wire.packet import IpHeader, build_udp

STUN = b"\0\1\0\0\x21\x12\xa4\x42"


def answer(payload: bytes) -> bytes:
    return build_udp(IpHeader(src=SERVER, dst=CLIENT, ttl=64), sport=443, dport=50_000, payload=payload)


def test_a_shaped_answer_arrives_late_and_in_order(tmp_path: Path) -> None:
    net = Net(tmp_path, rule("address", SERVER, "throttle", rate_bps=80_000, bucket_bytes=1500, shape=True))
    arrived = net.send("servers", *(answer(bytes((number,)) * 972) for number in range(4)))
    assert [read(raw).payload[0] for _, _, raw in arrived] == [0, 1, 2, 3]
    assert [when_s - DELAY_S for _, when_s, _ in arrived] == pytest.approx([0, 0.05, 0.15, 0.25])


@pytest.mark.parametrize(("start", "delivered"), [(STUN, 0), (bytes(8), 4)], ids=["stun", "other"])
def test_a_packet_in_fragments_passes_whole_or_not_at_all(tmp_path: Path, start: bytes, delivered: int) -> None:
    net = Net(tmp_path, rule("protocol", "stun", "drop"))
    payload = start + bytes(300)
    header = IpHeader(src=CLIENT, dst=SERVER, ttl=CLIENT_TTL, ip_id=5)
    raw = build_udp(header, sport=50_000, dport=3478, payload=payload)
    arrived = net.send("client", *fragment_packet(raw, mtu=120, identification=5))
    assert [where for where, _, _ in arrived] == ["servers"] * delivered
