"""Servers of messengers that speak bytes of their own: what they answer to a first message, from published facts.

Each reads a request as its protocol frames it and returns the answer, or None for what is no request of the protocol.
With `wrong`, the answer is right in every byte but those that must belong to the request.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Awaitable, Callable, Mapping

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probe_lab.servers.app_wire import Wire

Answer = Callable[[Wire, random.Random, bool], Awaitable[bytes | None]]

_REQ_PQ = 0x60469778
_REQ_PQ_MULTI = 0xBE7E8EF1
_RES_PQ = 0x05162463
_VECTOR = 0x1CB5C415


async def mtproto(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """resPQ in the transport that the client opened with; an error where the message makes no sense."""
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


async def wa_noise(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """ServerHello of Noise_XX: ephemeral key, sealed static key, sealed certificate chain."""
    if await wire.peek(2) == b"ED":
        await wire.exactly(4)
        await wire.exactly(int.from_bytes(await wire.exactly(3)))
    if (await wire.peek(4))[:3] != b"WA\x06":
        return None
    await wire.exactly(4)
    hello = await wire.exactly(int.from_bytes(await wire.exactly(3)))
    if hello[:2] != b"\x12\x22" or hello[2:4] != b"\x0a\x20" or len(hello) != 36:
        return None
    key = x25519.X25519PrivateKey.from_private_bytes(rng.randbytes(32)).public_key()
    ephemeral = hello[4:] if wrong else key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    inner = b"\x0a\x20" + ephemeral + b"\x12\x30" + rng.randbytes(48)
    certificate = rng.randbytes(rng.randint(160, 300))
    inner += b"\x1a" + _varint(len(certificate)) + certificate
    message = b"\x1a" + _varint(len(inner)) + inner
    return len(message).to_bytes(3) + message


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 0x7F | 0x80, value >> 7])


async def mmtls(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """ServerHello with ECDHE, then records that look encrypted."""
    if (await wire.peek(3))[:2] != b"\x16\xf1":
        return None
    header = await wire.exactly(5)
    hello = await wire.exactly(int.from_bytes(header[3:5]))
    if hello[4:5] != b"\x01" or b"\xc0\x2b" not in hello[5:13] or len(hello) < 60:
        return None
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        Encoding.X962, PublicFormat.UncompressedPoint
    )
    if wrong:
        point = point[:-1] + bytes([point[-1] ^ 1])
    share = struct.pack(">HIH", 0x11, rng.randint(1, 9), len(point)) + point
    ticket = b"\x00\x13" + rng.randbytes(8)
    extensions = b"\x02" + struct.pack(">I", len(share)) + share + struct.pack(">I", len(ticket)) + ticket
    body = b"\x02\x04\xf1\xc0\x2b" + rng.randbytes(32) + struct.pack(">I", len(extensions)) + extensions
    message = struct.pack(">I", len(body)) + body
    sealed = rng.randbytes(rng.randint(60, 200))
    return b"\x16\xf1\x04" + struct.pack(">H", len(message)) + message + (
        b"\x16\xf1\x04" + struct.pack(">H", len(sealed)) + sealed
    )


async def viber(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """A packet as recorded: its length first, the marks of an answer, and the rest as it may be."""
    length = int.from_bytes(await wire.peek(2), "little")
    if not 20 <= length <= 600:
        return None
    await wire.exactly(length)
    size = rng.randint(300, 600)
    head = struct.pack("<HH", size, rng.randint(0, 0xFFFF))
    body = head + (b"\x05\x80" if wrong else b"\x03\x80") + bytes(4) + b"\x0a\x00"
    return body + rng.randbytes(size - len(body))


async def threema(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """Cookie and sealed box: 80 bytes."""
    if (await wire.peek(4))[:4] in (b"GET ", b"POST", b"\x16\x03\x01\x02"):
        return None
    await wire.exactly(48)
    return rng.randbytes(79 if wrong else 80)


async def loco(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """GETCONF's answer: the same packet id, and a document with the next servers."""
    header = await wire.exactly(22)
    packet, _, method, _, length = struct.unpack("<IH11sBI", header)
    if method.rstrip(b"\0") != b"GETCONF" or not 5 <= length <= 4096:
        return None
    await wire.exactly(length)
    host = f"ticket-loco-{rng.randint(1, 99)}.example".encode() + b"\0"
    elements = b"\x02lsl\0" + struct.pack("<I", len(host)) + host + b"\x10status\0" + struct.pack("<i", 0)
    body = struct.pack("<I", len(elements) + 5) + elements + b"\0"
    return struct.pack("<IH11sBI", packet ^ 1 if wrong else packet, 0, method, 0, len(body)) + body


async def max_tcp(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """A response or an error to the client's sequence number and opcode."""
    version, command, sequence, opcode, length = struct.unpack(">BHBHI", await wire.exactly(10))
    if command != 0 or length > 65_536:
        return None
    await wire.exactly(length)
    body = b"\x81\xa5error\xa5proto" if rng.random() < 0.5 else b"\x80"
    kind = 3 if len(body) > 1 else 1
    return struct.pack(">BHBHI", version, kind, sequence ^ 1 if wrong else sequence, opcode, len(body)) + body


async def mqtt(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """CONNACK: accepted, or one of the refusals for those who give no name."""
    head = await wire.exactly(2)
    if head[0] != 0x10 or head[1] > 127:
        return None
    connect = await wire.exactly(head[1])
    if connect[2:6] not in (b"MQTT", b"MQIs"):
        return None
    return b"\x30\x02\0\0" if wrong else bytes((0x20, 2, 0, rng.choice((0, 4, 5))))


async def smp(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """The server's greeting, unasked: its versions and a session id in a padded block."""
    content = struct.pack(">HH", 9 if wrong else 6, rng.randint(6, 8) if wrong else rng.randint(6, 19))
    content += bytes([32]) + rng.randbytes(32)
    return (struct.pack(">H", len(content)) + content).ljust(16_384, b"#")


ANSWERS: Mapping[str, Answer] = {
    "mtproto": mtproto, "wa_noise": wa_noise, "mmtls": mmtls, "viber": viber, "threema": threema, "loco": loco,
    "max_tcp": max_tcp, "mqtt": mqtt, "smp": smp,
}
"""Protocol of a row -> who answers its first message."""
