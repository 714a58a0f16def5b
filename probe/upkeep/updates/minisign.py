"""Verifies signatures in the format of minisign (https://jedisct1.github.io/minisign/#signature-format). Pure.

A public key is two bytes of algorithm, eight of key id and an Ed25519 key (RFC 8032) in base64. A signature file has
four lines: an untrusted comment, the signature, a trusted comment, and the global signature, which covers signature
and trusted comment. Algorithm `Ed` signs the file itself, `ED` its BLAKE2b-512 (RFC 7693).

The untrusted comment may hold further signatures of the same file (`also=`) and the number of the key statement under
which it was signed (`keys=`, see `key_trust.py`). Programs that do not know these words pass over them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_KEY_CHARACTERS = 2000
MAX_SIGNATURE_BYTES = 16_384
"""minisign itself writes comments of 1024 and 8192 bytes at most."""
_ALGORITHM_BYTES, _ID_BYTES, _KEY_BYTES, _SIGNATURE_BYTES = 2, 8, 32, 64
_UNTRUSTED, _TRUSTED = b"untrusted comment:", b"trusted comment: "
MAX_KEYS = 8
"""That may sign one document; with seven further signatures a comment is as long as minisign reads."""
_ALSO, _NUMBER = re.compile(rb"\balso=([A-Za-z0-9+/=,]{1,1000})"), re.compile(rb"\bkeys=([0-9]{1,9})\b")


class SignatureError(ValueError):
    """A key or a signature is none, or does not fit; the text says why, on one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """Whose signatures are taken."""

    key_id: bytes
    point: bytes
    """The Ed25519 key, 32 bytes."""

    @property
    def name(self) -> str:
        """The key id as minisign prints it."""
        return _name(self.key_id)

    @property
    def text(self) -> str:
        """The key in base64, on one line."""
        return base64.b64encode(b"Ed" + self.key_id + self.point).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherSignature:
    """Of another key, over the same document."""

    prehashed: bool
    key_id: bytes
    signature: bytes

    @property
    def text(self) -> str:
        """As it stands in a comment."""
        algorithm = b"ED" if self.prehashed else b"Ed"
        return base64.b64encode(algorithm + self.key_id + self.signature).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature file, taken apart and not yet verified."""

    prehashed: bool
    key_id: bytes
    signature: bytes
    trusted_comment: bytes
    global_signature: bytes
    also: tuple[FurtherSignature, ...] = ()
    keys_number: int = 0
    """Of the key statement that counts for it, as it says itself; 0: it says nothing. Nobody vouches for it."""

    @property
    def key_ids(self) -> frozenset[bytes]:
        """Of the keys that are said to have signed."""
        return frozenset((self.key_id, *(one.key_id for one in self.also)))


def parse_public_key(text: str) -> PublicKey:
    """The key in a `.pub` file's text, or in its second line alone. Raises SignatureError."""
    if len(text) > MAX_KEY_CHARACTERS:
        raise SignatureError("the public key is longer than any key of minisign")
    lines = text.strip().splitlines()
    if len(lines) == 2 and lines[0].startswith(_UNTRUSTED.decode()):
        lines = lines[1:]
    if len(lines) != 1:
        raise SignatureError("the public key is not written as minisign does: one line of base64, beginning with RW, "
                             "and at most a comment's line before it")
    raw = _decode(lines[0].strip().encode("utf-8", "replace"), _ALGORITHM_BYTES + _ID_BYTES + _KEY_BYTES,
                  "the public key")
    if raw[:_ALGORITHM_BYTES] != b"Ed":
        raise SignatureError("the public key is of an algorithm other than minisign's (Ed25519)")
    return PublicKey(key_id=raw[2:10], point=raw[10:])


def parse_signature(raw: bytes) -> Signature:
    """A signature file, taken apart. Raises SignatureError."""
    if len(raw) > MAX_SIGNATURE_BYTES:
        raise SignatureError("the signature file is longer than any of minisign")
    lines = [line.removesuffix(b"\r") for line in raw.removesuffix(b"\n").split(b"\n")]
    if len(lines) != 4 or not lines[0].startswith(_UNTRUSTED) or not lines[2].startswith(_TRUSTED):
        raise SignatureError("the signature file is not one of minisign, or not whole")
    own = _decode(lines[1], _ALGORITHM_BYTES + _ID_BYTES + _SIGNATURE_BYTES, "the signature")
    if own[:_ALGORITHM_BYTES] not in (b"Ed", b"ED"):
        raise SignatureError("the signature is of an unknown algorithm")
    return Signature(
        prehashed=own[:_ALGORITHM_BYTES] == b"ED", key_id=own[2:10], signature=own[10:],
        trusted_comment=lines[2].removeprefix(_TRUSTED),
        global_signature=_decode(lines[3], _SIGNATURE_BYTES, "the global signature"),
        also=_read_further(lines[0]),
        keys_number=int(number[1]) if (number := _NUMBER.search(lines[0])) else 0,
    )


def check_keys(signed: Signature, keys: Sequence[PublicKey], threshold: int = 1) -> None:
    """Raises SignatureError when, by what it says itself, fewer than `threshold` of the keys signed."""
    signers = sum(key.key_id in signed.key_ids for key in keys)
    if signers < threshold:
        raise SignatureError(_explain_lack(signed, keys, threshold, signers))


def verify_by_keys(document: bytes, signed: Signature, keys: Sequence[PublicKey], threshold: int = 1) -> str:
    """The trusted comment of a document that `threshold` of the keys signed; empty where the key that vouches for the
    comment is not among them. A key counts once. Raises SignatureError."""
    comments, failures, good = [], [], set[bytes]()
    check_keys(signed, keys, threshold)
    for key in keys:
        try:
            if key.key_id == signed.key_id:
                comments.append(verify_signature(document, signed, key))
            else:
                _verify_further(document, signed, key)
            good.add(key.point)
        except SignatureError as error:
            failures.append((key.key_id not in signed.key_ids, error))
    if len(good) < threshold:
        for absent, failure in failures:
            if not absent:
                raise failure
        raise SignatureError(_explain_lack(signed, keys, threshold, len(good)))
    return "".join(comments[:1])


def verify_signature(document: bytes, signed: Signature, key: PublicKey) -> str:
    """The trusted comment of a document that `key` signed. Raises SignatureError for any other."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if signed.key_id != key.key_id:
        raise SignatureError(_explain_lack(signed, (key,), 1, 0))
    message = _choose_message(document, prehashed=signed.prehashed)
    try:
        verifier = Ed25519PublicKey.from_public_bytes(key.point)
        verifier.verify(signed.signature, message)
    except (InvalidSignature, ValueError):
        raise SignatureError("the signature is not one of this content: it was altered, or not read whole") from None
    try:
        verifier.verify(signed.global_signature, signed.signature + signed.trusted_comment)
    except InvalidSignature:
        raise SignatureError("the signature's trusted comment was altered") from None
    return signed.trusted_comment.decode("utf-8", "replace")


def _choose_message(document: bytes, *, prehashed: bool) -> bytes:
    return hashlib.blake2b(document).digest() if prehashed else document


def _verify_further(document: bytes, signed: Signature, key: PublicKey) -> None:
    """Raises SignatureError unless one of the further signatures is the key's over this document."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for one in signed.also:
        if one.key_id != key.key_id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.point).verify(
                one.signature, _choose_message(document, prehashed=one.prehashed))
            return
        except (InvalidSignature, ValueError):
            continue
    raise SignatureError(f"the signature of the key {key.name} is not one of this content")


def _explain_lack(signed: Signature, keys: Sequence[PublicKey], threshold: int, signers: int) -> str:
    theirs, ours = (", ".join(names) for names in (sorted(map(_name, signed.key_ids)), [key.name for key in keys]))
    if len(keys) == 1:
        return f"it is signed by the key {theirs}, not by {ours}"
    return f"it is signed by the key {theirs}; of {ours} {threshold} must sign it, and {signers} did"


def _read_further(comment: bytes) -> tuple[FurtherSignature, ...]:
    """The further signatures in an untrusted comment; what is none says nothing."""
    found = []
    for text in (match[1] if (match := _ALSO.search(comment)) else b"").split(b",")[:MAX_KEYS - 1]:
        try:
            raw = _decode(text, _ALGORITHM_BYTES + _ID_BYTES + _SIGNATURE_BYTES, "a further signature")
        except SignatureError:
            continue
        if raw[:2] in (b"Ed", b"ED"):
            found.append(FurtherSignature(prehashed=raw[:2] == b"ED", key_id=raw[2:10], signature=raw[10:]))
    return tuple(found)


def _name(key_id: bytes) -> str:
    return f"{int.from_bytes(key_id, 'little'):016X}"


def _decode(text: bytes, size: int, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError(f"{what} is no base64") from None
    if base64.b64encode(raw) != text:  # bits that count for nothing, set
        raise SignatureError(f"{what} is no base64 as it should be written")
    if len(raw) != size:
        raise SignatureError(f"{what} has {len(raw)} bytes instead of {size}")
    return raw
