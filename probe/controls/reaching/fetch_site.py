"""A URL that may be fetched, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from probe.core.addresses import bracket_host, parse_address

MAX_URL = 2048

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))+\.?", re.ASCII)
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSite:
    """A URL that may be fetched, taken apart. `host` is in lower case and IDNA form, or a literal address."""

    url: str
    scheme: str
    host: str
    port: int
    host_header: str


def normalise_host(text: str) -> str:
    """A name with at least one dot in IDNA form, or a canonical literal address. Raises ValueError."""
    if literal := parse_address(text.removeprefix("[").removesuffix("]")):
        return str(literal)
    try:
        host = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise ValueError("bad host name") from error
    if not _NAME.fullmatch(host):
        raise ValueError("bad host name")
    return host


def parse_site(url: str) -> FetchSite:
    """Take a URL apart. Raises ValueError for all but plain http and https URLs."""
    if len(url) > MAX_URL or _UNFIT.search(url):
        raise ValueError("bad URL")
    parts = urlsplit(url)  # raises ValueError of its own, as `port` does
    if parts.scheme not in _PORTS or not parts.hostname or parts.username or parts.password:
        raise ValueError("bad URL")
    host, usual = normalise_host(parts.hostname), _PORTS[parts.scheme]
    port = usual if parts.port is None else parts.port
    shown = bracket_host(host)
    host_header = shown if port == usual else f"{shown}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return FetchSite(url=f"{parts.scheme}://{host_header}{target}", scheme=parts.scheme, host=host, port=port,
                     host_header=host_header)
