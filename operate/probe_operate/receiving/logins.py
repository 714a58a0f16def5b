"""The logins that may upload: one line each in a file that the web server reads as well, for the issuer's place.

`name:{SSHA}hash:shares`. Passwords are drawn by chance, of 144 bits: a quick hash is enough. `shares` says for how many
volunteers a login is, so many times it has one volunteer's share.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from probe.core.safe_files import open_own
from probe.store.archive.own_files import list_table_folders
from probe.store.archive.proof_names import PROOFS_FOLDER
from probe.store.archive.sealed_runs import SEALED_FOLDER
from probe.store.files.atomic import StoreError, replace_file, translate_os_errors

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
MOST_SHARES = 10_000
_MAX_BYTES = 4 << 20
_LINE = re.compile(rf"({NAME.pattern}):\{{SSHA\}}([A-Za-z0-9+/=]{{28,60}})(?::(\d{{1,5}}))?", re.ASCII)
_SALT_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One of them."""

    name: str
    hashed: str = field(repr=False)
    shares: int = 1

    def fits(self, password: str) -> bool:
        """Whether this is its password."""
        try:
            raw = base64.b64decode(self.hashed, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(_hash(password, raw[20:]), raw[:20])


def draw_password() -> str:
    """A new one."""
    return secrets.token_urlsafe(18)


def make_login(name: str, password: str, *, shares: int = 1) -> Login:
    """Raises ValueError for a name that cannot be one."""
    taken = {SEALED_FOLDER, PROOFS_FOLDER, *(folder.parts[0] for folder, _, _ in list_table_folders(Path()))}
    if not NAME.fullmatch(name) or name in taken or not 0 < shares <= MOST_SHARES:
        raise ValueError(f"{name!r} cannot be a login's name: small letters, digits and dashes, 40 at most; not "
                         f"{', '.join(sorted(taken))}, which name folders in an inbox")
    salt = secrets.token_bytes(_SALT_BYTES)
    return Login(name=name, hashed=base64.b64encode(_hash(password, salt) + salt).decode(), shares=shares)


def read_logins(path: Path) -> dict[str, Login]:
    """Name -> login. Raises StoreError for a file that cannot be read, or that has a line which is none."""
    with translate_os_errors(path), open_own(path) as file:
        lines = file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    found = {}
    for number, line in enumerate(lines, start=1):
        if not (match := _LINE.fullmatch(line)):
            raise StoreError(f"{path}, line {number}: is no login")
        found[match[1]] = Login(name=match[1], hashed=match[2], shares=int(match[3] or 1))
    return found


def write_logins(path: Path, logins: Iterable[Login]) -> None:
    """Replaces the file. Raises StoreError."""
    replace_file(path, "".join(f"{one.name}:{{SSHA}}{one.hashed}:{one.shares}\n" for one in logins).encode())


class LoginFile:
    """The file as it is now: a login that is added or taken out counts at once."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError."""
        self._path, self._state, self._logins = path, (0, 0, 0), dict[str, Login]()
        self._read()

    def find(self, name: str, password: str) -> Login | None:
        """The login of a name, where the password is right. Raises StoreError."""
        found = self._read().get(name)
        return found if found and found.fits(password) else None

    def _read(self) -> Mapping[str, Login]:
        with translate_os_errors(self._path):
            found = self._path.stat()
        state = (found.st_ino, found.st_mtime_ns, found.st_size)
        if state != self._state:
            self._logins, self._state = read_logins(self._path), state
        return self._logins


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
