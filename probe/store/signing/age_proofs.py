"""Proofs that whoever holds a month's key was registered long before, without a word on who that is. Pure.

An issuer signs blindly (`probe.core.blind_signatures`), with keys of each month: `coupon` keys sign what lets its
holder, once, get a proof in that month or later, and `proof` keys sign a name of a month with one network. The public
keys of all months stand in one document. Its digest is the same for all volunteers, so no one of them can be given
keys of his own, by which he would be known again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from probe.core.blind_signatures import BITS, PREFIX_BYTES, is_modulus
from probe.core.json_decoders import decode_json

MONTHS_BEFORE = 2
"""A registration gives a coupon of the month after the next: so whoever shows a proof has waited for a whole month."""
MAX_KEYS_BYTES = 256 << 10
_CARRIER = b"reachability-probe coupon 1\n"
_PROOF = b"reachability-probe age proof 1\n"
_MAX_ASN = (1 << 32) - 1

Month = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])\Z")]
Number = Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]{{{BITS // 4}}}\Z")]
"""A number of as many bits as our keys have, in hexadecimal digits."""
Prefix = Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]{{{2 * PREFIX_BYTES}}}\Z")]


class AgeError(Exception):
    """A document of keys, or a proof, that is none; the text is made of our own words."""


class MonthKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Moduli of the two public keys of a month."""

    coupon: Number
    proof: Number


class IssuerKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The document of an issuer's public keys."""

    format: Literal["reachability-probe issuer 1"] = "reachability-probe issuer 1"
    months: Annotated[dict[Month, MonthKeys], msgspec.Meta(max_length=120)]

    def find_coupon(self, month: str) -> int:
        """The key of a month. Raises AgeError where the issuer has none."""
        return int(_find(self.months, month).coupon, 16)

    def find_proof(self, month: str) -> int:
        """As `find_coupon`."""
        return int(_find(self.months, month).proof, 16)


class AgeProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That the holder of a key was registered a whole month before this one, or longer."""

    format: Literal["reachability-probe age proof 1"] = "reachability-probe age proof 1"
    month: Month
    probe_id: Annotated[str, msgspec.Meta(max_length=64)]
    asn: Annotated[int, msgspec.Meta(ge=1, le=_MAX_ASN)]
    """The one network in which it counts."""
    prefix: Prefix
    signature: Number


def read_issuer_keys(content: bytes, digest: str = "") -> IssuerKeys:
    """The document in these bytes. Raises AgeError for none, and where its digest is another than `digest`."""
    if len(content) > MAX_KEYS_BYTES:
        raise AgeError(f"is larger than {MAX_KEYS_BYTES >> 10} kB, which no issuer's keys are")
    if digest and digest_issuer_keys(content) != digest:
        raise AgeError("are other keys than those that all volunteers were told of")
    try:
        keys = decode_json(content, IssuerKeys)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AgeError("is no document of an issuer's keys") from None
    moduli = [int(text, 16) for month in keys.months.values() for text in (month.coupon, month.proof)]
    if not all(map(is_modulus, moduli)) or len(set(moduli)) < len(moduli):
        raise AgeError("holds numbers that are no keys, or one twice")
    return keys


def digest_issuer_keys(content: bytes) -> str:
    """By which volunteers know the document: SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def make_coupon_message(serial: bytes) -> bytes:
    """What a coupon's signature is of."""
    return _CARRIER + serial


def make_proof_message(month: str, probe_id: str, asn: int) -> bytes:
    """What a proof's signature is of."""
    return _PROOF + f"{month} {probe_id} {asn}".encode()


def add_months(month: str, count: int) -> str:
    """The month so many after one, or before it."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + count, 12)
    return f"{year:04}-{number + 1:02}"


def _find(months: Mapping[str, MonthKeys], month: str) -> MonthKeys:
    if month not in months:
        raise AgeError("is of a month for which the issuer has no keys")
    return months[month]
