"""Lookups on connections: kept between questions, made anew where they have died, and few to each resolver."""

from __future__ import annotations

import re
import socket
import struct

import pytest

from loopback import PATIENCE_S, Behaviour, serving
from observations import HERE4, HOST
from probe.core.observations import Observation
from probe.instruments.clock import start_clock
from probe.instruments.names import stream_lookups
from probe.instruments.names.resolver_lines import MOST_CONNECTIONS, MOST_IN_THE_CLEAR, ResolverLines
from probe.instruments.names.stream_lookups import ENOUGH, lookup_over_tcp
from project_root import ROOT


def answering(most: int, *, after: int = 0) -> Behaviour:
    """Answers so many questions of a connection, those after the first `after` with what is no answer."""
    def behave(conn: socket.socket) -> None:
        for number in range(most):
            if not (query := conn.recv(4096)[2:]):
                return
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(HERE4)
            good = query[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + query[12:-11] + record
            reply = good if not after or number < after else b"\xff" * 12
            conn.sendall(struct.pack("!H", len(reply)) + reply)

    return behave


def ask(behave: Behaviour, lookups: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Observation], int]:
    """What lookups one after the other saw, and over how many connections."""
    with serving(behave) as server, ResolverLines() as lines:
        monkeypatch.setitem(stream_lookups.PORTS, "tcp", server.port)
        seen = [lookup_over_tcp(HOST, "A", server="127.0.0.1", lines=lines, clock=start_clock(), timeout_s=PATIENCE_S)
                for _ in range(lookups)]
    return seen, server.connections


@pytest.mark.parametrize(("behave", "lookups", "connections"), [
    (answering(9), 3, 1), (answering(1), 3, 3), (answering(9, after=1), 3, 3), (answering(2), 3, 2),
], ids=["kept", "each ended after one", "each spoiled after one", "ended after two"])
def test_a_connection_is_kept_while_it_answers(behave: Behaviour, lookups: int, connections: int,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    seen, opened = ask(behave, lookups, monkeypatch)
    assert [(o.failure, o.reason, o.dns.answers) for o in seen] == [("", "", (HERE4,))] * lookups
    assert opened == connections


def test_beyond_its_share_a_lookup_is_left_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, opened = ask(answering(0), MOST_IN_THE_CLEAR + 3, monkeypatch)
    assert opened == MOST_IN_THE_CLEAR
    assert [bool(o.failure) for o in seen] == [True] * opened + [False] * 3
    assert [o.reason for o in seen] == [""] * opened + [ENOUGH] * 3


def test_encrypted_lookups_and_those_in_the_clear_have_shares_of_their_own() -> None:
    lines = ResolverLines()
    opened = {engine: sum(lines.may_open("google", engine) for _ in range(50)) for engine in ("tcp", "doh", "dot")}
    assert (opened["tcp"], opened["dot"], sum(opened.values()) <= MOST_CONNECTIONS) == (MOST_IN_THE_CLEAR, 0, True)
    assert lines.may_open("cloudflare", "doh")


def test_ethics_says_how_many_connections_a_resolver_gets() -> None:
    text = (ROOT / "docs" / "ethics.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"public resolver, a run makes at most (\d+)\s+connections", text)
    assert int(told) == MOST_CONNECTIONS
