"""WeChat's server of the long link."""

from __future__ import annotations

import random
import struct

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


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


SERVER = AnswersBytes(mmtls)
