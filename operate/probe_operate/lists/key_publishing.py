"""The makers' side of key statements: written, signed by one key or several, and put beside a list."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import msgspec

from probe.core.json_decoders import decode_json
from probe.store.files.atomic import write_file
from probe.upkeep.updates.key_trust import (
    MAX_BYTES,
    KeysOf,
    KeyStatement,
    KeyTrust,
    SignedStatement,
    StatementFile,
    follow_statements,
    read_statement,
    read_statement_file,
    trust_key,
    write_statement_file,
)
from probe.upkeep.updates.list_document import MAX_BYTES as MAX_DOCUMENT_BYTES
from probe.upkeep.updates.minisign import (
    MAX_SIGNATURE_BYTES,
    PublicKey,
    Signature,
    SignatureError,
    parse_public_key,
    parse_signature,
)
from probe.upkeep.updates.signed_fetch import KEYS_SUFFIX, SUFFIX, fetch_body
from probe_operate.lists.signature_comments import add_signature, number_signature
from probe_operate.lists.signing import read_secret_key

_MAX_KEY_BYTES = 2000


def read_public_keys(files: Sequence[str]) -> tuple[PublicKey, ...]:
    """The keys in files as minisign writes them. Raises SignatureError, ListError."""
    return tuple(parse_public_key(fetch_body(file, _MAX_KEY_BYTES, timeout_s=1).decode("utf-8", "replace"))
                 for file in files)


def make_statement(*, of: KeysOf, number: int, signers: Sequence[PublicKey], threshold: int,
                   keepers: Sequence[PublicKey], keepers_threshold: int, since: datetime.date,
                   expires: datetime.date) -> str:
    """The text to be signed. Raises SignatureError for one that readers would refuse."""
    made = KeyStatement(format=1, of=of, number=number, signers=tuple(key.text for key in signers),
                        threshold=threshold, keepers=tuple(key.text for key in keepers),
                        keepers_threshold=keepers_threshold, since=since, expires=expires)
    text = msgspec.json.format(msgspec.json.encode(made), indent=1).decode() + "\n"
    read_statement(text)
    return text


def sign_file(file: Path, key_file: Path, *, add: bool) -> Signature:
    """Sign a file, beside the signatures that are there with `add`; the signature as it was written.

    Raises SignatureError, ListError, StoreError.
    """
    document, key = fetch_body(str(file), MAX_DOCUMENT_BYTES, timeout_s=1), read_secret_key(key_file)
    raw = key.sign(document, f"signed file {file.name}" if file.name.isprintable() else "signed file")
    beside = file.with_name(file.name + SUFFIX)
    if add:
        raw = add_signature(fetch_body(str(beside), MAX_SIGNATURE_BYTES, timeout_s=1), raw)
    if number := read_published_number(file):
        raw = number_signature(raw, number)
    write_file(beside, raw)
    return parse_signature(raw)


def read_published_number(file: Path) -> int:
    """The number of the last key statement that lies beside a list or feed; 0 where none does. Raises SignatureError,
    ListError."""
    published = file.with_name(file.name + KEYS_SUFFIX)
    if not published.exists():
        return 0
    found = read_statement_file(fetch_body(str(published), MAX_BYTES, timeout_s=1))
    return max((read_statement(one.statement).number for one in found.statements), default=0)


def add_statement(file: Path, published: Path, root: PublicKey) -> KeyTrust:
    """Put a signed statement behind the published ones; the keys that count then. Raises SignatureError, ListError,
    StoreError."""
    before = read_statement_file(fetch_body(str(published), MAX_BYTES, timeout_s=1)) if published.exists() else (
        StatementFile())
    text = fetch_body(str(file), MAX_BYTES, timeout_s=1).decode("utf-8", "replace")
    signature = fetch_body(f"{file}{SUFFIX}", MAX_SIGNATURE_BYTES, timeout_s=1).decode("utf-8", "replace")
    wanted = read_statement(text)
    of = decode_json(text, KeyStatement).of
    after = StatementFile(statements=(*before.statements, SignedStatement(statement=text, signature=signature)))
    raw = write_statement_file(after)
    trust, _ = follow_statements(trust_key(root), after, of, today=None)
    if trust.number != wanted.number:
        last, _ = follow_statements(trust_key(root), before, of, today=None)
        keepers = ", ".join(key.name for key in last.keepers)
        raise SignatureError(f"statement {wanted.number} does not follow statement {last.number}: its number must be "
                             f"higher, and {last.keepers_threshold} of {keepers} must sign it")
    write_file(published, raw)
    return trust
