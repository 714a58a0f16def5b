"""A signed document on this machine: one file that is replaced whole, and what became of the last look for a new one.

The file holds the key, the signature and the document, so that each use verifies them anew; none of them can be of
another document than the others, whenever the machine stops.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import msgspec

from probe.core.json_decoders import decode_json
from probe.core.safe_files import open_regular
from probe.store.files.atomic import replace_file
from probe.upkeep.updates.minisign import MAX_SIGNATURE_BYTES, PublicKey

PATIENT_S = 60.0
"""How long a look that somebody waits for may take."""
MAX_REASON = 300
"""Characters of `LookState.failed`."""
BROKEN_OFF = "the look for it was broken off"
_MAX_KEY_LINE = 200
_MAX_LOOKS = 64 * 1024


class UnreadableError(ValueError):
    """A file that is there cannot be read; the text says which, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """A document and its signature, of which nothing is believed yet."""

    document: bytes
    signature: bytes


class LookState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a new document was looked for."""

    at: datetime.datetime | None = None
    """The last time, whatever came of it."""
    failed: str = ""
    """Why nothing came of it; empty: something did."""
    source: str = ""
    """Where the one that is here came from."""


def read_signed(path: Path, *, max_bytes: int) -> tuple[str, SignedFile] | None:
    """(the key's line, what is said to be signed by it) of a file, `max_bytes` of document at most; None where there is
    none. Raises UnreadableError."""
    try:
        with open_regular(path) as handle:
            raw = handle.read(_MAX_KEY_LINE + MAX_SIGNATURE_BYTES + max_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read: {error.strerror}") from None
    key, *lines = raw.split(b"\n", 5)
    return key.decode("ascii", "replace"), SignedFile(signature=b"\n".join(lines[:4]) + b"\n",
                                                      document=b"".join(lines[4:]))


def write_signed(path: Path, fetched: SignedFile, key: PublicKey) -> None:
    """Put a document in the place of the last one. Raises StoreError; the last one stays then."""
    four_lines = fetched.signature.removesuffix(b"\n") + b"\n"
    replace_file(path, key.text.encode() + b"\n" + four_lines + fetched.document)


def read_look_state(path: Path) -> LookState:
    """What became of the last look; a file that cannot be read says nothing."""
    try:
        with open_regular(path) as handle:
            found = decode_json(handle.read(_MAX_LOOKS), LookState)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return LookState()
    return found if found.at is None or found.at.tzinfo is not None else LookState()


def write_look_state(path: Path, looks: LookState) -> None:
    """Remember it. Raises StoreError."""
    replace_file(path, msgspec.json.encode(looks))
