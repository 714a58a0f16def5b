"""Signs in the format of minisign, with a key file as minisign itself writes one without a password (`minisign -G -W`).

Such a key lies open on the machine that signs by a schedule, and is of use to whoever reads it: it belongs to the feed
alone. Layout of a secret key: algorithm `Ed`, key derivation (two zero bytes: none), checksum `B2`, 32 bytes of salt,
two times eight bytes of its limits, then key id, seed and public key, and BLAKE2b-256 of `Ed` and these.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from probe.config.private_file import may_others_use
from probe.store.files.atomic import StoreError, write_files
from probe.upkeep.updates.minisign import PublicKey, SignatureError

_NO_PASSWORD, _SCRYPT, _CHECKSUM = b"\0\0", b"Sc", b"B2"
_HEAD = 2 + 2 + 2 + 32 + 8 + 8
_SIZE = _HEAD + 8 + 32 + 32 + 32
_MAX_FILE = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """Whose signatures are made."""

    key_id: bytes
    seed: bytes = field(repr=False)
    point: bytes

    @property
    def public(self) -> PublicKey:
        """The key that is given to others."""
        return PublicKey(key_id=self.key_id, point=self.point)

    def sign(self, document: bytes, comment: str) -> bytes:
        """A signature file. The comment is signed as well; it is one line."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if not comment.isprintable() or len(comment) > 500:
            raise SignatureError("the trusted comment is no short line")
        private, trusted = Ed25519PrivateKey.from_private_bytes(self.seed), comment.encode()
        own = private.sign(hashlib.blake2b(document).digest())
        lines = (b"untrusted comment: signature from a reachability probe's key",
                 base64.b64encode(b"ED" + self.key_id + own), b"trusted comment: " + trusted,
                 base64.b64encode(private.sign(own + trusted)))
        return b"".join(line + b"\n" for line in lines)


def make_key(path: Path) -> SecretKey:
    """Write a new key pair: the secret key to `path`, for this user alone, the public one beside it as `.pub`.

    Raises StoreError where a file is there already, or none can be written.
    """
    public = find_public_key_path(path)
    if there := [file for file in (path, public) if file.exists()]:
        raise StoreError(f"{there[0]}: there is a file already; a key is never overwritten: name another")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = secrets.token_bytes(32)
    point = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    key = SecretKey(key_id=secrets.token_bytes(8), seed=seed, point=point)
    name = key.public.name
    secret_text = f"untrusted comment: minisign secret key {name}\n{_secret_line(key)}\n"
    public_text = f"untrusted comment: minisign public key {name}\n{key.public.text}\n"
    write_files([(path, lambda file: _write_text(file, secret_text)),
                 (public, lambda file: _write_text(file, public_text))])
    return key


def find_public_key_path(path: Path) -> Path:
    """Where the public key of a secret one lies."""
    return path.with_name(path.name + ".pub")


def read_secret_key(path: Path) -> SecretKey:
    """The secret key in a file. Raises SignatureError for one that cannot be used, or that others may read."""
    try:
        with path.open("rb") as handle:
            if may_others_use(path, path.stat().st_mode):
                raise SignatureError(f"{path}: others may read it; to do: chmod 600 {path}")
            lines = handle.read(_MAX_FILE + 1).splitlines()
    except OSError as error:
        raise SignatureError(f"{path}: cannot be read: {error.strerror}; a new one: probe feed --new-key {path}"
                             ) from None
    try:
        raw = base64.b64decode(lines[-1] if lines else b"", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _SIZE or raw[:2] != b"Ed" or raw[4:6] != _CHECKSUM:
        raise SignatureError(f"{path}: is no secret key of minisign; a new one: probe feed --new-key FILE")
    if raw[2:4] == _SCRYPT:
        raise SignatureError(f"{path}: is locked by a password, which no schedule can type; use a key for the feed "
                             "alone: probe feed --new-key FILE, or minisign -G -W")
    if raw[2:4] != _NO_PASSWORD:
        raise SignatureError(f"{path}: is locked in a way that this program does not know")
    key = SecretKey(key_id=raw[_HEAD:_HEAD + 8], seed=raw[_HEAD + 8:_HEAD + 40], point=raw[_HEAD + 40:_HEAD + 72])
    if raw[-32:] not in (bytes(32), _checksum(key)) or not _fits(key):  # minisign itself gives an open key no checksum
        raise SignatureError(f"{path}: is damaged")
    return key


def _fits(key: SecretKey) -> bool:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(key.seed).public_key().public_bytes_raw() == key.point


def _secret_line(key: SecretKey) -> str:
    raw = (b"Ed" + _NO_PASSWORD + _CHECKSUM + bytes(32 + 8 + 8) + key.key_id + key.seed + key.point + _checksum(key))
    return base64.b64encode(raw).decode("ascii")


def _checksum(key: SecretKey) -> bytes:
    return hashlib.blake2b(b"Ed" + key.key_id + key.seed + key.point, digest_size=32).digest()


def _write_text(file: BinaryIO, text: str) -> None:
    file.write(text.encode())
