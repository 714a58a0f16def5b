"""Fetches a list and its signature: from a file, or from a server that may be hostile. Bounded in bytes and time."""

from __future__ import annotations

import http.client
import stat
import time
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from probe import __version__
from probe.controls.reaching.page_fetch import FetchSite, parse_site
from probe.controls.reaching.public_addresses import resolve_public
from probe.controls.reaching.reach import get_socket, hang_up, open_stream
from probe.controls.reaching.reach_plan import PUBLIC_TRUST, ReachPlan
from probe.core.addresses import is_bogon, parse_address
from probe.core.tables.http_status import REDIRECTS
from probe.upkeep.updates.key_trust import MAX_BYTES as MAX_KEYS_BYTES
from probe.upkeep.updates.list_document import MAX_BYTES, ListError
from probe.upkeep.updates.minisign import MAX_SIGNATURE_BYTES

SUFFIX = ".minisig"
"""Of the signature's name, after the list's."""
KEYS_SUFFIX = ".keys"
"""The same of the file of key statements, which need not be there."""
MAX_REDIRECTS = 5
MAX_HEAD_BYTES = 64 * 1024
USER_AGENT = f"reachability-probe/{__version__}"
_CHUNK = 64 * 1024


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
    deadline = time.monotonic() + timeout_s
    here = start = _first(source)
    for _ in range(MAX_REDIRECTS + 1):
        try:
            body, location = _ask(here, most, deadline, named=here.host == start.host)
            if not location:
                return body
            here = _follow_redirect(here, location)
        except ListError as error:  # where a redirect led is not told: a server may put the asker's address into it
            raise ListError(f"{source}: {'' if here == start else 'it is elsewhere now, and there '}{error}") from None
    raise ListError(f"{source}: the server redirects more than {MAX_REDIRECTS} times")


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


def _first(source: str) -> FetchSite:
    """The URL that the person gave: https, or http on this very machine. Raises ListError."""
    try:
        site = parse_site(source)
    except ValueError:
        raise ListError(f"{source}: is no URL of a list: https://, a host's full name, a path") from None
    address = parse_address(site.host)
    if site.scheme == "http" and not (address and address.is_loopback):
        raise ListError(f"{source}: is not encrypted: give an https:// URL")
    return site


def _follow_redirect(here: FetchSite, location: str) -> FetchSite:
    """Where a redirect leads: by https to somewhere public, or to the same server. Raises ListError."""
    try:
        there = parse_site(urljoin(here.url, location).partition("#")[0])
    except ValueError:
        raise ListError("the server redirects to what is no URL") from None
    if (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port):
        return there
    if there.scheme != "https" or (parse_address(there.host) and is_bogon(there.host)):
        raise ListError("the server redirects to where no list may lie: not by https, or into a private network")
    return there


def _ask(site: FetchSite, most: int, deadline: float, *, named: bool) -> tuple[bytes, str]:
    """(body, where a redirect leads). Raises ListError."""
    why = "has no public address here: its name is not known, or leads into a private network"
    addresses = _addresses(site, deadline, named=named)
    for index, address in enumerate(addresses):
        now = time.monotonic()
        until = now + (deadline - now) / (len(addresses) - index)  # an address that is silent leaves time for others
        plan = ReachPlan(address=address, port=site.port, sni=site.host if site.scheme == "https" else "",
                         alpn=("http/1.1",), trust=PUBLIC_TRUST)
        found, stream = open_stream(plan, deadline=until)
        if stream is None:
            why = f"cannot be reached ({found.operation}: {found.failure or found.reason})"
            continue
        sock = get_socket(stream)
        sock.deadline, sock.read_limit = deadline, sock.bytes_read + most + MAX_HEAD_BYTES
        connection = http.client.HTTPConnection(site.host)
        connection.sock = stream
        try:
            return _exchange(connection, site, most)
        except ListError:
            raise
        except Exception as error:  # hostile bytes make http.client raise many kinds
            raise ListError("the server did not answer as it should "
                            f"({sock.failure or type(error).__name__})") from None
        finally:
            hang_up(stream)
    raise ListError(f"the server {why}")


def _exchange(connection: http.client.HTTPConnection, site: FetchSite, most: int) -> tuple[bytes, str]:
    parts = urlsplit(site.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
    for name, value in (("Host", site.host_header), ("User-Agent", USER_AGENT), ("Accept", "*/*"),
                        ("Accept-Encoding", "identity"), ("Connection", "close")):
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    if response.status in REDIRECTS and (location := response.getheader("Location")):
        return b"", location
    if response.status != 200:
        raise ListError(f"the server answers with status {response.status}")
    body = bytearray()
    while len(body) <= most and (chunk := response.read(min(_CHUNK, most + 1 - len(body)))):
        body += chunk
    if len(body) > most:
        raise ListError(f"what the server sends is larger than {most} bytes")
    if response.length:
        raise ListError("the answer broke off before its end")
    return bytes(body), ""


def _addresses(site: FetchSite, deadline: float, *, named: bool) -> list[str]:
    """Where a server may be asked: a literal that the person gave, else public addresses alone; so nobody's answer
    leads into a private network."""
    if parse_address(site.host):
        return [site.host] if named or not is_bogon(site.host) else []
    return resolve_public(site.host, deadline=deadline)
