"""First words that HTTP carries, with the laboratory's servers, which were written apart, and with any bytes at all."""

from __future__ import annotations

import asyncio
import json
import random
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_pipe import MemoryPipe
from probe.catalogue.load import load_catalogue
from probe.core.endpoints import Endpoint, Expectation
from probe.core.tables.handshakes import (
    ANSWERED,
    FOREIGN,
    GENUINE_PROOFS,
    PLACES,
    PROOFS,
    PROVEN,
    REFUSED,
    Proof,
    ProtocolName,
)
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.words import Empty
from probe.instruments.messengers import app_http, websocket
from probe.instruments.messengers.handshakes import mtproto
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext
from probe.instruments.messengers.speeches import SPEECHES
from probe_lab.lab_types import Fault
from probe_lab.servers.app_registry import GETS, POSTS, SOCKETS
from probe_lab.servers.app_web import WebApps
from probe_lab.servers.faults import Faults
from probe_lab.servers.genuine import GenuineServices
from probe_lab.servers.http1 import RequestReader, render
from probe_lab.servers.served_pages import page
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import PlainStream, Stream
from probe_lab.world import draw_world

NAMES = [p.name for p in PROTOCOLS.values() if p.name in SPEECHES and p.over_http]
ROWS = {name: [row for row in load_catalogue(search=False).endpoints if row.protocol == name] for name in NAMES}
CASES = [(name, row) for name in NAMES for row in ROWS[name][:1] + ROWS[name][-1:]]
IDS = [f"{name}-{n}" for n, (name, _) in enumerate(CASES)]
WORLD = draw_world(seed=1, endpoints=load_catalogue(search=False).endpoints, rtt_ms=(20, 60))
WRONG = ["wrong", "http", "echo", "garbage", "close", "tls_alert"]
KEY = bytes(range(16))


def asked_of(row: Endpoint, seed: int = 1) -> SpeechContext:
    speech = SPEECHES[row.protocol][0]
    return SpeechContext(name=row.sni or row.host, url=row.input, place=PLACES.get(row.protocol, "/"),
                         expect=row.expect,
                         random=random.Random(seed).randbytes(speech.random_bytes), now_s=1_790_000_000)


class Gone(PlainStream):
    def __init__(self) -> None:
        self.peer, self.local = "192.0.2.1", "192.0.2.2"

    def reset(self) -> None:
        pass


async def served(pipe: Stream, row: Endpoint, style: str) -> None:
    """One request, as the laboratory's web server gives it to those who know it."""
    params: dict[str, bool | float | str] = {"style": style}
    faults = (Fault(kind="app_reply", match=(row.host,), params=params),) if style else ()
    site = Site(kind="https", host=row.host, port=row.port, rows=(row,), names=(row.sni or row.host,))
    apps, reader = WebApps(WORLD, Faults(faults, seed=1)), RequestReader(pipe)
    request = await reader.next()
    assert request is not None
    found = apps.row(site, request)
    if found is None:
        reply = GenuineServices(1).reply(site, request)
        await pipe.write(render(reply, request, now=datetime.now(UTC)))
    else:
        await apps.attend(pipe, reader.rest(), found, request, site=site, plain=Gone())
    await pipe.close()


async def talk(row: Endpoint, style: str, cut: int) -> tuple[list[Proof | Empty], list[bytes]]:
    """The words of a client's turns and what they heard; answers come in pieces of `cut` bytes."""
    speech, asked, pipe = SPEECHES[row.protocol][0], asked_of(row), MemoryPipe()
    server = asyncio.ensure_future(served(pipe, row, style))
    words: list[Proof | Empty] = []
    heard: list[bytes] = []
    rest = b""
    for turn in (turn for turn in speech.turns if turn.wanted(asked)):
        if said := turn.say(asked):
            await pipe.to_server.put(said)
        data = b""
        word = turn.hear(rest, asked) if rest else INCOMPLETE
        data = rest
        while word == INCOMPLETE:
            more = await asyncio.wait_for(pipe.to_client.get(), 10)
            if not more:
                word = FOREIGN
            for start in range(0, len(more), cut):
                data += more[start : start + cut]
                word = turn.hear(data, asked)
                if word != INCOMPLETE:
                    data += more[start + cut :]
                    break
        words.append(word)
        heard.append(data)
        rest = data[turn.takes(data) :]
        if word != ANSWERED:
            break
    server.cancel()
    return words, heard


def spoken(row: Endpoint, style: str = "", cut: int = 1 << 20) -> list[Proof | Empty]:
    return asyncio.run(talk(row, style, cut))[0]


@pytest.mark.parametrize(("name", "row"), CASES, ids=IDS)
@pytest.mark.parametrize("cut", [1 << 20, 7, 1])
def test_the_laboratorys_servers_understand_and_their_answer_is_known(name: ProtocolName, row: Endpoint,
                                                                      cut: int) -> None:
    words = spoken(row, cut=cut)
    assert set(words) <= GENUINE_PROOFS
    assert words[-1] in {"mtproto_http": [PROVEN], "mtproto_ws": [PROVEN],
                         "max_ws": [ANSWERED, REFUSED]}.get(name, [ANSWERED])


@pytest.mark.parametrize(("name", "style"), [
    (name, style) for name in NAMES for style in WRONG])
def test_whatever_else_answers_is_not_the_service(name: ProtocolName, style: str) -> None:
    row = next((row for row in ROWS[name] if row.expect.json), ROWS[name][0])
    for _ in range(3):  # a wrong answer is wrong in one of several ways
        assert spoken(row, style)[-1] not in GENUINE_PROOFS


def test_every_protocol_over_http_has_a_server_of_its_own() -> None:
    assert {*GETS, *POSTS, *SOCKETS} == set(NAMES)
    assert all(ROWS[name] for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_request_names_its_host_and_place_and_cannot_be_broken_out_of(name: ProtocolName) -> None:
    row = ROWS[name][0]
    evil = replace(asked_of(row), url="", name="a\r\nX: y", place="/p\r\n q HTTP/1.1")
    for asked in (asked_of(row), evil):
        head, _, body = SPEECHES[name][0].turns[0].say(asked).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        assert len(first.split(b" ")) == 3
        assert not [line for line in lines if line.startswith(b"X:")]
        assert len([line for line in lines if line.lower().startswith(b"host:")]) == 1
        assert b"Content-Length: %d" % len(body) in lines or not body
    assert b"uin=0" in SPEECHES["wechat_newgetdns"][0].turns[0].say(asked_of(ROWS["wechat_newgetdns"][0]))


# ---- refusals

def http(status: str, body: bytes = b"", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + status.encode() + b"\r\nContent-Length: %d\r\n" % len(body) + headers + b"\r\n" + body


@pytest.mark.parametrize(("status", "expected", "word"), [
    ("400 Bad Request", (), REFUSED), ("403 Forbidden", (), REFUSED), ("403 Forbidden", ("101",), FOREIGN),
    ("200 OK", (), FOREIGN), ("302 Found", (), FOREIGN), ("503 Busy", (), FOREIGN), ("101 Switching", (), FOREIGN),
])
def test_an_opening_is_refused_only_where_the_catalogue_expects_nothing(
    status: str, expected: tuple[str, ...], word: str,
) -> None:
    asked = SpeechContext(name="x", random=KEY, expect=Expectation(status=expected))
    assert websocket.judge_opening(http(status), asked, may_refuse=True) == word
    assert websocket.judge_opening(http(status), asked) == FOREIGN


def test_the_proof_of_a_key_is_that_of_the_rfc() -> None:
    """RFC 6455, section 1.3."""
    key = b"the sample nonce"
    assert websocket.compute_accept(key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    good = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")
    asked = SpeechContext(name="x", random=key)
    assert websocket.judge_opening(good + b"\r\n", asked) == ANSWERED
    assert websocket.judge_opening(good + b"Sec-WebSocket-Protocol: chat\r\n\r\n", asked, subprotocol="xmpp") == FOREIGN
    assert websocket.judge_opening(good + b"Sec-WebSocket-Extensions: x\r\n\r\n", asked) == FOREIGN
    assert websocket.judge_opening(good + b"\r\n", replace(asked, random=KEY)) == FOREIGN
    assert websocket.judge_opening(good.replace(b"101", b"200") + b"\r\n", asked) == FOREIGN


def test_telegrams_errors_over_http_are_refusals() -> None:
    asked = asked_of(ROWS["mtproto_http"][0])
    hear = SPEECHES["mtproto_http"][0].turns[0].hear
    error = (-404).to_bytes(4, "little", signed=True)
    assert hear(http("404 Not Found", error), asked) == REFUSED
    assert hear(http("200 OK", error), asked) == REFUSED
    assert hear(http("404 Not Found", b"nope"), asked) == FOREIGN
    assert hear(http("403 Forbidden", b"<html>"), asked) == FOREIGN
    assert hear(http("200 OK", mtproto.make_request(asked)), asked) == FOREIGN


def test_wechats_directory_may_refuse() -> None:
    hear, asked = SPEECHES["wechat_newgetdns"][0].turns[0].hear, asked_of(ROWS["wechat_newgetdns"][0])
    for code, word in ((0, ANSWERED), (-1, REFUSED)):
        text = b"<dns><retcode>%d</retcode><domainlist/></dns>" % code
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(text) + packer.flush()
        assert hear(http("200 OK", text), asked) == word
        assert hear(http("200 OK", packed, b"Content-Encoding: deflate\r\n"), asked) == word
        assert hear(http("403 Forbidden", text), asked) == FOREIGN
    bomb = zlib.compress(bytes(1 << 26))[2:-4]
    assert hear(http("200 OK", bomb[:60000], b"Content-Encoding: deflate\r\n"), asked) == FOREIGN


def test_a_json_rpc_error_is_a_refusal_and_another_id_is_nobodys() -> None:
    hear, asked = SPEECHES["session_seed"][0].turns[0].hear, asked_of(ROWS["session_seed"][0])
    told = {"jsonrpc": "2.0", "id": asked.random.hex(), "error": {"code": -32601}}
    assert hear(http("200 OK", json.dumps(told).encode()), asked) == REFUSED
    assert hear(http("200 OK", json.dumps({**told, "id": "0"}).encode()), asked) == FOREIGN
    assert hear(http("200 OK", b"[" * 15000), asked) == FOREIGN


# ---- frames

def test_a_message_may_come_in_fragments_with_pings_between() -> None:
    data = b"\x02\x03abc" + b"\x89\x02hi" + b"\x00\x01d" + b"\x80\x01e" + b"\x82\x7e\x00\x80" + bytes(128) + b"\x88\x00"
    got = websocket.read_messages(data, websocket.BINARY)
    assert got.messages == (b"abcde", bytes(128))
    assert (got.closed, got.broken) == (True, False)


@pytest.mark.parametrize("data", [
    b"\xc2\x01a", b"\x83\x01a", b"\x82\x81abcda", b"\x80\x01a", b"\x02\x01a\x82\x01b", b"\x09\x00", b"\x89\x7e\x00\x80",
    b"\x89\x00" * 40, b"\x81\x01a",
], ids=["reserved", "opcode", "masked", "continues nothing", "begins twice", "ping in pieces", "long ping", "flood",
        "text"])
def test_what_is_no_frame_of_a_server_is_broken(data: bytes) -> None:
    assert websocket.read_messages(data, websocket.BINARY).broken


def test_a_frame_that_claims_too_much_is_never_waited_for_beyond_the_bound() -> None:
    got = websocket.read_messages(b"\x82\x7f" + b"\xff" * 8 + bytes(64), websocket.BINARY)
    assert got == websocket.WebsocketMessages()
    assert max(form.max_bytes for name in NAMES for form in SPEECHES[name]) <= 65536


def test_a_client_hides_its_frames_under_its_mask() -> None:
    for size in (0, 5, 125, 126, 4000):
        said = websocket.frame_message(websocket.BINARY, b"x" * size, mask=b"\1\2\3\4")
        assert said[1] & 0x80
        assert said[-size:] != b"x" * size or not size


def test_a_close_is_a_refusal_and_noise_is_foreign() -> None:
    for name in ("mtproto_ws", "wa_noise_ws", "max_ws", "xmpp_ws"):
        turn = SPEECHES[name][0].turns[1]
        asked = asked_of(ROWS[name][0])
        assert turn.hear(b"\x88\x02\x0f\xa0", asked) == REFUSED
        assert turn.hear(b"HTTP/1.1 400 no", asked) == FOREIGN
        assert turn.hear(b"\x82\x02", asked) in (INCOMPLETE, FOREIGN)


# ---- HTTP

def test_heads_and_bodies_are_read_as_far_as_they_have_come() -> None:
    assert app_http.read_answer(
        b"") == app_http.read_answer(b"HTTP/1.") == app_http.read_answer(b"HTTP/1.1 200 OK\r\nA: b\r\n") == INCOMPLETE
    for foreign in (b"SSH-2.0", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n"):
        assert app_http.read_answer(foreign) == FOREIGN
    assert app_http.read_answer(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"\r\n") == FOREIGN
    assert app_http.read_answer(b"HTTP/1.1 200 OK\r\n" + b"A" * app_http.MAX_HEAD) == FOREIGN
    assert app_http.read_answer(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n") == FOREIGN
    assert app_http.read_answer(b"HTTP/1.1 100 Continue\r\n\r\n" * 9) == FOREIGN
    early = app_http.read_answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" + http("200 OK", b"abc"))
    assert isinstance(early, app_http.HttpAnswer)
    assert (early.status, early.body, early.whole) == (200, b"abc", True)
    chunks = app_http.read_answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n")
    assert isinstance(chunks, app_http.HttpAnswer)
    assert (chunks.body, chunks.whole) == (b"abcde", True)
    assert app_http.read_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") == FOREIGN
    assert app_http.read_status(b"?") == 0
    assert app_http.read_body(b"?") == b""


# ---- any bytes

SWITCHED = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + websocket.compute_accept(KEY).encode() + b"\r\n\r\n")
FRAMES = st.tuples(st.sampled_from([1, 2, 0, 8, 9, 0x81, 0x82, 0x80, 0x88, 0x89, 0x8A, 0xC1]), st.integers(0, 255),
                   st.binary(max_size=200)).map(lambda parts: bytes(parts[:2]) + parts[2])
BODIES = st.binary(max_size=600) | FRAMES | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just("opcode"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "seq", "opcode", "cmd", "result", "error", "op", "d", "status"]), inner, max_size=4),
    max_leaves=8).map(lambda value: json.dumps(value).encode())
HEADS = st.sampled_from([
    b"", SWITCHED, b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 404 Nope\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: 90\r\n\r\n"])


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(CASES), HEADS, BODIES, st.integers(0, 3))
def test_any_bytes_have_a_word_and_none_is_proven(
    case: tuple[ProtocolName, Endpoint], head: bytes, body: bytes, seed: int,
) -> None:
    name, row = case
    asked = replace(asked_of(row, seed), random=KEY + asked_of(row, seed).random[16:])
    for turn in SPEECHES[name][0].turns:
        for data in (body, head + body):
            word = turn.hear(data, asked)
            assert word in (*PROOFS, INCOMPLETE)
            assert word != PROVEN
            assert 0 <= turn.takes(data) <= len(data)
    speech: Speech = SPEECHES[name][0]
    assert isinstance(speech.plain(head + body, asked), bytes)
    assert 0 <= speech.status(head + body) <= 999


@cache
def answered(name: ProtocolName) -> bytes:
    """What a server answered once."""
    return asyncio.run(talk(ROWS[name][0], "", 1 << 20))[1][-1]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["mtproto_http", "mtproto_ws", "session_seed"]), st.integers(0, 1 << 20), st.integers(0, 7))
def test_a_damaged_answer_never_proves_another_number(name: ProtocolName, at: int, bit: int) -> None:
    asked, turn = asked_of(ROWS[name][0]), SPEECHES[name][0].turns[-1]
    other = replace(asked, random=bytes(byte ^ 1 for byte in asked.random))
    reply = bytearray(answered(name))
    assert turn.hear(bytes(reply), asked) in (PROVEN, ANSWERED)
    assert turn.hear(bytes(reply), other) not in GENUINE_PROOFS
    reply[at % len(reply)] ^= 1 << bit
    assert turn.hear(bytes(reply), asked) in (*PROOFS, INCOMPLETE)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "chunks": lambda: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 10000,
    "pings": lambda: SWITCHED + b"\x89\x00" * 30000,
    "deep": lambda: http("200 OK", b'{"a":' * 12000),
    "number": lambda: http("200 OK", b"9" * 16000),
    "lines": lambda: b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * 12000 + b"\r\n",
    "page": lambda: http("200 OK", page(random.Random(1), title="Welcome", size=60000).encode()),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_the_worst_of_answers_costs_little_time(name: ProtocolName, make: Callable[[], bytes]) -> None:
    data, asked = make(), asked_of(ROWS[name][0])
    begun = time.process_time()
    for turn in SPEECHES[name][0].turns:
        assert turn.hear(data, asked) not in (PROVEN, ANSWERED)
        assert turn.hear(data[len(SWITCHED) :], asked) not in (PROVEN, ANSWERED)
    assert time.process_time() - begun < 2


def test_the_words_within_a_websocket_are_those_of_the_bare_protocol() -> None:
    asked = asked_of(ROWS["wa_noise_ws"][0])
    said = SPEECHES["wa_noise_ws"][0].turns[1].say(asked)
    size, mask, hidden = said[1] & 0x7F, said[2:6], said[6:]
    shown = bytes(byte ^ mask[n % 4] for n, byte in enumerate(hidden))
    assert (said[0], size, shown[:7]) == (0x82, 43, b"WA\x06\x03\0\0\x24")
