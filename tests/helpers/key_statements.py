"""Key statements of made-up keys, and the file in which they are published."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from probe_operate.lists.signature_comments import add_signature
from signed import OURS, Signer

DAILY, SECOND = Signer(seed=b"d" * 32, key_id=b"daily   "), Signer(seed=b"e" * 32, key_id=b"second  ")
SAFE, SAFE_TOO = Signer(seed=b"k" * 32, key_id=b"keeper 1"), Signer(seed=b"l" * 32, key_id=b"keeper 2")
THIEF = Signer(seed=b"t" * 32, key_id=b"thief   ")
SINCE, EXPIRES = date(2026, 11, 1), date(2029, 11, 1)


def statement(number: int = 1, *, signers: tuple[Signer, ...] = (DAILY,), keepers: tuple[Signer, ...] = (SAFE,),
              **others: Any) -> str:
    """The text of a statement, written apart from the program's own writer."""
    return json.dumps({
        "format": 1, "of": "list", "number": number, "signers": [one.public_line for one in signers], "threshold": 1,
        "keepers": [one.public_line for one in keepers], "keepers_threshold": 1, "since": str(SINCE),
        "expires": str(EXPIRES), **others})


def sign_by(raw: bytes, *signers: Signer) -> bytes:
    """A signature file with the signatures of all."""
    first, *more = [one.sign(raw) for one in signers]
    for one in more:
        first = add_signature(first, one)
    return first


def published(*statements: tuple[str, tuple[Signer, ...]]) -> bytes:
    """A `.keys` file of statements and who signed each."""
    return json.dumps({"format": 1, "statements": [
        {"statement": text, "signature": sign_by(text.encode(), *by).decode()} for text, by in statements]}).encode()


FIRST = (statement(), (OURS,))
"""The configured key hands over to DAILY, which signs, and SAFE, which keeps."""


def put_by(folder: Path, raw: bytes, *signers: Signer, name: str = "list.json", keys: bytes | None = None) -> Path:
    """A list or feed, its signature, and the key statements beside it."""
    (folder / name).write_bytes(raw)
    (folder / f"{name}.minisig").write_bytes(sign_by(raw, *signers))
    if keys is not None:
        (folder / f"{name}.keys").write_bytes(keys)
    return folder / name
