"""Type 65 over the wire from servers that mean harm: answers as large as can be, and names that lead in circles."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from observations import HOST
from probe.core.observations import Observation
from probe.core.tables.resolvers import HTTPS
from probe.instruments.clock import start_clock
from probe.instruments.names import stream_lookups
from probe.instruments.names.dns_wire import make_query
from probe.instruments.names.https_wire import MAX_BYTES, MAX_KEPT
from probe.instruments.names.resolver_lines import ResolverLines
from probe.store.text_forms import format_https

PATIENCE_S = 60.0
Reply = Callable[[bytes], bytes]
"""A query -> what comes back, without its length."""
ASKED = b"\xc0\x0c"
ALIAS = struct.pack("!H", 0)
OWN_NAME = b"".join(bytes((len(label),)) + label.encode() for label in HOST.split(".")) + b"\0"


def answer(query: bytes, *data: bytes, kind: int = 65) -> bytes:
    """Records of these data, of the name that was asked for."""
    question = make_query(HOST, HTTPS, identity=0)[12:-11]
    return query[:2] + struct.pack("!5H", 0x8180, 1, len(data), 0, 0) + question + b"".join(
        ASKED + struct.pack("!HHIH", kind, 1, 60, len(one)) + one for one in data)


LARGE: dict[str, Reply] = {
    "one record of hints": lambda query: answer(query, struct.pack("!HBHH", 1, 0, 4, 64000) + bytes(64000)),
    "one record of keys": lambda query: answer(query, b"\0\1\0" + b"".join(
        struct.pack("!HH", key, 0) for key in range(100, 16000))),
    "one record of protocols": lambda query: answer(query, struct.pack("!HBHH", 1, 0, 1, 64000) + b"\1h" * 32000),
    "records": lambda query: answer(query, *[b"\0\1\0"] * 4300),
    "aliases of itself": lambda query: answer(query, *[ALIAS + OWN_NAME] * 2000),
    "canonical names of itself": lambda query: answer(query, *[ASKED] * 4500, kind=5),
    "addresses": lambda query: answer(query, *[n.to_bytes(4) for n in range(4000)], kind=1),
}


@contextmanager
def name_server(reply: Reply, *, framed: Callable[[bytes], bytes]) -> Iterator[int]:
    """Over TCP: takes one question and sends what `framed` makes of the reply."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve() -> None:
            conn, _ = listener.accept()
            with suppress(OSError), conn:
                query = conn.recv(4096)[2:]
                conn.sendall(framed(reply(query)))
                conn.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def ask(port: int, monkeypatch: pytest.MonkeyPatch) -> Observation:
    monkeypatch.setitem(stream_lookups.PORTS, "tcp", port)
    with ResolverLines() as lines:
        return stream_lookups.lookup_over_tcp(HOST, HTTPS, server="127.0.0.1", lines=lines, clock=start_clock(),
                                              timeout_s=PATIENCE_S)


def with_length(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


@pytest.mark.parametrize("reply", LARGE.values(), ids=list(LARGE))
def test_the_largest_answers_are_kept_in_bounds_and_lead_nowhere(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    with name_server(reply, framed=with_length) as port:
        seen = ask(port, monkeypatch)
    assert (seen.failure in ("", "dns_no_answer"), seen.dns.rcode) == (True, "NOERROR")
    kept = len(seen.dns.answers) + len(seen.dns.cnames) + len(seen.dns.https_records)
    assert 0 < kept <= 2 * MAX_KEPT
    assert sum(len(format_https(record)) for record in seen.dns.https_records) < 1 << 13


@pytest.mark.parametrize("framed", [
    lambda data: with_length(data) + bytes(1 << 20), lambda data: b"\xff\xff" + data[:20] + bytes(MAX_BYTES),
    lambda data: with_length(data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c" * 900),
], ids=["more behind it", "a length that is too large", "a question that points at itself"])
def test_what_is_framed_wrongly_is_an_answer_or_a_failure(framed: Callable[[bytes], bytes],
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    with name_server(lambda query: answer(query, b"\0\1\0"), framed=framed) as port:
        seen = ask(port, monkeypatch)
    assert bool(seen.failure) != bool(seen.dns.https_records)
    assert len(seen.failure) < 100
