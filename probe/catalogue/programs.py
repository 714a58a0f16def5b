"""ClientHellos of programs that people use: what is in them, in which order, and which program asks whom.

Each was captured from the program itself on loopback, as its source says. A shape is a shape, not a program: many build
the same hello, and a program's next version may build another. What is drawn anew for each connection (GREASE, the
order of Chrome's extensions, keys, the size of what looks like ECH) is drawn by `probe.instruments.streams.raw_hello`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from probe.core.tables.roles import Role
from probe.core.tables.shapes import ProgramShape

X25519_MLKEM768, X25519, P256, P384, P521, _X448 = 0x11EC, 29, 23, 24, 25, 30
TLS13, TLS12 = 0x0304, 0x0303
_FFDHE2048, _FFDHE3072 = 0x0100, 0x0101
_CIPHERS_13 = (0x1301, 0x1302, 0x1303)
_SNI, _STATUS, _GROUPS, _POINTS, _SIGNATURES, _ALPN = 0, 5, 10, 11, 13, 16
_TIMESTAMPS, _ENCRYPT_THEN_MAC, _EXTENDED_SECRET, _COMPRESSION, _RECORD_LIMIT = 18, 22, 23, 27, 28
_DELEGATED, _TICKET, _VERSIONS, _EXCHANGE_MODES, _SHARES = 34, 35, 43, 45, 51
_ALPS, _TRUST_ANCHORS, _ECH, _RENEGOTIATION = 17613, 0xCA34, 0xFE0D, 0xFF01
_STATUS_BODY, _RENEGOTIATION_BODY, _POINTS_BODY, _MODES_BODY = b"\1\0\0\0\0", b"\0", b"\1\0", b"\1\1"
_ANCHORS = bytes.fromhex(
    "00b80582df1302010582df1302060582df13020d0582df13020e0582df13020f0582df1302120582df1302130582df13"
    "021408839a648c9b2d010708839a648c9b2d010808839a648c9b2d010908839a648c9b2d010a08839a648c9b2d010b08"
    "839a648c9b2d010c08839a648c9b2d010d08839a648c9b2d011208839a648c9b2d011304d679090104d679090404d679"
    "090504d679090604d679090704d679090804d679090a04d679090b04d679090c04d679090d04d679090f")
"""Names of certificate authorities (draft-ietf-tls-trust-anchor-ids), the same in every capture."""
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
    """In order, with their bodies; the body of what is made for each connection is empty here."""
    groups: tuple[int, ...]
    shares: tuple[int, ...]
    """Groups for which a key is sent."""
    signatures: tuple[int, ...]
    alpn: tuple[str, ...] = WEB_ALPN
    versions: tuple[int, ...] = (TLS13, TLS12)
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


_CHROME = ProgramHello(
    shape="chrome", version="Chromium 156.0.8078.108 (Debian)", seen="2026-11-27", verified=True,
    source="captured on loopback from Debian's package, without a profile",
    ciphers=(*_CIPHERS_13, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F,
             0x0035),
    extensions=(
        (_SNI, b""), (_GROUPS, b""), (_ECH, b""), (_STATUS, _STATUS_BODY), (_COMPRESSION, b"\2\0\2"), (_SHARES, b""),
        (_SIGNATURES, b""), (_TICKET, b""), (_EXTENDED_SECRET, b""), (_RENEGOTIATION, _RENEGOTIATION_BODY),
        (_ALPN, b""), (_TRUST_ANCHORS, _ANCHORS), (_POINTS, _POINTS_BODY),
        (_EXCHANGE_MODES, _MODES_BODY), (_ALPS, b"\0\3\2h2"), (_VERSIONS, b""), (_TIMESTAMPS, b""),
    ),
    groups=(X25519_MLKEM768, X25519, P256, P384), shares=(X25519_MLKEM768, X25519),
    signatures=(0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
    has_grease=True, has_grease_signature=True, is_permuted=True, ech_bytes=(144, 176, 208, 240),
)
_FIREFOX = ProgramHello(
    shape="firefox", version="Firefox 153.8.0esr (Debian)", seen="2026-11-27", verified=True,
    source="captured on loopback from Debian's package, with a new profile",
    ciphers=(0x1301, 0x1303, 0x1302, 0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC02C, 0xC030, 0xC00A, 0xC013, 0xC014, 0x009C,
             0x009D, 0x002F, 0x0035),
    extensions=(
        (_SNI, b""), (_EXTENDED_SECRET, b""), (_RENEGOTIATION, _RENEGOTIATION_BODY), (_GROUPS, b""),
        (_POINTS, _POINTS_BODY), (_TICKET, b""), (_ALPN, b""), (_STATUS, _STATUS_BODY),
        (_DELEGATED, bytes.fromhex("00080403050306030203")), (_TIMESTAMPS, b""), (_SHARES, b""), (_VERSIONS, b""),
        (_SIGNATURES, b""), (_EXCHANGE_MODES, _MODES_BODY), (_RECORD_LIMIT, b"\x40\1"),
        (_COMPRESSION, b"\6\0\1\0\2\0\3"), (_ECH, b""),
    ),
    groups=(X25519_MLKEM768, X25519, P256, P384, P521, _FFDHE2048, _FFDHE3072), shares=(X25519_MLKEM768, X25519, P256),
    signatures=(0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201),
    ech_bytes=(239,),
)
_CONSCRYPT = ProgramHello(
    shape="conscrypt", version="OkHttp 4.12.0 with Conscrypt 2.5.2", seen="2026-11-27", verified=True,
    source="captured on loopback from Maven's packages on Java 17",
    ciphers=(*_CIPHERS_13, 0xC02B, 0xC02C, 0xCCA9, 0xC02F, 0xC030, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F,
             0x0035),
    extensions=(
        (_SNI, b""), (_EXTENDED_SECRET, b""), (_RENEGOTIATION, _RENEGOTIATION_BODY), (_GROUPS, b""),
        (_POINTS, _POINTS_BODY), (_TICKET, b""), (_ALPN, b""), (_STATUS, _STATUS_BODY), (_SIGNATURES, b""),
        (_SHARES, b""), (_EXCHANGE_MODES, _MODES_BODY), (_VERSIONS, b""),
    ),
    groups=(X25519, P256, P384), shares=(X25519,), is_padded=True,
    signatures=(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201),
)
_CONSCRYPT_LARGE = replace(
    _CONSCRYPT, shape="conscrypt_large", version="OkHttp 4.12.0 with Conscrypt 2.7.0", seen="2026-11-28",
    groups=(X25519_MLKEM768, X25519, P256, P384), shares=(X25519_MLKEM768, X25519),
)
_OPENSSL_EXTENSIONS = (
    (_SNI, b""), (_POINTS, b"\3\0\1\2"), (_GROUPS, b""), (_TICKET, b""), (_ENCRYPT_THEN_MAC, b""),
    (_EXTENDED_SECRET, b""), (_SIGNATURES, b""), (_VERSIONS, b""), (_EXCHANGE_MODES, _MODES_BODY), (_SHARES, b""),
)
_OPENSSL_SIGNATURES = (0x0809, 0x080A, 0x080B, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0302,
                       0x0402, 0x0502, 0x0602)
_OPENSSL = ProgramHello(
    shape="openssl", version="OpenSSL 3.5.4", seen="2026-11-28", verified=True, alpn=(),
    source="captured on loopback from pyOpenSSL 25.3.0 with the wheel of cryptography 46.0.3",
    ciphers=(0x1302, 0x1303, 0x1301, 0xC02C, 0xC030, 0x009F, 0xCCA9, 0xCCA8, 0xCCAA, 0xC02B, 0xC02F, 0x009E, 0xC024,
             0xC028, 0x006B, 0xC023, 0xC027, 0x0067, 0xC00A, 0xC014, 0x0039, 0xC009, 0xC013, 0x0033, 0x009D, 0x009C,
             0x003D, 0x003C, 0x0035, 0x002F),
    extensions=((_RENEGOTIATION, _RENEGOTIATION_BODY), *_OPENSSL_EXTENSIONS),
    groups=(X25519_MLKEM768, X25519, P256, _X448, P384, P521, _FFDHE2048, _FFDHE3072),
    shares=(X25519_MLKEM768, X25519),
    signatures=(0x0905, 0x0906, 0x0904, 0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x081A, 0x081B, 0x081C,
                *_OPENSSL_SIGNATURES),
)
_OPENSSL_SMALL = replace(
    _OPENSSL, shape="openssl_small", version="OpenSSL 3.0.22 (Debian)",
    source="captured on loopback from the command of Debian's package",
    ciphers=(*_OPENSSL.ciphers, 0x00FF), extensions=_OPENSSL_EXTENSIONS,
    groups=(X25519, P256, _X448, P521, P384, _FFDHE2048, _FFDHE3072, 0x0102, 0x0103, 0x0104), shares=(X25519,),
    signatures=(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, *_OPENSSL_SIGNATURES), versions=(TLS13, TLS12, 0x0302, 0x0301),
)
_SAFARI = ProgramHello(
    shape="safari", version="curl_cffi 0.17.0, as Safari", seen="2026-11-27", verified=False,
    source="captured on loopback from an imitation: the program itself runs on no machine of ours",
    ciphers=(0x1302, 0x1303, 0x1301, 0xC02C, 0xC02B, 0xCCA9, 0xC030, 0xC02F, 0xCCA8, 0xC00A, 0xC009, 0xC014, 0xC013,
             0x009D, 0x009C, 0x0035, 0x002F, 0xC008, 0xC012, 0x000A),
    extensions=(
        (_SNI, b""), (_EXTENDED_SECRET, b""), (_RENEGOTIATION, _RENEGOTIATION_BODY), (_GROUPS, b""),
        (_POINTS, _POINTS_BODY), (_ALPN, b""), (_STATUS, _STATUS_BODY), (_SIGNATURES, b""), (_TIMESTAMPS, b""),
        (_SHARES, b""), (_EXCHANGE_MODES, _MODES_BODY), (_VERSIONS, b""), (_COMPRESSION, b"\2\0\1"),
    ),
    groups=(X25519_MLKEM768, X25519, P256, P384, P521), shares=(X25519_MLKEM768, X25519),
    signatures=(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201), has_grease=True,
)

PROGRAM_HELLOS: Mapping[ProgramShape, ProgramHello] = MappingProxyType({
    hello.shape: hello for hello in (
        _CHROME, _FIREFOX, _CONSCRYPT, _CONSCRYPT_LARGE, _OPENSSL, _OPENSSL_SMALL, _SAFARI)
})

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
