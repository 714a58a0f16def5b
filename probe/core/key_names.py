"""The name that a public key gives: who has not the key cannot sign under the name. Pure."""

from __future__ import annotations

import base64
import hashlib
import re

_DOMAIN = b"reachability-probe name 1\n"
_CHARACTERS = 15
_NAME = re.compile(r"k[A-Za-z0-9_-]{15}", re.ASCII)


def make_key_name(public_key: bytes) -> str:
    """`k` and 90 bits of a hash in base64 (RFC 4648, section 5): no longer than the names of unsigned runs, and none
    of those, which are hexadecimal, looks like it."""
    digest = hashlib.sha256(_DOMAIN + public_key).digest()
    return "k" + base64.urlsafe_b64encode(digest)[:_CHARACTERS].decode()


def is_key_name(name: str) -> bool:
    """Whether runs of this name are to be signed."""
    return _NAME.fullmatch(name) is not None
