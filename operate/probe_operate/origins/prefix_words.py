"""Words for prefixes of addresses, made with a key that lasts for a month and is then overwritten.

The key lies in a file that its owner alone may read, best in a folder that lasts no longer than the machine runs.
Without it nobody can find the prefix to a word, though there are few prefixes. A lost key is drawn anew: then a prefix
has two words in that month.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec

from probe.config.geo.packaged_table import SHIFTS
from probe.config.private_file import may_others_use
from probe.core.json_decoders import decode_json
from probe.store.files.atomic import replace_file, translate_os_errors

_KEY_BYTES, _WORD_BYTES = 32, 12
_MAX_FILE_BYTES = 1 << 10


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    month: str
    key: bytes


class PrefixWords:
    """The words of each month in turn."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._current = _KeyFile(month="", key=b"")

    def turn_to(self, month: str) -> None:
        """Throws the key of another month away. Raises StoreError where none can be kept."""
        if self._current.month != month:
            self._current = _open(self._path, month)

    def find(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, month: str) -> str:
        """The word in a month (YYYY-MM) for the /24 or the /48 of an address. Raises StoreError as `turn_to`."""
        self.turn_to(month)
        prefix = int(address) >> SHIFTS[address.version]
        text = f"{address.version} {prefix:x}".encode()
        return hashlib.blake2b(text, key=self._current.key, digest_size=_WORD_BYTES).hexdigest()


def _open(path: Path, month: str) -> _KeyFile:
    """The key that is there, if it is this month's; else a new one, which takes its place. Raises StoreError."""
    found = _read(path)
    if found is not None and found.month == month:
        return found
    made = _KeyFile(month=month, key=secrets.token_bytes(_KEY_BYTES))
    _overwrite(path)
    replace_file(path, msgspec.json.encode(made))
    return made


def _read(path: Path) -> _KeyFile | None:
    """None for a file that is not there, that is none of ours, or that others could have read."""
    with translate_os_errors(path):
        try:
            with path.open("rb") as file:
                if may_others_use(path, os.fstat(file.fileno()).st_mode):
                    return None
                found = decode_json(file.read(_MAX_FILE_BYTES), _KeyFile)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None
    return found if len(found.key) == _KEY_BYTES else None


def _overwrite(path: Path) -> None:
    """What was there is gone, as far as the file system writes in place."""
    with suppress(OSError), path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
