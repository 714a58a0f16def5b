"""RSA blind signatures with PSS (RFC 9474, RSABSSA-SHA384-PSS-Randomized): who signs does not learn what. Pure.

The signer sees a number that says nothing of the message; what comes out is a plain RSASSA-PSS signature, which any
library verifies.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

BITS = 2048
EXPONENT = 65_537
PREFIX_BYTES = 32
SALT_BYTES = 48
_HASH_BYTES = 48


class BlindError(Exception):
    """What came back is no signature of what was blinded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blinding:
    """What turns a signed blinded message into a signature of the message itself."""

    prefix: bytes
    """Drawn by chance, before the message: so that no key can be chosen for a message that is guessed."""
    blinded: bytes
    """What the signer sees."""
    inverse: bytes = field(repr=False)


def is_modulus(value: int) -> bool:
    """Whether a number can be a public key of ours."""
    return value.bit_length() == BITS and value % 2 == 1


def blind(modulus: int, message: bytes) -> Blinding:
    """Blinds a message. Raises BlindError for a key that is none."""
    prefix, salt = secrets.token_bytes(PREFIX_BYTES), secrets.token_bytes(SALT_BYTES)
    return blind_with(modulus, message, prefix=prefix, salt=salt, factor=secrets.randbelow(modulus - 2) + 2)


def blind_with(modulus: int, message: bytes, *, prefix: bytes, salt: bytes, factor: int) -> Blinding:
    """As `blind`, with what is drawn by chance there."""
    try:
        inverse = pow(factor, -1, modulus)
    except ValueError:
        raise BlindError("this key has a small factor") from None
    encoded = _encode(prefix + message, modulus.bit_length() - 1, salt)
    value = int.from_bytes(encoded) * pow(factor, EXPONENT, modulus) % modulus
    count = count_bytes(modulus)
    return Blinding(prefix=prefix, blinded=value.to_bytes(count), inverse=inverse.to_bytes(count))


def unblind(modulus: int, message: bytes, blinding: Blinding, signed: bytes) -> bytes:
    """The signature of the message. Raises BlindError where the signer signed something else."""
    count = count_bytes(modulus)
    value = int.from_bytes(signed) * int.from_bytes(blinding.inverse) % modulus
    signature = value.to_bytes(count)
    if len(signed) != count or not is_signature(modulus, message, blinding.prefix, signature):
        raise BlindError("what came back is no signature under this key")
    return signature


def is_signature(modulus: int, message: bytes, prefix: bytes, signature: bytes) -> bool:
    """Whether the holder of a key signed a message, blindly or not. Never raises."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.hashes import SHA384

    if len(prefix) != PREFIX_BYTES:
        return False
    try:
        key = RSAPublicNumbers(EXPONENT, modulus).public_key()
        key.verify(signature, prefix + message, PSS(mgf=MGF1(SHA384()), salt_length=SALT_BYTES), SHA384())
    except (InvalidSignature, ValueError):
        return False
    return True


def _encode(message: bytes, bits: int, salt: bytes) -> bytes:
    """EMSA-PSS-ENCODE (RFC 8017, 9.1.1) with SHA-384."""
    count = (bits + 7) // 8
    digest = hashlib.sha384(bytes(8) + hashlib.sha384(message).digest() + salt).digest()
    block = bytes(count - len(salt) - _HASH_BYTES - 2) + b"\x01" + salt
    mask = _make_mask(digest, len(block))
    masked = bytes(one ^ other for one, other in zip(block, mask, strict=True))
    first = masked[0] & (0xFF >> (8 * count - bits))
    return bytes([first]) + masked[1:] + digest + b"\xbc"


def _make_mask(seed: bytes, count: int) -> bytes:
    """MGF1 (RFC 8017, B.2.1) with SHA-384."""
    blocks = (hashlib.sha384(seed + number.to_bytes(4)).digest() for number in range(-(-count // _HASH_BYTES)))
    return b"".join(blocks)[:count]


def count_bytes(modulus: int) -> int:
    return (modulus.bit_length() + 7) // 8
