"""A signer of minisign's format, written apart from the verifier, and lists made with it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe.catalogue.target_rows import COLUMNS

DAY = date(2026, 11, 20)


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A key pair."""

    seed: bytes = b"s" * 32
    key_id: bytes = b"\x01\x02\x03\x04\x05\x06\x07\xff"
    private: Ed25519PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "private", Ed25519PrivateKey.from_private_bytes(self.seed))

    @property
    def public_line(self) -> str:
        return b64(b"Ed" + self.key_id + self.private.public_key().public_bytes_raw())

    @property
    def public_file(self) -> str:
        return f"untrusted comment: minisign public key FF07060504030201\n{self.public_line}\n"

    def sign(self, document: bytes, *, comment: bytes = b"list", legacy: bool = False) -> bytes:
        """A signature file."""
        message = document if legacy else hashlib.blake2b(document, digest_size=64).digest()
        own = self.private.sign(message)
        lines = (b"untrusted comment: whatever", b64((b"Ed" if legacy else b"ED") + self.key_id + own).encode(),
                 b"trusted comment: " + comment, b64(self.private.sign(own + comment)).encode())
        return b"".join(line + b"\n" for line in lines)


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


OURS = Signer()
OTHERS = Signer(seed=b"o" * 32, key_id=b"\x09" * 8)

GOOD = dict.fromkeys(COLUMNS, "") | {
    "target_id": "telegram.web.main", "service": "telegram", "role": "web", "tier": "1", "status": "active",
    "input": "https://telegram.org/", "confidence": "high", "date_added": "2026-11-19"}


def targets(*rows: dict[str, str]) -> str:
    """A targets.csv: rows that differ from a good one."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([{**GOOD, **row} for row in rows or ({},)])
    return out.getvalue()


def document(serial: int = 7, day: date | str = DAY, **others: Any) -> bytes:
    """A list's bytes, written apart from the program's own writer."""
    return json.dumps({"format": 1, "serial": serial, "date": str(day), "policy": {}, "targets": targets(),
                       **others}).encode()


def put(folder: Path, raw: bytes, *, signer: Signer = OURS, name: str = "list.json") -> Path:
    """The list and its signature in a folder."""
    (folder / name).write_bytes(raw)
    (folder / f"{name}.minisig").write_bytes(signer.sign(raw))
    return folder / name
