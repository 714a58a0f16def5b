"""The issuer's half of blind signatures (`probe.core.blind_signatures` has the other)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from probe.core.blind_signatures import BITS, EXPONENT, count_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSigner:
    """A secret key. Its numbers are never shown."""

    p: int = field(repr=False)
    q: int = field(repr=False)

    @property
    def modulus(self) -> int:
        """The public key, of which the exponent is always the same."""
        return self.p * self.q

    def sign(self, blinded: bytes) -> bytes:
        """The signature of a blinded message. Raises ValueError for what is none.

        The number is multiplied by one that nobody knows, so that the time it takes says nothing of the key; and the
        result is checked, for a fault in one half would give the key away.
        """
        modulus = self.modulus
        value = int.from_bytes(blinded)
        if len(blinded) != count_bytes(modulus) or not 1 < value < modulus - 1:
            raise ValueError("is no blinded message under this key")
        mask = secrets.randbelow(modulus - 2) + 2
        masked = value * pow(mask, EXPONENT, modulus) % modulus
        signed = self._raise(masked) * pow(mask, -1, modulus) % modulus
        if pow(signed, EXPONENT, modulus) != value:
            raise ValueError("the signature came out wrong")
        return signed.to_bytes(len(blinded))

    def _raise(self, value: int) -> int:
        """To the secret exponent, by both primes (RFC 8017, 5.1.2)."""
        p, q = self.p, self.q
        by_p = pow(value, pow(EXPONENT, -1, p - 1), p)
        by_q = pow(value, pow(EXPONENT, -1, q - 1), q)
        return by_q + q * ((by_p - by_q) * pow(q, -1, p) % p)


def make_signer() -> BlindSigner:
    """A new secret key."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    numbers = generate_private_key(public_exponent=EXPONENT, key_size=BITS).private_numbers()
    return BlindSigner(p=numbers.p, q=numbers.q)
