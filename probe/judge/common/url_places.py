"""Where a URL or a redirect leads: total, because a Location header is whatever the network likes to send."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urljoin, urlsplit

_TELLING = 4
"""A label of at least this many characters tells whose a name is; shorter ones (www, co) and the last do not."""


@lru_cache(maxsize=1024)
def parse_host(url: str) -> str:
    """The host of a URL in lower case; empty when there is none or the URL cannot be read."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def resolve_location(base: str, location: str) -> str:
    """The URL that a Location header means (RFC 9110 section 10.2.2); empty when it means none."""
    try:
        return urljoin(base, location)
    except ValueError:
        return ""


def is_same_place(one: str, other: str) -> bool:
    """Whether two URLs lie in one place: the same last two labels, or a telling label in common.

    Rough on purpose: services redirect to their own name under another top-level domain (google.com, google.co.uk),
    and taking such a place for a foreign one would accuse.
    """
    labels = [parse_host(url).split(".") for url in (one, other)]
    telling = [{label for label in names[:-1] if len(label) >= _TELLING} for names in labels]
    return labels[0][-2:] == labels[1][-2:] or bool(telling[0] & telling[1])


def is_redirect_abroad(url: str, status: int, location: str) -> bool:
    """Whether a response redirects to another place than its own."""
    target = resolve_location(url, location) if 300 <= status < 400 and location else ""
    return bool(parse_host(target)) and not is_same_place(url, target)
