"""A helper reads a page as the probe does: the same bytes asked, the same answer understood."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.instruments.streams.http_exchange import compose_request, exchange_http
from probe.instruments.streams.http_parts import REQUEST_HEADERS, HttpExchange
from probe.instruments.streams.sockets import RecordedSocket
from probe_operate.reaching.plain_exchange import compose_get, exchange_plainly

CAP = 1000
TEXT = b"<title>A page</title>" + bytes(range(256)) * 3
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(TEXT) + RAW.flush()


def answer(head: bytes, body: bytes = b"", *, length: bool = True) -> bytes:
    """An answer in HTTP."""
    size = b"Content-Length: %d\r\n" % len(body) if length else b""
    return b"HTTP/1.1 200 OK\r\n" + head + size + b"\r\n" + body


def chunked(*parts: bytes) -> bytes:
    """The body in pieces."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


def heard(told: bytes, *, plainly: bool) -> HttpExchange:
    """What is made of it, on a connection that ends afterwards."""
    ours, theirs = socket.socketpair()
    sock = RecordedSocket(fileno=ours.detach())
    sock.deadline = time.monotonic() + 20

    def tell() -> None:
        with theirs:
            theirs.recv(4096)
            theirs.sendall(told)
            theirs.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        if plainly:
            return exchange_plainly(sock, compose_get("https://a.example/", {"Host": "a.example"}), max_body_bytes=CAP)
        return exchange_http(sock, "https://a.example/", host="a.example", max_body_bytes=CAP)
    finally:
        thread.join()
        socket.socket.close(sock)


def both(told: bytes) -> tuple[HttpExchange, HttpExchange]:
    """As the helper and as the probe reads it; which library found what is no HTTP does not matter."""
    one, two = heard(told, plainly=True), heard(told, plainly=False)
    if one.failure.startswith("unknown_failure: invalid http") and two.failure.startswith("unknown_failure: invalid"):
        one = replace(one, failure=two.failure)
    return one, two


@pytest.mark.parametrize("told", [
    answer(b"", TEXT), answer(b"Connection: close\r\n", TEXT), answer(b"", TEXT, length=False), answer(b"", b""),
    answer(b"Content-Encoding: gzip\r\n", gzip.compress(TEXT)),
    answer(b"Content-Encoding: GZIP\r\n", gzip.compress(TEXT)),
    answer(b"Content-Encoding: deflate\r\n", zlib.compress(TEXT)),
    answer(b"Content-Encoding: deflate\r\n", RAW_DEFLATE),
    answer(b"Content-Encoding: gzip\r\n", gzip.compress(b"x" * 500_000)), answer(b"", b"y" * (CAP + 1)),
    answer(b"", b"y" * CAP), answer(b"Content-Encoding: identity\r\n", TEXT),
    answer(b"Transfer-Encoding: chunked\r\n", chunked(TEXT[:10], TEXT[10:]), length=False),
    answer(b"Transfer-Encoding: chunked\r\n", chunked(b"z" * 700, b"z" * 700), length=False),
    answer(b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", chunked(gzip.compress(TEXT)), length=False),
    answer(b"X-Two: a\r\nSet-Cookie: a=1\r\nx-two: b\r\nSet-Cookie: b=2\r\n", TEXT),
    b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"", TEXT), b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n" + TEXT,
    b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n",
    b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
])
def test_an_answer_is_read_as_the_probe_reads_it(told: bytes) -> None:
    one, two = both(told)
    assert one == two


@pytest.mark.parametrize("told", [
    answer(b"Content-Length: 999\r\n", TEXT, length=False), answer(
        b"Transfer-Encoding: chunked\r\n", chunked(TEXT)[:-30], length=False),
    answer(b"Content-Encoding: gzip\r\n", b"no such thing" * 9),
])
def test_a_broken_answer_is_broken_to_both(told: bytes) -> None:
    one, two = both(told)
    assert (one.failure, one.status, one.headers, one.reusable) == (two.failure, two.status, two.headers, two.reusable)
    assert one.failure


@pytest.mark.parametrize("url", [
    "https://a.example/", "https://a.example/a/b?c=d&e", "https://a.example/%7Euser/ä?q=ö", "http://a.example/a%zz[1]",
    "https://a.example/?x", "https://a.example/a/../b/./c?d=/../e", "https://a.example/a?b?c", "https://a.example:8443/a;b=c",
])
def test_a_page_is_asked_for_as_the_probe_asks(url: str) -> None:
    host = url.split("/")[2]
    assert compose_get(url, {**REQUEST_HEADERS, "Host": host}) == compose_request(url, host=host)


@given(st.binary(max_size=300) | st.builds(lambda head, body: b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body,
                                           st.binary(max_size=100), st.binary(max_size=100)))
def test_whatever_comes_is_an_answer_or_a_failure(told: bytes) -> None:
    got = heard(told, plainly=True)
    assert got.failure or 100 <= got.status <= 999
    assert len(got.body) <= CAP
