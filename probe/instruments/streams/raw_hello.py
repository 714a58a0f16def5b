"""ClientHellos built from bytes, in the shapes of `probe.core.tables.shapes` (RFC 8446, 6066, 7301, 7685, 8701, 9849).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from probe.catalogue.programs import PROGRAM_HELLOS, WEB_ALPN, ProgramHello
from probe.core.tables.shapes import ShapeName
from probe.core.tables.words import Empty
from probe.instruments.streams.hello_encoding import (
    GREASE,
    P256,
    P384,
    TLS12,
    TLS13,
    X25519,
    X25519_MLKEM768,
    draw_grease_ech,
    draw_share,
    encode_extension,
    encode_host,
    encode_padded_record,
    encode_protocols,
    encode_record,
    encode_server_name,
    encode_shares,
    encode_u16_list,
    encode_versions,
)

_CIPHERS_13 = (0x1301, 0x1302, 0x1303)
_BROWSER_CIPHERS = (*_CIPHERS_13, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D,
                    0x002F, 0x0035)
_SMALL_CIPHERS = (*_CIPHERS_13, 0xC02B, 0xC02F, 0xC02C, 0xC030)
_SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
_SNI, _GROUPS, _SIGNED, _ALPN, _VERSIONS, _SHARES, _ECH = 0, 10, 13, 16, 43, 51, 0xFE0D
_ECH_BYTES = (144, 176, 208, 240)


def make_client_hello(shape: ShapeName | Empty, name: str, rng: random.Random) -> bytes:
    """A ClientHello for `name`, in one record. Raises ValueError for a name that no ClientHello can carry, and for
    a shape that is not built here (`split` is the library's own, cut by `split_in_name`)."""
    builder = _BUILDERS.get(shape)
    if builder is None:
        raise ValueError(f"no such shape: {shape}")
    return builder(encode_host(name), rng)


def split_in_name(record: bytes, name: str) -> tuple[bytes, ...]:
    """The same bytes in two parts, cut in the middle of the server name; in the middle of all where it is not found."""
    host = name.encode("ascii", "replace")
    at = record.find(host) if host else -1
    middle = at + max(1, len(host) // 2) if at > 0 else len(record) // 2
    return tuple(part for part in (record[:middle], record[middle:]) if part)


def _small(host: bytes, rng: random.Random) -> bytes:
    extensions = b"".join((
        encode_extension(_SNI, encode_server_name(host)), encode_extension(_GROUPS, encode_u16_list((X25519, P256))),
        encode_extension(_SIGNED, encode_u16_list(_SIGNATURES)),
        encode_extension(_VERSIONS, encode_versions(TLS13, TLS12)),
        encode_extension(_SHARES, encode_shares([(X25519, draw_share(X25519, rng))])),
    ))
    return encode_record(_SMALL_CIPHERS, extensions, rng, session_bytes=0)


def _browser(host: bytes, rng: random.Random, *, post_quantum: bool = False, ech: bool = False) -> bytes:
    """A browser's: GREASE first and last, the other extensions in an order drawn anew each time, then padding."""
    cipher, group, version = (rng.choice(GREASE) for _ in range(3))
    first, last = rng.sample(GREASE, 2)
    shared = [group, *([X25519_MLKEM768] if post_quantum else []), X25519]
    shares = [(kind, draw_share(kind, rng)) for kind in shared]
    middle = [
        encode_extension(_SNI, encode_server_name(host)), encode_extension(_GROUPS, encode_u16_list((*shared, P256,
                                                                                                     P384))),
        encode_extension(_SIGNED, encode_u16_list(_SIGNATURES)),
        encode_extension(_VERSIONS, encode_versions(version, TLS13, TLS12)),
        encode_extension(_SHARES, encode_shares(shares)), encode_extension(23), encode_extension(0xFF01, b"\0"),
        encode_extension(11, b"\1\0"), encode_extension(35), encode_extension(18),
        encode_extension(_ALPN, encode_protocols(WEB_ALPN)), encode_extension(5, b"\1\0\0\0\0"),
        encode_extension(45, b"\1\1"), encode_extension(27, b"\2\0\2"),
        encode_extension(17513, encode_protocols(("h2",))),
    ]
    if ech:
        middle.append(encode_extension(_ECH, draw_grease_ech(rng.choice(_ECH_BYTES), rng)))
    rng.shuffle(middle)
    extensions = encode_extension(first) + b"".join(middle) + encode_extension(last, b"\0")
    return encode_padded_record((cipher, *_BROWSER_CIPHERS), extensions, rng, session_bytes=32)


def _of_program(host: bytes, rng: random.Random, *, hello: ProgramHello) -> bytes:
    """A program's, with all that it draws anew for each connection."""
    cipher, group, version = ([rng.choice(GREASE)] if hello.has_grease else [] for _ in range(3))
    signature = [rng.choice(GREASE)] if hello.has_grease_signature else []
    shares = [(kind, draw_share(kind, rng)) for kind in (*group, *hello.shares)]
    made = {
        _SNI: encode_server_name(host), _GROUPS: encode_u16_list((*group, *hello.groups)),
        _SIGNED: encode_u16_list((*signature, *hello.signatures)), _ALPN: encode_protocols(hello.alpn),
        _VERSIONS: encode_versions(*version, *hello.versions), _SHARES: encode_shares(shares),
    }
    if hello.ech_bytes:
        made[_ECH] = draw_grease_ech(rng.choice(hello.ech_bytes), rng)
    parts = [encode_extension(kind, made.get(kind, body)) for kind, body in hello.extensions]
    if hello.is_permuted:
        rng.shuffle(parts)
    if hello.has_grease:
        first, last = rng.sample(GREASE, 2)
        parts = [encode_extension(first), *parts, encode_extension(last, b"\0")]
    encode = encode_padded_record if hello.is_padded else encode_record
    return encode((*cipher, *hello.ciphers), b"".join(parts), rng, session_bytes=32)


_BUILDERS: dict[ShapeName | Empty, Callable[[bytes, random.Random], bytes]] = {
    "small": _small,
    "browser": _browser,
    "large": partial(_browser, post_quantum=True),
    "ech": partial(_browser, ech=True),
    **{shape: partial(_of_program, hello=hello) for shape, hello in PROGRAM_HELLOS.items()},
}
