"""Names in QUIC Initials: the keys of RFC 9001, real clients, frames in any order, and bytes that mean harm."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_traffic import CLIENT, CLIENT6, CLIENT_TTL, HELLO, SERVER, SERVER6, Scene, rule, untouched
from probe_lab.box.quic_initial import initial_crypto, initial_keys
from probe_lab.box.tls_hello import hello_of_message
from probe_lab.wire.packet import IpHeader, build_udp

ID = bytes.fromhex("8394c8f03e515708")
MESSAGE = HELLO[5:]
"""The handshake message of a ClientHello, without its record."""
UNTIMED = settings(deadline=None)


def varint(number: int) -> bytes:
    return (number | 0x4000).to_bytes(2) if number < 1 << 14 else (number | 0x80000000).to_bytes(4)


def crypto(at: int, end: int, message: bytes = MESSAGE) -> bytes:
    piece = message[at:end]
    return b"\x06" + varint(at) + varint(len(piece)) + piece


def initial(frames: bytes, *, connection_id: bytes = ID, number: bytes = b"\0\1", token: bytes = b"") -> bytes:
    """A protected Initial, as RFC 9001 5.3 and 5.4 say."""
    keys = initial_keys(connection_id)
    frames = frames.ljust(30, b"\0")
    head = bytes((0xC0 | len(number) - 1,)) + (1).to_bytes(4) + bytes((len(connection_id),)) + connection_id + b"\x02ab"
    head += varint(len(token)) + token + varint(len(number) + len(frames) + 16)
    nonce = (int.from_bytes(keys.iv) ^ int.from_bytes(number)).to_bytes(12)
    body = AESGCM(keys.key).encrypt(nonce, frames, head + number)
    sample = (number + body)[4:20]
    mask = Cipher(algorithms.AES(keys.header), modes.ECB()).encryptor().update(sample)
    hidden = bytes(a ^ b for a, b in zip(number, mask[1:], strict=False))
    return bytes((head[0] ^ mask[0] & 15,)) + head[1:] + hidden + body


def real_initial(name: str) -> bytes:
    """The first datagram of aioquic's client."""
    configuration = pytest.importorskip("aioquic.quic.configuration")
    connection = pytest.importorskip("aioquic.quic.connection")
    client = connection.QuicConnection(
        configuration=configuration.QuicConfiguration(is_client=True, alpn_protocols=["h3"], server_name=name)
    )
    client.connect((SERVER, 443), now=0.0)
    return bytes(client.datagrams_to_send(now=0.0)[0][0])


def datagram(payload: bytes, *, cport: int = 50_000, sport: int = 443, to: str = SERVER) -> bytes:
    header = IpHeader(src=CLIENT6 if ":" in to else CLIENT, dst=to, ttl=CLIENT_TTL)
    return build_udp(header, sport=cport, dport=sport, payload=payload)


def test_keys_are_those_of_the_rfc() -> None:
    keys = initial_keys(ID)  # RFC 9001, appendix A.1
    assert keys.key.hex() == "1f369613dd76d5467730efcbe3b1a22d"
    assert keys.iv.hex() == "fa044b2f42a3fd3b46fb255c"
    assert keys.header.hex() == "9f50449e04a0e810283a1e9933adedd2"


def test_the_name_in_a_real_clients_first_datagram() -> None:
    data = initial_crypto(real_initial("Secret.example"))
    assert hello_of_message(data).name == "secret.example"


@pytest.mark.parametrize("number", [b"\x05", b"\0\1", b"\0\0\2", b"\1\2\3\4"])
def test_frames_in_any_order_with_others_between(number: bytes, rng: random.Random) -> None:
    cuts = [0, 7, 60, 61, 200, len(MESSAGE)]
    frames = [crypto(low, high) for low, high in itertools.pairwise(cuts)]
    frames += [crypto(50, 90), b"\x01", bytes(40), b"\x02\x05\x00\x01\x00\x00\x00", b"\x03\x05\x00\x00\x00\x01\x01\x01"]
    rng.shuffle(frames)
    assert initial_crypto(initial(b"".join(frames), number=number)) == MESSAGE


def test_packets_of_one_datagram_are_read_together() -> None:
    first, second = initial(crypto(0, 100)), initial(crypto(100, 5000), number=b"\2", token=b"token")
    assert initial_crypto(first + second) == MESSAGE
    zero_rtt = b"\xd0" + (1).to_bytes(4) + b"\x08" + ID + b"\x02ab" + varint(40) + bytes(40)
    assert initial_crypto(first + zero_rtt + second) == MESSAGE
    assert initial_crypto(first + bytes(50)) == MESSAGE[:100]


def test_a_gap_ends_what_is_known() -> None:
    assert initial_crypto(initial(crypto(0, 50) + crypto(60, 90))) == MESSAGE[:50]
    assert initial_crypto(initial(crypto(10, 50))) == b""
    assert initial_crypto(initial(b"\x1c" + crypto(0, 50))) == b""


@pytest.mark.parametrize("spoil", ["version", "tag", "id", "short", "retry"])
def test_what_does_not_decrypt_gives_nothing(spoil: str) -> None:
    good = bytearray(initial(crypto(0, 5000)))
    if spoil == "version":
        good[4] = 2
    elif spoil == "tag":
        good[-1] ^= 1
    elif spoil == "id":
        good[5] = 21
    elif spoil == "short":
        del good[-1]
    else:
        good[0] |= 0x30
    assert initial_crypto(bytes(good)) == b""


@UNTIMED
@given(data=st.binary(max_size=200), start=st.sampled_from((b"", b"\xc0\0\0\0\1", initial(crypto(0, 90))[:40])))
def test_no_bytes_make_the_reader_raise(data: bytes, start: bytes) -> None:
    initial_crypto(start + data)
    initial_crypto(initial(data))
    hello_of_message(data)


@UNTIMED
@given(at=st.integers(0, 300), byte=st.integers(0, 255), end=st.integers(0, 400))
def test_damaged_initials_are_survived(at: int, byte: int, end: int) -> None:
    damaged = bytearray(initial(crypto(0, 5000)))
    damaged[at % len(damaged)] = byte
    initial_crypto(bytes(damaged[: end or None]))


# the trigger


@pytest.mark.parametrize("to", [SERVER, SERVER6])
def test_a_name_in_the_first_datagram_silences_the_client_later(tmp_path: Path, to: str) -> None:
    late = rule("quic_sni", "t.example", "drop_to_server", delay_s=0.5, residual_s=180, sport_above=True)
    scene = Scene(tmp_path, late)
    raw = datagram(initial(crypto(0, 5000)), to=to)
    assert untouched(scene.out(raw), raw)
    scene.now_s += 1
    assert scene.out(datagram(b"\x40 short header", to=to)).forward is None
    assert scene.out(datagram(b"another", to=to, cport=50_001)).forward is None
    assert scene.out(datagram(b"another", to=to, sport=8443)).forward is not None
    assert [(entry.action, entry.name) for entry in scene.log] == [
        ("drop_to_server", "t.example"), ("residual:drop_to_server", "")
    ]
    scene.now_s += 180
    assert scene.out(datagram(b"another", to=to, cport=50_001)).forward is not None


def test_only_the_first_datagram_and_only_from_high_ports(tmp_path: Path) -> None:
    loud = initial(crypto(0, 5000))
    scene = Scene(tmp_path, rule("quic_sni", "t.example", "drop", sport_above=True))
    assert scene.out(datagram(loud, cport=300)).forward is not None
    assert scene.out(datagram(loud, cport=443)).forward is not None
    assert scene.out(datagram(loud, sport=51_000)).forward is not None
    assert scene.out(datagram(b"\x40 something first", cport=9000)).forward is not None
    assert scene.out(datagram(loud, cport=9000)).forward is not None
    assert scene.out(datagram(loud, cport=9001)).forward is None
    assert scene.out(datagram(b"x", cport=9001)).forward is None
    scene.now_s += 61  # a four-tuple that was silent for so long begins anew
    assert scene.out(datagram(loud, cport=9000)).forward is None


def test_a_hello_that_goes_on_in_a_second_datagram_is_known_by_its_first(tmp_path: Path) -> None:
    at = MESSAGE.index(b"t.example")
    scene = Scene(tmp_path, rule("quic_sni", "t.example", "drop"))
    assert scene.out(datagram(initial(crypto(0, at + 4)), cport=1)).forward is not None
    assert scene.out(datagram(initial(crypto(at + 4, 5000)), cport=1)).forward is not None
    assert scene.out(datagram(initial(crypto(0, at + 9)), cport=2)).forward is None
