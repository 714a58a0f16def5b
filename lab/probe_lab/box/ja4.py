"""JA4 of a ClientHello, as boxes that list programs compute it (FoxIO, JA4 technical details)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

_NAME, _PROTOCOLS, _SIGNATURES, _VERSIONS = 0, 16, 13, 43
_WORDS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10"}


def is_grease(value: int) -> bool:
    """RFC 8701."""
    return value >> 8 == value & 0xFF and value & 0x0F == 0x0A


def name_hello(version: int, ciphers: Sequence[int], extensions: Sequence[tuple[int, bytes]]) -> str:
    """`extensions` with their bodies, as they came; `version`: the one of the message itself, where no extension lists
    others."""
    found = [(kind, body) for kind, body in extensions if not is_grease(kind)]
    suites = [value for value in ciphers if not is_grease(value)]
    bodies = dict(found)
    versions = _numbers(bodies.get(_VERSIONS, b"")[1:]) or [version]
    head = (f"t{_WORDS.get(max(versions), '00')}{'d' if _NAME in bodies else 'i'}{min(99, len(suites)):02}"
            f"{min(99, len(found)):02}{_ends(bodies.get(_PROTOCOLS, b''))}")
    kinds = _listed(sorted(kind for kind, _ in found if kind not in (_NAME, _PROTOCOLS)))
    signed = _listed(_numbers(bodies.get(_SIGNATURES, b"")[2:]))
    return f"{head}_{_digest(_listed(sorted(suites)))}_{_digest(f'{kinds}_{signed}' if signed else kinds)}"


def _numbers(data: bytes) -> list[int]:
    values = [int.from_bytes(data[at : at + 2]) for at in range(0, len(data) - 1, 2)]
    return [value for value in values if not is_grease(value)]


def _ends(body: bytes) -> str:
    """Of the first protocol's name the first and the last character, or of its hexadecimal form."""
    first = body[3 : 3 + body[2]] if len(body) > 3 else b""
    if not first:
        return "00"
    text = first.decode("latin-1")
    plain = text[0].isascii() and text[0].isalnum() and text[-1].isascii() and text[-1].isalnum()
    return text[0] + text[-1] if plain else first.hex()[0] + first.hex()[-1]


def _listed(values: Iterable[int]) -> str:
    return ",".join(f"{value:04x}" for value in values)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12
