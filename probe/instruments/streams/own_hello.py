"""Reading our own ClientHello (RFC 8446 section 4.1.2): its JA4 fingerprint, as a middlebox would compute it.

The ClientHello is part of the measurement: some boxes act on its shape, so each handshake records it.
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache

_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10"}
_SNI, _ALPN, _SIGNATURES, _SUPPORTED_VERSIONS = 0, 16, 13, 43


def _is_grease(value: int) -> bool:
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def _extensions(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 4 <= len(data) and len(found) < 64:
        kind, size = struct.unpack_from(">HH", data, at)
        found.append((kind, data[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def _u16s(data: bytes) -> list[int]:
    return [v for (v,) in struct.iter_unpack(">H", data[: len(data) // 2 * 2]) if not _is_grease(v)]


def compute_ja4(record: bytes) -> str:
    """JA4 of a ClientHello in one TLS record (over TCP); empty when `record` is not one.

    Format `t<version><sni><ciphers><extensions><alpn>_<hash>_<hash>` as published by FoxIO.
    """
    try:
        return _ja4(record)
    except (struct.error, IndexError):
        return ""


def _ja4(record: bytes) -> str:
    if len(record) < 44 or record[0] != 22 or record[5] != 1:
        return ""
    at = 9 + 2 + 32
    at += 1 + record[at]
    size = struct.unpack_from(">H", record, at)[0]
    ciphers, told_ciphers = _describe_ciphers(record[at + 2 : at + 2 + size])
    at += 2 + size
    at += 1 + record[at]
    extensions = [e for e in _extensions(record[at + 2 :]) if not _is_grease(e[0])]
    by_kind = dict(extensions)
    versions = _u16s(by_kind.get(_SUPPORTED_VERSIONS, b"")[1:]) or [struct.unpack_from(">H", record, 9)[0]]
    alpn = by_kind.get(_ALPN, b"")
    head = "t{}{}{:02d}{:02d}{}".format(
        _VERSIONS.get(max(versions), "00"), "d" if _SNI in by_kind else "i", min(99, ciphers),
        min(99, len(extensions)), _ends(alpn[3 : 3 + alpn[2]] if len(alpn) > 3 else b""),
    )
    told_kinds = _describe_kinds(tuple(kind for kind, _ in extensions), by_kind.get(_SIGNATURES, b"")[2:])
    return f"{head}_{told_ciphers}_{told_kinds}"


@lru_cache(maxsize=64)  # a library offers the same ones each time
def _describe_ciphers(data: bytes) -> tuple[int, str]:
    ciphers = _u16s(data)
    return len(ciphers), _digest(_hexes(sorted(ciphers)))


@lru_cache(maxsize=64)
def _describe_kinds(kinds: tuple[int, ...], signatures: bytes) -> str:
    offered = _u16s(signatures)
    tail = _hexes(sorted(kind for kind in kinds if kind not in (_SNI, _ALPN)))
    return _digest(tail + ("_" + _hexes(offered) if offered else ""))


def _ends(protocol: bytes) -> str:
    """The first and the last letter or digit of an ALPN value; of its hexadecimal form where either is something else.
    """
    if not protocol:
        return "00"
    first, last = chr(protocol[0]), chr(protocol[-1])
    text = first + last
    return text if text.isascii() and text.isalnum() else protocol.hex()[0] + protocol.hex()[-1]


def _hexes(values: list[int]) -> str:
    return ",".join(f"{v:04x}" for v in values)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12
