"""The kinds of messengers' servers: how each is handed a connection or a request."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_wire import Wire
from probe_lab.servers.http1 import Reply, Request
from probe_lab.servers.streams import Stream


@dataclass(frozen=True, slots=True)
class AnswersBytes:
    """Reads a request as its protocol frames it; returns the answer, or None for what is no request of it."""

    answer: Callable[[Wire, random.Random, bool], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Talks:
    """Gets the connection, the host's name, and whether it has not been secured yet; True: the client may begin TLS."""

    talk: Callable[[Wire, str, random.Random, bool], Awaitable[bool]]


AnswersRequest = Callable[[Request, Endpoint, random.Random, bool], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class AnswersPost:
    """Answers what is posted to its row's place."""

    answer: AnswersRequest


@dataclass(frozen=True, slots=True)
class AnswersGet:
    """The same for what is asked by a GET of the app's own."""

    answer: AnswersRequest


@dataclass(frozen=True, slots=True)
class SpeaksInWebsocket:
    """Gets the stream behind the opening, what came with it, the row, and whether to answer wrongly."""

    speak: Callable[[Stream, bytes, Endpoint, random.Random, bool], Awaitable[None]]


Server = AnswersBytes | Talks | AnswersPost | AnswersGet | SpeaksInWebsocket
