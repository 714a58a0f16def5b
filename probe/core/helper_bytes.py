"""The bytes that a helper gives to whoever asks: always the same, so that transfers of them can be compared."""

from __future__ import annotations

import hashlib
from functools import cache

QUERY = "test-bytes"
"""Of the helper's one path: a server in front that hands on nothing else hands this on as well."""
TEST_BYTES = 128 * 1024
"""As many as a transfer takes at most: one request is enough."""


@cache
def make_test_bytes() -> bytes:
    """Bytes that nothing on the way can make smaller, and that say nothing."""
    return hashlib.shake_256(b"reachability test bytes").digest(TEST_BYTES)
