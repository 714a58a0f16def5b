"""MTProto's obfuscation, which Telegram's programs put around every transport (core.telegram.org: MTProto transports).
Pure."""

from __future__ import annotations

START_BYTES = 64
_KEY, _IV, _MARK = slice(8, 40), slice(40, 56), slice(56, 60)
_TAKEN = b"\xefHPGO\xee\xdd\x16"
"""First bytes of other transports, of HTTP's methods and of TLS: none may seem to begin."""


def _start(random: bytes, mark: bytes) -> bytes:
    """64 bytes that look random: keys, and hidden in them which transport follows."""
    start = bytearray(random[:START_BYTES].ljust(START_BYTES, b"\1"))
    if start[0] in _TAKEN:
        start[0] = 0x5A
    start[4] |= 1
    start[_MARK] = mark
    return bytes(start)


def _count(key: bytes, iv: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)


def hide(packet: bytes, *, random: bytes, mark: bytes) -> bytes:
    """What a client says first: the start, and the first packet of the transport with this mark of four bytes."""
    start = _start(random, mark)
    hidden = _count(start[_KEY], start[_IV], start + packet)
    return start[:_MARK.start] + hidden[_MARK.start:]


def show(data: bytes, *, random: bytes, mark: bytes) -> bytes:
    """A server's bytes in the clear: its keys are ours backwards."""
    backwards = _start(random, mark)[_KEY.start:_IV.stop][::-1]
    return _count(backwards[:32], backwards[32:], data)
