"""Messengers' servers behind HTTP: what answers a POST, what speaks within a WebSocket, and both wrongly on purpose."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from probe.core.endpoints import Endpoint
from probe_lab.lab_types import World
from probe_lab.pki import world_time
from probe_lab.servers.app_messengers import ANSWERS, res_pq
from probe_lab.servers.app_style import find_style, make_noise, make_tls_alert
from probe_lab.servers.app_websocket import BINARY, TEXT, HiddenStream, MessageStream, is_opening, message, switching
from probe_lab.servers.app_wire import Wire, wait_out
from probe_lab.servers.documents import known_document
from probe_lab.servers.faults import Faults
from probe_lab.servers.http1 import Reply, Request, head_bytes, render
from probe_lab.servers.json_path import value_at
from probe_lab.servers.served_pages import page
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import PlainStream, Stream


class _Given:
    """A message that has come whole, as a stream."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def write(self, data: bytes) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        return


# ---- POST

async def _mtproto(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    answer = res_pq(request.body, rng, wrong)
    status = 200 if len(answer) > 4 else -struct.unpack("<i", answer)[0]
    return Reply(status=status, headers=(("Content-Type", "application/octet-stream"),), body=answer)


async def _mmtls(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    if request.headers.get("upgrade") != "mmtls":
        return Reply(status=403)
    try:
        answer = await ANSWERS["mmtls"](Wire(_Given(request.body)), rng, wrong)
    except EOFError:
        answer = None
    return Reply(status=200, headers=(("Content-Type", "application/octet-stream"),), body=answer or b"")


async def _json_rpc(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    """JSON-RPC 2.0: the id comes back, whatever it is."""
    try:
        asked = json.loads(request.body)
        method, number = asked["method"], asked["id"]
    except (ValueError, KeyError, TypeError):
        return Reply(status=400)
    document: dict[str, object] = {"id": "another" if wrong else number, "jsonrpc": "2.0"}
    if method == "get_n_service_nodes":
        node = {"public_ip": "192.0.2.9", "storage_port": 22021}
        document["result"] = {"service_node_states": [node], "status": "OK", "as_of_height": rng.randrange(1 << 20)}
    else:
        document["error"] = {"code": -32601, "message": "Method not found"}
    return _json(document)


async def _documented_refusal(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    """A refusal as the service documents it: a number of status and a word."""
    if wrong:
        return _json({"error": "not found"})
    found = value_at(row.expect.json) if row.expect.json else {}
    return _json({**found, "status_message": "missing_auth_token"} if isinstance(found, dict) else found)


def _json(value: object) -> Reply:
    return Reply(status=200, headers=(("Content-Type", "application/json"),), body=json.dumps(value).encode())


POSTS: Mapping[str, Callable[[Request, Endpoint, random.Random, bool], Awaitable[Reply]]] = {
    "mtproto_http": _mtproto, "mmtls_http": _mmtls, "session_seed": _json_rpc, "http_post": _documented_refusal,
}
"""Protocol of a row -> who answers what is posted there."""


async def _directory(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    """WeChat's own directory of names; to another request, one without a code."""
    parts = urlsplit(request.target)
    document = known_document(row.host.lower(), parts.path, parts.query)
    if document is None or request.headers.get("user-agent") != "MicroMessenger Client":
        return Reply(status=403)
    if wrong:
        return Reply(status=200, headers=(("Content-Type", "text/xml"),), body=b"<dns><domainlist/></dns>" + bytes(300))
    headers = (("Content-Type", document.content_type), ("Content-Encoding", document.encoding))
    return Reply(status=200, headers=headers, body=document.body)


GETS = {"wechat_newgetdns": _directory}
"""The same for what is asked by a GET of the app's own."""


# ---- WebSocket

Speak = Callable[[Stream, bytes, Endpoint, random.Random, bool], Awaitable[None]]
"""Gets the stream behind the opening, what came with it, the row, and whether to answer wrongly."""


async def _greet(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    """What the catalogue knows of a greeting, and what such greetings hold besides."""
    if row.expect.json:
        found = value_at(row.expect.json)
        document = {"t": None, "s": None, **(found if isinstance(found, dict) else {}),
                    "d": {"heartbeat_interval": rng.randrange(40_000, 46_000)}}
        if wrong:
            document[row.expect.json.partition("=")[0]] = 9
        await stream.write(message(TEXT, json.dumps(document).encode()))


async def _mtproto_within(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    await _answer("mtproto", HiddenStream(MessageStream(stream, BINARY, begun=begun)), rng, wrong)


async def _noise_within(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    await _answer("wa_noise", MessageStream(stream, BINARY, begun=begun), rng, wrong)


async def _answer(protocol: str, within: Stream, rng: random.Random, wrong: bool) -> None:
    answer = await ANSWERS[protocol](Wire(within), rng, wrong)
    if answer is not None:
        await within.write(answer)


async def _max_within(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    within = MessageStream(stream, TEXT, begun=begun)
    try:
        asked = json.loads(await within.read())
        number, opcode = asked["seq"], asked["opcode"]
    except (ValueError, KeyError, TypeError):
        return
    document = {"ver": 11, "cmd": 3 if rng.random() < 0.5 else 1, "seq": number + wrong, "opcode": opcode,
                "payload": {"error": "proto.payload"}}
    await within.write(json.dumps(document).encode())


async def _xmpp_within(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    within = MessageStream(stream, TEXT, begun=begun)
    if not (await within.read()).startswith(b"<open"):
        return
    number = "" if wrong else f" id='{rng.getrandbits(64):x}'"
    await within.write(f"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='{row.sni}'{number} version='1.0' "
                       "xml:lang='en'/>".encode())
    await within.write(b"<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>")


SOCKETS: Mapping[str, Speak] = {
    "websocket": _greet, "mtproto_ws": _mtproto_within, "wa_noise_ws": _noise_within, "max_ws": _max_within,
    "xmpp_ws": _xmpp_within,
}
"""Protocol of a row -> who speaks behind the opening."""


class WebApps:
    """Speaks messengers' protocols that HTTP carries, for every site of one world."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults

    def row(self, site: Site, request: Request) -> Endpoint | None:
        """The row whose protocol a request speaks; None for a request of the web."""
        spoken = SOCKETS if is_opening(request) else POSTS if request.method == "POST" else GETS
        path = urlsplit(request.target).path
        return next((row for row in site.rows if row.protocol in spoken and _leads_to(row, path)), None)

    async def attend(self, stream: Stream, begun: bytes, row: Endpoint, request: Request, *, site: Site,
                     plain: PlainStream) -> bool:
        """Answer one request; whether the connection goes on. `begun` is what came behind the request."""
        style = find_style(site, plain, faults=self._faults, world=self._world)
        rng = random.Random()
        if style and style != "wrong":
            await _MISBEHAVIOURS[style](stream, request, plain, rng)
            return False
        wrong = style == "wrong"
        if row.protocol not in SOCKETS:
            reply = await {**POSTS, **GETS}[row.protocol](request, row, rng, wrong)
            await stream.write(render(reply, request, now=world_time(self._world.clock_shift_s)))
            return request.keep_alive
        foreign = wrong and ((row.protocol == "websocket" and not row.expect.json) or rng.random() < 0.3)
        await stream.write(switching(request, key="bm90IHRoZSBrZXkgYXQgYWxs" if foreign else ""))
        await SOCKETS[row.protocol](stream, begun, row, rng, wrong)
        await wait_out(stream)
        return False


def _leads_to(row: Endpoint, path: str) -> bool:
    own = urlsplit(row.input).path or "/"
    return path.startswith(own) if own.endswith("/mmtls/") else path == own


async def _http(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    body = page(rng, title="Welcome", size=rng.randint(800, 4000)).encode()
    headers = [("Server", "nginx"), ("Content-Type", "text/html"), ("Content-Length", str(len(body)))]
    await stream.write(head_bytes(200, headers) + body)


async def _echo(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    """What was said comes back: a body in an answer, a request without one as it came."""
    first = f"{request.method} {request.target} HTTP/1.1\r\n\r\n".encode()
    await stream.write(head_bytes(200, [("Content-Length", str(len(request.body)))]) + request.body
                       if request.body else first)


async def _garbage(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    body = make_noise(rng)
    headers = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))]
    await stream.write(body if is_opening(request) else head_bytes(200, headers) + body)


async def _silence(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    await wait_out(stream)


async def _close(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    return


async def _reset(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    plain.reset()


async def _tls_alert(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    await stream.write(make_tls_alert(rng))


_MISBEHAVIOURS: Mapping[str, Callable[[Stream, Request, PlainStream, random.Random], Awaitable[None]]] = {
    "http": _http, "echo": _echo, "garbage": _garbage, "silence": _silence, "close": _close, "reset": _reset,
    "tls_alert": _tls_alert,
}
"""Style of an `app_reply` -> what the server does instead of its own; `wrong` is the answer to another request."""
