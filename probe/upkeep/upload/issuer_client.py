"""Asks the issuer beside the place of uploads; bounded in time and bytes, no redirect is followed."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from probe.config.settings import UploadSettings
from probe.controls.reaching.http_client import HttpMessage
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
from probe.upkeep.upload.http_session import OwnServer
from probe.upkeep.upload.sender import UploadError, make_refusal

ASK_S = 8.0
_READ_S = 6.0
S = TypeVar("S", bound=msgspec.Struct)


class IssuerClient:
    """One session. All calls raise UploadError, and RefusedError for what the issuer refuses."""

    def __init__(self, upload: UploadSettings, login: dict[str, str]) -> None:
        self._url, self._server = upload.issuer.rstrip("/"), OwnServer(upload, login)

    def fetch_keys(self) -> bytes:
        """The document of its public keys; not looked into."""
        return self._ask(KEYS_PATH, None, MAX_KEYS_BYTES)

    def register(self, request: RegisterRequest) -> RegisterAnswer:
        """A first coupon, blind."""
        return self._exchange(REGISTER_PATH, request, RegisterAnswer)

    def exchange(self, request: ExchangeRequest) -> ExchangeAnswer:
        """A proof and the next coupon, blind."""
        return self._exchange(EXCHANGE_PATH, request, ExchangeAnswer)

    def _exchange(self, path: str, request: msgspec.Struct, kind: type[S]) -> S:
        if (answer := read_message(self._ask(path, msgspec.json.encode(request), MAX_MESSAGE_BYTES), kind)) is None:
            raise UploadError("the issuer's answer is none")
        return answer

    def _ask(self, path: str, body: bytes | None, most: int) -> bytes:
        kind = {"Content-Type": "application/json"} if body else {}
        answer = self._server.ask(HttpMessage(url=self._url + path, body=body, headers=kind), max_bytes=most,
                                  timeout_s=ASK_S, connect_s=_READ_S, silence_s=_READ_S)
        if answer.status == 200 and not answer.failure:
            return answer.body
        if refusal := read_message(answer.body, Refusal):
            raise RefusedError(refusal.refused)
        raise make_refusal(answer.status)
