"""Asks the issuer beside the place of uploads; bounded in time and bytes, no redirect is followed."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import msgspec

from probe.config.settings import UploadSettings
from probe.store.signing.age_proofs import MAX_KEYS_BYTES
from probe.upkeep.issuer.issuer_protocol import (
    EXCHANGE_PATH,
    KEYS_PATH,
    MAX_MESSAGE_BYTES,
    REGISTER_PATH,
    ExchangeAnswer,
    ExchangeRequest,
    Refusal,
    RefusedError,
    RegisterAnswer,
    RegisterRequest,
    read_message,
)
from probe.upkeep.upload.http_session import find_proxies, make_session, run_within
from probe.upkeep.upload.sender import UploadError, make_refusal

ASK_S = 8.0
_READ_S = 6.0
S = TypeVar("S", bound=msgspec.Struct)


class IssuerClient:
    """One session. All calls raise UploadError, and RefusedError for what the issuer refuses."""

    def __init__(self, upload: UploadSettings, login: dict[str, str]) -> None:
        self._upload, self._session = upload, make_session(upload, login)

    def fetch_keys(self) -> bytes:
        """The document of its public keys; not looked into."""
        return self._ask("GET", KEYS_PATH, b"", MAX_KEYS_BYTES)

    def register(self, request: RegisterRequest) -> RegisterAnswer:
        """A first coupon, blind."""
        return self._exchange(REGISTER_PATH, request, RegisterAnswer)

    def exchange(self, request: ExchangeRequest) -> ExchangeAnswer:
        """A proof and the next coupon, blind."""
        return self._exchange(EXCHANGE_PATH, request, ExchangeAnswer)

    def _exchange(self, path: str, request: msgspec.Struct, kind: type[S]) -> S:
        if (answer := read_message(self._ask("POST", path, msgspec.json.encode(request), MAX_MESSAGE_BYTES),
                                   kind)) is None:
            raise UploadError("the issuer's answer is none")
        return answer

    def _ask(self, method: str, path: str, body: bytes, most: int) -> bytes:
        status, content = run_within(partial(self._send, method, path, body, most), self._session, timeout_s=ASK_S)
        if status == 200 and len(content) <= most:
            return content
        if refusal := read_message(content, Refusal):
            raise RefusedError(refusal.refused)
        raise make_refusal(status)

    def _send(self, method: str, path: str, body: bytes, most: int) -> tuple[int, bytes]:
        url = self._upload.issuer.rstrip("/") + path
        with self._session.request(
            method, url, proxies=find_proxies(self._upload, url), data=body or None, stream=True,
            allow_redirects=False, headers={"Content-Type": "application/json"} if body else {},
            timeout=(_READ_S, _READ_S),
        ) as response:
            return response.status_code, response.raw.read(most + 1, decode_content=False)
