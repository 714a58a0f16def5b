"""What goes out over HTTP and WebSocket is what is recorded here; h11 and wsproto, as servers, understand it.

Boxes and servers tell clients apart by such bytes, so a change of them changes the measurement.
"""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, Message, Request, TextMessage
from wsproto.frame_protocol import FrameProtocol, Opcode

from probe.core.tables.handshakes import ANSWERED, ProtocolName
from probe.core.tables.protocols import PROTOCOLS
from probe.instruments.messengers import websocket
from probe.instruments.messengers.app_http import make_request
from probe.instruments.messengers.speech import SpeechContext
from probe.instruments.messengers.speeches import SPEECHES
from probe.instruments.streams.http_parts import REQUEST_HEADERS

AGENT = f"User-Agent: {REQUEST_HEADERS['User-Agent']}"  # holds the probe's version
HOST = "Host: app.example:4443"

# protocol: (request line, header lines after Host, body in hexadecimal)
REQUESTS: dict[ProtocolName, tuple[str, list[str], str]] = {
    "http_post": (
        "POST /place?a=b HTTP/1.1", [
            AGENT, "Accept: */*", "Content-Type: application/json", "Content-Length: 2"],
        "7b7d"),
    "websocket": (
        "GET /place?a=b HTTP/1.1", [
            AGENT, "Accept: */*", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-WebSocket-Version: 13"],
        ""),
    "mtproto_http": (
        "POST /place?a=b HTTP/1.1", [
            AGENT, "Accept: */*", "Content-Type: application/octet-stream", "Content-Length: 40"],
        "000000000000000000000000803bb16a14000000f18e7ebe0102030405060708090a0b0c0d0e0f10"),
    "mtproto_ws": (
        "GET /place?a=b HTTP/1.1", [
            AGENT, "Accept: */*", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: binary"],
        ""),
    "wa_noise_ws": (
        "GET /place?a=b HTTP/1.1", [
            AGENT, "Accept: */*", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-WebSocket-Version: 13",
            "Origin: https://web.whatsapp.com"],
        ""),
    "mmtls_http": (
        "POST /place?a=b61626364 HTTP/1.1", [
            "User-Agent: MicroMessenger Client", "Accept: */*", "Content-Type: application/octet-stream",
            "Upgrade: mmtls", "Content-Length: 226"],
        "16f10400dd000000d90104f101c02b0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f206a"
        "b13b80000000ab01000000a600100200000047000000050041041a97d07a2fece56c45c43f3800912d569910e0360e25"
        "381c4c57859514eaac5af076ce5eba7200a1017de296335b9104777bcdd9fb9f1546ace5f2719f53e7f4000000470000"
        "00060041041dd0bd5d4566c9bed9ce7de701b5e82e08e84b730466018ab903c79eb982172236c0c1728ae4bf73610d34"
        "de44246ef3d9c05a2236fb66a6583d7449308babce00000000020000000300000004"),
    "wechat_newgetdns": (
        "GET /place?a=b HTTP/1.0", [
            "User-Agent: MicroMessenger Client", "Accept: */*", "Accept-Encoding: deflate"],
        ""),
    "max_ws": (
        "GET /place?a=b HTTP/1.1", [
            AGENT, "Accept: */*", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-WebSocket-Version: 13",
            "Origin: https://web.max.ru"],
        ""),
    "session_seed": (
        "POST /place?a=b HTTP/1.1", [
            AGENT, "Accept: */*", "Content-Type: application/json", "Content-Length: 175"],
        "7b226a736f6e727063223a2022322e30222c20226964223a202230313032303330343035303630373038222c20226d65"
        "74686f64223a20226765745f6e5f736572766963655f6e6f646573222c2022706172616d73223a207b22616374697665"
        "5f6f6e6c79223a20747275652c20226c696d6974223a20312c20226669656c6473223a207b227075626c69635f697022"
        "3a20747275652c202273746f726167655f706f7274223a20747275657d7d7d"),
    "xmpp_ws": (
        "GET /place?a=b HTTP/1.1", [
            AGENT, "Accept: */*", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: xmpp"],
        ""),
}
# protocol: the frame after the opening, in hexadecimal
FRAMES: dict[ProtocolName, str] = {
    "mtproto_ws": (
        "82ec111213143434343c383838383c3c3c24202020202424242c282828282c2c2c54505050505454545c585858585c5c"
        "5c44404040404444444c48484848f469898890f7f1ea30d0f27bf2fa15f87880ede3d274d63a4a9979bee6b4e0d9d8d5"
        "4b456931ee1bd7f25d5793a57b36c1e80551"),
    "wa_noise_ws": (
        "82ab111213144653151711123706331833b974e59a552472aa68d79f1888a32c85af52ef3c65b7db86396461155f6766"
        "30"),
    "max_ws": (
        "81be111213146a3065716330293420233f3433717e70332833243d3231677463312e3127202d293e33367e62707b7577"
        "312e31243f343362726d7d7d72703328336f6c6f"),
    "xmpp_ws": (
        "81d2111213142d7d63717f326b797d7c60293667617a2b7b76607728637563737e672b6a7e782b7c602e697f63643c74"
        "61757c7b7d733632677b2c357264613c766c707f6378743533627460607d7e7c2e33203c23333e2c"),
}


def make_context(name: ProtocolName) -> SpeechContext:
    """The same context each time; its random bytes count upwards."""
    return SpeechContext(name="app.example", url="https://app.example:4443/place?a=b", now_s=1_790_000_000,
                         random=bytes(range(1, SPEECHES[name][0].random_bytes + 1)))


def test_every_protocol_over_http_is_recorded() -> None:
    assert set(REQUESTS) == {p.name for p in PROTOCOLS.values() if p.name in SPEECHES and p.over_http}
    assert set(FRAMES) == {name for name, (_, lines, _) in REQUESTS.items() if "Upgrade: websocket" in lines} - {
        "websocket"}  # whose servers speak first


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_the_recorded_one(name: ProtocolName) -> None:
    first, lines, body = REQUESTS[name]
    recorded = "\r\n".join([first, HOST, *lines, "", ""]).encode() + bytes.fromhex(body)
    assert SPEECHES[name][0].turns[0].say(make_context(name)) == recorded


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_the_recorded_one(name: ProtocolName) -> None:
    assert SPEECHES[name][0].turns[1].say(make_context(name)).hex() == FRAMES[name]


@pytest.mark.parametrize("name", REQUESTS)
def test_h11_as_a_server_reads_the_request(name: ProtocolName) -> None:
    first, lines, body = REQUESTS[name]
    server = h11.Connection(h11.SERVER)
    server.receive_data(SPEECHES[name][0].turns[0].say(make_context(name)))
    request = server.next_event()
    assert isinstance(request, h11.Request)
    method, target, version = first.encode().split(b" ")
    assert (request.method, request.target, b"HTTP/" + request.http_version) == (method, target, version)
    assert [b": ".join(pair) for pair in request.headers.raw_items()] == [line.encode() for line in (HOST, *lines)]
    event = server.next_event()
    assert (bytes(event.data) if isinstance(event, h11.Data) else b"") == bytes.fromhex(body)


@pytest.mark.parametrize("name", FRAMES)
def test_wsproto_as_a_server_accepts_the_opening_and_reads_the_frame(name: ProtocolName) -> None:
    context, speech, server = make_context(name), SPEECHES[name][0], WSConnection(ConnectionType.SERVER)
    server.receive_data(speech.turns[0].say(context))
    (opening,) = server.events()
    assert isinstance(opening, Request)
    answer = server.send(AcceptConnection(subprotocol=next(iter(opening.subprotocols), None)))
    assert speech.turns[0].hear(answer, context) == ANSWERED
    assert speech.turns[0].takes(answer + b"\x81\x00") == len(answer)
    server.receive_data(speech.turns[1].say(context))
    (message,) = server.events()
    assert isinstance(message, Message)
    assert isinstance(message, TextMessage if name in ("max_ws", "xmpp_ws") else BytesMessage)
    assert message.message_finished


@given(st.sampled_from([0, 1, 125, 126, 127, 4000]), st.binary(min_size=4, max_size=4))
def test_wsproto_as_a_server_reads_frames_of_every_size(size: int, mask: bytes) -> None:
    server, payload = FrameProtocol(client=False, extensions=[]), bytes(index % 251 for index in range(size))
    server.receive_bytes(websocket.frame_message(websocket.BINARY, payload, mask=mask))
    (frame,) = server.received_frames()
    assert (frame.opcode, frame.payload, frame.message_finished) == (Opcode.BINARY, payload, True)


@given(st.text(), st.text(), st.text(), st.binary(max_size=99))
def test_h11_as_a_server_reads_a_request_of_any_text_as_one(host: str, target: str, value: str, body: bytes) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(make_request("POST", host, "/" + target, {"X-Value": value}, body))
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert [name for name, _ in request.headers] == [
        b"host", b"user-agent", b"accept", b"x-value", b"content-length"]
    event = server.next_event()
    assert (bytes(event.data) if isinstance(event, h11.Data) else b"") == body
