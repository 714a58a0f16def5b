"""Upload by HTTP PUT, to WebDAV, to any server that takes it, or to a URL that was signed for it.

Bounded in time and bytes; no redirect is followed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from urllib.parse import quote

from probe.config.destination import redact_url
from probe.config.settings import UploadSettings
from probe.controls.reaching.http_client import HttpAnswer, HttpMessage
from probe.core.translation import say
from probe.upkeep.issuer.issuer_protocol import read_message
from probe.upkeep.upload.http_session import OwnServer
from probe.upkeep.upload.inbox_protocol import InboxRefusal
from probe.upkeep.upload.sender import UploadError, make_refusal

_DONE = (200, 201, 204)
_NO_FOLDER = (403, 404, 409, 500)
"""What servers say that make no folders by themselves; 500 is nginx's word for it."""
_UNKNOWN = 401
_MAX_ANSWER_BYTES = 64 << 10
_TYPES = {".tgz": "application/gzip", ".json": "application/json"}


class HttpSender:
    """One session, so that all runs share a connection.

    `signed`: makes each file's URL; without it names stand below the configured URL, and `keys` are a login.
    `introduce`: makes the header Authorization of a file, which stands in for the login; empty where there is none.
    """

    def __init__(self, upload: UploadSettings, keys: dict[str, str], *, signed: Callable[[str], str] | None = None,
                 headers: Mapping[str, str] | None = None,
                 introduce: Callable[[str, bytes], str] | None = None) -> None:
        self._base = redact_url(upload.to)
        self._signed = signed
        self._server = OwnServer(upload, {} if signed else keys)
        self._headers = headers or {}
        self._introduce = introduce
        self._made: set[str] = set()

    def put(self, name: str, content: bytes, *, timeout_s: float) -> str:
        """As `Sender.put`; folders that are missing are made (MKCOL) where the server asks for it."""
        ends = time.monotonic() + timeout_s
        answer = self._put(name, content, ends)
        if answer.status in _NO_FOLDER and not self._signed and self._make_folders(name, ends):
            answer = self._put(name, content, ends)
        if answer.status not in _DONE:
            raise _explain(answer)
        return f"HTTP status {answer.status}"

    def _put(self, name: str, content: bytes, ends: float) -> HttpAnswer:
        if self._introduce and (card := self._introduce(name, content)):
            answer = self._ask("PUT", name, content, ends, {"Authorization": card})
            if answer.status != _UNKNOWN:
                return answer
            self._introduce = None  # no inbox of ours, or one of another issuer
        return self._ask("PUT", name, content, ends)

    def _make_folders(self, name: str, ends: float) -> bool:
        """Ask for each folder above the file, the highest first; whether any was made. What a server says of one that
        it has differs, so nothing is concluded from it."""
        pieces, made = name.split("/")[:-1], False
        for count in range(1, len(pieces) + 1):
            folder = "/".join(pieces[:count]) + "/"
            if folder not in self._made:
                self._made.add(folder)
                made |= self._ask("MKCOL", folder, b"", ends).status in _DONE
        return made

    def _ask(self, method: str, name: str, content: bytes, ends: float,
             more: Mapping[str, str] = MappingProxyType({})) -> HttpAnswer:
        url = self._signed(name) if self._signed else f"{self._base}/{quote(name)}"
        kind = {"Content-Type": _TYPES.get(PurePosixPath(name).suffix, "text/plain")} if content else {}
        message = HttpMessage(method=method, url=url, body=content, headers={**self._headers, **kind, **more})
        return self._server.ask(message, max_bytes=_MAX_ANSWER_BYTES, timeout_s=max(0.01, ends - time.monotonic()))


def _explain(answer: HttpAnswer) -> UploadError:
    refusal = read_message(answer.body, InboxRefusal)
    if refusal and refusal.refused == "day":
        return UploadError(say("the inbox takes no more from one volunteer today; what is left waits here"))
    if refusal and refusal.refused == "all":
        return UploadError(say("the inbox takes no more from one volunteer; what is left waits here: tell its "
                               "operator"))
    return make_refusal(answer.status)
