"""What files of a site are called: lower case, safe in a URL and in any file system, one name for one thing. Pure."""

from __future__ import annotations

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)")
"""Names that Windows keeps for itself."""


def name_file(text: str) -> str:
    """The text itself where it is plain, else what is plain in it with a short digest of the whole."""
    if _PLAIN.fullmatch(text) and not _DEVICES.fullmatch(text):
        return text
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:32] or "other"
    return f"{plain}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def name_network_file(cc: str, asn: int) -> str:
    """Of a network's page."""
    return f"{name_file(cc.lower())}-as{asn}"
