"""The watcher on the line: which signs show, when, and that browsing shows none of them."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Raw

from probe.core.pcapng import INBOUND, OUTBOUND
from probe.instruments.streams.raw_hello import make_client_hello
from probe_lab.wire.capture_files import PcapngWriter
from recognise import SIGNS, LinePacket, Sign, read_line, read_question, recognise

FIN, RST, SYN = 1, 4, 2
FINISHED = b"\x14\x03\x03\x00\x01\x01" + b"\x17\x03\x03\x00\x35" + bytes(53)
TINY = b"\x17\x03\x03\x00\x13" + bytes(19)
ANSWER = b"\x16\x03\x03\x00\x02\x02\x00"


def find_service(name: str) -> str:
    return name.removesuffix(".example") if name.endswith(".example") else ""


def question(name: str) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 1, 256, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def talk(number: int, *said: tuple[bool, int, bytes], at_s: float | None = None) -> list[LinePacket]:
    """One connection: who speaks, TCP's flags, the payload."""
    begin_s = number / 10 if at_s is None else at_s
    return [LinePacket(time_s=begin_s, outbound=outbound, ttl=64, peer=("192.0.2.9", 443, 40_000 + number),
                       tcp_flags=flags, payload=payload) for outbound, flags, payload in said]


def hello(name: str) -> tuple[bool, int, bytes]:
    return True, 0, make_client_hello("browser", name, random.Random(1))


def asked(number: int, name: str, at_s: float) -> LinePacket:
    return LinePacket(time_s=at_s, outbound=True, ttl=64, peer=("192.0.2.53", 53, 40_000 + number), is_tcp=False,
                      payload=question(name))


HEARD, ENDED = (False, 0, ANSWER), (True, RST, b"")
BROWSING = [p for n in range(9) for p in talk(
    n, hello(f"site{n % 3}.example"), HEARD, (True, 0, FINISHED), (True, 0, b"\x17\x03\x03\x02\x00" + bytes(512)),
    (True, FIN, b""))]
NAMES = [p for n in range(6) for p in talk(n, hello(f"app{n}.example"), HEARD, (True, 0, FINISHED))]
CUT = [p for n in range(3) for p in talk(n, hello("app.example"), HEARD, ENDED)]
RACED = [p for n in range(9) for p in talk(n, hello("app.example"), ENDED, HEARD, ENDED)]
QUESTIONS = [asked(n, f"app{n}.example", n / 10) for n in range(12)]


@pytest.mark.parametrize(("packets", "signs"), [
    (BROWSING, set()),
    (NAMES, {"names"}),
    ([replace(p, time_s=60 * p.time_s) for p in NAMES], set()),
    (CUT, {"cut_hellos"}),
    (RACED, set()),
    (QUESTIONS, {"questions"}),
    ([replace(p, time_s=10 * p.time_s) for p in QUESTIONS], set()),
    ([replace(p, ttl=3) for p in talk(1, *[(True, SYN, b"")] * 3)], {"short_lives"}),
    ([replace(p, ttl=3, outbound=False) for p in talk(1, *[(True, SYN, b"")] * 3)], set()),
    (talk(1, hello("app.example"), HEARD, *[(True, 0, TINY)] * 12), {"tiny_records"}),
    (talk(1, hello("app.example"), HEARD, *[(True, 0, TINY)] * 11), set()),
    (talk(1, (True, 0, b"GET / HTTP/1.1\r\nUser-Agent: reachability-probe\r\n")), {"called_by_name"}),
], ids=["browsing", "six services", "six in minutes", "hellos alone", "connections that raced", "questions",
        "questions now and then", "small times to live", "those of answers", "tiny records", "a few tiny ones",
        "the probe's own name"])
def test_a_sign_shows_what_browsing_does_not(packets: Sequence[LinePacket], signs: set[Sign]) -> None:
    assert set(recognise(packets, find_service)) == signs


def test_packets_connections_and_seconds_are_counted_from_the_first_packet() -> None:
    cut = talk(30, hello("app.example"), HEARD, ENDED) + talk(31, hello("app.example"), HEARD, ENDED) + talk(
        32, hello("app.example"), HEARD, ENDED)
    found = recognise([*BROWSING, *cut], find_service)["cut_hellos"]
    assert (found.packets, found.connections) == (len(BROWSING) + len(cut), 12)
    assert found.seconds == pytest.approx(3.2)


PACKETS = st.builds(LinePacket, time_s=st.floats(0, 1e6), outbound=st.booleans(), ttl=st.integers(0, 255),
                    peer=st.just(("192.0.2.9", 53, 40_000)), tcp_flags=st.integers(0, 511), payload=st.binary(),
                    is_tcp=st.booleans())


@given(st.lists(PACKETS, max_size=30))
def test_whatever_is_on_the_line_is_read(packets: Sequence[LinePacket]) -> None:
    assert set(recognise(packets, lambda name: name)) <= set(SIGNS)


@given(st.binary())
def test_a_question_of_any_bytes_has_a_name_or_none(message: bytes) -> None:
    assert len(read_question(message)) <= len(message)


def test_a_clients_capture_is_read_as_its_own_packets_and_others(tmp_path: Path) -> None:
    ours, theirs = "198.51.100.7", "192.0.2.9"
    sent = [IP(src=ours, dst="192.0.2.53", ttl=64) / UDP(sport=5000, dport=53) / Raw(question("app.example")),
            IP(src=ours, dst=theirs, ttl=9) / TCP(sport=6000, dport=443, flags="S"),
            IP(src=theirs, dst=ours, ttl=50) / TCP(sport=443, dport=6000, flags="SA")]
    writer = PcapngWriter(tmp_path / "client.pcapng", interface="client")
    for n, packet in enumerate(sent):
        writer.write(bytes(packet), 1_000_000_000 * (n + 1), INBOUND if n == 2 else OUTBOUND)
    writer.close()
    read = list(read_line(tmp_path / "client.pcapng"))
    assert [(p.outbound, p.is_tcp, p.ttl, p.time_s) for p in read] == [
        (True, False, 64, 1.0), (True, True, 9, 2.0), (False, True, 50, 3.0)]
    assert {p.peer for p in read[1:]} == {(theirs, 443, 6000)}
    assert read_question(read[0].payload) == "app.example"
