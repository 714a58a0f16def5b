"""What a volunteer's program keeps to prove its age: one small file, replaced whole before and after each exchange.

What was drawn by chance for an exchange is on the disk before the request leaves: whatever is cut off, the same request
is sent again, and the coupon that it spends is not lost.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Literal

import msgspec

from probe.config.folders import find_own_state
from probe.core.blind_signatures import PREFIX_BYTES, Blinding, blind, unblind
from probe.core.json_decoders import decode_json
from probe.core.safe_files import open_regular
from probe.store.files.atomic import replace_file, translate_os_errors
from probe.store.signing.age_proofs import (
    AgeProof,
    IssuerKeys,
    add_months,
    make_coupon_message,
    make_proof_message,
)
from probe.upkeep.issuer.issuer_protocol import Coupon, ExchangeAnswer, ExchangeRequest

WALLET_FILE = "age-wallet.json"
_MAX_BYTES = 64 << 10
_SERIAL_BYTES = 32


class KeptBlinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `Blinding`, in hexadecimal digits."""

    prefix: str
    blinded: str
    inverse: str

    def __repr__(self) -> str:
        return "KeptBlinding(...)"


class WaitingExchange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exchange that was begun."""

    month: str
    probe_id: str
    asn: int
    proof: KeptBlinding
    serial: str
    """Of the next coupon."""
    next: KeptBlinding


class AgeWallet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    what: Literal["reachability-probe wallet 1"] = "reachability-probe wallet 1"
    issuer: str
    """Digest of its keys: what one issuer signed is nothing to another."""
    coupon: Coupon | None = None
    waiting: WaitingExchange | None = None
    proof: AgeProof | None = None
    """Of the last month in which one was got."""
    sent: str = ""
    """Name of the proof that is at the place of uploads."""

    def __repr__(self) -> str:
        return "AgeWallet(...)"


def read_wallet(issuer: str, *, folder: Path | None = None) -> tuple[AgeWallet, bool]:
    """The wallet, and whether one was lost: what cannot be read is an empty one. Raises StoreError where the disk does
    not answer."""
    path = _find(folder)
    if not path.exists():
        return AgeWallet(issuer=issuer), False
    with translate_os_errors(path), open_regular(path) as file:
        content = file.read(_MAX_BYTES)
    try:
        wallet = decode_json(content, AgeWallet)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return AgeWallet(issuer=issuer), True
    return (wallet, False) if wallet.issuer == issuer else (AgeWallet(issuer=issuer), wallet.coupon is not None)


def write_wallet(wallet: AgeWallet, *, folder: Path | None = None) -> None:
    """Replaces it as a whole. Raises StoreError."""
    replace_file(_find(folder), msgspec.json.encode(wallet))


def begin_exchange(keys: IssuerKeys, month: str, probe_id: str, asn: int) -> WaitingExchange:
    """Draws what an exchange needs. Raises AgeError, BlindError."""
    serial = secrets.token_bytes(_SERIAL_BYTES)
    proof = blind(keys.find_proof(month), make_proof_message(month, probe_id, asn))
    following = blind(keys.find_coupon(add_months(month, 1)), make_coupon_message(serial))
    return WaitingExchange(month=month, probe_id=probe_id, asn=asn, proof=_keep(proof), serial=serial.hex(),
                           next=_keep(following))


def make_request(coupon: Coupon, waiting: WaitingExchange) -> ExchangeRequest:
    """The request: the same bytes each time."""
    return ExchangeRequest(month=waiting.month, coupon=coupon, proof=waiting.proof.blinded,
                           next=waiting.next.blinded)


def finish_exchange(wallet: AgeWallet, keys: IssuerKeys, answer: ExchangeAnswer) -> AgeWallet:
    """The wallet with what was got. Raises AgeError, BlindError for an answer that is none."""
    waiting = wallet.waiting
    assert waiting
    message = make_proof_message(waiting.month, waiting.probe_id, waiting.asn)
    signature = unblind(keys.find_proof(waiting.month), message, _restore(waiting.proof), bytes.fromhex(answer.proof))
    proof = AgeProof(month=waiting.month, probe_id=waiting.probe_id, asn=waiting.asn, prefix=waiting.proof.prefix,
                     signature=signature.hex())
    coupon = open_coupon(keys, add_months(waiting.month, 1), bytes.fromhex(waiting.serial), _restore(waiting.next),
                           answer.next)
    return msgspec.structs.replace(wallet, coupon=coupon, waiting=None, proof=proof)


def begin_registration(keys: IssuerKeys, month: str) -> tuple[bytes, Blinding]:
    """The serial of a first coupon, and what is sent for it. Raises AgeError, BlindError."""
    serial = secrets.token_bytes(_SERIAL_BYTES)
    return serial, blind(keys.find_coupon(month), make_coupon_message(serial))


def open_coupon(keys: IssuerKeys, month: str, serial: bytes, blinding: Blinding, signed: str) -> Coupon:
    """The coupon that was signed blindly. Raises AgeError, BlindError for an answer that is none."""
    signature = unblind(keys.find_coupon(month), make_coupon_message(serial), blinding, bytes.fromhex(signed))
    return Coupon(month=month, serial=serial.hex(), prefix=blinding.prefix.hex(), signature=signature.hex())


def _find(folder: Path | None) -> Path:
    return (folder or find_own_state()) / WALLET_FILE


def _keep(blinding: Blinding) -> KeptBlinding:
    return KeptBlinding(prefix=blinding.prefix.hex(), blinded=blinding.blinded.hex(), inverse=blinding.inverse.hex())


def _restore(kept: KeptBlinding) -> Blinding:
    assert len(kept.prefix) == 2 * PREFIX_BYTES
    return Blinding(prefix=bytes.fromhex(kept.prefix), blinded=bytes.fromhex(kept.blinded),
                    inverse=bytes.fromhex(kept.inverse))
