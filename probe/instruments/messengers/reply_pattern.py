"""What the catalogue says of a messenger's reply: `hex:`, `text:`, `len:`, `ca_sha256:`. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from probe.catalogue.linear_search import compile_pattern

MAX_MATCHED_BYTES = 4096
"""How much of a reply a pattern may look at."""


def find_reply_mismatch(expected: str, reply: bytes, marks: Mapping[str, bytes]) -> str:
    """What a reply lacks of an expectation; empty when it is met, or says nothing of replies.

    `marks` are the bytes that stand for `<nonce>` and the like. Raises ValueError for a pattern that is none (the
    catalogue's check finds those).
    """
    kind, _, pattern = expected.partition(":")
    met = _KINDS[kind](pattern, reply[:MAX_MATCHED_BYTES], len(reply), marks) if kind in _KINDS else True
    return "" if met else f"the reply is not {kind}:{pattern[:60]}"


def expected_authority(expected: str) -> bytes:
    """SHA-256 of the authority's certificate that an expectation `ca_sha256:` names; empty without one."""
    kind, _, text = expected.partition(":")
    if kind != "ca_sha256":
        return b""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _hex(pattern: str, reply: bytes, length: int, marks: Mapping[str, bytes]) -> bool:
    for name, value in marks.items():
        pattern = pattern.replace(f"<{name}>", value.hex())
    return compile_pattern(pattern).is_in(reply.hex())


def _text(pattern: str, reply: bytes, length: int, marks: Mapping[str, bytes]) -> bool:
    return compile_pattern(pattern).is_in(reply.decode("utf-8", "replace"))


def _len(pattern: str, reply: bytes, length: int, marks: Mapping[str, bytes]) -> bool:
    return str(length) == pattern


_KINDS = {"hex": _hex, "text": _text, "len": _len}
