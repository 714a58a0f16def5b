"""Blind signatures: as the standard's own example has them, and of use to nobody who changes a bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.blind_signatures import BlindError, blind, blind_with, is_modulus, is_signature, unblind
from probe_operate.issuer.blind_signer import BlindSigner, make_signer

EXAMPLE = {name: bytes.fromhex(text) for name, text in json.loads(
    Path(__file__).with_name("rfc9474.json").read_text(encoding="ascii")).items()}
"""RFC 9474, appendix A.1."""
SIGNER, OTHER = make_signer(), make_signer()


def test_the_standards_example() -> None:
    signer = BlindSigner(p=int.from_bytes(EXAMPLE["p"]), q=int.from_bytes(EXAMPLE["q"]))
    factor = pow(int.from_bytes(EXAMPLE["inv"]), -1, signer.modulus)
    made = blind_with(signer.modulus, EXAMPLE["msg"], prefix=EXAMPLE["msg_prefix"], salt=EXAMPLE["salt"],
                      factor=factor)
    assert (made.blinded, made.inverse) == (EXAMPLE["blinded_msg"], EXAMPLE["inv"])
    signed = signer.sign(made.blinded)
    assert signed == EXAMPLE["blind_sig"]
    assert unblind(signer.modulus, EXAMPLE["msg"], made, signed) == EXAMPLE["sig"]


def test_the_same_message_is_blinded_differently_each_time() -> None:
    assert blind(SIGNER.modulus, b"a").blinded != blind(SIGNER.modulus, b"a").blinded


@given(message=st.binary(max_size=200), at=st.integers(min_value=0, max_value=255), bit=st.integers(0, 7))
def test_a_signature_holds_for_its_message_alone(message: bytes, at: int, bit: int) -> None:
    made = blind(SIGNER.modulus, message)
    signature = unblind(SIGNER.modulus, message, made, SIGNER.sign(made.blinded))
    altered = bytearray(signature)
    altered[at] ^= 1 << bit
    found = [is_signature(SIGNER.modulus, message, made.prefix, signature),
             is_signature(SIGNER.modulus, message + b"x", made.prefix, signature),
             is_signature(SIGNER.modulus, message, bytes(32), signature),
             is_signature(SIGNER.modulus, message, made.prefix[1:], signature),
             is_signature(SIGNER.modulus, message, made.prefix, bytes(altered)),
             is_signature(OTHER.modulus, message, made.prefix, signature)]
    assert found == [True, False, False, False, False, False]


@pytest.mark.parametrize("signed", [b"", bytes(256), b"\xff" * 256, b"\xff" * 10_000])
def test_an_answer_that_is_none_is_told(signed: bytes) -> None:
    with pytest.raises(BlindError):
        unblind(SIGNER.modulus, b"a", blind(SIGNER.modulus, b"a"), signed)


@pytest.mark.parametrize("blinded", [b"", bytes(256), bytes(255) + b"\x01", b"\xff" * 256, b"\x01" * 255,
                                     (SIGNER.modulus - 1).to_bytes(256)])
def test_what_gives_a_key_away_is_not_signed(blinded: bytes) -> None:
    with pytest.raises(ValueError, match="no blinded message"):
        SIGNER.sign(blinded)


def test_what_is_no_key() -> None:
    found = [is_modulus(value) for value in (SIGNER.modulus, 0, 3, SIGNER.modulus + 1, SIGNER.modulus << 1)]
    assert found == [True, False, False, False, False]
    assert str(SIGNER.p) not in repr(SIGNER)
