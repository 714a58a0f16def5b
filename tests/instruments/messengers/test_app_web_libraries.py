"""Our readers of HTTP answers and WebSocket frames, compared with h11 and wsproto on the same bytes.

What the libraries write as servers, both read alike. `ODD_ANSWERS` and `ODD_FRAMES` show where they differ: a library
refuses what counts for us, or counts what we refuse. For that reason the libraries do not read for the probe.
"""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from probe.core.tables.handshakes import FOREIGN
from probe.instruments.messengers.app_http import MAX_CHUNKS, MAX_HEADERS, HttpAnswer, read_answer
from probe.instruments.messengers.speech import INCOMPLETE
from probe.instruments.messengers.websocket import (
    BINARY,
    MAX_FRAMES,
    TEXT,
    WebsocketMessages,
    compute_accept,
    read_messages,
)

Reading = str | tuple[int, bytes]
"""FOREIGN, INCOMPLETE, or the status and what has come of the body."""
Frames = tuple[tuple[bytes, ...], str]
"""The messages, and "closed", "broken" or "" for how they end."""

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SWITCHED = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + compute_accept(bytes(16)).encode() + b"\r\n\r\n")


def read_ours(data: bytes) -> Reading:
    answer = read_answer(data)
    return (answer.status, answer.body) if isinstance(answer, HttpAnswer) else answer


def read_by_h11(data: bytes) -> Reading:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[
        ("Host", "app.example"), ("Connection", "Upgrade"), ("Upgrade", "websocket")]))
    client.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        if data:  # h11 takes nothing for the end of the connection
            client.receive_data(data)
        while (event := client.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Response | h11.InformationalResponse):
                status = event.status_code if event.status_code >= 200 or event.status_code == 101 else 0
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
    except h11.RemoteProtocolError:
        return FOREIGN
    return (status, body) if status else INCOMPLETE


ANSWERS = {
    "with a length": OK + b"Content-Length: 3\r\n\r\nabc",
    "longer than its length": OK + b"Content-Length: 3\r\n\r\nabcdef",
    "until the end": OK + b"\r\nabc",
    "HTTP/1.0": b"HTTP/1.0 404 Not Found\r\n\r\nabc",
    "no reason": b"HTTP/1.1 200\r\n\r\n",
    "Latin-1 in the reason": b"HTTP/1.1 403 Acc\xe8s\r\n\r\n",
    "unassigned status": b"HTTP/1.1 999 ?\r\n\r\nabc",
    "no content": b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nabc",
    "switched": SWITCHED,
    "switched, and a frame": SWITCHED + b"\x81\x02{}",
    "UTF-8 in a value": OK + "X-Name: é\r\n\r\n".encode(),
    "control character in a value": OK + b"X-Name: a\x01b\r\n\r\n",
    "space before a colon": OK + b"X-Name : a\r\n\r\n",
    "line without a colon": OK + b"X-Name\r\n\r\n",
    "no name": OK + b": a\r\n\r\n",
    "same length twice": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "negative length": OK + b"Content-Length: -1\r\n\r\nabc",
    "length and chunks": OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunks": CHUNKED + b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n\r\n",
    "chunks and trailers": CHUNKED + b"3\r\nabc\r\n0\r\nX-Name: a\r\n\r\n",
    "chunk without a size": CHUNKED + b"zz\r\n",
    "a second answer": OK + b"Content-Length: 0\r\n\r\n" + OK,
    "HTTP/2 in its status line": b"HTTP/2 200\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "two spaces": b"HTTP/1.1  200 OK\r\n\r\n",
    "an alert of TLS": b"\x15\x03\x01\x00\x02\x02\x28",
}


@pytest.mark.parametrize("data", ANSWERS.values(), ids=ANSWERS)
def test_ordinary_answers_are_read_as_h11_reads_them(data: bytes) -> None:
    assert read_ours(data) == read_by_h11(data)


# name: (answer, ours, that of h11)
ODD_ANSWERS: dict[str, tuple[bytes, Reading, Reading]] = {
    # Counts for us, and h11 refuses it.
    "NUL in the reason": (b"HTTP/1.1 403 a\0b\r\n\r\n", (403, b""), FOREIGN),
    "NUL in a value": (OK + b"X-Name: a\0b\r\n\r\nabc", (200, b"abc"), FOREIGN),
    "CR in a value": (OK + b"X-Name: a\rb\r\n\r\nabc", (200, b"abc"), FOREIGN),
    "space in a name": (OK + b"X Name: a\r\n\r\nabc", (200, b"abc"), FOREIGN),
    "parenthesis in a name": (OK + b"X-Name(1): a\r\n\r\nabc", (200, b"abc"), FOREIGN),
    "Latin-1 in a name": (OK + b"X-N\xe8: a\r\n\r\nabc", (200, b"abc"), FOREIGN),
    "two lengths": (OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", (200, b"abc"), FOREIGN),
    "empty length": (OK + b"Content-Length:\r\n\r\nabc", (200, b"abc"), FOREIGN),
    "identity": (OK + b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", (200, b"abc"), FOREIGN),
    "chunked twice": (
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        (200, b"abc"), FOREIGN),
    "gzip, chunked": (
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", (200, b"abc"), FOREIGN),
    "space before a chunk's size": (CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n", (200, b"abc"), FOREIGN),
    "other bytes after a chunk": (CHUNKED + b"3\r\nabc__2\r\nde\r\n0\r\n\r\n", (200, b"abcde"), FOREIGN),
    "trailer without a colon": (CHUNKED + b"3\r\nabc\r\n0\r\nX-Name\r\n\r\n", (200, b"abc"), FOREIGN),
    # Counts for h11, and we refuse it.
    "HTTP/1.2": (b"HTTP/1.2 200 OK\r\n\r\nabc", FOREIGN, (200, b"abc")),
    "folded line": (OK + b"X-Name: a\r\n b\r\n\r\nabc", FOREIGN, (200, b"abc")),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", INCOMPLETE, (200, b"abc")),
    "length of ten digits": (OK + b"Content-Length: 0000000003\r\n\r\nabc", FOREIGN, (200, b"abc")),
    "list of lengths": (OK + b"Content-Length: 3, 3\r\n\r\nabc", FOREIGN, (200, b"abc")),
    "chunk's size of eight digits": (CHUNKED + b"00000003\r\nabc\r\n0\r\n\r\n", FOREIGN, (200, b"abc")),
    "chunk's extension of 100 bytes": (
        CHUNKED + b"3;" + b"x" * 100 + b"\r\nabc\r\n0\r\n\r\n", FOREIGN, (200, b"abc")),
    # Bounds of ours that h11 has not, and bytes that h11 waits behind.
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + OK + b"\r\nabc", FOREIGN, (200, b"abc")),
    "lines": (OK + b"X-Name: a\r\n" * (MAX_HEADERS + 1) + b"\r\nabc", FOREIGN, (200, b"abc")),
    "chunks": (CHUNKED + b"1\r\na\r\n" * MAX_CHUNKS + b"0\r\n\r\n", FOREIGN, (200, b"a" * MAX_CHUNKS)),
    "another protocol's greeting": (b"SSH-2.0-x", FOREIGN, INCOMPLETE),
    "a page without a head": (b"<html>", FOREIGN, INCOMPLETE),
}


@pytest.mark.parametrize(("data", "ours", "theirs"), ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_odd_answers_are_read_otherwise_than_by_h11(data: bytes, ours: Reading, theirs: Reading) -> None:
    assert (read_ours(data), read_by_h11(data)) == (ours, theirs)


NAMES = st.from_regex(r"X-[a-z]{1,9}", fullmatch=True)
VALUES = st.from_regex(r"([!-~]{1,9}( [!-~]{1,9}){0,2})?", fullmatch=True)
FRAMINGS = st.sampled_from(["length", "chunked", "end"])


def write_by_h11(status: int, headers: list[tuple[str, str]], parts: list[bytes], framing: str, interim: int) -> bytes:
    """What a server of h11 writes."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n")
    while not isinstance(server.next_event(), h11.EndOfMessage):
        pass
    own = {"length": [("Content-Length", str(sum(map(len, parts))))], "chunked": [("Transfer-Encoding", "chunked")],
           "end": [("Connection", "close")]}[framing]
    events: list[h11.Event] = [h11.InformationalResponse(status_code=103, headers=headers) for _ in range(interim)]
    events += [h11.Response(status_code=status, headers=headers + own), *(h11.Data(data=part) for part in parts),
               h11.EndOfMessage()]
    return b"".join(server.send(event) or b"" for event in events)


@settings(deadline=None)
@given(st.integers(200, 599).filter(lambda status: status not in (204, 304)),
       st.lists(st.tuples(NAMES, VALUES), max_size=4), st.lists(st.binary(max_size=40), max_size=4), FRAMINGS,
       st.integers(0, 3), st.data())
def test_what_h11_writes_is_read_as_it_reads_it_wherever_it_is_cut(
    status: int, headers: list[tuple[str, str]], parts: list[bytes], framing: str, interim: int, data: st.DataObject,
) -> None:
    answer = write_by_h11(status, headers, parts, framing, interim)
    assert read_ours(answer) == (status, b"".join(parts))
    cut = answer[: data.draw(st.integers(0, len(answer)))]
    assert read_ours(cut) == read_by_h11(cut)


# ---- frames

def read_frames(data: bytes, kind: int) -> Frames:
    got = read_messages(data, kind)
    return got.messages, "closed" if got.closed else "broken" if got.broken else ""


def read_frames_by_wsproto(data: bytes, kind: int) -> Frames:
    client = FrameProtocol(client=True, extensions=[])
    client.receive_bytes(data)
    messages: list[bytes] = []
    begun = b""
    try:
        for frame in client.received_frames():
            if frame.opcode is Opcode.CLOSE:
                return tuple(messages), "closed"
            if frame.opcode.iscontrol():
                continue
            if frame.opcode != kind and frame.frame_finished:
                return tuple(messages), "broken"
            assert not isinstance(frame.payload, tuple)  # as that of a close is
            begun += frame.payload.encode() if isinstance(frame.payload, str) else bytes(frame.payload)
            if frame.message_finished:
                messages.append(begun)
                begun = b""
    except ParseFailed:
        return tuple(messages), "broken"
    return tuple(messages), ""


FRAMES = {
    "nothing": b"",
    "message": b"\x82\x02ab",
    "empty message": b"\x82\x00",
    "two messages": b"\x82\x01a\x82\x01b",
    "fragments, and a ping between": b"\x02\x03abc\x89\x02hi\x00\x01d\x80\x01e",
    "128 bytes": b"\x82\x7e\x00\x80" + bytes(128),
    "70000 bytes": b"\x82\x7f" + (70_000).to_bytes(8, "big") + bytes(70_000),
    "cut": b"\x82\x05ab",
    "close": b"\x88\x00",
    "close with a code": b"\x88\x02\x03\xe8",
    "close with a private code": b"\x88\x02\x0f\xa0",
    "close within a message": b"\x02\x01a\x88\x00",
    "message after a close": b"\x88\x00\x82\x01a",
    "pong nobody asked for": b"\x8a\x01x\x82\x01a",
    "text": b"\x81\x02{}",
    "compressed": b"\xc2\x01a",
    "reserved bit of a continuation": b"\x02\x01a\xc0\x01b",
    "unknown opcode": b"\x83\x01a",
    "masked": b"\x82\x81abcda",
    "continues nothing": b"\x80\x01a",
    "begins twice": b"\x02\x01a\x82\x01b",
    "ping in pieces": b"\x09\x00",
    "long ping": b"\x89\x7e\x00\x80" + bytes(128),
    "HTTP": b"HTTP/1.1 400 Bad Request",
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES)
def test_ordinary_frames_are_read_as_wsproto_reads_them(data: bytes) -> None:
    assert read_frames(data, BINARY) == read_frames_by_wsproto(data, BINARY)


# name: (kind, bytes, ours, that of wsproto)
ODD_FRAMES: dict[str, tuple[int, bytes, Frames, Frames]] = {
    "length in more bytes than it needs": (
        BINARY, b"\x82\x7e\x00\x03abc", ((b"abc",), ""), ((), "broken")),
    "length in eight bytes": (BINARY, b"\x82\x7f" + (3).to_bytes(8, "big") + b"abc", ((b"abc",), ""), ((), "broken")),
    "length of 63 bits and more": (BINARY, b"\x82\x7f" + b"\xff" * 8 + bytes(64), ((), ""), ((), "broken")),
    "close with a byte": (BINARY, b"\x88\x01\x03", ((), "closed"), ((), "broken")),
    "close with code 0": (BINARY, b"\x88\x02\x00\x00", ((), "closed"), ((), "broken")),
    "close with code 1006": (BINARY, b"\x88\x02\x03\xee", ((), "closed"), ((), "broken")),
    "close with code 1016": (BINARY, b"\x88\x02\x03\xf8", ((), "closed"), ((), "broken")),
    "close with code 5000": (BINARY, b"\x88\x02\x13\x88", ((), "closed"), ((), "broken")),
    "close with a reason that is no UTF-8": (BINARY, b"\x88\x03\x03\xe8\xff", ((), "closed"), ((), "broken")),
    "text that is no UTF-8": (TEXT, b"\x81\x02\xff\xfe", ((b"\xff\xfe",), ""), ((), "broken")),
    "flood of pings": (BINARY, b"\x89\x00" * MAX_FRAMES, ((), "broken"), ((), "")),
    "first byte of no frame": (BINARY, b"H", ((), "broken"), ((), "")),
}


@pytest.mark.parametrize(("kind", "data", "ours", "theirs"), ODD_FRAMES.values(), ids=ODD_FRAMES)
def test_odd_frames_are_read_otherwise_than_by_wsproto(kind: int, data: bytes, ours: Frames, theirs: Frames) -> None:
    assert (read_frames(data, kind), read_frames_by_wsproto(data, kind)) == (ours, theirs)



@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans(), st.booleans()), max_size=6), st.booleans(), st.data())
def test_what_wsproto_writes_is_read_as_it_reads_it_wherever_it_is_cut(
    parts: list[tuple[bytes, bool, bool]], closes: bool, data: st.DataObject,
) -> None:
    server = FrameProtocol(client=False, extensions=[])
    stream, messages, begun = b"", [], b""
    for payload, final, pinged in parts:
        stream += bytes(server.ping(b"hi")) if pinged else b""
        stream += bytes(server.send_data(payload, final))
        begun += payload
        if final:
            messages.append(begun)
            begun = b""
    stream += bytes(server.close(1000, "done")) if closes else b""
    assert read_frames(stream, BINARY) == (tuple(messages), "closed" if closes else "")
    cut = stream[: data.draw(st.integers(0, len(stream)))]
    assert read_frames(cut, BINARY) == read_frames_by_wsproto(cut, BINARY)


# ---- any bytes

STARTS = st.sampled_from([b"", OK, CHUNKED, SWITCHED, b"HTTP/1.1 200 OK\r\nContent-Length: ", b"HTTP/1.1 100 \r\n\r\n",
                          b"\x82\x7e", b"\x02\x01a", b"\x88"])


@given(STARTS, st.binary(max_size=200))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: ", "²\r\n\r\n".encode("latin-1"))
def test_any_bytes_are_read_without_an_error(start: bytes, rest: bytes) -> None:
    assert isinstance(read_answer(start + rest), HttpAnswer | str)
    for kind in (TEXT, BINARY):
        assert isinstance(read_messages(start + rest, kind), WebsocketMessages)
