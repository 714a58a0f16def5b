"""The ClientHello in a QUIC v1 Initial: its keys follow from the connection ID, so any box on the path can read it.

RFC 9000 17.2 (long headers) and 19 (frames), RFC 9001 5 (keys, header protection). Total: bytes that are no
Initial, or one that does not decrypt, give nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from probe_lab.box.byte_reader import ByteReader, TooShortError
from probe_lab.box.protocols import read_quic_version

_VERSION_1 = 1
_SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
_MAX_ID_BYTES = 20
_INITIAL, _RETRY = 0, 3
_SAMPLE_BYTES, _TAG_BYTES = 16, 16
_MAX_PACKETS = 4
"""Packets in one datagram that are looked at; a client has no use for more."""
_MAX_FRAMES = 2048
"""Frames other than padding in one packet; each takes a byte at least, and a datagram carries no more in earnest."""
_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO = 0x00, 0x01, 0x02, 0x03, 0x06


@dataclass(frozen=True, slots=True)
class InitialKeys:
    """What protects a client's Initial packets."""

    key: bytes
    iv: bytes
    header: bytes


@dataclass(frozen=True, slots=True)
class _Protected:
    """One packet of a datagram, still protected."""

    kind: int
    first: int
    connection_id: bytes
    start: int
    number_at: int
    end: int


def initial_keys(connection_id: bytes) -> InitialKeys:
    """The client's keys for the destination connection ID that it chose (RFC 9001 5.2)."""
    secret = hmac.digest(_SALT, connection_id, hashlib.sha256)
    client = _expand(secret, b"client in", 32)
    sizes = ((b"quic key", 16), (b"quic iv", 12), (b"quic hp", 16))
    return InitialKeys(*(_expand(client, label, size) for label, size in sizes))


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446 7.1); one round of HMAC gives up to 32 bytes."""
    full = b"tls13 " + label
    info = size.to_bytes(2) + bytes((len(full),)) + full + b"\0"
    return hmac.digest(secret, info + b"\1", hashlib.sha256)[:size]


def initial_crypto(datagram: bytes) -> bytes:
    """The handshake bytes at the beginning of the CRYPTO stream in one datagram; empty when there are none."""
    pieces: dict[int, bytes] = {}
    reader = ByteReader(datagram)
    try:
        for _ in range(_MAX_PACKETS):
            packet = _next_packet(datagram, reader)
            if packet is None:
                break
            if packet.kind == _INITIAL:
                _collect(_unprotected(datagram, packet), pieces)
    except TooShortError:
        pass
    return _joined(pieces)


def _next_packet(datagram: bytes, reader: ByteReader) -> _Protected | None:
    start = reader.at
    if read_quic_version(datagram[start : start + 7]) != _VERSION_1:
        return None
    first = reader.number(1)
    kind = first >> 4 & 3
    reader.take(4)
    connection_id = reader.take(_id_length(reader))
    reader.take(_id_length(reader))
    if kind == _RETRY:
        return None
    if kind == _INITIAL:
        reader.take(_varint(reader))  # token
    length = _varint(reader)
    number_at = reader.at
    reader.take(length)
    return _Protected(kind, first, connection_id, start, number_at, reader.at)


def _id_length(reader: ByteReader) -> int:
    length = reader.number(1)
    if length > _MAX_ID_BYTES:
        raise TooShortError
    return length


def _varint(reader: ByteReader) -> int:
    """A number of 1, 2, 4 or 8 bytes (RFC 9000 16)."""
    first = reader.number(1)
    size = 1 << (first >> 6)
    return (first & 0x3F) << 8 * (size - 1) | int.from_bytes(reader.take(size - 1))


def _unprotected(datagram: bytes, packet: _Protected) -> bytes:
    """The payload of an Initial; empty when it does not decrypt."""
    sample = datagram[packet.number_at + 4 : packet.number_at + 4 + _SAMPLE_BYTES]
    if len(sample) < _SAMPLE_BYTES or packet.end - packet.number_at < 4 + _TAG_BYTES:
        return b""
    keys = initial_keys(packet.connection_id)
    mask = Cipher(algorithms.AES(keys.header), modes.ECB()).encryptor().update(sample)
    first = packet.first ^ (mask[0] & 0x0F)
    size = (first & 3) + 1
    body_at = packet.number_at + size
    number = bytes(a ^ b for a, b in zip(datagram[packet.number_at : body_at], mask[1:], strict=False))
    header = bytes((first,)) + datagram[packet.start + 1 : packet.number_at] + number
    nonce = (int.from_bytes(keys.iv) ^ int.from_bytes(number)).to_bytes(12)
    try:
        return AESGCM(keys.key).decrypt(nonce, datagram[body_at : packet.end], header)
    except InvalidTag:
        return b""


def _collect(payload: bytes, pieces: dict[int, bytes]) -> None:
    """Add the CRYPTO frames of a payload; what comes after a frame that Initials cannot have is not looked at."""
    reader = ByteReader(payload)
    for _ in range(_MAX_FRAMES):
        while reader.left and payload[reader.at] == _PADDING:
            reader.at += 1
        if not reader.left:
            return
        kind = reader.number(1)
        if kind in (_ACK, _ACK_ECN):
            _skip_ack(reader, with_counts=kind == _ACK_ECN)
        elif kind == _CRYPTO:
            offset, length = _varint(reader), _varint(reader)
            data = reader.take(length)
            if len(data) > len(pieces.get(offset, b"")):
                pieces[offset] = data
        elif kind != _PING:
            return


def _skip_ack(reader: ByteReader, *, with_counts: bool) -> None:
    _varint(reader), _varint(reader)
    ranges = _varint(reader)
    if 2 * ranges > reader.left:
        raise TooShortError
    for _ in range(2 * ranges + 1 + 3 * with_counts):
        _varint(reader)


def _joined(pieces: dict[int, bytes]) -> bytes:
    joined = bytearray()
    for offset in sorted(pieces):
        if offset > len(joined):
            break
        joined += pieces[offset][len(joined) - offset :]
    return bytes(joined)
