"""ClientHellos of programs that people use: what is in them, in which order, and which program asks whom.

Each was captured from the program itself on loopback, as its source says. A shape is a shape, not a program: many build
the same hello, and a program's next version may build another. What is drawn anew for each connection (GREASE, the
order of Chrome's extensions, keys, the size of what looks like ECH) is drawn by `probe.instruments.streams.raw_hello`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec

from probe.core.tables.roles import Role
from probe.core.tables.shapes import ProgramShape

X25519_MLKEM768 = 0x11EC
WEB_ALPN = ("h2", "http/1.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramHello:
    """One program's ClientHello, in a record that says TLS 1.0, with a session id of 32 bytes."""

    shape: ProgramShape
    version: str
    seen: str
    """The day of the capture, or of the release that an imitation follows."""
    source: str
    verified: bool
    """Captured from the program itself; an imitation accuses nobody by itself."""
    ciphers: tuple[int, ...]
    extensions: tuple[tuple[int, bytes], ...]
    """In order, with their bodies; the body of what is made for each connection is empty here. That of ca34 names
    certificate authorities (draft-ietf-tls-trust-anchor-ids), the same in every capture."""
    groups: tuple[int, ...]
    shares: tuple[int, ...]
    """Groups for which a key is sent."""
    signatures: tuple[int, ...]
    alpn: tuple[str, ...] = WEB_ALPN
    versions: tuple[int, ...]
    has_grease: bool = False
    """RFC 8701: a cipher, a group, a share, a version, and the first and the last extension."""
    has_grease_signature: bool = False
    """And the first signature algorithm."""
    is_permuted: bool = False
    """The extensions between those of GREASE stand in another order each time."""
    is_padded: bool = False
    """Messages of 256 to 511 bytes are filled up to 512 (RFC 7685)."""
    ech_bytes: tuple[int, ...] = ()
    """Sizes of what looks like an encrypted ClientHello, one of which is drawn."""

    @property
    def is_large(self) -> bool:
        """It takes more than one segment on an ordinary path."""
        return X25519_MLKEM768 in self.shares


_NUMBERS = ("versions", "groups", "shares", "ciphers", "signatures")
"""Columns of numbers as TLS writes them, in hexadecimal."""


def _read_hellos() -> Iterator[ProgramHello]:
    with Path(__file__).with_name("programs.csv").open(encoding="utf-8", newline="") as file:
        for cells in csv.DictReader(file):
            bodies = [one.partition(":") for one in cells["extensions"].split()]
            yield msgspec.convert({
                **cells, **{name: [int(one, 16) for one in cells[name].split()] for name in _NUMBERS},
                "extensions": [(int(number, 16), bytes.fromhex(body)) for number, _, body in bodies],
                "alpn": cells["alpn"].split(), "ech_bytes": cells["ech_bytes"].split(),
            }, ProgramHello, strict=False)


PROGRAM_HELLOS: Mapping[ProgramShape, ProgramHello] = MappingProxyType({hello.shape: hello for hello in _read_hellos()})

_BROWSERS: Mapping[ProgramShape, int] = MappingProxyType({"chrome": 6, "safari": 2, "firefox": 1})
_APPS: Mapping[ProgramShape, int] = MappingProxyType({
    "conscrypt": 12, "conscrypt_large": 1, "safari": 4, "chrome": 4, "openssl": 1, "openssl_small": 1,
})
"""For Android, iOS, and desktops (on Chromium, or on OpenSSL)."""
_PHONES: Mapping[ProgramShape, int] = MappingProxyType({"conscrypt": 8, "conscrypt_large": 1, "safari": 3})
USERS: Mapping[Role, Mapping[ProgramShape, int]] = MappingProxyType({
    "chat": _APPS, "api": _APPS, "media": _APPS, "push": _PHONES, "register": _APPS, "call": _APPS,
    "web": _BROWSERS, "store": _BROWSERS, "download": _BROWSERS, "control": MappingProxyType({}),
})
"""Role of a target -> the shapes in which people's programs ask it, and how often each is drawn: about as many of them
as people use it, so that what strikes most people is seen first."""


def list_programs(role: Role, alpn: tuple[str, ...]) -> Mapping[ProgramShape, int]:
    """Whose hellos a target of this role meets; none where it speaks protocols that these programs do not offer."""
    return USERS[role] if set(alpn) <= set(WEB_ALPN) else USERS["control"]
