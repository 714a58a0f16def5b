"""Telegram's server: resPQ in the transport that the client opened with."""

from __future__ import annotations

import random
import struct

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_websocket import HiddenStream
from probe_lab.servers.app_wire import Wire

_REQ_PQ = 0x60469778
_REQ_PQ_MULTI = 0xBE7E8EF1
_RES_PQ = 0x05162463
_VECTOR = 0x1CB5C415
_CLEAR = [bytes([first]) for first in b"\xef\xeeHPGO\xdd\x16"]
"""First bytes that no obfuscated beginning has: of transports in the clear, of HTTP's methods and of TLS."""


async def mtproto(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """resPQ in the transport that the client opened with, obfuscated where the client is."""
    opening = await wire.peek(1)
    if opening and opening not in _CLEAR:
        hidden = HiddenStream(wire)
        answer = await answer_clear(Wire(hidden), rng, wrong)
        return hidden.hide(answer) if answer else None
    return await answer_clear(wire, rng, wrong)


async def answer_clear(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """The same in the clear; an error where the message makes no sense."""
    opening = await wire.peek(1)
    if opening == b"\xef":
        await wire.exactly(1)
        length = 4 * (await wire.exactly(1))[0]
        return _abridged(res_pq(await wire.exactly(length), rng, wrong))
    if await wire.peek(4) == b"\xee" * 4:
        await wire.exactly(4)
        (length,) = struct.unpack("<I", await wire.exactly(4))
        answer = res_pq(await wire.exactly(min(length, 1024)), rng, wrong)
        return struct.pack("<I", len(answer)) + answer
    return None


def _abridged(message: bytes) -> bytes:
    words = len(message) // 4
    return (bytes([words]) if words < 127 else b"\x7f" + words.to_bytes(3, "little")) + message


def res_pq(message: bytes, rng: random.Random, wrong: bool) -> bytes:
    """The answer to an unencrypted message, without a frame; -404 where it makes no sense."""
    if len(message) < 40 or message[:8] != bytes(8):
        return struct.pack("<i", -404)
    message_id, length, method = struct.unpack("<QII", message[8:24])
    if method not in (_REQ_PQ, _REQ_PQ_MULTI) or length != 20:
        return struct.pack("<i", -404)
    nonce = rng.randbytes(16) if wrong else message[24:40]
    pq = b"\x08" + rng.randbytes(8) + bytes(3)
    keys = [rng.randbytes(8) for _ in range(rng.randint(1, 4))]
    body = struct.pack("<I", _RES_PQ) + nonce + rng.randbytes(16) + pq
    body += struct.pack("<II", _VECTOR, len(keys)) + b"".join(keys)
    return bytes(8) + struct.pack("<QI", message_id | 1, len(body)) + body


SERVER = AnswersBytes(mtproto)
