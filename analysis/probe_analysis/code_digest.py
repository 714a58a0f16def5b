"""A digest of a part of this program: what it made before counts only while the part is the same."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from probe import __version__

_CODE = (".py", ".toml", ".json")


@cache
def digest_code(*rooms: str, versions: tuple[str, ...] = ()) -> str:
    """Of the code and tables in these packages, in their order, of the program's version and of `versions` of what it
    stands on. Raises ModuleNotFoundError for a package that there is not."""
    folders = [Path(str(files(room))) for room in rooms]
    code = [path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in _CODE]
    return sha256(b"\0".join([word.encode() for word in (__version__, *versions)] + code)).hexdigest()
