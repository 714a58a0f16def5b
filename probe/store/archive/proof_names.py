"""Where proofs of age lie in an inbox, and what they are called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

PROOFS_FOLDER = "proofs"
"""Of proofs of age, beside volunteers' folders; collectors that do not know it leave it alone."""
_PROOF = re.compile(r"(\d{4}-\d\d)-[0-9a-f]{24}\.json", re.ASCII)


def find_proof_month(names: Sequence[str]) -> str:
    """The month (YYYY-MM) that the path of a proof of age in an inbox tells; empty for any other path."""
    match = _PROOF.fullmatch(names[-1]) if len(names) == 2 and names[0] == PROOFS_FOLDER else None
    return match[1] if match else ""


def make_proof_name(month: str, content: bytes) -> str:
    """The path of a proof: another one for other content, so that nobody can take its place."""
    return f"{PROOFS_FOLDER}/{month}-{hashlib.sha256(content).hexdigest()[:24]}.json"
