"""The secret of an installation, and the key that it signs with for a month. Never leaves the machine.

The secret is 32 random bytes in the state folder. The Ed25519 key of a month (RFC 8032) is an HMAC of the month under
it, so that keys of two months have nothing in common that others could see, and nothing but the secret is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from probe.config.folders import find_own_state
from probe.core.key_names import make_key_name
from probe.core.safe_files import check_own, create_new, open_own

_KEY_FILE, _KEY_BYTES = "identity.key", 32
_MOST_BYTES = 4096
_DOMAIN = b"reachability-probe signing key 1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthKey:
    """A key to sign with."""

    seed: bytes
    public: bytes
    """32 bytes."""

    @property
    def name(self) -> str:
        """What the installation is called in this month."""
        return make_key_name(self.public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def read_month_key(month: str, *, folder: Path | None = None) -> MonthKey | None:
    """The key of a month, `YYYY-MM`; None where no secret can be kept: a new name for each run would look like many
    volunteers."""
    if not (secret := make_secret(folder=folder)):
        return None
    return make_month_key(hmac.new(secret, _DOMAIN + month.encode(), hashlib.sha256).digest())


def make_month_key(seed: bytes) -> MonthKey:
    """The key that 32 bytes are the private part of."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return MonthKey(seed=seed, public=Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def make_secret(*, folder: Path | None = None) -> bytes:
    """The secret, made when there is none, whole or not at all; of several runs that make one, all take the first's.

    Empty where it can be neither read nor made.
    """
    file = (folder or find_own_state()) / _KEY_FILE
    try:
        if not (key := _read_secret(file)):
            with contextlib.suppress(OSError):
                _write_secret(file)
            key = _read_secret(file)
    except OSError:
        return b""
    with contextlib.suppress(OSError):
        for left in file.parent.glob(f".{file.name}.*.part"):  # of a run that was killed; another one's is not needed
            left.unlink(missing_ok=True)
    return key


def _read_secret(file: Path) -> bytes:
    try:
        with open_own(file) as handle:
            key = handle.read(_MOST_BYTES)
    except FileNotFoundError:
        return b""
    return key if len(key) >= _KEY_BYTES else b""


def _write_secret(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_own(file.parent)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    with os.fdopen(create_new(temporary), "wb") as made:
        made.write(secrets.token_bytes(_KEY_BYTES))
        made.flush()
        os.fsync(made.fileno())
    try:
        if file.exists():  # too short for a key
            temporary.replace(file)
        else:
            os.link(temporary, file)  # unlike a rename it takes nobody's place
    except FileExistsError:
        return
    except OSError:  # a file system without links
        temporary.replace(file)
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
