"""ClientHellos built from bytes, in the shapes of `probe.core.tables.shapes` (RFC 8446, 6066, 7301, 7685, 8701, 9849).

No key exchange is ever completed with them, so the shares are well formed and nobody holds their secret. Every
random part comes from the generator that is handed in: the same generator gives the same bytes.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable

from probe.core.tables.shapes import ShapeName
from probe.core.tables.words import Empty

_GREASE = tuple(n << 12 | 0x0A00 | n << 4 | 0x0A for n in range(16))
"""RFC 8701, section 2."""
_X25519, _P256, _P384, _X25519_MLKEM768 = 29, 23, 24, 0x11EC
_TLS13, _TLS12 = 0x0304, 0x0303
_CIPHERS_13 = (0x1301, 0x1302, 0x1303)
_BROWSER_CIPHERS = (*_CIPHERS_13, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D,
                    0x002F, 0x0035)
_SMALL_CIPHERS = (*_CIPHERS_13, 0xC02B, 0xC02F, 0xC02C, 0xC030)
_SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
_PADDED_BYTES = 512
"""Some servers choke on messages of 256 to 511 bytes (RFC 7685, section 1)."""
_ML_KEM_Q, _ML_KEM_COEFFICIENTS = 3329, 768


def make_client_hello(shape: ShapeName | Empty, name: str, rng: random.Random) -> bytes:
    """A ClientHello for `name`, in one record. Raises ValueError for a name that no ClientHello can carry, and for
    a shape that is not built here (`split` is the library's own, cut by `split_in_name`)."""
    builder = _BUILDERS.get(shape)
    if builder is None:
        raise ValueError(f"no such shape: {shape}")
    return builder(_host(name), rng)


def split_in_name(record: bytes, name: str) -> tuple[bytes, ...]:
    """The same bytes in two parts, cut in the middle of the server name; in the middle of all where it is not found."""
    host = name.encode("ascii", "replace")
    at = record.find(host) if host else -1
    middle = at + max(1, len(host) // 2) if at > 0 else len(record) // 2
    return tuple(part for part in (record[:middle], record[middle:]) if part)


def _host(name: str) -> bytes:
    try:
        host = name.encode("ascii")
    except UnicodeEncodeError:
        host = name.encode("idna")  # raises UnicodeError, which is a ValueError
    if not 0 < len(host) <= 255:
        raise ValueError("a server name has 1 to 255 bytes")
    return host


def _u16s(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def _vector(length_bytes: int, data: bytes) -> bytes:
    return len(data).to_bytes(length_bytes) + data


def _extension(kind: int, data: bytes = b"") -> bytes:
    return _u16s(kind) + _vector(2, data)


def _server_name(host: bytes) -> bytes:
    return _extension(0, _vector(2, b"\0" + _vector(2, host)))


def _versions(*versions: int) -> bytes:
    return _extension(43, _vector(1, _u16s(*versions)))


def _groups(*groups: int) -> bytes:
    return _extension(10, _vector(2, _u16s(*groups)))


def _shares(*shares: tuple[int, bytes]) -> bytes:
    return _extension(51, _vector(2, b"".join(_u16s(group) + _vector(2, key) for group, key in shares)))


def _signatures() -> bytes:
    return _extension(13, _vector(2, _u16s(*_SIGNATURES)))


def _record(ciphers: Iterable[int], extensions: bytes, rng: random.Random, *, session_bytes: int) -> bytes:
    body = _u16s(_TLS12) + rng.randbytes(32) + _vector(1, rng.randbytes(session_bytes))
    body += _vector(2, _u16s(*ciphers)) + b"\1\0" + _vector(2, extensions)
    return b"\x16\3\1" + _vector(2, b"\1" + _vector(3, body))


def _small(host: bytes, rng: random.Random) -> bytes:
    extensions = _server_name(host) + _groups(_X25519, _P256) + _signatures() + _versions(_TLS13, _TLS12)
    return _record(_SMALL_CIPHERS, extensions + _shares((_X25519, rng.randbytes(32))), rng, session_bytes=0)


def _browser(host: bytes, rng: random.Random, *, post_quantum: bool = False, ech: bool = False) -> bytes:
    """A browser's: GREASE first and last, the other extensions in an order drawn anew each time, then padding."""
    cipher, group, version = (rng.choice(_GREASE) for _ in range(3))
    first, last = rng.sample(_GREASE, 2)
    shares = [(group, b"\0"), (_X25519, rng.randbytes(32))]
    groups = [group, _X25519, _P256, _P384]
    if post_quantum:
        shares.insert(1, (_X25519_MLKEM768, _ml_kem_share(rng) + rng.randbytes(32)))
        groups.insert(1, _X25519_MLKEM768)
    middle = [
        _server_name(host), _groups(*groups), _signatures(), _versions(version, _TLS13, _TLS12), _shares(*shares),
        _extension(23), _extension(0xFF01, b"\0"), _extension(11, b"\1\0"), _extension(35), _extension(18),
        _extension(16, _vector(2, _vector(1, b"h2") + _vector(1, b"http/1.1"))),
        _extension(5, b"\1\0\0\0\0"), _extension(45, b"\1\1"), _extension(27, b"\2\0\2"),
        _extension(17513, _vector(2, _vector(1, b"h2"))),
    ]
    if ech:
        middle.append(_make_grease_ech(rng))
    rng.shuffle(middle)
    extensions = _extension(first) + b"".join(middle) + _extension(last, b"\0")
    ciphers = (cipher, *_BROWSER_CIPHERS)
    record = _record(ciphers, extensions, rng, session_bytes=32)
    message_bytes = len(record) - 5
    if not _PADDED_BYTES // 2 <= message_bytes < _PADDED_BYTES:
        return record
    padding = max(1, _PADDED_BYTES - message_bytes - 4)
    return _record(ciphers, extensions + _extension(21, bytes(padding)), rng, session_bytes=32)


def _make_grease_ech(rng: random.Random) -> bytes:
    """encrypted_client_hello as one sends it who has no key: X25519, HKDF-SHA256, AES-128-GCM, and noise."""
    payload = rng.randbytes(rng.choice((128, 160, 192, 224)) + 16)
    inner = b"\0" + _u16s(1, 1) + rng.randbytes(1) + _vector(2, rng.randbytes(32)) + _vector(2, payload)
    return _extension(0xFE0D, inner)


def _ml_kem_share(rng: random.Random) -> bytes:
    """An ML-KEM-768 encapsulation key that a server accepts: coefficients below q, twelve bits each, and a seed
    (FIPS 203, sections 4.2.1 and 7.2)."""
    packed = bytearray()
    for _ in range(_ML_KEM_COEFFICIENTS // 2):
        pair = rng.randrange(_ML_KEM_Q) | rng.randrange(_ML_KEM_Q) << 12
        packed += pair.to_bytes(3, "little")
    return bytes(packed) + rng.randbytes(32)


_BUILDERS: dict[ShapeName | Empty, Callable[[bytes, random.Random], bytes]] = {
    "small": _small,
    "browser": _browser,
    "large": lambda host, rng: _browser(host, rng, post_quantum=True),
    "ech": lambda host, rng: _browser(host, rng, ech=True),
}
