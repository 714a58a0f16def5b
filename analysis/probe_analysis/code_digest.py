"""A digest of a part of this program: what it made before counts only while the part is the same."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from probe import __version__

_CODE = (".py", ".toml", ".json")


def digest_code(rooms: Iterable[Path], *versions: str) -> str:
    """Of the code and tables in these folders, in their order, of the program's version and of `versions` of what it
    stands on."""
    code = [path.read_bytes() for room in rooms for path in sorted(room.rglob("*")) if path.suffix in _CODE]
    return sha256(b"\0".join([word.encode() for word in (__version__, *versions)] + code)).hexdigest()
