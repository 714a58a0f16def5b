"""What one exchange of a messenger's own protocol consists of. Pure: bytes in, a word out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from probe.core.endpoints import Expectation
from probe.core.tables.handshakes import FOREIGN, Proof
from probe.core.tables.words import Empty

INCOMPLETE: Final = ""
"""A matcher's word for a beginning that may still become the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechContext:
    """What goes into the first words, and what the answer is held against."""

    name: str = ""
    """The domain or host that is spoken to, where the protocol names it."""
    url: str = ""
    """The endpoint's own, for words that go over HTTP; empty: `place` at `name`."""
    place: str = "/"
    """Where they go at any server of the protocol."""
    expect: Expectation = Expectation()
    """What the catalogue says of the answer."""
    random: bytes = b""
    """Fresh random bytes, `Speech.random_bytes` of them."""
    now_s: int = 0
    """Unix time."""
    authorities: tuple[bytes, ...] = ()
    """SHA-256 of the certificates that TLS presented, leaf first, each signed by the next; empty without TLS."""
    identity: bytes = b""
    """SHA-256 of the certificate that the catalogue knows to be the service's own authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing said and the answer to it."""

    say: Callable[[SpeechContext], bytes]
    """Empty where the server speaks first."""
    hear: Callable[[bytes, SpeechContext], Proof | Empty]
    """A word of `probe.core.tables.handshakes.PROOFS`, or MORE. Any bytes may come; it raises nothing."""
    takes: Callable[[bytes], int] = len
    """How much of what was read is the answer; the rest belongs to the next turn."""
    wanted: Callable[[SpeechContext], bool] = lambda asked: True
    """Whether there is anything to wait for in this turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """The turns of one protocol; each but the last must be answered well before the next."""

    turns: tuple[Turn, ...]
    random_bytes: int = 0
    max_bytes: int = 4096
    """What one answer may be long; more is no answer of this protocol."""
    upgrades: bool = False
    """TLS follows on the same connection (STARTTLS)."""
    stands_alone: bool = False
    """The length of the answer is its only mark: what follows it unasked is another answer."""
    marks: Callable[[SpeechContext], dict[str, bytes]] = lambda asked: {}
    """What stands for `<nonce>` and the like in the catalogue's patterns."""
    plain: Callable[[bytes, SpeechContext], bytes] = lambda reply, asked: reply
    """The answer in the form in which the catalogue's patterns write it."""
    told_at: int = 0
    """The turn whose answer those patterns are about."""
    status: Callable[[bytes], int] = lambda reply: 0
    """The HTTP status of the first answer; 0 where none is spoken."""


def say_nothing(asked: SpeechContext) -> bytes:
    """The server speaks first."""
    return b""


def is_beginning(data: bytes, *starts: bytes) -> bool:
    """Whether the bytes can be the beginning of one of these, or begin with it."""
    return any(data.startswith(start[: len(data)]) for start in starts)


def judge_beginning(data: bytes, *starts: bytes) -> Proof | Empty:
    """FOREIGN for bytes that begin otherwise, MORE where they may yet be one of these."""
    return INCOMPLETE if is_beginning(data, *starts) else FOREIGN
