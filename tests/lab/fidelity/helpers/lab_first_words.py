"""Messengers' first words and what a genuine server answers, from published descriptions alone.

    said = first_words("mtproto")
    assert is_genuine("mtproto", said, w.tcp(place, said, read_bytes=1).data)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric import ec


def _mtproto() -> bytes:
    """req_pq_multi in the abridged transport (core.telegram.org/mtproto)."""
    body = struct.pack("<I", 0xBE7E8EF1) + os.urandom(16)
    return b"\xef\x0a" + bytes(8) + struct.pack("<QI", 4 * int.from_bytes(os.urandom(7)), len(body)) + body


def _wa_noise() -> bytes:
    """ClientHello of Noise_XX: an ephemeral key."""
    return b"WA\x06\x03" + (36).to_bytes(3) + b"\x12\x22\x0a\x20" + os.urandom(32)


def _mmtls() -> bytes:
    """ClientHello that offers ECDHE."""
    body = b"\x01\x03\xf1\x01\xc0\x2b" + os.urandom(90)
    return b"\x16\xf1\x03" + (len(body) + 4).to_bytes(2) + len(body).to_bytes(4) + body


def _viber() -> bytes:
    return (200).to_bytes(2, "little") + os.urandom(198)


def _threema() -> bytes:
    """Ephemeral key and cookie."""
    return b"\xa5" + os.urandom(47)


def _answers_mmtls(said: bytes, data: bytes) -> bool:
    """A record of theirs, with a point of the curve where the key is."""
    if data[:3] != b"\x16\xf1\x04":
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data[63:128])
    except ValueError:
        return False
    return True


_WORDS: Mapping[str, Callable[[], bytes]] = {
    "mtproto": _mtproto, "wa_noise": _wa_noise, "mmtls": _mmtls, "viber": _viber, "threema": _threema,
}
_ANSWERS: Mapping[str, Callable[[bytes, bytes], bool]] = {
    "mtproto": lambda said, data: said[-16:] in data and struct.pack("<I", 0x05162463) in data,
    "wa_noise": lambda said, data: data[3:4] == b"\x1a" and said[-32:] not in data,
    "mmtls": _answers_mmtls,
    "viber": lambda said, data: data[4:6] == b"\x03\x80" and len(data) == int.from_bytes(data[:2], "little"),
    "threema": lambda said, data: len(data) == 80,
}


def first_words(protocol: str) -> bytes:
    """What an app says first; another text each time."""
    return _WORDS[protocol]()


def is_genuine(protocol: str, said: bytes, data: bytes) -> bool:
    """Whether these bytes answer those words as the messenger's own server does."""
    return _ANSWERS[protocol](said, data)
