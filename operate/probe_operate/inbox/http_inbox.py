"""An inbox on a web server: listed by WebDAV's PROPFIND or by the pages that it makes of its folders.

Bounded in bytes, time, folders and depth; no redirect is followed, so no server leads anywhere else.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO
from urllib.parse import quote

from probe.config.destination import redact_url
from probe.config.settings import UploadSettings
from probe.upkeep.upload.http_session import CONNECT_S, MAX_HEADER_WAIT_S, find_proxies, make_session, run_within
from probe.upkeep.upload.sender import UploadError
from probe_operate.collect.remote_runs import InboxError, RemoteFile
from probe_operate.inbox.folder_listings import (
    ListedEntry,
    read_dav_listing,
    read_html_listing,
    read_json_listing,
)
from probe_operate.inbox.inbox_crawl import crawl_inbox

MAX_LIST_BYTES = 64 << 20
"""Of one folder's list: some hundred thousand files."""
LIST_S = 120.0
"""What the list of one folder may take."""
FETCH_S = 300.0
_CHUNK = 64 << 10
_PROPFIND = (b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getetag/>'
             b"<getlastmodified/></prop></propfind>")
_WORDS = {
    401: "wants other keys", 403: "does not let these keys read there", 404: "knows no such file or folder",
    407: "wants other keys (the proxy)", 410: "has it no more", 429: "asks for patience",
}


class HttpInbox:
    """An inbox below a URL, or, where URLs are signed, its files alone."""

    def __init__(self, access: UploadSettings, keys: dict[str, str], *,
                 signed: Callable[[str], str] | None = None) -> None:
        self._access = access
        self._signed = signed
        self._base = redact_url(access.to)
        self._session = make_session(access, {} if signed else keys)
        self._is_dav = True
        self.unlisted: list[str] = []

    @property
    def place(self) -> str:
        """As RemoteInbox has it."""
        return self._base

    def list_files(self) -> Iterator[RemoteFile]:
        """Folder by folder, those alone that may hold runs. Raises InboxError."""
        return crawl_inbox(self._base, self._list_folder, self.unlisted)

    def fetch(self, name: str, into: BinaryIO, *, most: int) -> int:
        """As RemoteInbox has it."""
        try:
            url = self._signed(name) if self._signed else f"{self._base}/{quote(name)}"
            status, count, _ = run_within(partial(self._ask, "GET", url, into, most, FETCH_S), self._session,
                                          timeout_s=FETCH_S)
        except UploadError as error:
            raise InboxError(str(error)) from None
        if status != 200:
            raise InboxError(_refusal(status))
        return count

    def _list_folder(self, folder: str) -> list[ListedEntry]:
        url = f"{self._base}/{quote(folder)}"
        try:
            if self._is_dav:
                status, text, _ = self._read("PROPFIND", url)
                if status == 207:
                    return read_dav_listing(text, url)
                self._is_dav = False
            status, text, kind = self._read("GET", url)
            if status != 200:
                raise InboxError(f"{url}: the list of this folder {_refusal(status)}")
            return read_json_listing(text) if kind.startswith("application/json") else read_html_listing(text, url)
        except (UploadError, ValueError) as error:
            raise InboxError(f"{url}: the list of this folder: {error}") from None

    def _read(self, method: str, url: str) -> tuple[int, bytes, str]:
        text = io.BytesIO()
        status, _, kind = run_within(partial(self._ask, method, url, text, MAX_LIST_BYTES, LIST_S), self._session,
                                     timeout_s=LIST_S)
        return status, text.getvalue(), kind

    def _ask(self, method: str, url: str, into: BinaryIO, most: int, timeout_s: float) -> tuple[int, int, str]:
        """(status, bytes written, type of the content). Raises UploadError for more than `most` bytes."""
        body = {"data": _PROPFIND, "headers": {"Depth": "1", "Content-Type": "application/xml"}} if (
            method == "PROPFIND") else {"headers": {"Accept-Encoding": "identity"}}
        count, ends = 0, time.monotonic() + timeout_s
        with self._session.request(method, url, proxies=find_proxies(self._access, url), stream=True,
                                   allow_redirects=False, timeout=(CONNECT_S, MAX_HEADER_WAIT_S), **body) as response:
            if response.status_code not in (200, 207):
                return response.status_code, 0, ""
            expected = response.headers.get("Content-Length", "")
            while chunk := response.raw.read(_CHUNK, decode_content=False):
                count += len(chunk)
                if count > most or time.monotonic() > ends:
                    raise UploadError(f"more than {most >> 20} MiB, or more than {timeout_s:.0f} s")
                into.write(chunk)
            if expected.isdecimal() and int(expected) != count:
                raise UploadError("was cut off")
            return response.status_code, count, response.headers.get("Content-Type", "")


def _refusal(status: int) -> str:
    word = _WORDS.get(status, "points elsewhere, which is not followed" if 300 <= status < 400
                      else "has a failure of its own" if status >= 500 else "is not given")
    return f"{word} (HTTP status {status})"
