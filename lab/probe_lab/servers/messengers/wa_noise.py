"""WhatsApp's server: the ServerHello of Noise_XX."""

from __future__ import annotations

import random

from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


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
    body = b"\x1a" + _varint(len(inner)) + inner
    return len(body).to_bytes(3) + body


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 0x7F | 0x80, value >> 7])


SERVER = AnswersBytes(wa_noise)
