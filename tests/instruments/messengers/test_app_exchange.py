"""First words said on loopback to servers that answer well, wrongly, half, and with malice: always in bounds."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import socket
import ssl
from typing import Any

import pytest
import trustme

from loopback import FLOOD, MEGABYTE, SHORT_S, Behaviour, finish, going_to, seen_of, serving
from observations import EOF, RESET, TIMEOUT
from probe.core.endpoints import Expectation
from probe.core.observations import Observation
from probe.core.tables.handshakes import INNOCENT_HTTP
from probe.instruments.visits import visit as visit_module
from probe_lab.servers.app_registry import ANSWERS
from probe_lab.servers.app_wire import Wire


def said_to(behave: Behaviour, protocol: str = "mtproto", **changes: Any) -> list[Observation]:
    """A visit that says the first words of a protocol to such a server."""
    with serving(behave) as server:
        return seen_of(going_to(server.port, paths=(), app=protocol, app_name="chat.example", **changes))


class Socket:
    """A blocking socket as the laboratory's servers read it."""

    def __init__(self, conn: socket.socket) -> None:
        self.conn = conn

    async def read(self) -> bytes:
        return self.conn.recv(4096)

    async def write(self, data: bytes) -> None:
        self.conn.sendall(data)

    async def close(self) -> None:
        self.conn.close()


def genuine(protocol: str, *, wrong: bool = False, then: str = "hold") -> Behaviour:
    def behave(conn: socket.socket) -> None:
        async def said() -> bytes | None:
            return await ANSWERS[protocol](Wire(Socket(conn)), random.Random(3), wrong)

        answer = asyncio.run(said())
        assert answer is not None
        for part in (answer[:7], answer[7:]):
            conn.sendall(part)
        finish(conn, then)

    return behave


def replying(*parts: bytes, then: str = "close") -> Behaviour:
    def behave(conn: socket.socket) -> None:
        conn.recv(4096)
        for part in parts:
            conn.sendall(part)
        finish(conn, then)

    return behave


def echo(conn: socket.socket) -> None:
    while data := conn.recv(4096):
        conn.sendall(data)


def flood(conn: socket.socket) -> None:
    for _ in range(FLOOD // MEGABYTE):
        conn.sendall(b"\x15" * MEGABYTE)


def silent(conn: socket.socket) -> None:
    while conn.recv(4096):
        pass


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_genuine_server_proves_itself_in_both_transports(attempt: int) -> None:
    connect, seen = said_to(genuine("mtproto"), attempt=attempt)
    assert (connect.operation, connect.failure, connect.app.protocol) == ("connect", "", "mtproto")
    assert (seen.operation, seen.failure) == ("app_round_trip", "")
    assert (seen.app.proof, seen.app.protocol) == ("proven", "mtproto")
    assert seen.bytes_written > 40
    assert seen.app.reply_bytes == seen.bytes_read > 80
    assert len(seen.app.reply_head) == 16


@pytest.mark.parametrize("protocol", ["wa_noise", "mmtls", "viber", "threema"])
def test_other_messengers_answer(protocol: str) -> None:
    assert said_to(genuine(protocol, then="close"), protocol)[-1].app.proof == "answered"


@pytest.mark.parametrize("behave", [
    genuine("mtproto", wrong=True), replying(b"HTTP/1.1 200 OK\r\n\r\nhello"), echo, flood,
    replying(b"\x15\x03\x01\x00\x02\x02\x0a"), replying(b"\x19half", then="close"), replying(b"\x19half", then="hold"),
], ids=["wrong nonce", "page", "echo", "flood", "alert", "half", "half and silence"])
@pytest.mark.parametrize("protocol", ["mtproto", "wa_noise", "mmtls", "viber", "threema"])
def test_whatever_else_comes_is_foreign(behave: Behaviour, protocol: str) -> None:
    if protocol != "mtproto" and behave.__qualname__.startswith("genuine"):
        behave = genuine(protocol, wrong=True)
    seen = said_to(behave, protocol, http_timeout_s=SHORT_S)[-1]
    assert seen.app.proof == "foreign" or (protocol == "threema" and seen.app.proof == "" and seen.failure)
    assert seen.bytes_read < MEGABYTE
    assert len(seen.app.reply_head) <= 8


@pytest.mark.parametrize(("then", "failure"), [("close", EOF), ("reset", RESET)])
def test_an_end_without_a_word_is_a_failure(then: str, failure: str) -> None:
    seen = said_to(replying(then=then))[-1]
    assert (seen.failure, seen.app.proof, seen.app.reply_bytes) == (failure, "", 0)


def test_silence_after_acknowledgement_is_told_from_loss() -> None:
    seen = said_to(silent, http_timeout_s=SHORT_S)[-1]
    assert (seen.failure, seen.app.proof, seen.tcp.acked) == (TIMEOUT, "", "yes")


def test_more_than_the_only_length_that_marks_an_answer_is_another_answer() -> None:
    def behave(conn: socket.socket) -> None:
        conn.recv(4096)
        conn.sendall(b"\xfe" * 80)
        conn.recv(1)  # the visitor's goodbye
        conn.sendall(b"more")

    assert said_to(behave, "threema")[-1].app.proof in ("answered", "foreign")
    assert said_to(replying(b"\xfe" * 81), "threema")[-1].app.proof == "foreign"


def test_the_catalogues_pattern_is_held_against_the_answer() -> None:
    pattern = "hex:^[0-9a-f]{2}0{16}[0-9a-f]{16}[0-9a-f]{8}63241605<nonce>"
    for attempt in (1, 2):
        seen = said_to(genuine("mtproto"), expect=Expectation(reply=pattern), attempt=attempt)[-1]
        assert (seen.app.proof, seen.met_expectation, seen.mismatch) == ("proven", "yes", "")
    other = said_to(genuine("mtproto"), expect=Expectation(reply="hex:^ffff"))[-1]
    assert (other.app.proof, other.met_expectation) == ("foreign", "no")
    assert "hex:^ffff" in other.mismatch


# ---- innocent bytes

def test_innocent_bytes_reach_whoever_answers_or_ends() -> None:
    for behave in (replying(b"?"), replying(then="close")):
        seen = said_to(behave, INNOCENT_HTTP)[-1]
        assert (seen.failure, seen.app.proof, seen.tcp.acked) == ("", "answered", "yes")


def test_innocent_bytes_that_only_a_kernel_takes_are_carried() -> None:
    seen = said_to(silent, INNOCENT_HTTP, http_timeout_s=SHORT_S)[-1]
    assert (seen.failure, seen.app.proof, seen.tcp.acked) == (TIMEOUT, "", "yes")
    assert said_to(replying(then="reset"), INNOCENT_HTTP)[-1].failure == RESET


# ---- STARTTLS

AUTHORITY = trustme.CA()


def starting_tls(name: str) -> Behaviour:
    def behave(conn: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        AUTHORITY.issue_cert(name).configure_cert(context)
        conn.sendall(b"* OK hello [127.0.0.1]\r\n")
        assert conn.recv(4096) == b"a1 STARTTLS\r\n"
        conn.sendall(b"a1 OK now\r\n")
        with context.wrap_socket(conn, server_side=True) as secured:
            secured.recv(1)

    return behave


@pytest.mark.parametrize(("name", "trust", "failure"), [
    ("chat.example", "valid", ""), ("other.example", "wrong_name", "ssl_invalid_hostname")])
def test_after_starttls_the_chain_is_judged(
    name: str, trust: str, failure: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def context_for(_trust: str, _alpn: tuple[str, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        AUTHORITY.configure_trust(context)
        return context

    monkeypatch.setattr(visit_module, "make_context", context_for)
    _, app, tls = said_to(starting_tls(name), "imap_starttls", trust="web_pki")
    assert (app.app.proof, app.failure, app.app.reply_head) == ("answered", "", "")
    assert (tls.operation, tls.tls.trust, tls.failure, tls.tls.sni) == ("tls_handshake", trust, failure, "chat.example")


def test_a_server_without_starttls_is_not_spoken_to_in_tls() -> None:
    def behave(conn: socket.socket) -> None:
        conn.sendall(b"* OK hello\r\n")
        conn.recv(4096)
        conn.sendall(b"a1 BAD what\r\n")
        finish(conn, "hold")

    seen = said_to(behave, "imap_starttls", trust="web_pki")
    assert [o.operation for o in seen] == ["connect", "app_round_trip"]
    assert seen[-1].app.proof == "foreign"


def test_descriptors_beyond_those_of_select_are_served_too() -> None:
    """A run may have thousands of sockets open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1500:
        pytest.skip("this system grants too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1500), hard))
    held: list[int] = []
    try:
        while not held or held[-1] < 1100:
            held.append(os.open("/dev/null", os.O_RDONLY))
        assert said_to(replying(b"HTTP/1.1 200 OK\r\n\r\n"), INNOCENT_HTTP)[-1].failure == ""
        assert said_to(genuine("mtproto"))[-1].app.proof == "proven"
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
