"""What an inbox of ours and a volunteer's program say to each other beside HTTP: why nothing was taken, and how a name
of a month stands for itself. Pure.

Whoever has a proof of age (`probe.store.signing.age_proofs`) needs no login: its issuer signed the proof without
seeing the name. The key of that name signs each upload, so that a proof which somebody else reads is of no use.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Annotated, Literal

import msgspec

from probe.config.month_key import MonthKey
from probe.store.signing.age_proofs import AgeProof

SCHEME = "Probe-Name"
"""Of the header Authorization."""
_DOMAIN = b"reachability-probe upload 1\n"

RefusedWord = Literal["day", "all", "full", "login", "name", "length", "large", "slow", "busy", "digest"]
STATUSES: dict[RefusedWord, int] = {
    "day": 429, "all": 507, "full": 507, "login": 401, "name": 400, "length": 411, "large": 413, "slow": 408,
    "busy": 503, "digest": 400}
"""Refusal -> status of HTTP. `day`, `all`: one volunteer's share, of a day or of the whole time, is used up; `full`:
the disk is; `digest`: what came is not what was signed."""


class InboxRefusal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why an upload was not taken."""

    refused: RefusedWord


class NameCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who sends a file, for this one file."""

    proof: AgeProof
    public: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """SHA-256 of the content."""
    signature: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]


def make_card(proof: AgeProof, key: MonthKey, name: str, content: bytes) -> str:
    """The header Authorization for an upload."""
    digest = hashlib.sha256(content).hexdigest()
    card = NameCard(proof=proof, public=key.public.hex(), digest=digest,
                    signature=key.sign(make_card_message(name, digest)).hex())
    return f"{SCHEME} {base64.urlsafe_b64encode(msgspec.json.encode(card)).decode()}"


def make_card_message(name: str, digest: str) -> bytes:
    """What a card's signature is of."""
    return _DOMAIN + f"{name}\n{digest}".encode()
