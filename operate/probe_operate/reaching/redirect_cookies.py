"""Cookies for the length of one chain of redirects: some sites send in circles whoever brings none. Pure."""

from __future__ import annotations

import re

MAX_COOKIES = 20
MAX_COOKIE = 512
_APART = re.compile(r",\s*(?=[^;,=\s]+=)")
"""Several headers of one name come joined by commas; a date within one has a comma as well, and no `name=` after it."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", re.ASCII)
_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e]*", re.ASCII)


class CookieJar:
    """What the hosts of a chain gave, each for itself or for a domain above it (RFC 6265), forgotten with the chain."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    def take(self, host: str, header: str) -> None:
        """Keep what `host` sets in its `Set-Cookie` header; whatever is none is passed over."""
        for text in _APART.split(header):
            pair, *attributes = text.split(";")
            name, equals, value = pair.strip().partition("=")
            if not equals or not _NAME.fullmatch(name) or len(value) > MAX_COOKIE or not _VALUE.fullmatch(value):
                continue
            if len(self._kept) < MAX_COOKIES:
                self._kept[(_domain(host, attributes), name)] = value

    def header(self, host: str) -> dict[str, str]:
        """The header to send to `host`; empty when there is nothing to send."""
        fit = [f"{name}={value}" for (domain, name), value in self._kept.items()
               if host == domain or (domain.startswith(".") and f".{host}".endswith(domain))]
        return {"Cookie": "; ".join(fit)} if fit else {}


def _domain(host: str, attributes: list[str]) -> str:
    """`.domain` when the cookie is for a domain that `host` is in, else the host alone."""
    for attribute in attributes:
        key, _, value = attribute.strip().partition("=")
        domain = "." + value.strip().lower().lstrip(".")
        if key.lower() == "domain" and domain.count(".") > 1 and f".{host}".endswith(domain):
            return domain
    return host
