"""Upload by HTTP PUT, to WebDAV, to any server that takes it, or to a URL that was signed for it.

Bounded in time and bytes; no redirect is followed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from probe import __version__
from probe.config.destination import redact_url
from probe.config.settings import UploadSettings
from probe.operation.upload.sender import UploadError, make_refusal

_DONE = (200, 201, 204)
_NO_FOLDER = (403, 404, 409, 500)
"""What servers say that make no folders by themselves; 500 is nginx's word for it."""
_MAX_ANSWER_BYTES = 64 << 10
_TYPES = {".tgz": "application/gzip", ".json": "application/json"}
_CONNECT_S = 15.0
_MAX_HEADER_WAIT_S = 60.0


class HttpSender:
    """One session, so that all runs share a connection.

    `signed`: makes each file's URL; without it names stand below the configured URL, and `keys` are a login.
    """

    def __init__(self, upload: UploadSettings, keys: dict[str, str], *, signed: Callable[[str], str] | None = None,
                 headers: Mapping[str, str] | None = None) -> None:
        self._base = redact_url(upload.to)
        self._signed = signed
        self._session = requests.Session()
        self._session.trust_env = False  # no keys of a .netrc, no other certificates; proxies are asked for below
        self._session.headers["User-Agent"] = f"reachability-probe/{__version__}"
        self._session.headers.update(headers or {})
        self._session.auth = None if signed else _auth(keys)
        if upload.ca_file:
            self._session.verify = str(Path(upload.ca_file).expanduser())
        self._proxies = {"http": upload.proxy, "https": upload.proxy} if upload.proxy else None
        self._made: set[str] = set()

    def put(self, name: str, content: bytes, *, timeout_s: float) -> None:
        """As `Sender.put`; folders that are missing are made (MKCOL) where the server asks for it."""
        job = _Job()
        # A thread, because neither name resolution nor a server that drips its header heeds a timeout.
        threading.Thread(target=self._work, args=(job, name, content, timeout_s), daemon=True).start()
        if not job.done.wait(timeout_s):
            self._session.close()
            raise UploadError(f"no answer within {timeout_s:.0f} s")
        if job.failure:
            raise job.failure

    def _work(self, job: _Job, name: str, content: bytes, timeout_s: float) -> None:
        try:
            status = self._ask("PUT", name, content, timeout_s)
            if status in _NO_FOLDER and not self._signed and self._make_folders(name, timeout_s):
                status = self._ask("PUT", name, content, timeout_s)
            if status not in _DONE:
                job.failure = make_refusal(status)
        except UploadError as error:
            job.failure = error
        except Exception as error:  # hostile bytes make requests, urllib3 and http.client raise many kinds
            job.failure = UploadError(_reason(error))
        finally:
            job.done.set()

    def _make_folders(self, name: str, timeout_s: float) -> bool:
        """Ask for each folder above the file, the highest first; whether any was made. What a server says of one that
        it has differs, so nothing is concluded from it."""
        pieces, made = name.split("/")[:-1], False
        for count in range(1, len(pieces) + 1):
            folder = "/".join(pieces[:count]) + "/"
            if folder not in self._made:
                self._made.add(folder)
                made |= self._ask("MKCOL", folder, b"", timeout_s) in _DONE
        return made

    def _ask(self, method: str, name: str, content: bytes, timeout_s: float) -> int:
        url = self._signed(name) if self._signed else f"{self._base}/{quote(name)}"
        proxies = self._proxies or requests.utils.get_environ_proxies(url, no_proxy=None)
        with self._session.request(
            method, url, proxies=proxies, data=content or None, stream=True, allow_redirects=False,
            headers={"Content-Type": _TYPES.get(PurePosixPath(name).suffix, "text/plain")} if content else {},
            timeout=(min(_CONNECT_S, timeout_s), min(_MAX_HEADER_WAIT_S, timeout_s)),
        ) as response:
            response.raw.read(_MAX_ANSWER_BYTES, decode_content=False)  # a whole one lets the connection serve again
            return response.status_code


class _Job:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.failure: UploadError | None = None


def _auth(keys: dict[str, str]) -> AuthBase | None:
    if "token" in keys:
        return _Bearer(keys["token"])
    if "user" in keys:
        return HTTPBasicAuth(keys["user"].encode(), keys.get("password", "").encode())
    return None


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _reason(error: Exception) -> str:
    """The kind of an error in our own words: its text may hold a server's bytes, or a proxy's password."""
    if isinstance(error, requests.exceptions.InvalidSchema):
        return "a SOCKS proxy needs PySocks: pip install PySocks"
    for kind, words in (
        (requests.exceptions.ProxyError, "the proxy does not let it through, or is not there"),
        (requests.exceptions.SSLError, "the server's certificate is not in order, or the encrypted connection was cut"),
        (requests.exceptions.Timeout, "no answer in time"),
        (requests.exceptions.ConnectionError, "no connection, or it was cut"),
    ):
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return "a file of certificates (upload.ca_file) cannot be read, or the connection was cut"
    return "what answers there is no HTTP server"
