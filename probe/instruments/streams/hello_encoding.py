"""The parts of a ClientHello as bytes (RFC 8446, 6066, 8701, 9849): what hellos that we build have in common.

No key exchange is ever completed with them, so the shares are well formed and nobody holds their secret. Every
random part comes from the generator that is handed in: the same generator gives the same bytes.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Sequence

GREASE = tuple(n << 12 | 0x0A00 | n << 4 | 0x0A for n in range(16))
"""RFC 8701, section 2."""
TLS13, TLS12 = 0x0304, 0x0303
X25519, P256, P384, X25519_MLKEM768 = 29, 23, 24, 0x11EC
_PADDED_BYTES = 512
"""Some servers choke on messages of 256 to 511 bytes (RFC 7685, section 1)."""
_ML_KEM_Q, _ML_KEM_COEFFICIENTS = 3329, 768
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def encode_host(name: str) -> bytes:
    """The name as a server name carries it. Raises ValueError for one that none can carry."""
    try:
        host = name.encode("ascii")
    except UnicodeEncodeError:
        host = name.encode("idna")  # raises UnicodeError, which is a ValueError
    if not 0 < len(host) <= 255:
        raise ValueError("a server name has 1 to 255 bytes")
    return host


def encode_u16s(*values: int) -> bytes:
    """Numbers of two bytes each."""
    return struct.pack(f">{len(values)}H", *values)


def encode_vector(length_bytes: int, data: bytes) -> bytes:
    """Bytes behind their length."""
    return len(data).to_bytes(length_bytes) + data


def encode_extension(kind: int, data: bytes = b"") -> bytes:
    """One extension."""
    return encode_u16s(kind) + encode_vector(2, data)


def encode_server_name(host: bytes) -> bytes:
    """The body of server_name."""
    return encode_vector(2, b"\0" + encode_vector(2, host))


def encode_versions(*versions: int) -> bytes:
    """The body of supported_versions."""
    return encode_vector(1, encode_u16s(*versions))


def encode_u16_list(values: Iterable[int]) -> bytes:
    """The body of supported_groups and of signature_algorithms."""
    return encode_vector(2, encode_u16s(*values))


def encode_protocols(names: Iterable[str]) -> bytes:
    """The body of ALPN."""
    return encode_vector(2, b"".join(encode_vector(1, name.encode("ascii")) for name in names))


def encode_shares(shares: Iterable[tuple[int, bytes]]) -> bytes:
    """The body of key_share."""
    return encode_vector(2, b"".join(encode_u16s(group) + encode_vector(2, key) for group, key in shares))


def draw_share(group: int, rng: random.Random) -> bytes:
    """A key of this group that a server takes; one byte for a group of GREASE."""
    if group in GREASE:
        return b"\0"
    if group == X25519_MLKEM768:
        return _draw_ml_kem_key(rng) + rng.randbytes(32)
    return _draw_point(rng) if group == P256 else rng.randbytes(32)


def _draw_ml_kem_key(rng: random.Random) -> bytes:
    """An ML-KEM-768 encapsulation key that a server accepts: coefficients below q, twelve bits each, and a seed
    (FIPS 203, sections 4.2.1 and 7.2)."""
    packed = bytearray()
    for _ in range(_ML_KEM_COEFFICIENTS // 2):
        pair = rng.randrange(_ML_KEM_Q) | rng.randrange(_ML_KEM_Q) << 12
        packed += pair.to_bytes(3, "little")
    return bytes(packed) + rng.randbytes(32)


def _draw_point(rng: random.Random) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.derive_private_key(rng.randrange(1, _P256_ORDER), ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def draw_grease_ech(payload_bytes: int, rng: random.Random) -> bytes:
    """The body of encrypted_client_hello as one sends it who has no key: X25519, HKDF-SHA256, AES-128-GCM, and noise.
    """
    payload = rng.randbytes(payload_bytes)
    return (b"\0" + encode_u16s(1, 1) + rng.randbytes(1) + encode_vector(2, rng.randbytes(32))
            + encode_vector(2, payload))


def encode_record(ciphers: Sequence[int], extensions: bytes, rng: random.Random, *, session_bytes: int) -> bytes:
    """A whole ClientHello in one record."""
    body = encode_u16s(TLS12) + rng.randbytes(32) + encode_vector(1, rng.randbytes(session_bytes))
    body += encode_vector(2, encode_u16s(*ciphers)) + b"\1\0" + encode_vector(2, extensions)
    return b"\x16\3\1" + encode_vector(2, b"\1" + encode_vector(3, body))


def encode_padded_record(ciphers: Sequence[int], extensions: bytes, rng: random.Random, *,
                         session_bytes: int) -> bytes:
    """The same, filled up where it would have a length that some servers choke on."""
    record = encode_record(ciphers, extensions, rng, session_bytes=session_bytes)
    message_bytes = len(record) - 5
    if not _PADDED_BYTES // 2 <= message_bytes < _PADDED_BYTES:
        return record
    padding = encode_extension(21, bytes(max(1, _PADDED_BYTES - message_bytes - 4)))
    return encode_record(ciphers, extensions + padding, rng, session_bytes=session_bytes)
