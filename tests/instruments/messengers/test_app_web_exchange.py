"""First words that HTTP carries, said on loopback: to the laboratory's servers, and to those that stall or flood."""

from __future__ import annotations

import asyncio
import base64
import socket
from typing import Any

import pytest

from loopback import FLOOD, MEGABYTE, SHORT_S, Behaviour, requests_on, serving
from observations import TIMEOUT
from probe.catalogue.proof_strength import describe_coverage, explain_unmeasured
from probe.catalogue.sites import group_sites
from probe.controls.asking.helper_client import make_helper_request
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.tables.handshakes import GENUINE_PROOFS, HELPER_HANDSHAKES, ProtocolName
from probe.instruments.messengers.websocket import compute_accept
from probe_operate.helper.helper_order import parse_order
from probe_operate.reaching.reach import reach_endpoint
from probe_operate.reaching.reach_plan import ReachPlan
from probe_operate.reaching.target_guard import TargetGuard
from test_app_exchange import Socket, said_to
from test_app_web import NAMES, ROWS, served

KNOWN = {name: next((row for row in ROWS[name] if row.expect.json), ROWS[name][0]) for name in NAMES}
OPENINGS = ["mtproto_ws", "wa_noise_ws", "max_ws", "xmpp_ws", "websocket"]


def laboratory(row: Endpoint, style: str = "") -> Behaviour:
    def behave(conn: socket.socket) -> None:
        try:
            asyncio.run(served(Socket(conn), row, style))
        except TimeoutError:
            return

    return behave


def spoken(name: ProtocolName, behave: Behaviour, **changes: Any) -> Observation:
    row = KNOWN[name]
    return said_to(behave, name, app_url=row.input, expect=row.expect, **changes)[-1]


@pytest.mark.parametrize("name", NAMES)
def test_a_genuine_server_is_known_and_nothing_of_its_answer_is_kept(name: ProtocolName) -> None:
    seen = spoken(name, laboratory(KNOWN[name]))
    assert seen.failure == ""
    assert seen.app.proof in GENUINE_PROOFS
    assert seen.http.status == (101 if name in OPENINGS else 200)
    assert (seen.operation, seen.app.reply_head) == ("app_round_trip", "")
    assert seen.met_expectation == ("yes" if KNOWN[name].expect.reply else "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("style", ["wrong", "http"])
def test_a_page_or_another_answer_is_foreign(name: ProtocolName, style: str) -> None:
    seen = spoken(name, laboratory(KNOWN[name], style), http_timeout_s=2)
    assert (seen.app.proof, seen.app.reply_bytes > 0) == ("foreign", True)


def opening(flood: bytes = b"") -> Behaviour:
    """The upgrade, well answered; then silence, or a flood."""
    def behave(conn: socket.socket) -> None:
        head = next(requests_on(conn), b"")
        key = next(line for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))[19:]
        conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + compute_accept(base64.b64decode(key)).encode() + b"\r\n\r\n")
        for _ in range(FLOOD // len(flood) if flood else 0):
            conn.sendall(flood)
        while conn.recv(4096):
            pass

    return behave


@pytest.mark.parametrize("name", OPENINGS)
def test_silence_behind_an_opening_is_silence(name: ProtocolName) -> None:
    seen = spoken(name, opening(), http_timeout_s=SHORT_S)
    assert (seen.failure, seen.app.proof, seen.tcp.acked, seen.http.status) == (TIMEOUT, "", "yes", 101)
    assert seen.app.reply_bytes > 0


@pytest.mark.parametrize("block", [bytes(4096), b"\x89\x00" * 2048, b"\x82\x7e\x0f\xfc" + bytes(4092)],
                         ids=["zeros", "pings", "frames"])
@pytest.mark.parametrize("name", OPENINGS)
def test_a_flood_behind_an_opening_is_bounded(name: ProtocolName, block: bytes) -> None:
    seen = spoken(name, opening(block))
    assert seen.app.proof == "foreign"
    assert seen.bytes_read < MEGABYTE


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OPENINGS])
def test_an_answer_that_never_ends_is_cut_off(name: ProtocolName) -> None:
    def drip(conn: socket.socket) -> None:
        next(requests_on(conn), b"")
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            conn.sendall(b"a: b\r\n")

    seen = spoken(name, drip)
    assert seen.app.proof == "foreign"
    assert seen.bytes_read < MEGABYTE


# ---- helpers, sites, and the line that counts

def test_helpers_say_what_has_a_place_of_its_own_and_no_more() -> None:
    for name in NAMES:
        row = KNOWN[name]
        request = make_helper_request(row, ())
        assert (request.http_request, request.tcp_connect) == ("", [])
        entries = [entry for entry in request.x_endpoints or [] if entry.proto != "dns"]
        assert {entry.app for entry in entries} == {name if name in HELPER_HANDSHAKES else ""}
        assert {entry.proto for entry in entries} == {"tls" if row.sni else "tcp"}
        assert all(entry.app in ("", name) for entry in parse_order(request).endpoints)
    assert {*NAMES} - HELPER_HANDSHAKES == {"websocket", "http_post"}


@pytest.mark.parametrize("name", sorted({*NAMES} & HELPER_HANDSHAKES))
def test_a_helper_finds_the_usual_place(name: ProtocolName) -> None:
    row = KNOWN[name]
    with serving(laboratory(row)) as server:
        found = reach_endpoint(ReachPlan(address="127.0.0.1", port=server.port, app=name, app_name=row.sni or row.host),
                               guard=TargetGuard(exempt=frozenset({("127.0.0.1", server.port)})), timeout_s=10,
                               deadline=1e12)
    assert (found.failure, found.proof in GENUINE_PROOFS) == ("", True)


def test_each_place_of_a_host_is_a_site_of_its_own() -> None:
    row = KNOWN["websocket"]
    other = Endpoint(**{field: getattr(row, field) for field in row.__slots__} | {"input": row.input + "&other"})
    sites = group_sites([row, other])
    assert [site.app_url for site in sites] == [row.input, other.input]
    assert {site.alpn for site in sites} == {("http/1.1",)}


def test_one_line_counts_what_is_measured_and_what_is_not() -> None:
    rows = [KNOWN["mtproto_ws"], KNOWN["mmtls_http"]]
    assert describe_coverage(rows) == "2 endpoints measured (A 1, B 1, C 0), 0 not attempted."
    assert not any(explain_unmeasured(row) for name in NAMES for row in ROWS[name])
