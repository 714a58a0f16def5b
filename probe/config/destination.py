"""Where results may be uploaded or submitted to: what such a URL may be, how it is shown and recorded. Pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, unquote, urlsplit

from probe.core.addresses import bracket_host, is_bogon, parse_address

OBJECT_STORES = ("s3", "gs", "az")
SCHEMES = (*OBJECT_STORES, "https", "http", "file")
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_MAX_CHARS = 1000
_OWN_NAMES = ("localhost", ".localhost", ".local", ".onion")
"""Names that lead to this device, this network or an onion service, which encrypts by itself."""


def find_upload_problem(url: str) -> str:
    """Why nothing can be uploaded there, as the end of a sentence; empty when it can. Never repeats the URL."""
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return "is no URL"
    if len(url) > _MAX_CHARS or not url.isprintable() or re.search(r"\s", url) or not port_is_right:
        return "is no URL"
    if parts.scheme not in SCHEMES:
        return f"must begin with {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return "may have nothing after ? or #; keys belong into the file that upload.credentials names"
    if parts.username is not None and parts.scheme not in ("https", "http"):
        return "may hold no keys; they belong into the file that upload.credentials names"
    if any(piece in (".", "..") for piece in unquote(parts.path).split("/")):
        return "may not go up with .."
    if parts.scheme == "file":
        return ("" if not parts.netloc and parts.path.strip("/")
                else "must name a whole path, as file:///media/stick/probe")
    if not parts.hostname:
        return "names no host or bucket"
    return find_plaintext_problem(url)


def find_plaintext_problem(url: str) -> str:
    """Why results would travel openly to this server; empty when they would not, or when it is one's own network's."""
    parts = urlsplit(url)
    if parts.scheme != "http" or _is_own(parts.hostname or ""):
        return ""
    return "would send results and passwords unencrypted; use https://"


def find_collector_problem(url: str) -> str:
    """Why nothing can be submitted there to be public, as the end of a sentence; empty when it can.

    By https to a public server, or to this very device, as a literal address: what publishes for all does not stand in
    a household's or company's own network, and no mistake shall hand results to whoever is there.
    """
    if why := find_upload_problem(url):
        return why
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http"):
        return "must begin with https://"
    if parts.username is not None or "@" in parts.netloc:
        return "may hold no login; a collector asks for none"
    if not url.isascii():
        return "must be written in ASCII, also its name"
    if is_loopback(url):
        return ""
    if parts.scheme == "http":
        return "would send results unencrypted; use https://"
    if parse_address(parts.hostname or "") and is_bogon(parts.hostname or ""):
        return "is an address that no public server has"
    return ""


def find_server(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL that was checked."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port


def is_loopback(url: str) -> bool:
    """Whether a URL names this device by a literal address; what a name leads to is not known from it."""
    address = parse_address(urlsplit(url).hostname or "")
    return address is not None and address.is_loopback


def redact_url(url: str) -> str:
    """The URL without user, password and query, written one way: what is shown, recorded and compared."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(no URL)"
    return f"{parts.scheme}://{bracket_host(parts.hostname or '')}{port}{parts.path.rstrip('/')}"


def parse_login(url: str) -> tuple[str, str] | None:
    """User and password within the URL, or None."""
    parts: SplitResult = urlsplit(url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def folder_of(url: str) -> str:
    """The path of a file:// URL; empty for any other."""
    return unquote(urlsplit(url).path) if url.startswith("file://") else ""


def _is_own(host: str) -> bool:
    if any(host == name or (name.startswith(".") and host.endswith(name)) for name in _OWN_NAMES):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_private or address.is_loopback or address.is_link_local
