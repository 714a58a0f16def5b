"""Further signatures, and the number of a key statement, in a signature file's untrusted comment: written here, read by
`probe.upkeep.updates.minisign`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from probe.upkeep.updates.minisign import MAX_KEYS, FurtherSignature, SignatureError, parse_signature

_UNTRUSTED = "untrusted comment:"


def add_signature(first: bytes, second: bytes) -> bytes:
    """A signature file with the signatures of both, those of `second` in the comment. Raises SignatureError."""
    one, two = parse_signature(first), parse_signature(second)
    main = FurtherSignature(prehashed=two.prehashed, key_id=two.key_id, signature=two.signature)
    given = (*one.also, main, *two.also)
    further = list({each.key_id: each for each in given if each.key_id != one.key_id}.values())
    if len(further) >= MAX_KEYS:
        raise SignatureError(f"more than {MAX_KEYS} keys signed it")
    comment = write_comment(keys_number=max(one.keys_number, two.keys_number), also=further)
    return comment.encode() + b"\n" + first.split(b"\n", 1)[1]


def write_comment(*, keys_number: int = 0, also: Sequence[FurtherSignature] = ()) -> str:
    """The first line of a signature file."""
    words = [f"keys={keys_number}"] if keys_number else []
    words += ["also=" + ",".join(one.text for one in also)] if also else []
    return " ".join([f"{_UNTRUSTED} signature from a reachability probe's key", *words])


def number_signature(raw: bytes, number: int) -> bytes:
    """The signature file, with the number of a key statement in its comment. Raises SignatureError."""
    return write_comment(keys_number=number, also=parse_signature(raw).also).encode() + b"\n" + raw.split(b"\n", 1)[1]
