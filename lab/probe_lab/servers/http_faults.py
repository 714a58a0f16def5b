"""What broken or hostile web servers send instead of an answer, by kind of fault."""

from __future__ import annotations

import gzip
import random
from collections.abc import Awaitable, Callable
from functools import cache
from urllib.parse import parse_qs, urlsplit

from probe_lab.lab_types import Fault
from probe_lab.servers.faults import number, text, texts
from probe_lab.servers.http1 import Reply, Request, head_bytes
from probe_lab.servers.streams import PlainStream, Stream

SLOW_HEAD = "http_slow_head"
REDIRECTS = 100
"""Length of a redirect loop."""

_BOMB_PART_BYTES = 1 << 24
_BOMB_PARTS = 64
_HUGE_HEADERS = 128
_HUGE_HEADER_BYTES = 8192
_MOST_BYTES = 1 << 28
"""An endless body ends here all the same, so that a forgotten client does not fill the machine."""


def fault_reply(fault: Fault, request: Request) -> Reply | None:
    """The well-formed reply of a fault; None for a fault that is no well-formed HTTP."""
    make = _REPLIES.get(fault.kind)
    return make(fault, request) if make else None


async def fault_bytes(fault: Fault, stream: Stream) -> None:
    """Send what a fault sends that is no well-formed HTTP; the connection ends after it."""
    await _BYTES[fault.kind](stream)


async def end_slow_request(reply: str, stream: Stream, plain: PlainStream) -> None:
    """End a connection whose request takes too long: by reset, close, or a status and close."""
    if reply == "reset":
        plain.reset()
        return
    if reply != "close":
        headers = [("Connection", "close"), ("Content-Length", "0")]
        await stream.write(head_bytes(int(reply), headers))
    await stream.close()


def _status(fault: Fault, request: Request) -> Reply:
    headers = []
    for line in texts(fault.params, "headers"):
        name, _, value = line.partition(":")
        headers.append((name.strip(), value.strip()))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "text/html; charset=utf-8"))
    status = int(number(fault.params, "status", 403))
    body = text(fault.params, "body", f"<html><head><title>{status}</title></head><body>{status}</body></html>")
    return Reply(status=status, headers=tuple(headers), body=body.encode())


def _redirect_loop(fault: Fault, request: Request) -> Reply:
    parts = urlsplit(request.target)
    seen = parse_qs(parts.query).get("n", ["0"])[0]
    count = int(seen) if seen.isdecimal() and len(seen) < 9 else 0
    if count >= REDIRECTS:
        return Reply(status=200, headers=(("Content-Type", "text/plain"),), body=b"here at last")
    return Reply(status=302, headers=(("Location", f"{parts.path}?n={count + 1}"),))


def _redirect_to(fault: Fault, request: Request) -> Reply:
    location = text(fault.params, "location", "/")
    return Reply(status=int(number(fault.params, "status", 302)), headers=(("Location", location),))


def _gzip_bomb(fault: Fault, request: Request) -> Reply:
    headers = (("Content-Type", "text/html"), ("Content-Encoding", "gzip"))
    return Reply(status=200, headers=headers, body=_bomb())


@cache
def _bomb() -> bytes:
    """A gibibyte of zeros in gzip members of 16 MiB, each of them 16 KiB packed."""
    return gzip.compress(bytes(_BOMB_PART_BYTES), mtime=0) * _BOMB_PARTS


async def _endless(stream: Stream) -> None:
    headers = [("Content-Type", "text/html"), ("Transfer-Encoding", "chunked")]
    await stream.write(head_bytes(200, headers) + b"2a\r\n<html><head><title>Endless</title></head><br>\r\n")
    chunk = b"4000\r\n" + b"without end, " * 1260 + b"abcd" + b"\r\n"
    for _ in range(_MOST_BYTES // len(chunk)):
        await stream.write(chunk)


async def _huge_headers(stream: Stream) -> None:
    headers = [(f"X-Padding-{index}", "x" * _HUGE_HEADER_BYTES) for index in range(_HUGE_HEADERS)]
    await stream.write(head_bytes(200, [*headers, ("Content-Length", "2")]) + b"ok")


async def _binary_headers(stream: Stream) -> None:
    rng = random.Random(0)
    lines = b"".join(b"X-%d: %s\r\n" % (index, rng.randbytes(200).replace(b"\n", b"")) for index in range(20))
    torn = b"\x00\x1b[2J: \xff\xfe\r\n: no name\r\nno colon at all\r\nBare: \rcarriage\r\n"
    await stream.write(b"HTTP/1.1 200 \x1b[31mOK\xff\r\n" + torn + lines + b"Content-Length: 2\r\n\r\nok")


_REPLIES: dict[str, Callable[[Fault, Request], Reply]] = {
    "status": _status,
    "http_redirect_loop": _redirect_loop,
    "http_redirect_to": _redirect_to,
    "http_gzip_bomb": _gzip_bomb,
}

_BYTES: dict[str, Callable[[Stream], Awaitable[None]]] = {
    "http_endless": _endless,
    "http_huge_headers": _huge_headers,
    "http_binary_headers": _binary_headers,
}
