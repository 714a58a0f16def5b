"""An inbox on a web server: listed by WebDAV's PROPFIND or by the pages that it makes of its folders.

Bounded in bytes, time, folders and depth; no redirect is followed, so no server leads anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO
from urllib.parse import quote

from probe.config.destination import redact_url
from probe.config.settings import UploadSettings
from probe.controls.reaching.http_client import HttpAnswer, HttpMessage
from probe.upkeep.upload.http_session import OwnServer
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
_IDENTITY = {"Accept-Encoding": "identity"}
_DAV_HEADERS = {"Depth": "1", "Content-Type": "application/xml"}
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
        self._signed = signed
        self._base = redact_url(access.to)
        self._server = OwnServer(access, {} if signed else keys)
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
            answer = self._ask(HttpMessage(url=url, headers=_IDENTITY, into=into), most, FETCH_S)
        except UploadError as error:
            raise InboxError(str(error)) from None
        if answer.status != 200:
            raise InboxError(_refusal(answer.status))
        return answer.size

    def _list_folder(self, folder: str) -> list[ListedEntry]:
        url = f"{self._base}/{quote(folder)}"
        try:
            if self._is_dav:
                answer = self._ask(HttpMessage(method="PROPFIND", url=url, body=_PROPFIND, headers=_DAV_HEADERS),
                                   MAX_LIST_BYTES, LIST_S)
                if answer.status == 207:
                    return read_dav_listing(answer.body, url)
                self._is_dav = False
            answer = self._ask(HttpMessage(url=url, headers=_IDENTITY), MAX_LIST_BYTES, LIST_S)
            if answer.status != 200:
                raise InboxError(f"{url}: the list of this folder {_refusal(answer.status)}")
            is_json = answer.headers.get("content-type", "").startswith("application/json")
            return read_json_listing(answer.body) if is_json else read_html_listing(answer.body, url)
        except (UploadError, ValueError) as error:
            raise InboxError(f"{url}: the list of this folder: {error}") from None

    def _ask(self, message: HttpMessage, most: int, timeout_s: float) -> HttpAnswer:
        """Raises UploadError, for a success of more than `most` bytes as well."""
        answer = self._server.ask(message, max_bytes=most, timeout_s=timeout_s)
        if answer.failure and answer.status in (200, 207):
            raise UploadError(f"more than {most >> 20} MiB")
        return answer


def _refusal(status: int) -> str:
    word = _WORDS.get(status, "points elsewhere, which is not followed" if 300 <= status < 400
                      else "has a failure of its own" if status >= 500 else "is not given")
    return f"{word} (HTTP status {status})"
