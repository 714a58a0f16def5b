"""What every exchange with a person's own server has in common: keys, certificates, proxies, an end in time.

No redirect is followed. The server may lie in a private network, and where it may be spoken to openly is decided by
`probe.config.destination`.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import requests

from probe.config.settings import UploadSettings
from probe.controls.reaching.http_client import USER_AGENT, HttpAnswer, HttpClient, HttpMessage, HttpPolicy
from probe.upkeep.upload.sender import FAILURE_WORDS, UploadError

CONNECT_S = 15.0
MAX_HEADER_WAIT_S = 60.0


class OwnServer:
    """Exchanges that share connections; `keys` are a login, empty where URLs are signed."""

    def __init__(self, upload: UploadSettings, keys: dict[str, str]) -> None:
        self._upload = upload
        self._headers = {**requests.utils.default_headers(), "User-Agent": USER_AGENT, **_make_login(keys)}
        self._client = HttpClient(ca_file=str(Path(upload.ca_file).expanduser()) if upload.ca_file else "")

    def ask(self, message: HttpMessage, *, max_bytes: int, timeout_s: float, silence_s: float = MAX_HEADER_WAIT_S,
            connect_s: float = CONNECT_S) -> HttpAnswer:
        """The answer, maybe larger than asked for. Raises UploadError for whatever else goes wrong, in time."""
        answer = self._client.ask(
            replace(message, unpack=False, headers={**self._headers, **message.headers},
                    proxies=find_proxies(self._upload, message.url)),
            HttpPolicy(max_bytes=max_bytes, timeout_s=timeout_s, redirects=0, reach="anywhere", plain=True,
                       connect_s=connect_s, silence_s=silence_s))
        if answer.failure and answer.failure != "too_large":
            raise UploadError(FAILURE_WORDS[answer.failure])
        return answer


def find_proxies(upload: UploadSettings, url: str) -> dict[str, str]:
    """The proxies on the way to a URL: the configured one, or those of the environment."""
    if upload.proxy:
        return {"http": upload.proxy, "https": upload.proxy}
    found: dict[str, str] = requests.utils.get_environ_proxies(url, no_proxy=None)
    return found


def _make_login(keys: dict[str, str]) -> dict[str, str]:
    if "token" in keys:
        return {"Authorization": f"Bearer {keys['token']}"}
    pair = f"{keys.get('user', '')}:{keys.get('password', '')}".encode()
    return {"Authorization": f"Basic {b64encode(pair).decode()}"} if "user" in keys else {}
