"""Status codes of HTTP that change how an answer is read (RFC 9110)."""

from __future__ import annotations

REDIRECTS = (301, 302, 303, 307, 308)
"""Their Location is where a GET goes on (section 15.4)."""
BODILESS = (204, 304)
"""No body follows the head, whatever it says (section 6.4.1)."""
REFUSALS = (403, 451)
"""The server understood and will not serve: by its own choice (section 15.5.4), or a legal demand (RFC 7725)."""
RATE_LIMITED = 429
"""Too many requests of one client (RFC 6585 section 4): whether others are served says nothing of it."""


def is_server_error(status: int) -> bool:
    """The server says that it failed itself (section 15.6)."""
    return 500 <= status < 600


def is_status(status: int, word: str) -> bool:
    """Whether a status is meant by a word of a catalogue: "200", a class "4xx", or "any"."""
    if word == "any":
        return 100 <= status <= 999
    return word == str(status) or (len(word) == 3 and word.endswith("xx") and word[0] == str(status)[0])
