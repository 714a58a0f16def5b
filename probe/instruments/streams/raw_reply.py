"""The first bytes that come back for a ClientHello: a ServerHello, an alert, or no TLS at all. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.evidence_words import ReplyWord
from probe.core.tables.failures import EOF, Failure, open_failure

FROM_TLS: tuple[ReplyWord, ...] = ("hello", "alert")
"""A TLS server answered."""
NO_TLS = open_failure("ssl_error: wrong version number")
"""OpenSSL's word for an answer that is no TLS; one word for one thing."""
_HANDSHAKE, _ALERT = 22, 21
_SERVER_HELLO = 2
_MAX_RECORD = 16384 + 256
"""RFC 8446, section 5.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFirstWords:
    """`word`: hello (a HelloRetryRequest is one, too), alert, other, or more while it cannot be told yet."""

    word: ReplyWord
    alert: int = -1

    @property
    def failure(self) -> Failure:
        """Empty where a TLS server answered; a stream that ended before it can be told is a failure as well."""
        return "" if self.word in FROM_TLS else EOF if self.word == "more" else NO_TLS


def read_first_words(data: bytes) -> ServerFirstWords:
    """What `data`, the stream so far, begins with."""
    if not data:
        return ServerFirstWords(word="more")
    if data[0] not in (_HANDSHAKE, _ALERT) or data[1:2] not in (b"", b"\3"):
        return ServerFirstWords(word="other")
    if len(data) < 5:
        return ServerFirstWords(word="more")
    size = int.from_bytes(data[3:5])
    if not 0 < size <= _MAX_RECORD or (data[0] == _ALERT and size != 2):
        return ServerFirstWords(word="other")
    if data[0] == _ALERT:
        return ServerFirstWords(word="alert", alert=data[6]) if len(data) >= 7 else ServerFirstWords(word="more")
    if len(data) < 6:
        return ServerFirstWords(word="more")
    return ServerFirstWords(word="hello" if data[5] == _SERVER_HELLO else "other")
