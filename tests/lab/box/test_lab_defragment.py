"""Fragments put together and cut again: scapy's and ours agree, overlaps and floods do no harm."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, fragment6
from scapy.packet import Raw

from probe_lab.box import defragment
from probe_lab.box.defragment import Fragments, WholePacket, fragment_packet, parse_fragment
from probe_lab.wire.packet import IpHeader, build_udp

UNTIMED = settings(deadline=None)
ENDS = {4: ("198.18.7.1", "93.184.216.34"), 6: ("2a01:4f8::7", "2606:4700::6810:1")}


def packet(version: int, body: bytes) -> bytes:
    src, dst = ENDS[version]
    return build_udp(IpHeader(src=src, dst=dst, ip_id=77), sport=5000, dport=53, payload=body)


def taken(parts: list[bytes], held: Fragments | None = None, now_s: float = 0.0) -> list[WholePacket | None]:
    held = held or Fragments()
    found = []
    for raw in parts:
        part = parse_fragment(raw)
        assert part is not None
        found.append(held.take(part, raw, now_s))
    return found


@UNTIMED
@given(version=st.sampled_from((4, 6)), size=st.integers(100, 3000), mtu=st.integers(96, 600), seed=st.integers(0, 999))
def test_what_is_cut_can_be_put_together_in_any_order(version: int, size: int, mtu: int, seed: int) -> None:
    rng = random.Random(seed)
    raw = packet(version, rng.randbytes(size))
    parts = list(fragment_packet(raw, mtu=mtu, identification=77))
    assert all(len(part) <= mtu for part in parts)
    if len(parts) == 1:
        assert parts == [raw]
        return
    rng.shuffle(parts)
    *waiting, whole = taken(parts)
    assert waiting == [None] * (len(parts) - 1)
    assert whole == WholePacket(raw, tuple(parts))


def test_scapys_fragments_are_understood() -> None:
    four = IP(src=ENDS[4][0], dst=ENDS[4][1], id=9) / UDP(sport=1, dport=2) / Raw(bytes(range(256)) * 5)
    whole = taken([bytes(part) for part in fragment(four, fragsize=320)])[-1]  # type: ignore[no-untyped-call]
    assert whole is not None
    assert whole.raw == bytes(four)
    head = IPv6(src=ENDS[6][0], dst=ENDS[6][1])
    inner = UDP(sport=1, dport=2) / Raw(bytes(range(256)) * 8)
    cut = fragment6(head / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(id=5) / inner, 600)  # type: ignore[no-untyped-call]
    whole = taken([bytes(part) for part in cut])[-1]
    assert whole is not None
    assert whole.raw == bytes(head / IPv6ExtHdrDestOpt() / inner)


def test_whole_packets_are_no_fragments() -> None:
    assert parse_fragment(packet(4, b"x" * 60)) is None
    assert parse_fragment(packet(6, b"x" * 60)) is None
    assert parse_fragment(b"") is None


def test_fragments_of_different_packets_do_not_mix() -> None:
    one, two = packet(4, b"a" * 500), packet(4, b"b" * 500)
    ones, twos = (fragment_packet(raw, mtu=200, identification=number) for number, raw in enumerate((one, two), 1))
    mixed = [part for pair in zip(ones, twos, strict=True) for part in pair]
    found = [whole.raw[28:] for whole in taken(mixed) if whole is not None]
    assert found == [b"a" * 500, b"b" * 500]


@pytest.mark.parametrize("version", [4, 6])
def test_repeats_and_overlaps_cannot_change_what_came_first(version: int) -> None:
    raw = packet(version, bytes(range(250)))
    first, *rest = fragment_packet(raw, mtu=120, identification=77)
    evil = fragment_packet(packet(version, bytes(250)), mtu=120, identification=77)
    *_, whole = taken([first, evil[0], *rest])
    assert whole is not None
    assert whole.raw == raw
    assert len(whole.parts) == len(rest) + 2
    shifted = fragment_packet(raw, mtu=112, identification=77)[1]
    *_, whole = taken([first, shifted, *rest])
    assert whole is not None
    assert whole.raw == raw


def test_a_packet_longer_than_any_is_given_up() -> None:
    raw = bytearray(fragment_packet(packet(4, bytes(2000)), mtu=1500, identification=1)[1])
    raw[6:8] = (0x1FFF).to_bytes(2)
    held = Fragments()
    assert taken([bytes(raw)], held) == [None]
    assert not held._pending


def test_floods_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defragment, "MAX_PACKETS", 10)
    monkeypatch.setattr(defragment, "MAX_PARTS", 5)
    held = Fragments()
    cut = [fragment_packet(packet(4, bytes(400)), mtu=300, identification=number) for number in range(50)]
    taken([parts[0] for parts in cut], held)
    assert len(held._pending) == 10
    assert taken([parts[1] for parts in cut[:40]], held) == [None] * 40
    assert sum(whole is not None for whole in taken([parts[1] for parts in cut[40:]], held)) == 0  # pushed out
    fresh = Fragments()
    taken([cut[0][0]] * 5, fresh)
    assert len(fresh._pending) == 1
    taken([cut[0][0]], fresh)
    assert not fresh._pending


def test_what_is_not_completed_in_time_is_forgotten() -> None:
    held = Fragments()
    first, second = fragment_packet(packet(4, bytes(400)), mtu=300, identification=1)
    assert taken([first], held, now_s=0.0) == [None]
    assert taken([second], held, now_s=31.0) == [None]
    assert taken([first], held, now_s=32.0) != [None]


@UNTIMED
@given(raws=st.lists(st.tuples(st.sampled_from((0x45, 0x46, 0x60)), st.binary(min_size=60, max_size=90)), max_size=12))
def test_no_bytes_make_it_raise(raws: list[tuple[int, bytes]]) -> None:
    held = Fragments()
    for first, rest in raws:
        raw = bytearray(bytes((first,)) + rest)
        raw[2:4] = len(raw).to_bytes(2) if first != 0x60 else raw[2:4]
        if first == 0x60:
            raw[4:7] = (len(raw) - 40).to_bytes(2) + b"\x2c"
        part = parse_fragment(bytes(raw))
        if part is not None:
            held.take(part, bytes(raw), 0.0)


def test_parts_come_out_as_they_went_in() -> None:
    parts = fragment_packet(packet(6, bytes(900)), mtu=400, identification=3)
    for order in itertools.permutations(parts):
        whole = taken(list(order))[-1]
        assert whole is not None
        assert whole.parts == order
