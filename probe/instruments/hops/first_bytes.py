"""The first bytes that a step says on an established connection, as the step itself says them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from probe.instruments.steps import Visit
from probe.instruments.streams.raw_handshake import hello_parts

CutWord = Literal["first", "last", "short"]
"""Which of a question's bytes walk, where only one segment can: first: its first segment, all of it where there is only
one; last: its last one, once those before have arrived; short: the first without the question's last byte."""
_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One question, cut so that a single segment of it is said with chosen TTLs."""

    head: bytes
    """What is said before, and arrives."""
    walking: bytes
    left_out_bytes: int
    """What is not said at all."""


def make_first_bytes(plan: Visit) -> bytes:
    """A ClientHello, a messenger's first words, or a request in the clear. Empty where the step says nothing first;
    raises ValueError for a name or URL that cannot be said."""
    if plan.sni:
        return b"".join(hello_parts(plan, _RANDOM))
    if plan.app:
        from probe.instruments.messengers.app_exchange import make_first_words

        return make_first_words(plan.app, name=plan.app_name, url=plan.app_url, attempt=plan.attempt)
    if not plan.pages:
        return b""
    from probe.instruments.streams.http_exchange import compose_request

    url = plan.pages[0].url
    return compose_request(url, host=urlsplit(url).netloc)


def cut_question(data: bytes, word: CutWord, *, segment_bytes: int) -> Cut:
    """Cut a question for segments of so many bytes at most: the kernel repeats only the first that is not acknowledged,
    so only one can walk."""
    size = max(1, segment_bytes)
    if word == "last":
        at = (len(data) - 1) // size * size
        return Cut(head=data[:at], walking=data[at:], left_out_bytes=0)
    walking = data[:size] if word == "first" or len(data) > size else data[:-1]
    return Cut(head=b"", walking=walking, left_out_bytes=len(data) - len(walking))
