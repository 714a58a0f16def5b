"""Where a URL or a redirect leads: total, because a Location header is whatever the network likes to send."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit


def host_of(url: str) -> str:
    """The host of a URL in lower case; empty when there is none or the URL cannot be read."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def joined(base: str, location: str) -> str:
    """The URL that a Location header means (RFC 9110 section 10.2.2); empty when it means none."""
    try:
        return urljoin(base, location)
    except ValueError:
        return ""


def same_place(one: str, other: str) -> bool:
    """Whether two URLs lie in one registrable place (last two labels: rough, but only one sign among others)."""
    return host_of(one).split(".")[-2:] == host_of(other).split(".")[-2:]
