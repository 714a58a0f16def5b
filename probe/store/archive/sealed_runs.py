"""Archives of runs that only their recipient can read (age, https://age-encryption.org/v1), made and opened.

What is encrypted is one line with the archive's name in a results folder, one with its size, the archive, and zeros up
to the next power of two: of a sealed file everybody sees that class of its size, and nothing else. Its own name is a
digest of the archive, so that a run that is sent twice is one file, and no day, run or volunteer can be told by it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from probe.config.install_advice import advise_extra
from probe.config.settings import SettingsError

if TYPE_CHECKING:
    from pyrage.x25519 import Recipient

SEALED_FOLDER, SUFFIX = "sealed", ".age"
EXTRA = "age"
_LEAST_BYTES = 64 << 10
FIRST_LINE = b"reachability-probe sealed run 1"


def read_recipient(text: str) -> Recipient:
    """The public key in `text`. Raises SettingsError for none, and where the package that encrypts is not here."""
    try:
        from pyrage import RecipientError
        from pyrage.x25519 import Recipient
    except ImportError:
        raise SettingsError(f"upload.encrypt_to needs pyrage: {advise_extra(EXTRA)}") from None
    try:
        return Recipient.from_str(text)
    except RecipientError:
        raise SettingsError("upload.encrypt_to is no public key of age: one word that begins with age1") from None


def seal(name: str, archive: bytes, recipient: Recipient) -> tuple[str, bytes]:
    """(name at the place, content) of an archive that would be called `name` there."""
    from pyrage import encrypt

    plain = _join(name, archive)
    return f"{SEALED_FOLDER}/{_name(plain)}", encrypt(plain.ljust(_pad(len(plain)), b"\0"), [recipient])


def name_sealed(name: str, archive: bytes) -> str:
    """How `seal` names the file of an archive, in its folder."""
    return _name(_join(name, archive))


def _join(name: str, archive: bytes) -> bytes:
    return b"\n".join((FIRST_LINE, name.encode(), str(len(archive)).encode(), archive))


def _name(plain: bytes) -> str:
    return hashlib.blake2b(plain, digest_size=16).hexdigest() + SUFFIX


def _pad(size: int) -> int:
    """The class of a size."""
    return max(_LEAST_BYTES, 1 << (size - 1).bit_length())
