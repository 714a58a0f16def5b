"""Saying a messenger's first words on an open connection, and hearing what comes back: bounded in bytes and time."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe.core.endpoints import Expectation
from probe.core.tables.evidence_words import Answered
from probe.core.tables.failures import EOF, TIMEOUT, Failure, classify_failure
from probe.core.tables.handshakes import (
    ANSWERED,
    FOREIGN,
    GENUINE_PROOFS,
    HANDSHAKES,
    INNOCENT_HTTP,
    PLACES,
    PROVEN,
    Proof,
    SpokenProtocol,
)
from probe.core.tables.words import Empty
from probe.instruments.messengers.reply_pattern import expected_authority, find_reply_mismatch
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn
from probe.instruments.messengers.speeches import choose_speech
from probe.instruments.streams.sockets import MAX_READ_BYTES, RecordedSocket, ask_acknowledged
from probe.instruments.streams.tls_handshake import TlsStream

_CHUNK = 16384
_LOOK_S = 0.05
_FOREIGN_HEAD_BYTES = 4
"""Of an answer that is not the service's nobody knows what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppExchange:
    """What an exchange came to. Both may be set: a proof, and how the connection ended after it."""

    failure: Failure = ""
    proof: Proof | Empty = ""
    head: str = ""
    """The first bytes of the answer, in hexadecimal, where they hold nothing personal."""
    reply_bytes: int = 0
    acked: Answered = ""
    met: Answered = ""
    mismatch: str = ""
    status: int = 0
    """Of the answer's HTTP, where it has any."""


def exchange_first_words(stream: RecordedSocket | TlsStream, protocol: SpokenProtocol, *, name: str, url: str = "",
                         attempt: int = 1, expect: Expectation | None = None,
                         chain_der: Sequence[bytes] = (), ends: bool = True) -> AppExchange:
    """Say the first words of `protocol` and tell what proves the answer; never raises for the network.

    `name` is the domain or host where the protocol names it, `url` the endpoint's, `expect` what the catalogue says
    of the reply, `chain_der` the certificates that TLS presented; `ends`: whether to say goodbye. The socket's deadline
    bounds the whole.
    """
    expect = expect or Expectation()
    expected = expect.reply
    speech = choose_speech(protocol, attempt)
    sock = stream.sock if isinstance(stream, TlsStream) else stream
    sock.failure, sock.read_limit = "", sock.bytes_read + MAX_READ_BYTES
    asked = replace(_make_speech_context(speech, protocol, name=name, url=url), expect=expect,
                    authorities=signed_chain(chain_der) if expected_authority(expected) else (),
                    identity=expected_authority(expected))
    if protocol == INNOCENT_HTTP:
        return _innocent(sock, speech.turns[0].say(asked))
    heard = _turns(stream, sock, speech, asked, expected, head_bytes=HANDSHAKES[protocol].head_bytes)
    if ends and heard.proof in GENUINE_PROOFS and not heard.failure and not speech.upgrades:
        return _settle(sock, heard, alone=speech.stands_alone)
    return heard


def make_first_words(protocol: SpokenProtocol, *, name: str, url: str = "", attempt: int = 1) -> bytes:
    """What `exchange_first_words` says first, with random parts of its own; empty where the server speaks first."""
    speech = choose_speech(protocol, attempt)
    return speech.turns[0].say(_make_speech_context(speech, protocol, name=name, url=url))


def _make_speech_context(speech: Speech, protocol: SpokenProtocol, *, name: str, url: str) -> SpeechContext:
    return SpeechContext(name=name, url=url, place=PLACES.get(protocol, "/"), now_s=int(time.time()),
                         random=secrets.token_bytes(speech.random_bytes))


def signed_chain(chain_der: Sequence[bytes]) -> tuple[bytes, ...]:
    """SHA-256 of the presented certificates as far as each is signed by the next: anybody can append a foreign one."""
    from cryptography import x509

    known: list[bytes] = []
    before: x509.Certificate | None = None
    try:
        for der in chain_der:
            certificate = x509.load_der_x509_certificate(der)
            if before is not None:
                before.verify_directly_issued_by(certificate)
            known.append(hashlib.sha256(der).digest())
            before = certificate
    except Exception:  # a hostile certificate may break the parser in many ways; the chain ends there
        return tuple(known)
    return tuple(known)


def _turns(stream: RecordedSocket | TlsStream, sock: RecordedSocket, speech: Speech, asked: SpeechContext,
           expected: str, *, head_bytes: int) -> AppExchange:
    first = rest = b""
    proof: Proof | Empty = ""
    failure: Failure = ""
    wrong = ""
    for index, turn in enumerate(turn for turn in speech.turns if turn.wanted(asked)):
        proof, reply, failure = _turn(stream, turn, asked, rest, speech.max_bytes)
        first, rest = first or reply, reply[turn.takes(reply) :]
        if index == speech.told_at and proof in (PROVEN, ANSWERED):
            wrong = find_reply_mismatch(expected, speech.plain(reply, asked), speech.marks(asked))
            proof = FOREIGN if wrong else proof
        if proof != ANSWERED:
            break
    if speech.upgrades and proof in GENUINE_PROOFS - {ANSWERED}:
        proof = FOREIGN  # whoever refuses STARTTLS proves nothing: stripping it looks like that
    kept = head_bytes if proof in GENUINE_PROOFS else min(head_bytes, _FOREIGN_HEAD_BYTES)
    is_compared = expected and proof and not failure and proof in GENUINE_PROOFS | {FOREIGN}
    return AppExchange(
        failure=failure, proof=proof, head=first[:kept].hex(), reply_bytes=len(first), mismatch=wrong,
        met=("no" if wrong else "yes" if proof in GENUINE_PROOFS else "") if is_compared else "",
        acked=ask_acknowledged(sock) if failure == TIMEOUT else "", status=speech.status(first),
    )


def _turn(stream: RecordedSocket | TlsStream, turn: Turn, asked: SpeechContext, reply: bytes,
          max_bytes: int) -> tuple[Proof | Empty, bytes, Failure]:
    """(proof, reply, failure); `reply` is what had come of it before. Bytes that break off before they became an
    answer are foreign."""
    try:
        if words := turn.say(asked):
            stream.sendall(words)
        while True:
            if len(reply) > max_bytes:
                return FOREIGN, reply, ""
            if reply and (word := turn.hear(reply, asked)) != INCOMPLETE:
                return word, reply, ""
            data = stream.recv(_CHUNK)
            if not data:
                return FOREIGN if reply else "", reply, EOF
            reply += data
    except (OSError, ValueError) as error:
        return FOREIGN if reply else "", reply, classify_failure(error)


def _settle(sock: RecordedSocket, heard: AppExchange, *, alone: bool) -> AppExchange:
    """Say goodbye, and see whether that still arrives.

    Boxes that let a first packet and its answer through and cut the connection off behind them would pass for none.
    The end of our stream is acknowledged by the peer's TCP as data is (RFC 9293), whatever its program does.
    """
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
    while time.monotonic() < sock.deadline:
        if ask_acknowledged(sock) != "no":
            return heard
        more = _news(sock)
        if more and alone:
            return replace(heard, proof=FOREIGN, met="", head="")
        if more is None:
            return heard
    return replace(heard, failure=TIMEOUT, acked="no")


def _has_news(sock: RecordedSocket) -> bool:
    """Whether anything comes within a moment. Not by select(2), which knows no descriptor beyond 1023 on Linux."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(sock, selectors.EVENT_READ)
        return bool(waiting.select(_LOOK_S))


def _news(sock: RecordedSocket) -> bytes | None:
    """What came within a moment; None once the connection has ended, in whichever way."""
    try:
        if not _has_news(sock):
            return b""
        return sock.recv(_CHUNK) or None
    except (OSError, ValueError):
        return None


def _innocent(sock: RecordedSocket, words: bytes) -> AppExchange:
    """Innocent bytes; an answer of any kind, or an end, will do. If for half of the time none comes, the end of the
    stream follows, and what is told is whether all that was said has been acknowledged."""
    begun_s = time.monotonic()
    patience_s = begun_s + (sock.deadline - begun_s) / 2
    ended = False
    try:
        sock.sendall(words)
        while time.monotonic() < sock.deadline and not (ended and ask_acknowledged(sock) == "yes"):
            if not ended and time.monotonic() >= patience_s:
                sock.shutdown(socket.SHUT_WR)
                ended = True
            if not ended and _has_news(sock):
                return AppExchange(proof=ANSWERED, reply_bytes=len(sock.recv(_CHUNK)), acked="yes")
            if ended:
                time.sleep(_LOOK_S)
    except (OSError, ValueError) as error:
        return AppExchange(failure=classify_failure(error), acked=ask_acknowledged(sock))
    return AppExchange(failure=TIMEOUT, acked=ask_acknowledged(sock))
