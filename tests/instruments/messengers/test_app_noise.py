"""WhatsApp's certificate, opened and checked: a server of our own under a root of our own, and ways to spoil it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from probe.core.tables.handshakes import ANSWERED, FOREIGN, PROVEN
from probe.instruments.messengers import noise_certificate
from probe.instruments.messengers.handshakes import wa_noise
from probe.instruments.messengers.noise_certificate import ROOT_KEY, NoiseOpening, is_signed, verify_xeddsa
from probe.instruments.messengers.protobuf import read_fields
from probe.instruments.messengers.speech import SpeechContext

ED25519_P = 2**255 - 19
SECRET = bytes(range(32))


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A key that signs as Ed25519 and is published as its twin of X25519."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        y = int.from_bytes(self.key.public_key().public_bytes_raw(), "little") & ((1 << 255) - 1)
        return ((1 + y) * pow(1 - y, -1, ED25519_P) % ED25519_P).to_bytes(32, "little")

    def sign(self, message: bytes) -> bytes:
        signature = bytearray(self.key.sign(message))
        signature[63] |= self.key.public_key().public_bytes_raw()[31] & 0x80
        return bytes(signature)


def signer(seed: int) -> Signer:
    return Signer(key=Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


ROOT, BETWEEN = signer(1), signer(2)


def field(number: int, content: bytes) -> bytes:
    size = bytes([len(content)]) if len(content) < 128 else bytes([len(content) & 0x7F | 0x80, len(content) >> 7])
    return bytes([number << 3 | 2]) + size + content


def certificate(key: bytes, by: Signer) -> bytes:
    details = b"\x08\x07" + b"\x10\x01" + field(3, key)
    return field(1, details) + field(2, by.sign(details))


def mix(chain: bytes, shared: bytes) -> tuple[bytes, bytes]:
    made = HKDF(algorithm=SHA256(), length=64, salt=chain, info=b"").derive(shared)
    return made[:32], made[32:]


def server_hello(client: bytes, *, root: Signer = ROOT, certified: bytes = b"",
                 prologue: bytes = wa_noise.PROLOGUE) -> bytes:
    """The answer of a genuine server to a client's key, as the Noise specification's responder makes it."""
    rng = random.Random(5)
    ephemeral, static = (X25519PrivateKey.from_private_bytes(rng.randbytes(32)) for _ in range(2))
    ours, lasting = ephemeral.public_key().public_bytes_raw(), static.public_key().public_bytes_raw()
    name = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"
    state = name
    for part in (prologue, client, ours):
        state = hashlib.sha256(state + part).digest()
    theirs = X25519PublicKey.from_public_bytes(client)
    chain, key = mix(name, ephemeral.exchange(theirs))
    sealed = AESGCM(key).encrypt(bytes(12), lasting, state)
    state = hashlib.sha256(state + sealed).digest()
    _, key = mix(chain, static.exchange(theirs))
    papers = field(1, certificate(certified or lasting, BETWEEN)) + field(2, certificate(BETWEEN.public, root))
    inner = field(1, ours) + field(2, sealed) + field(3, AESGCM(key).encrypt(bytes(12), papers, state))
    frame = field(3, inner)
    return len(frame).to_bytes(3, "big") + frame


@pytest.fixture
def under_our_root(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_signed.__kwdefaults__ is not None
    monkeypatch.setitem(is_signed.__kwdefaults__, "root", ROOT.public)


ASKED = SpeechContext(random=SECRET)
CLIENT = wa_noise.derive_public_key(SECRET)


@pytest.mark.usefixtures("under_our_root")
def test_a_chain_that_leads_to_the_root_proves_the_server() -> None:
    assert wa_noise.judge_server_hello(server_hello(CLIENT), ASKED) == PROVEN


@pytest.mark.usefixtures("under_our_root")
@pytest.mark.parametrize("reply", [
    server_hello(CLIENT, root=signer(9)), server_hello(CLIENT, certified=bytes(32)),
    server_hello(CLIENT, prologue=b"WA\x06\x02"), server_hello(wa_noise.derive_public_key(bytes(32))),
], ids=["foreign root", "another's certificate", "another prologue", "another client"])
def test_everything_else_of_that_shape_only_answers(reply: bytes) -> None:
    assert wa_noise.judge_server_hello(reply, ASKED) == ANSWERED


def test_our_root_is_not_whatsapps() -> None:
    assert ROOT.public != ROOT_KEY
    assert wa_noise.judge_server_hello(server_hello(CLIENT), ASKED) == ANSWERED


@pytest.mark.usefixtures("under_our_root")
@given(st.data())
def test_one_bit_spoils_the_proof(data: st.DataObject) -> None:
    reply = bytearray(server_hello(CLIENT))
    at = data.draw(st.integers(0, 8 * len(reply) - 1))
    reply[at // 8] ^= 1 << at % 8
    assert wa_noise.judge_server_hello(bytes(reply), ASKED) in (ANSWERED, FOREIGN, "")


@given(st.binary(max_size=96), st.binary(max_size=200))
def test_hostile_seals_prove_nothing(sealed: bytes, papers: bytes) -> None:
    opening = NoiseOpening(prologue=wa_noise.PROLOGUE, secret=SECRET, public=CLIENT,
                           ephemeral=(sealed + bytes(32))[:32])
    assert not is_signed(opening, sealed_key=sealed, sealed_certificate=papers)


@given(st.binary(max_size=64))
def test_any_bytes_are_fields_or_none(data: bytes) -> None:
    assert all(number > 0 for number in read_fields(data))


def test_signatures_are_of_one_key_over_one_message() -> None:
    signed = ROOT.sign(b"text")
    assert verify_xeddsa(ROOT.public, signed, b"text")
    assert not verify_xeddsa(ROOT.public, signed, b"test")
    assert not verify_xeddsa(BETWEEN.public, signed, b"text")
    assert not verify_xeddsa(ROOT.public, signed[:-1], b"text")
    assert noise_certificate.ROOT_KEY.hex().startswith("14237557")
