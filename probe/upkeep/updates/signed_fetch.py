"""Fetches a list and its signature: from a file, or from a server that may be hostile. Bounded in bytes and time."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

from probe.controls.reaching.fetch_site import parse_site
from probe.controls.reaching.http_client import USER_AGENT, HttpAnswer, HttpClient, HttpMessage, HttpPolicy
from probe.core.addresses import parse_address
from probe.core.tables.failures import EOF
from probe.upkeep.updates.key_trust import MAX_BYTES as MAX_KEYS_BYTES
from probe.upkeep.updates.list_document import MAX_BYTES, ListError
from probe.upkeep.updates.minisign import MAX_SIGNATURE_BYTES

SUFFIX = ".minisig"
"""Of the signature's name, after the list's."""
KEYS_SUFFIX = ".keys"
"""The same of the file of key statements, which need not be there."""
MAX_REDIRECTS = 5
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
_WORDS = {
    "not_public": "the server has no public address here: its name is not known, or leads into a private network",
    "no_url": "the server redirects to what is no URL",
    "elsewhere": "the server redirects to where no list may lie: not by https, or into a private network",
    "redirects": f"the server redirects more than {MAX_REDIRECTS} times",
}


def is_remote(source: str) -> bool:
    """Whether a list's server would be asked, and so see who asks."""
    return source.lower().startswith(("http://", "https://"))


def fetch_signature(source: str, *, timeout_s: float) -> bytes:
    """The signature file that lies beside a list, at a URL or in a folder. Raises ListError."""
    return fetch_body(source + SUFFIX, MAX_SIGNATURE_BYTES, timeout_s=timeout_s)


def fetch_statements(source: str, *, timeout_s: float) -> bytes:
    """The key statements that lie beside a list. Raises ListError."""
    return fetch_body(source + KEYS_SUFFIX, MAX_KEYS_BYTES, timeout_s=timeout_s)


def fetch_document(source: str, *, timeout_s: float) -> bytes:
    """The list itself. Raises ListError."""
    return fetch_body(source, MAX_BYTES, timeout_s=timeout_s)


def check_source(source: str) -> None:
    """Raises ListError for a URL that is never asked."""
    if not is_remote(source):
        return
    parts = urlsplit(source)
    if parts.query or parts.fragment or "?" in source or "#" in source:
        raise ListError(f"{source}: the URL of a list has neither ? nor #, since the signature's is made from it")
    _first(source)


def fetch_body(source: str, most: int, *, timeout_s: float) -> bytes:
    """What lies in a file or at an https URL, `most` bytes at most. Raises ListError."""
    if not is_remote(source):
        return _from_file(source, most)
    _first(source)
    answer = HttpClient().ask(
        HttpMessage(url=source, unpack=False, headers=_HEADERS),
        HttpPolicy(max_bytes=most, timeout_s=timeout_s, redirects=MAX_REDIRECTS, reach="named", elsewhere=True))
    if why := _explain(answer, most):  # where a redirect led is not told: a server may put the asker's address into it
        raise ListError(f"{source}: {'it is elsewhere now, and there ' if answer.moved else ''}{why}")
    return answer.body


def _explain(answer: HttpAnswer, most: int) -> str:
    """What was wrong with an answer; empty where nothing was."""
    if answer.failure in _WORDS:
        return _WORDS[answer.failure]
    if answer.failure in ("connect", "tls"):
        return f"the server cannot be reached ({answer.failure}: {answer.cause})"
    if answer.status not in (0, 200):
        return f"the server answers with status {answer.status}"
    if answer.failure == "too_large":
        return f"what the server sends is larger than {most} bytes"
    if answer.failure and answer.status and answer.cause == EOF:
        return "the answer broke off before its end"
    return f"the server did not answer as it should ({answer.cause})" if answer.failure else ""


def _from_file(source: str, most: int) -> bytes:
    path = Path(unquote(urlsplit(source).path) if source.startswith("file://") else source).expanduser()
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ListError(f"{path}: is not a regular file")
        with path.open("rb") as handle:
            raw = handle.read(most + 1)
    except OSError as error:
        raise ListError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > most:
        raise ListError(f"{path}: is larger than {most} bytes")
    return raw


def _first(source: str) -> None:
    """The URL that the person gave: https, or http on this very machine. Raises ListError."""
    try:
        site = parse_site(source)
    except ValueError:
        raise ListError(f"{source}: is no URL of a list: https://, a host's full name, a path") from None
    address = parse_address(site.host)
    if site.scheme == "http" and not (address and address.is_loopback):
        raise ListError(f"{source}: is not encrypted: give an https:// URL")
