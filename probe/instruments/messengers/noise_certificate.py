"""Opening what a WhatsApp server seals to us, and checking whose signature is under it.

Noise_XX_25519_AESGCM_SHA256 (noiseprotocol.org, sections 5 and 7) as far as the second message, then a chain of two
certificates, each signed over X25519 keys as XEdDSA does (signal.org/docs/specifications/xeddsa). The root's key and
the fields are those of whatsmeow. Whatever does not fit proves nothing, and is no failure.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from probe.instruments.messengers.protobuf import read_fields

ROOT_KEY = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
"""WhatsAppLongTerm1."""

_NAME = b"Noise_XX_25519_AESGCM_SHA256".ljust(32, b"\0")
_FIELD_P = 2**255 - 19
_SIGNATURE_BYTES = 64
_LEAF, _INTERMEDIATE = 1, 2
_DETAILS, _SIGNATURE = 1, 2
_KEY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseOpening:
    """The first two messages as far as they are in the clear: what was said, our key, and the server's."""

    prologue: bytes
    secret: bytes
    public: bytes
    ephemeral: bytes


def is_signed(opening: NoiseOpening, *, sealed_key: bytes, sealed_certificate: bytes, root: bytes = ROOT_KEY) -> bool:
    """Whether the server's static key opens, and its certificate holds that key and leads to `root`."""
    try:
        static, certificate = _decrypt_certificate(opening, sealed_key, sealed_certificate)
        return _leads_to(root, static, read_fields(certificate))
    except Exception:  # hostile keys and ciphertexts break the library in several ways
        return False


def _decrypt_certificate(opening: NoiseOpening, sealed_key: bytes, sealed_certificate: bytes) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    ours = X25519PrivateKey.from_private_bytes(opening.secret)
    heard = _NAME
    for part in (opening.prologue, opening.public, opening.ephemeral):
        heard = hashlib.sha256(heard + part).digest()
    chain, key = _mix_key(_NAME, ours.exchange(X25519PublicKey.from_public_bytes(opening.ephemeral)))
    static = AESGCM(key).decrypt(bytes(12), sealed_key, heard)
    heard = hashlib.sha256(heard + sealed_key).digest()
    _, key = _mix_key(chain, ours.exchange(X25519PublicKey.from_public_bytes(static)))
    return static, AESGCM(key).decrypt(bytes(12), sealed_certificate, heard)


def _mix_key(chain: bytes, shared: bytes) -> tuple[bytes, bytes]:
    """HKDF of the Noise specification, section 4.3, with two outputs."""
    secret = hmac.digest(chain, shared, "sha256")
    first = hmac.digest(secret, b"\x01", "sha256")
    return first, hmac.digest(secret, first + b"\x02", "sha256")


def _leads_to(root: bytes, static: bytes, chain: dict[int, bytes]) -> bool:
    leaf, intermediate = read_fields(chain[_LEAF]), read_fields(chain[_INTERMEDIATE])
    between = read_fields(intermediate[_DETAILS])[_KEY]
    return (read_fields(leaf[_DETAILS])[_KEY] == static
            and verify_xeddsa(root, intermediate[_SIGNATURE], intermediate[_DETAILS])
            and verify_xeddsa(between, leaf[_SIGNATURE], leaf[_DETAILS]))


def verify_xeddsa(key: bytes, signature: bytes, message: bytes) -> bool:
    """An XEdDSA signature under an X25519 public key: the same as Ed25519 under the key's twin on the other curve."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(signature) != _SIGNATURE_BYTES or len(key) != 32:
        return False
    u = int.from_bytes(key, "little") & ((1 << 255) - 1)
    y = (u - 1) * pow(u + 1, -1, _FIELD_P) % _FIELD_P
    sign = signature[63] & 0x80
    twin = bytearray(y.to_bytes(32, "little"))
    twin[31] |= sign
    try:
        plain = signature[:63] + bytes([signature[63] & 0x7F])
        Ed25519PublicKey.from_public_bytes(bytes(twin)).verify(plain, message)
    except InvalidSignature:
        return False
    return True
