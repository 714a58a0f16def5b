"""What every exchange with a person's own server has in common: keys, certificates, proxies, an end in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from probe import __version__
from probe.config.settings import UploadSettings
from probe.upkeep.upload.sender import UploadError

CONNECT_S = 15.0
MAX_HEADER_WAIT_S = 60.0

T = TypeVar("T")


def make_session(upload: UploadSettings, keys: dict[str, str]) -> requests.Session:
    """A session that shares connections; `keys` are a login, empty where URLs are signed."""
    session = requests.Session()
    session.trust_env = False  # no keys of a .netrc, no other certificates; proxies are asked for by `find_proxies`
    session.headers["User-Agent"] = f"reachability-probe/{__version__}"
    session.auth = _auth(keys)
    if upload.ca_file:
        session.verify = str(Path(upload.ca_file).expanduser())
    return session


def find_proxies(upload: UploadSettings, url: str) -> dict[str, str]:
    """The proxies on the way to a URL: the configured one, or those of the environment."""
    if upload.proxy:
        return {"http": upload.proxy, "https": upload.proxy}
    found: dict[str, str] = requests.utils.get_environ_proxies(url, no_proxy=None)
    return found


def run_within(work: Callable[[], T], session: requests.Session, *, timeout_s: float) -> T:
    """Does a piece of work with a session. Raises UploadError for whatever goes wrong, at the latest after `timeout_s`.

    In a thread, because neither name resolution nor a server that drips its header heeds a timeout.
    """
    job = _Job[T](work)
    threading.Thread(target=job.run, daemon=True).start()
    if not job.done.wait(timeout_s):
        session.close()
        raise UploadError(f"no answer within {timeout_s:.0f} s")
    if job.failure:
        raise job.failure
    return job.results[0]


class _Job(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.done = threading.Event()
        self.results: list[T] = []
        self.failure: UploadError | None = None

    def run(self) -> None:
        try:
            self.results.append(self._work())
        except UploadError as error:
            self.failure = error
        except Exception as error:  # hostile bytes make requests, urllib3 and http.client raise many kinds
            self.failure = UploadError(_reason(error))
        finally:
            self.done.set()


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
