"""Servers that answer hellos with garbage, or never come to an end: bounded, named, and written down."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from itertools import repeat

import pytest

from loopback import FLOOD, PATIENCE_S, SHORT_S, Behaviour, finish, serving
from observations import EOF, HOST, TIMEOUT
from probe.catalogue.programs import PROGRAM_HELLOS
from probe.core.observations import Observation
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.words import Empty
from probe.instruments.clock import start_clock
from probe.instruments.steps import Visit
from probe.instruments.streams.raw_reply import NO_TLS
from probe.instruments.streams.sockets import MAX_READ_BYTES
from probe.instruments.visits.visit import visit
from probe.judge.program.user_shapes import is_answered

CHUNK = 1 << 16


def shake(behave: Behaviour, shape: ProgramShape | Empty, *, timeout_s: float = PATIENCE_S) -> Observation:
    """A hello in this shape, or a whole handshake of the library's."""
    with serving(behave) as server:
        plan = Visit(purpose="program" if shape else "target", address="127.0.0.1", port=server.port, hostname=HOST,
                     sni=HOST, shape=shape, trust="web_pki", until_server_hello=bool(shape),
                     connect_timeout_s=PATIENCE_S, tls_timeout_s=timeout_s)
        connect, seen = visit(plan, clock=start_clock(), rng=random.Random(1))
    assert (connect.failure, seen.operation, seen.tls.shape) == ("", "tls_handshake", shape)
    return seen


def answering(blocks: Iterator[bytes], *, then: str = "hold") -> Behaviour:
    """After the hello these bytes, up to FLOOD of them."""
    def behave(conn: socket.socket) -> None:
        conn.recv(CHUNK)
        sent = 0
        for block in blocks:
            conn.sendall(block)
            sent += len(block)
            if sent >= FLOOD:
                break
        finish(conn, then)

    return behave


def record(kind: int, body: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(body).to_bytes(2) + body


@pytest.mark.parametrize("shape", PROGRAM_HELLOS)
@pytest.mark.parametrize(("block", "failure"), [
    (bytes(CHUNK), NO_TLS), (b"\xff" * CHUNK, NO_TLS), (b"\x16\3\3\xff\xff" * 9000, NO_TLS),
    (b"\x17\3\3\x40\0" + bytes(16384), NO_TLS), (b"HTTP/1.1 302 Found\r\n" * 999, NO_TLS),
])
def test_garbage_without_end_is_no_answer_to_any_shape(shape: ProgramShape, block: bytes, failure: str) -> None:
    seen = shake(answering(repeat(block)), shape)
    assert (seen.failure, seen.tls.server_hello, seen.tls.alert) == (failure, False, -1)
    assert seen.bytes_read <= CHUNK
    assert not is_answered([seen])


@pytest.mark.parametrize(("begin", "then", "failure"), [
    (b"", "close", EOF), (b"\x16", "close", EOF), (b"\x16\3\3\0", "close", EOF), (b"\x15\3\3\0\2", "close", EOF),
    (b"\x16\3\3\0", "hold", TIMEOUT),
])
def test_an_answer_that_never_becomes_one_ends_with_the_time(begin: bytes, then: str, failure: str) -> None:
    seen = shake(answering(iter((begin,)), then=then), "chrome", timeout_s=SHORT_S if then == "hold" else PATIENCE_S)
    assert (seen.failure, seen.bytes_read, is_answered([seen])) == (failure, len(begin), False)


ENDLESS = {
    "requests for another hello": repeat(record(22, b"\0\0\0\0" * 4096)),
    "a hello of 16 MB": iter((record(22, b"\2\xff\xff\xff" + bytes(16380)), *repeat(record(22, bytes(16384)), 4000))),
    "records of nothing": repeat(record(22, b"") * 999),
    "warnings": repeat(record(21, b"\1\x5a") * 999),
    "changes of cipher": repeat(record(20, b"\1") * 999),
    "other people's data": repeat(record(23, bytes(16384))),
}


@pytest.mark.parametrize("blocks", ENDLESS.values(), ids=list(ENDLESS))
def test_a_handshake_without_end_is_cut_off_and_named(blocks: Iterator[bytes]) -> None:
    seen = shake(answering(blocks), "")
    assert seen.failure
    assert not seen.failure.startswith("unknown")
    assert seen.bytes_read <= MAX_READ_BYTES + CHUNK
    assert (seen.tls.trust, seen.tls.chain) == ("", ())
