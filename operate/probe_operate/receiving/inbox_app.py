"""The inbox as a web service: who may upload, what is taken, and how it is answered. Nobody's address is looked at.

It speaks what `probe upload` speaks to WebDAV: PUT, and MKCOL, which is never needed. 201 means that a file is on the
disk, 204 that it was there.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from probe.store.files.atomic import StoreError
from probe.store.signing.age_proofs import AgeError, IssuerKeys, add_months
from probe.upkeep.upload.inbox_protocol import STATUSES, InboxRefusal, NameCard, RefusedWord
from probe_operate.issuer.age_proof_check import read_age_proof
from probe_operate.receiving.inbox_folder import FULL, InboxFolder, IncomingFile
from probe_operate.receiving.logins import LoginFile
from probe_operate.receiving.name_cards import is_signed_card, read_card
from probe_operate.receiving.shares import Shares
from probe_operate.receiving.upload_names import MAX_UPLOAD_MB, PATH_HEADER, place_upload

BODY_S = 120.0
"""What the whole of a file may take to come."""
MOST_AT_ONCE = 4
"""Files of one sender that come at once."""
MOST_IN_LINE = 64
"""Files of one sender for each of his shares that wait for their turn."""
TURN_S = 60.0
SKIP_S = 30.0
"""What may come of a file that is not taken."""
PROVEN = "proven."
"""Begins the folder of a name of a month with a proof of its age."""


class RefusedUploadError(Exception):
    """An upload that is not taken."""

    def __init__(self, word: RefusedWord) -> None:
        super().__init__(word)
        self.word: RefusedWord = word


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who uploads, as the inbox knows him."""

    folder: str
    shares: int = 1
    card: NameCard | None = None


@dataclass(slots=True, kw_only=True)
class _Line:
    """Of one sender's files."""

    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))
    length: int = 0


@dataclass(slots=True, kw_only=True)
class InboxDesk:
    """What all requests share."""

    folder: InboxFolder
    logins: LoginFile
    shares: Shares
    prefix: str
    """What the paths of uploads begin with."""
    issuer: IssuerKeys | None = None
    get_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    lines: dict[str, _Line] = field(default_factory=dict)

    async def answer(self, request: Request, name: str) -> Response:
        """Takes a file, or says why not."""
        if request.method == "MKCOL":
            return Response(status_code=405)  # as for a folder that is there
        if request.method != "PUT":
            return Response(status_code=405, headers={"Allow": "PUT, MKCOL"})
        try:
            size = _read_length(request)
            try:
                account = self._find_account(request, name)
                if not (below := place_upload(name)):
                    raise RefusedUploadError("name")
                async with self._turn(account):
                    return await self._receive(request, account, below, size)
            except RefusedUploadError:
                await _skip(request)  # else the web server in front may lose the answer
                raise
        except RefusedUploadError as error:
            return _refuse(error.word)
        except ClientDisconnect:
            return Response(status_code=400)
        except StoreError:
            return Response(status_code=503)
        except OSError as error:
            return _refuse("full") if error.errno in FULL else Response(status_code=503)

    async def _receive(self, request: Request, account: Account, below: str, size: int) -> Response:
        if not self.folder.has_room(size):
            raise RefusedUploadError("full")
        if word := self.shares.take(account.folder, size, shares=account.shares):
            raise RefusedUploadError(word)
        is_stored = False
        try:
            coming = self.folder.begin()
            try:
                await _fill(coming, request, size)
                if account.card and account.card.digest != coming.digest.hexdigest():
                    raise RefusedUploadError("digest")
                placed, path = await _finish(self.folder, coming, account.folder, below)
                if placed == "name":
                    raise RefusedUploadError("name")
                is_stored = placed == "stored"
            finally:
                coming.drop()
        finally:
            self.shares.settle(account.folder, size, is_stored=is_stored)
        return Response(status_code=201 if is_stored else 204, headers={PATH_HEADER: f"{self.prefix}{path}"})

    @asynccontextmanager
    async def _turn(self, account: Account) -> AsyncIterator[None]:
        """Waits until few other files of this sender come."""
        line = self.lines.setdefault(account.folder, _Line())
        if line.length >= MOST_IN_LINE * account.shares:
            raise RefusedUploadError("busy")
        line.length += 1
        try:
            try:
                async with asyncio.timeout(TURN_S):
                    await line.room.acquire()
            except TimeoutError:
                raise RefusedUploadError("busy") from None
            try:
                yield
            finally:
                line.room.release()
        finally:
            line.length -= 1
            if not line.length:
                self.lines.pop(account.folder, None)

    def _find_account(self, request: Request, name: str) -> Account:
        header = request.headers.get("authorization", "")
        if card := read_card(header):
            return self._check_card(card, name)
        user, password = _read_login(header)
        if (login := self.logins.find(user, password)) is None:
            raise RefusedUploadError("login")
        return Account(folder=login.name, shares=login.shares)

    def _check_card(self, card: NameCard, name: str) -> Account:
        """Raises RefusedUploadError unless it is of this month, or of the one before: a month begins for all at
        once."""
        month = f"{self.get_now():%Y-%m}"
        is_of_now = card.proof.month in (month, add_months(month, -1))
        if self.issuer is None or not is_of_now or not is_signed_card(card, name):
            raise RefusedUploadError("login")
        try:
            proof = read_age_proof(msgspec.json.encode(card.proof), self.issuer)
        except AgeError:
            raise RefusedUploadError("login") from None
        return Account(folder=f"{PROVEN}{proof.probe_id}", card=card)


def make_inbox_app(desk: InboxDesk) -> ASGIApp:
    """The application; `/health` says that it is there."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request, path = Request(scope, receive), str(scope["path"])
        if path.startswith(desk.prefix):
            answer = await desk.answer(request, path.removeprefix(desk.prefix))
        else:
            answer = PlainTextResponse("ok\n" if path == "/health" else "", 200 if path == "/health" else 404)
        await answer(scope, receive, send)

    return app


def _read_length(request: Request) -> int:
    """What a file has, as its request says. Raises RefusedUploadError, for which nothing more of it is read."""
    length = request.headers.get("content-length", "")
    if "transfer-encoding" in request.headers or not (length.isascii() and length.isdecimal() and len(length) < 16):
        raise RefusedUploadError("length")
    if int(length) > MAX_UPLOAD_MB << 20:
        raise RefusedUploadError("large")
    return int(length)


def _read_login(header: str) -> tuple[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


async def _fill(coming: IncomingFile, request: Request, size: int) -> None:
    """Raises OSError, ClientDisconnect and RefusedUploadError."""
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                coming.add(piece)
    except TimeoutError:
        raise RefusedUploadError("slow") from None
    if coming.size != size:
        raise RefusedUploadError("length")


async def _finish(folder: InboxFolder, coming: IncomingFile, account: str, below: str) -> tuple[str, str]:
    """In a thread, which ends before its file is dropped even where the request is cancelled."""
    work = asyncio.ensure_future(asyncio.to_thread(folder.place, coming, account, below))
    try:
        return await asyncio.shield(work)
    finally:
        if not work.done():
            await asyncio.wait([work])


async def _skip(request: Request) -> None:
    """Reads what comes of a file that is not taken, and forgets it."""
    try:
        async with asyncio.timeout(SKIP_S):
            async for _ in request.stream():
                pass
    except (TimeoutError, ClientDisconnect, RuntimeError):  # RuntimeError: it was read
        return


def _refuse(word: RefusedWord) -> Response:
    return Response(msgspec.json.encode(InboxRefusal(refused=word)), status_code=STATUSES[word],
                    media_type="application/json",
                    headers={"Connection": "close"} if word in ("length", "large", "slow") else None)
