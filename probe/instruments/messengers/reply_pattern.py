"""What the catalogue says of a messenger's reply: `hex:`, `text:`, `len:`, `ca_sha256:`. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

MAX_MATCHED_BYTES = 4096
"""How much of a reply a pattern may look at: a reply is hostile, and some patterns grow slow with its length."""


def find_reply_mismatch(expected: str, reply: bytes, marks: Mapping[str, bytes]) -> str:
    """What a reply lacks of an expectation; empty when it is met, or says nothing of replies.

    `marks` are the bytes that stand for `<nonce>` and the like. Raises re.error for a pattern that is none (the
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
    return re.search(pattern, reply.hex()) is not None


def _text(pattern: str, reply: bytes, length: int, marks: Mapping[str, bytes]) -> bool:
    return re.search(pattern, reply.decode("utf-8", "replace"), re.DOTALL) is not None


def _len(pattern: str, reply: bytes, length: int, marks: Mapping[str, bytes]) -> bool:
    return str(length) == pattern


_KINDS = {"hex": _hex, "text": _text, "len": _len}
