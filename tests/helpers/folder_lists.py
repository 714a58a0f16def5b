"""Lists of folders as servers on loopback give them."""

from __future__ import annotations

import json


def listing(*rows: tuple[str, str, int]) -> bytes:
    """A folder as nginx lists it in JSON: (name, type, size)."""
    return json.dumps([{"name": name, "type": kind, "size": size, "mtime": "t"} for name, kind, size in rows]).encode()
