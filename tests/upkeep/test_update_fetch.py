"""Fetching a list from real servers on loopback, good ones and hostile ones."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from loopback import Server, requests_on, serving
from probe.controls.reaching import public_addresses
from probe.instruments.streams.tls_handshake import make_context
from probe.upkeep.updates.kept_list import read_kept_list, read_looks
from probe.upkeep.updates.list_document import MAX_BYTES, ListError
from probe.upkeep.updates.list_refresh import refresh_list
from probe.upkeep.updates.minisign import MAX_SIGNATURE_BYTES, parse_public_key
from probe.upkeep.updates.signed_fetch import check_source, fetch_document, fetch_signature
from signed import OTHERS, OURS, document

KEY = parse_public_key(OURS.public_line)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOST = "lists.example.org"
Answer = Callable[[socket.socket], None]


def ok(body: bytes, *, said: int | None = None) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) if said is None else said) + body


def to(place: str, status: int = 302) -> bytes:
    return b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, place.encode())


class Lists:
    """A server that answers by path, and remembers what was asked."""

    def __init__(self, answers: dict[str, bytes | Answer]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.heads: list[bytes] = []

    def behave(self, conn: socket.socket) -> None:
        head = next(requests_on(conn), b"")
        path = head.split(b" ")[1].decode() if head else ""
        self.asked.append(path)
        self.heads.append(head)
        answer = self.answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        if callable(answer):
            answer(conn)
        else:
            conn.sendall(answer)


@contextmanager
def lists(raw: bytes = b"", signature: bytes | None = None, **others: bytes | Answer) -> Iterator[tuple[Lists, str]]:
    """A server of a list (or of what else is to be at /list, or elsewhere); yields it and the list's URL."""
    own = Lists({"/list.minisig": ok(OURS.sign(raw) if signature is None else signature), "/list": ok(raw),
                 **{f"/{path}": answer for path, answer in others.items()}})
    with serving(own.behave) as server:
        yield own, f"http://127.0.0.1:{server.port}/list"


def test_a_list_is_fetched_with_its_signature_first(tmp_path: Path) -> None:
    with lists(document()) as (server, url):
        assert refresh_list(url, KEY, now=NOW, folder=tmp_path).document.serial == 7
        assert server.asked == ["/list.minisig", "/list"]
    told = b"\r\n".join(server.heads)
    assert b"User-Agent: reachability-probe/" in told
    assert b"Cookie" not in told
    assert {line.split(b":")[0] for line in server.heads[0].split(b"\r\n")[1:]} == {
        b"Host", b"User-Agent", b"Accept", b"Accept-Encoding", b"Connection"}


def test_a_strangers_list_is_not_fetched(tmp_path: Path) -> None:
    raw = document()
    with lists(raw, OTHERS.sign(raw)) as (server, url), pytest.raises(ListError, match="not by"):
        refresh_list(url, KEY, now=NOW, folder=tmp_path)
    assert server.asked == ["/list.minisig", "/list.keys"], "new keys may stand there; the list itself is not asked for"


def endless(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        conn.sendall(b"x" * 65536)


def chunks_for_ever(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        conn.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")


def header_for_ever(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        conn.sendall(b"X-A: " + b"x" * 60_000 + b"\r\n")


def interim_for_ever(conn: socket.socket) -> None:
    while True:
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


@pytest.mark.parametrize(("answer", "why"), [
    (ok(document(8)), "altered"), (ok(document()[:-1]), "altered"),
    (ok(document()[:-1], said=len(document())), "broke off"),
    (ok(b""), "altered"), (b"", "did not answer as it should"), (b"\0" * 100, "did not answer as it should"),
    (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "status 503"), (ok(b"x", said=MAX_BYTES + 1), "broke off"),
    (endless, f"larger than {MAX_BYTES}"), (chunks_for_ever, f"larger than {MAX_BYTES}"),
    (header_for_ever, "did not answer"), (interim_for_ever, "did not answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc", "altered"),
    (to("/nowhere"), "status 404"), (to("/list"), "more than 5 times"),
    (to("http://127.0.0.2/list"), "where no list may"),
    (to("https://10.0.0.1/list"), "where no list may"), (to("https://[::1]/list"), "where no list may"),
    (to("https://[::ffff:127.0.0.1]/list"), "where no list may"), (to("file:///etc/passwd"), "no URL"),
    (to("https://u:p@a.example/"), "no URL"), (to("http://a.example/list"), "where no list may"),
    (to("https://"), "no URL"),
], ids=lambda value: value.__name__ if callable(value) else str(value)[:40])
def test_what_is_not_the_list_is_refused_in_words(tmp_path: Path, answer: bytes | Answer, why: str) -> None:
    raw = document()
    with lists(raw, list=answer) as (_, url), pytest.raises(ListError, match=why) as refused:
        refresh_list(url, KEY, now=NOW, timeout_s=20, folder=tmp_path)
    assert "\n" not in str(refused.value)
    assert read_kept_list(KEY, tmp_path) is None
    assert read_looks(tmp_path).failed == str(refused.value)[:300]


def test_a_redirect_on_the_same_server_is_followed() -> None:
    with lists(b"found", old=to("/list", 301)) as (server, url):
        assert fetch_document(url.replace("/list", "/old"), timeout_s=20) == b"found"
        assert server.asked == ["/old", "/list"]


def test_a_signature_is_small() -> None:
    flood = b"x" * (MAX_SIGNATURE_BYTES + 1)
    with lists(signature=flood) as (_, url), pytest.raises(ListError, match="larger than 16384"):
        fetch_signature(url, timeout_s=20)


def dripping(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        conn.sendall(b"x")
        conn.settimeout(0.02)
        try:
            if not conn.recv(1):
                return
        except TimeoutError:
            pass


@pytest.mark.parametrize("answer", [dripping, lambda conn: conn.recv(1)])
def test_time_is_bounded_whatever_the_server_does(answer: Answer) -> None:
    with lists(list=answer) as (_, url), pytest.raises(ListError, match="generic_timeout_error"):
        fetch_document(url, timeout_s=0.4)


# ---- names and TLS

@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the system's resolver answers."""
    answers: dict[str, list[str]] = {}

    def lookup(host: str, *_: Any, **__: Any) -> list[Any]:
        if host not in answers:
            raise socket.gaierror(-2, "unknown")
        return [(0, 0, 0, "", (address, 0)) for address in answers[host]]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return answers


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["127.0.0.1"], ["fe80::1"], ["64:ff9b::7f00:1"], []])
def test_no_name_leads_into_a_private_network(names: dict[str, list[str]], addresses: list[str]) -> None:
    names[HOST] = addresses
    with pytest.raises(ListError, match="public address"):
        fetch_document(f"https://{HOST}/list", timeout_s=20)


@contextmanager
def tls_server(leaf: trustme.LeafCert, own: Lists) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)

    def behave(conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as tls:
            own.behave(tls)

    with serving(behave) as server:
        yield server


@pytest.mark.parametrize(("name", "trusted", "why"), [
    (HOST, True, ""), ("other.example.org", True, "ssl_invalid_hostname"), (HOST, False, "ssl_unknown_authority"),
])
def test_the_server_is_whom_the_url_names(names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                          name: str, trusted: bool, why: str) -> None:
    authority = trustme.CA()
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setattr("certifi.where", lambda: str(tmp_path / "roots.pem"))
    monkeypatch.setattr(public_addresses, "is_bogon", lambda address: address != "127.0.0.1")
    names[HOST] = ["127.0.0.1"]
    make_context.cache_clear()
    try:
        with tls_server(authority.issue_cert(name), Lists({"/list": ok(b"found")})) as server:
            url = f"https://{HOST}:{server.port}/list"
            if not why:
                assert fetch_document(url, timeout_s=20) == b"found"
                return
            with pytest.raises(ListError, match=why):
                fetch_document(url, timeout_s=20)
    finally:
        make_context.cache_clear()


@pytest.mark.parametrize(("source", "why"), [
    ("http://lists.example.org/list", "not encrypted"), ("http://10.0.0.1/list", "not encrypted"),
    ("https://lists.example.org/list?x=1", "neither"), ("https://lists.example.org/list#x", "neither"),
    ("https://u:p@lists.example.org/list", "no URL"), ("https://lists/list", "no URL"),
    ("https://lists.example.org:99999/list", "no URL"),
])
def test_a_url_that_is_never_asked_is_told(source: str, why: str) -> None:
    with pytest.raises(ListError, match=why):
        check_source(source)


def test_files_are_bounded_too(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (MAX_BYTES + 1))
    for name, why in (("big", "larger"), ("absent", "cannot be read"), (".", "regular file")):
        with pytest.raises(ListError, match=why):
            fetch_document(str(tmp_path / name), timeout_s=1)
    with pytest.raises(ListError, match="regular file"):
        fetch_document("/dev/zero", timeout_s=1)


def test_where_a_redirect_led_is_not_told(names: dict[str, list[str]], tmp_path: Path) -> None:
    """A server may write the asker's address into it."""
    there = to("https://asked-by-203-0-113-9.example.org/")
    why = "elsewhere now, and there the server has no public address"
    with lists(**{"list.minisig": there}) as (_, url), pytest.raises(ListError, match=why) as refused:
        refresh_list(url, KEY, now=NOW, folder=tmp_path)
    assert "asked-by" not in str(refused.value) + read_looks(tmp_path).failed
