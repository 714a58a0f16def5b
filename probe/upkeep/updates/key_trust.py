"""Which keys count for a list or a feed, and how one set of keys hands over to the next. Pure.

A volunteer configures one key. Its owner may publish **key statements** beside the list: which keys sign lists from now
on and how many of them must (`signers`, `threshold`), and which keys may make the next statement (`keepers`,
`keepers_threshold`), best kept offline. The first statement is signed by the configured key, each later one by the
keepers of one that counted before it. Statements rise in number; nobody goes back. A statement by expired keys is
refused, though The Update Framework takes one within a chain: whoever stole an old key must not lead to new ones.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from probe.core.json_decoders import decode_json
from probe.upkeep.updates.minisign import (
    MAX_KEYS,
    MAX_SIGNATURE_BYTES,
    PublicKey,
    SignatureError,
    parse_public_key,
    parse_signature,
    verify_by_keys,
)

MAX_BYTES = 512 * 1024
"""Of a file of statements."""
MAX_STATEMENTS = 64
_MAX_STATEMENT_CHARACTERS = 4000
_DAY_OF_GRACE = datetime.timedelta(days=1)

KeysOf = Literal["list", "feed"]
"""What the keys sign: a statement of one is none of the other."""
_KeyLines = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_KEYS)]
_Threshold = Annotated[int, msgspec.Meta(ge=1, le=MAX_KEYS)]


class KeyStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything of a statement that is signed."""

    format: Literal[1]
    of: KeysOf
    number: Annotated[int, msgspec.Meta(ge=1, le=999_999_999)]
    signers: _KeyLines
    """Public keys as minisign writes them."""
    threshold: _Threshold
    keepers: _KeyLines
    keepers_threshold: _Threshold
    since: datetime.date
    """Lists and feeds of earlier days count for nothing, whoever signed them."""
    expires: datetime.date
    """The last day on which the keys count, signers and keepers."""


class SignedStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement as it was signed, and the signature file."""

    statement: Annotated[str, msgspec.Meta(max_length=_MAX_STATEMENT_CHARACTERS)]
    signature: Annotated[str, msgspec.Meta(max_length=MAX_SIGNATURE_BYTES)]


class StatementFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is published beside a list as `.keys`."""

    format: Literal[1] = 1
    statements: Annotated[tuple[SignedStatement, ...], msgspec.Meta(max_length=MAX_STATEMENTS)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTrust:
    """The keys that count."""

    number: int = 0
    """Of the statement; 0: the configured key, and no statement."""
    signers: tuple[PublicKey, ...]
    threshold: int = 1
    keepers: tuple[PublicKey, ...]
    keepers_threshold: int = 1
    since: datetime.date = datetime.date.min
    expires: datetime.date = datetime.date.max

    def has_expired(self, today: datetime.date) -> bool:
        """Whether its keys count no more."""
        return today > self.expires

    @property
    def names(self) -> str:
        """Of the signers, for people."""
        listed = ", ".join(key.name for key in self.signers)
        return listed if len(self.signers) == 1 else f"{self.threshold} of {listed}"


def trust_key(key: PublicKey) -> KeyTrust:
    """The trust in one configured key."""
    return KeyTrust(signers=(key,), keepers=(key,))


def read_statement_file(raw: bytes) -> StatementFile:
    """The statements in these bytes, of which nothing is believed yet. Raises SignatureError."""
    if len(raw) > MAX_BYTES:
        raise SignatureError(f"the key statements are larger than {MAX_BYTES} bytes")
    try:
        return decode_json(raw, StatementFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SignatureError(f"what is there are no key statements: {error}") from None


def write_statement_file(statements: StatementFile) -> bytes:
    """The bytes to be published. Raises SignatureError for more than readers take."""
    raw = msgspec.json.format(msgspec.json.encode(statements), indent=1) + b"\n"
    read_statement_file(raw)
    return raw


def read_statement(text: str) -> KeyTrust:
    """The keys of a statement, nobody having vouched for it. Raises SignatureError."""
    return _as_trust(_decode_statement(text))


def follow_statements(trust: KeyTrust, found: StatementFile, of: KeysOf, *,
                      today: datetime.date | None) -> tuple[KeyTrust, tuple[SignedStatement, ...]]:
    """(the keys that count after all statements that may follow `trust`, the statements that led there).

    Without `today` no statement is too old: they were accepted when they were not. Raises SignatureError where a
    statement would follow and its keepers count no more, or where it begins in the future.
    """
    path: list[SignedStatement] = []
    read = list(_read_all(found, of))
    while True:
        after = [(there, one) for there, one in read if there.number > trust.number and _vouch(trust, one)]
        if not after:
            return trust, tuple(path)
        there, one = max(after, key=lambda each: each[0].number)
        if today is not None:
            _check_day(trust, there, today)
        trust, path = there, [*path, one]


def check_follows_day(trust: KeyTrust, day: datetime.date, today: datetime.date) -> None:
    """Raises SignatureError for a document of a day before the keys counted, and for any once they expired."""
    if day < trust.since:
        raise SignatureError(f"it is of {day}, and the keys that sign count from {trust.since} on: somebody replays "
                             "an old one, or no new one was signed after the keys changed")
    if trust.has_expired(today):
        raise SignatureError(describe_expiry(trust))


def describe_expiry(trust: KeyTrust) -> str:
    """That the keys count no more, in words."""
    return (f"the keys that sign it counted until {trust.expires}, and no statement of new ones is here: ask whoever "
            "makes it for the key that counts now")


def _check_day(trust: KeyTrust, there: KeyTrust, today: datetime.date) -> None:
    if trust.has_expired(today):
        raise SignatureError(f"key statement {there.number} is signed by keys that counted until {trust.expires}: what "
                             "is signed by old keys changes nothing; ask whoever makes it for the key that counts now")
    if there.since > today + _DAY_OF_GRACE:
        raise SignatureError(f"key statement {there.number} begins in the future ({there.since}): the clock of this "
                             "device is wrong, or the statement")


def _read_all(found: StatementFile, of: KeysOf) -> Iterator[tuple[KeyTrust, SignedStatement]]:
    """Those that this program knows; others are as if they were not there."""
    for one in found.statements:
        try:
            statement = _decode_statement(one.statement)
            if statement.of == of:
                yield _as_trust(statement), one
        except SignatureError:
            continue


def _vouch(trust: KeyTrust, one: SignedStatement) -> bool:
    """Whether the keepers signed a statement."""
    try:
        verify_by_keys(one.statement.encode(), parse_signature(one.signature.encode()), trust.keepers,
                       trust.keepers_threshold)
    except (SignatureError, UnicodeError):
        return False
    return True


def _decode_statement(text: str) -> KeyStatement:
    try:
        return decode_json(text.encode(), KeyStatement)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise SignatureError(f"it is no key statement as this program knows it: {error}") from None


def _as_trust(statement: KeyStatement) -> KeyTrust:
    signers, keepers = _read_keys(statement.signers), _read_keys(statement.keepers)
    if statement.threshold > len(signers) or statement.keepers_threshold > len(keepers):
        raise SignatureError("a key statement asks for more signatures than it names keys")
    if statement.expires < statement.since:
        raise SignatureError("a key statement ends before it begins")
    return KeyTrust(number=statement.number, signers=signers, threshold=statement.threshold, keepers=keepers,
                    keepers_threshold=statement.keepers_threshold, since=statement.since, expires=statement.expires)


def _read_keys(lines: Sequence[str]) -> tuple[PublicKey, ...]:
    """The keys, each once: one key under two ids would sign twice, and two keys under one id are told apart by none."""
    keys = tuple(parse_public_key(line) for line in lines)
    if len({key.point for key in keys}) < len(keys) or len({key.key_id for key in keys}) < len(keys):
        raise SignatureError("a key statement names a key twice")
    return keys
