"""The header by which a name of a month stands for itself (`probe.upkeep.upload.inbox_protocol`), read and checked."""

from __future__ import annotations

import base64
import binascii

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from probe.core.json_decoders import decode_json
from probe.core.key_names import make_key_name
from probe.upkeep.upload.inbox_protocol import SCHEME, NameCard, make_card_message

MAX_CARD_BYTES = 4096


def read_card(text: str) -> NameCard | None:
    """The card in such a header; None for anything else."""
    scheme, _, rest = text.partition(" ")
    if scheme != SCHEME or len(rest) > MAX_CARD_BYTES:
        return None
    try:
        return decode_json(base64.urlsafe_b64decode(rest), NameCard)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None


def is_signed_card(card: NameCard, name: str) -> bool:
    """Whether the key of the name in the proof signed the upload of this content under this name of a file."""
    public = bytes.fromhex(card.public)
    if make_key_name(public) != card.proof.probe_id:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(card.signature),
                                                          make_card_message(name, card.digest))
    except (InvalidSignature, ValueError):
        return False
    return True
