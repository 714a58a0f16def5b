"""Proofs of age (`probe.store.signing.age_proofs`), verified. Pure."""

from __future__ import annotations

import msgspec

from probe.core.blind_signatures import is_signature
from probe.core.json_decoders import decode_json
from probe.core.key_names import is_key_name
from probe.store.signing.age_proofs import AgeError, AgeProof, IssuerKeys, make_proof_message

MAX_PROOF_BYTES = 2048


def read_age_proof(content: bytes, keys: IssuerKeys) -> AgeProof:
    """The proof in these bytes, verified. Raises AgeError for what proves nothing."""
    if len(content) > MAX_PROOF_BYTES:
        raise AgeError("is no proof of age")
    try:
        proof = decode_json(content, AgeProof)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AgeError("is no proof of age") from None
    if not is_key_name(proof.probe_id):
        raise AgeError("is no proof of age")
    message = make_proof_message(proof.month, proof.probe_id, proof.asn)
    modulus = keys.find_proof(proof.month)
    if not is_signature(modulus, message, bytes.fromhex(proof.prefix), bytes.fromhex(proof.signature)):
        raise AgeError("was not signed by this issuer, or was altered")
    return proof
