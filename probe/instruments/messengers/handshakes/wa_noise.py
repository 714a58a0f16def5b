"""WhatsApp's Noise handshake: our ephemeral key, answered by a ServerHello with theirs and a sealed certificate.

Framing and messages as whatsmeow and Baileys have them: `WA`, a version of the protocol and of its dictionary, then
frames of a 24-bit length and a protobuf `HandshakeMessage` (field 2 ClientHello, field 3 ServerHello). The answer has
a shape of its own; where its certificate opens and is signed by WhatsApp's root, it is proven besides.
"""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, PROVEN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.noise_certificate import NoiseOpening, is_signed
from probe.instruments.messengers.protobuf import read_fields
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, is_beginning

PROLOGUE = b"WA\x06\x03"
KEY_BYTES = 32
_SEALED_KEY_BYTES = KEY_BYTES + 16
_MIN_FRAME, _MAX_FRAME = 100, 2048


def derive_public_key(secret: bytes) -> bytes:
    """The public key of X25519 (RFC 7748) for any 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    key = X25519PrivateKey.from_private_bytes(secret[:KEY_BYTES].ljust(KEY_BYTES, b"\0"))
    return key.public_key().public_bytes_raw()


def make_client_hello(asked: SpeechContext) -> bytes:
    """Prologue and ClientHello; `random` is the secret half of our key."""
    client_hello = b"\x0a" + bytes([KEY_BYTES]) + derive_public_key(asked.random)
    message = b"\x12" + bytes([len(client_hello)]) + client_hello
    return PROLOGUE + len(message).to_bytes(3, "big") + message


def judge_server_hello(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """One frame with a ServerHello whose parts fill it exactly, and whose key is not our own come back."""
    if len(data) < 3:
        return INCOMPLETE
    length = int.from_bytes(data[:3], "big")
    body = data[3:]
    if not _MIN_FRAME <= length <= _MAX_FRAME or not is_beginning(body[:1], b"\x1a"):
        return FOREIGN
    if len(body) < length:
        return INCOMPLETE
    message = read_fields(body[:length])
    server = read_fields(message.get(3, b""))
    key, sealed, certificate = server.get(1, b""), server.get(2, b""), server.get(3, b"")
    whole = len(key) == KEY_BYTES and len(sealed) == _SEALED_KEY_BYTES and len(certificate) > 16
    ours = derive_public_key(asked.random)
    if not whole or key == ours or set(message) != {3}:
        return FOREIGN
    opening = NoiseOpening(prologue=PROLOGUE, secret=asked.random[:KEY_BYTES], public=ours, ephemeral=key)
    return PROVEN if is_signed(opening, sealed_key=sealed, sealed_certificate=certificate) else ANSWERED


FORMS = (Speech(turns=(Turn(say=make_client_hello, hear=judge_server_hello),), random_bytes=KEY_BYTES,
                max_bytes=_MAX_FRAME + 3),)
