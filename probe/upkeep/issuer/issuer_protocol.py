"""What a volunteer's program and an issuer say to each other, as JSON. Pure."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, TypeVar, get_args

import msgspec

from probe.core.blind_signatures import is_signature
from probe.core.json_decoders import decode_json
from probe.store.signing.age_proofs import IssuerKeys, Month, Number, Prefix, make_coupon_message

MAX_MESSAGE_BYTES = 8192
KEYS_PATH, REGISTER_PATH, EXCHANGE_PATH = "/keys", "/register", "/exchange"

RefusalWord = Literal["malformed", "month", "spent", "unknown", "full", "keys"]
REFUSALS: tuple[RefusalWord, ...] = get_args(RefusalWord)
STATUSES: dict[RefusalWord, int] = {
    "malformed": 400, "month": 412, "spent": 409, "unknown": 403, "full": 429, "keys": 503}
"""Refusal -> status of HTTP. `month`: another one by the issuer's clock, or not yet that of the coupon; `full`: no
more registrations today; `keys`: those of the months have run out."""

_Serial = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
S = TypeVar("S", bound=msgspec.Struct)


class RefusedError(Exception):
    """A request that gets no answer."""

    def __init__(self, word: RefusalWord) -> None:
        super().__init__(word)
        self.word: RefusalWord = word


class Coupon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What gets its holder a proof, once, in a month or later. Whoever has it is its holder."""

    month: Month
    serial: _Serial
    """Drawn by chance by the holder; the issuer first sees it when it is spent."""
    prefix: Prefix
    signature: Number

    def is_signed(self, keys: IssuerKeys) -> bool:
        """Whether the issuer signed it. Raises AgeError where it has no key of that month."""
        return is_signature(keys.find_coupon(self.month), make_coupon_message(bytes.fromhex(self.serial)),
                            bytes.fromhex(self.prefix), bytes.fromhex(self.signature))


class RegisterRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for a first coupon, of the month after the next."""

    month: Month
    """Which it is now."""
    blinded: Number


class RegisterAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first coupon, blind."""

    signed: Number


class ExchangeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spends a coupon for a proof of this month and a coupon of the next one."""

    month: Month
    """Which it is now."""
    coupon: Coupon
    proof: Number
    next: Number

    @property
    def digest(self) -> bytes:
        """By which the same request is known when it comes again."""
        return hashlib.sha256(msgspec.json.encode(self)).digest()


class ExchangeAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both, blind."""

    proof: Number
    next: Number


class Refusal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why there is no answer."""

    refused: RefusalWord


def read_message(content: bytes, kind: type[S]) -> S | None:
    """What stands in these bytes; None for anything else."""
    if len(content) > MAX_MESSAGE_BYTES:
        return None
    try:
        return decode_json(content, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
