"""A hostile QUIC server: datagrams that are well formed, sealed with the keys that all know, and hold anything."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aioquic._buffer import Buffer
from aioquic.quic.connection import QuicConnection
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicPacketType, encode_quic_retry, pull_quic_header
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loopback_udp import NAME
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.instruments.clock import start_clock
from probe.instruments.datagrams import quic_handshake
from probe.instruments.steps import QuicVisit

VERSION = 1
PLACE = ("192.0.2.7", 443)
FROM = b"\x07" * 8
CRYPTO = b"\x06\0"
"""A frame of the handshake's bytes, from the first on; its length and they follow."""
FRAMES = st.one_of(
    st.binary(max_size=1100),
    st.builds(lambda kind, rest: bytes((kind,)) + rest, st.integers(0, 0x3F), st.binary(max_size=60)),
    st.builds(lambda kind, body: CRYPTO + (0x4000 | len(body) + 4).to_bytes(2) + bytes((kind,))
              + len(body).to_bytes(3) + body, st.integers(0, 30), st.binary(max_size=900)),
)


@dataclass
class Server:
    """Stands for a `UdpFlow`: answers our first datagram by what it is given, and then keeps silent."""

    frames: tuple[bytes, ...] = ()
    token: bytes = b""
    junk: tuple[bytes, ...] = ()
    address: str = PLACE[0]
    port: int = PLACE[1]
    failure: Failure = ""
    anonymous_icmp: None = None
    bytes_written: int = 0
    bytes_read: int = 0
    sent: list[bytes] = field(default_factory=list)
    due: list[bytes] | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        if self.due is None:
            self.due = self._answers(data)

    def receive(self, until: float) -> bytes | None:
        if self.due:
            return self.due.pop(0)
        time.sleep(max(0.0, until - time.monotonic()))
        return None

    def _answers(self, data: bytes) -> list[bytes]:
        asked = pull_quic_header(Buffer(data=data), host_cid_length=8)
        found = [self._sealed(number, frames, asked.destination_cid, asked.source_cid)
                 for number, frames in enumerate(self.frames)]
        if self.token:
            found.append(encode_quic_retry(VERSION, FROM, asked.source_cid, asked.destination_cid, self.token))
        return found + [data[:1] + VERSION.to_bytes(4) + bytes((8,)) + asked.source_cid + rest for rest in self.junk]

    @staticmethod
    def _sealed(number: int, frames: bytes, theirs: bytes, ours: bytes) -> bytes:
        """An Initial packet under the keys that follow from the client's own first one (RFC 9001 section 5.2)."""
        pair = CryptoPair()
        pair.setup_initial(cid=theirs, is_client=False, version=VERSION)
        body = frames or b"\0"
        head = bytes((0xC0 | QuicPacketType.INITIAL.value << 4 | 1,)) + VERSION.to_bytes(4)
        head += bytes((len(ours),)) + ours + bytes((len(FROM),)) + FROM + b"\0"
        head += (0x4000 | 2 + len(body) + 16).to_bytes(2) + number.to_bytes(2)
        return bytes(pair.encrypt_packet(head, body + bytes(max(0, 4 - len(body))), number))


def visit(server: Server, monkeypatch: pytest.MonkeyPatch) -> Observation:
    monkeypatch.setattr(quic_handshake, "UdpFlow", lambda address, port: server)
    step = QuicVisit(purpose="target", address=PLACE[0], port=PLACE[1], hostname=NAME, sni=NAME, trust="web_pki",
                     timeout_s=0.02)
    return quic_handshake.visit_quic(step, clock=start_clock(datetime.now(UTC)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(FRAMES, max_size=4), junk=st.lists(st.binary(max_size=200), max_size=2))
@example(frames=[b"\x1c\0"], junk=[])
@example(frames=[CRYPTO + b"\x40\x08\x02\0\0\x04\x03\x03\0\0"], junk=[])
def test_no_bytes_of_a_server_raise(frames: list[bytes], junk: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = visit(Server(frames=tuple(frames), junk=tuple(junk)), monkeypatch)
    assert seen.failure
    assert not seen.tls.version


@pytest.mark.parametrize("size", [1, 900, 1180, 1200, 1300, 9000, 60_000])
def test_a_token_that_no_datagram_holds_raises_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read without complaint; the library fails when it builds the next Initial around it."""
    server = Server(token=bytes(size))
    assert visit(server, monkeypatch).failure
    assert server.sent


@pytest.mark.parametrize("name", ["connect", "datagrams_to_send", "get_timer", "receive_datagram", "handle_timer",
                                  "next_event", "close"])
def test_wherever_the_library_fails_the_visit_ends_in_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(QuicConnection, name, fails)
    seen = visit(Server(frames=(b"\x01",)), monkeypatch)
    assert seen.failure
    if name not in ("close", "handle_timer"):
        assert str(seen.failure) == "unknown_failure: quic library AssertionError"
