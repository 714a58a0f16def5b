"""The web servers: genuine services, the redirect to TLS, DNS over HTTPS, and the places of censors and portals."""

from __future__ import annotations

import asyncio
import base64
import binascii
import random
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from probe_lab.lab_types import Fault, World
from probe_lab.pki import world_time
from probe_lab.servers.app_stores import store_reply
from probe_lab.servers.app_web import WebApps
from probe_lab.servers.dns_replies import NameServers
from probe_lab.servers.faults import Faults, number, shows_to, text
from probe_lab.servers.genuine import GenuineServices
from probe_lab.servers.http1 import BadRequest, Reply, Request, RequestReader, SlowRequest, render
from probe_lab.servers.http_faults import SLOW_HEAD, end_slow_request, fault_bytes, fault_reply
from probe_lab.servers.pace import LATE, SLOW, Pace, pace_of
from probe_lab.servers.served_pages import block_page, page, portal_name
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import Ends, PlainStream, Stream

IDLE_S = 30.0
"""How long a connection is kept open between requests, seconds."""

_CAP, _CAP_BYTES = "small_cap", 16_384

_PACES = (_CAP, SLOW, LATE, SLOW_HEAD)
"""Faults of how an exchange goes on, and not of what is answered."""

_DNS_MESSAGE = "application/dns-message"

_HTML = (("Content-Type", "text/html; charset=utf-8"),)


class WebServer:
    """Speaks HTTP/1.1 for every site of one world."""

    def __init__(self, world: World, faults: Faults, names: NameServers) -> None:
        self._world = world
        self._faults = faults
        self._names = names
        self._services = GenuineServices(world.seed)
        self._apps = WebApps(world, faults)
        self._clients: Counter[str] = Counter()
        self._by_kind: dict[str, Callable[[Site, Request], Reply]] = {
            "redirect": _to_https,
            "sinkhole": self._blocked,
            "sinkhole_tls": self._blocked,
            "portal": self._portal,
        }

    async def attend(self, stream: Stream, site: Site, plain: PlainStream) -> None:
        """Answer requests until the client ends, asks to end, or stops making sense."""
        reader = RequestReader(stream)
        pace = pace_of(self._faults, site, plain, self._clients)
        slow = self._slow_head(site, plain)
        patience_s = number(slow.params, "after_s", 1) if slow else None
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    request = await reader.next(patience_s=patience_s)
            except SlowRequest:
                await end_slow_request(text(slow.params, "reply", "close") if slow else "close", stream, plain)
                return
            except BadRequest:
                await stream.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                break
            if request is None:
                break
            here = site.with_name(request.host)
            row = None if self._fault(here, plain) else self._apps.row(here, request)
            if row is not None:
                if not await self._apps.attend(stream, reader.rest(), row, request, site=here, plain=plain):
                    break
            elif not await self._answer(stream, site, request, plain, pace):
                break
        await stream.close()

    async def _answer(
        self, stream: Stream, site: Site, request: Request, plain: PlainStream, pace: Pace | None
    ) -> bool:
        """Send one reply; whether the connection goes on."""
        site = site.with_name(request.host)
        fault = self._fault(site, plain)
        reply = fault_reply(fault, request) if fault else self._reply(site, request)
        if fault and reply is None:
            await fault_bytes(fault, stream)
            return False
        if reply is None:
            return request.keep_alive
        message = render(reply, request, now=world_time(self._world.clock_shift_s))
        kept = self._kept(site, plain, message)
        await (pace.write(stream, kept) if pace else stream.write(kept))
        return request.keep_alive and kept == message

    def reply(self, site: Site, request: Request, ends: Ends) -> Reply | None:
        """The answer to one request; None where a fault answers what is no well-formed HTTP."""
        site = site.with_name(request.host)
        fault = self._fault(site, ends)
        return fault_reply(fault, request) if fault else self._reply(site, request)

    def _fault(self, site: Site, ends: Ends) -> Fault | None:
        for fault in self._faults.of("http", site.host, *site.names, ends.local):
            if site.rows and fault.kind not in _PACES and shows_to(ends.peer, fault, self._world):
                return fault
        return None

    def _slow_head(self, site: Site, ends: Ends) -> Fault | None:
        found = self._faults.of("http", site.host, *site.names, ends.local) if site.rows else ()
        return next((fault for fault in found if fault.kind == SLOW_HEAD), None)

    def cap(self, site: Site, ends: Ends) -> int | None:
        """The body bytes after which a server has had enough; None where it never has."""
        caps = [fault for fault in self._faults.of("http", site.host, *site.names, ends.local) if fault.kind == _CAP]
        return int(number(caps[0].params, "bytes", _CAP_BYTES)) if caps and site.rows else None

    def _kept(self, site: Site, ends: Ends, message: bytes) -> bytes:
        """What of a message goes out before the server has had enough of it."""
        cap = self.cap(site, ends)
        if cap is None:
            return message
        head, end, body = message.partition(b"\r\n\r\n")
        return head + end + body[:cap]

    def _reply(self, site: Site, request: Request) -> Reply:
        parts = urlsplit(request.target)
        if site.doh_path and parts.path == site.doh_path:
            return self._dns(request, parts.query)
        if offer := store_reply(self._faults, site.host, request) if site.rows else None:
            return offer
        return self._by_kind.get(site.kind, self._services.reply)(site, request)

    def _dns(self, request: Request, query: str) -> Reply:
        """DNS over HTTPS (RFC 8484): the message in the body or, base64url, in the query."""
        if request.method == "POST":
            if request.headers.get("content-type", "") != _DNS_MESSAGE:
                return Reply(status=415)
            message = request.body
        else:
            encoded = parse_qs(query).get("dns", [""])[0]
            try:
                message = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except (binascii.Error, ValueError):
                message = b""
        answer = self._names.reply(message, role="public", udp=False)
        if answer is None:
            return Reply(status=400)
        return Reply(status=200, headers=(("Content-Type", _DNS_MESSAGE), ("Cache-Control", "max-age=60")), body=answer)

    def _blocked(self, site: Site, request: Request) -> Reply:
        return Reply(status=200, headers=_HTML, body=block_page(self._world.seed).encode())

    def _portal(self, site: Site, request: Request) -> Reply:
        login = portal_name(self._world.seed)
        if request.host == login:
            rng = random.Random(f"{self._world.seed}:portal page")
            welcome = page(rng, title="Welcome - please sign in", size=3000)
            return Reply(status=200, headers=_HTML, body=welcome.encode())
        return Reply(status=302, headers=(("Location", f"http://{login}/"), ("Cache-Control", "no-store")))


def _to_https(site: Site, request: Request) -> Reply:
    host = request.host if request.host in site.names else site.names[0]
    return Reply(status=301, headers=(("Location", f"https://{host}{request.target}"), ("Server", "nginx")))
