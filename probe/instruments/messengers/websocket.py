"""The client's side of WebSocket (RFC 6455) as far as a first exchange goes: opening, its proof, and frames. Pure.

No extension is offered, so none may be used. Servers' frames are bounded by the speech that reads them, and by
MAX_FRAMES: a flood of empty ones ends there.
The reader is our own, since wsproto refuses frames that count here, such as one that writes a short length in two
bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.app_http import HttpAnswer, choose_request_target, make_request, read_answer
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext

KEY_BYTES, MASK_BYTES = 16, 4
OPENING_BYTES = KEY_BYTES + MASK_BYTES
"""What an opening and one frame take of the speech's random bytes."""
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CONTINUED = 0
MAX_FRAMES = 32
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SWITCHED = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsocketMessages:
    """What a server has sent since the opening."""

    messages: tuple[bytes, ...] = ()
    """Whole messages of the wanted kind, in order."""
    closed: bool = False
    """It said that it closes."""
    broken: bool = False
    """Bytes that are no frames, or frames of another kind, or too many."""


def make_opening(asked: SpeechContext, *, headers: Mapping[str, str]) -> bytes:
    """The request for the upgrade; the first of `random` is its key."""
    host, target = choose_request_target(asked)
    key = base64.b64encode(asked.random[:KEY_BYTES]).decode()
    own = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
    return make_request("GET", host, target, {**own, **headers})


def compute_accept(key: bytes) -> str:
    """What a server makes of our key (section 4.2.2); nobody else who does not speak WebSocket does."""
    digest = hashlib.sha1(base64.b64encode(key) + _MAGIC, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def judge_opening(data: bytes, asked: SpeechContext, *, subprotocol: str = "",
                  may_refuse: bool = False) -> Proof | Empty:
    """The upgrade with the proof of our key. With `may_refuse`, where the catalogue does not say that it succeeds, a
    client error is the server's way to say no."""
    answer = read_answer(data)
    if isinstance(answer, str):
        return answer
    if answer.status != _SWITCHED:
        refused = may_refuse and 400 <= answer.status < 500 and not asked.expect.status
        return REFUSED if refused else FOREIGN
    return ANSWERED if _is_accepted(answer, asked, subprotocol) else FOREIGN


def _is_accepted(answer: HttpAnswer, asked: SpeechContext, subprotocol: str) -> bool:
    headers = answer.headers
    upgraded = headers.get("upgrade", "").lower() == "websocket" and "upgrade" in headers.get("connection", "").lower()
    known = (len(asked.random) >= KEY_BYTES and headers.get("sec-websocket-accept")
             == compute_accept(asked.random[:KEY_BYTES]))
    return (upgraded and known and "sec-websocket-extensions" not in headers
            and headers.get("sec-websocket-protocol", subprotocol) == subprotocol)


def measure_opening(data: bytes) -> int:
    """How long the answer to the opening is; the first frames may follow at once."""
    answer = read_answer(data)
    return answer.head_bytes if isinstance(answer, HttpAnswer) else len(data)


def frame_message(kind: int, payload: bytes, *, mask: bytes) -> bytes:
    """One masked frame that is a whole message (section 5.2)."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    key = mask.ljust(MASK_BYTES, b"\0")[:MASK_BYTES]
    hidden = bytes(byte ^ key[index % MASK_BYTES] for index, byte in enumerate(payload))
    return bytes([0x80 | kind]) + size + key + hidden


def read_messages(data: bytes, kind: int) -> WebsocketMessages:
    """The whole messages of one kind at the beginning of `data`; pings and pongs are passed over."""
    found: list[bytes] = []
    begun: bytes | None = None
    at = 0
    for _ in range(MAX_FRAMES):
        one = _frame(data, at)
        if one == INCOMPLETE:
            return WebsocketMessages(messages=tuple(found))
        if isinstance(one, str):
            break
        code, final, payload, at = one
        if code == CLOSE:
            return WebsocketMessages(messages=tuple(found), closed=True)
        if code in (PING, PONG):
            continue
        if (begun is None) != (code == kind) or (begun is not None and code != _CONTINUED):
            break
        begun = (begun or b"") + payload
        if final:
            found.append(begun)
            begun = None
    return WebsocketMessages(messages=tuple(found), broken=True)


def _frame(data: bytes, at: int) -> tuple[int, bool, bytes, int] | str:
    """(opcode, final, payload, where the next begins) of a server's frame; MORE, or FOREIGN for what is none."""
    head = data[at : at + 10]
    if head[:1] and (head[0] & 0x70 or head[0] & 0x0F not in (_CONTINUED, TEXT, BINARY, CLOSE, PING, PONG)):
        return FOREIGN
    if len(head) < 2:
        return INCOMPLETE
    final, code, length, size = bool(head[0] & 0x80), head[0] & 0x0F, head[1], 2
    if length & 0x80 or (code >= CLOSE and (length > 125 or not final)):
        return FOREIGN  # servers do not mask, and control frames are short and whole
    if length > 125:
        size = 4 if length == 126 else 10
        if len(head) < size:
            return INCOMPLETE
        length = int.from_bytes(head[2:size], "big")
    end = at + size + length
    return (code, final, data[at + size : end], end) if len(data) >= end else INCOMPLETE
