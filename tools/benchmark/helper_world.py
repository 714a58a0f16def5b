"""Beside the helper's load test: `world FOLDER` (a site and a DoH operator), `helper FOLDER SITE DOH PATIENT`.

Both listen on loopback and print their ports and their process. The helper's guard is opened for the site
alone, and an authority of FOLDER takes the place of the public ones.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

HERE, HOST, DOH = "127.0.0.1", "site.example.org", "doh.example.org"
DISTANCE_S = 0.1
"""How long the site takes for a page."""
PAGE = b"<html><title>A page</title>" + b"x" * 20_000


def make_trust(folder: Path) -> None:
    """An authority and two certificates."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "roots.pem")
    for name in (HOST, DOH):
        leaf = authority.issue_cert(name)
        leaf.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")


async def _world(folder: Path) -> None:
    site = await _serve(folder, HOST, _page)
    doh = await _serve(folder, DOH, _answer)
    print(site, doh, os.getpid(), flush=True)
    await asyncio.Event().wait()


async def _serve(folder: Path, name: str, reply: Callable[[bytes], tuple[bytes, bytes, float]]) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem")

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:  # the connection is kept, as operators and sites do
                head = await reader.readuntil(b"\r\n\r\n")
                size = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                             if line.startswith(b"content-length:")), 0)
                kind, body, wait_s = reply(await reader.readexactly(size))
                await asyncio.sleep(wait_s)
                told = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
                writer.write(told + body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # a handshake alone, or one who has heard enough
        finally:
            writer.close()

    server = await asyncio.start_server(client, HERE, 0, ssl=context, backlog=1024)
    return int(server.sockets[0].getsockname()[1])


def _page(_: bytes) -> tuple[bytes, bytes, float]:
    return b"text/html", PAGE, DISTANCE_S


def _answer(wire: bytes) -> tuple[bytes, bytes, float]:
    import dns.message
    import dns.rrset

    query = dns.message.from_wire(wire)
    reply = dns.message.make_response(query)
    if query.question[0].rdtype == 1:
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", HERE))
    return b"application/dns-message", reply.to_wire(), 0.0


def _helper(folder: Path, site: int, doh: int, patient: bool) -> None:
    import certifi

    certifi.where = lambda: str(folder / "roots.pem")

    from probe.core.tables.resolvers import Resolver
    from probe.instruments.streams.sockets import raise_socket_limit
    from probe_operate.cli.helper import WORKERS
    from probe_operate.helper import helper_engine as limits
    from probe_operate.helper.helper_engine import HelperEngine
    from probe_operate.helper.helper_server import make_app, make_server, open_listener
    from probe_operate.helper.helper_workers import FuturePool
    from probe_operate.reaching.target_guard import TargetGuard

    raise_socket_limit()
    if patient:
        for name, seconds in (("DNS_TIMEOUT_S", 60.0), ("CONNECT_TIMEOUT_S", 60.0), ("HTTP_TIMEOUT_S", 60.0),
                              ("REQUEST_TIMEOUT_S", 300.0)):
            setattr(limits, name, seconds)
    engine = HelperEngine(pool=FuturePool(WORKERS), doh_port=doh, guard=TargetGuard(exempt=frozenset({(HERE, site)})),
                          resolvers=(Resolver(name="test", ipv4=(HERE,), doh_host=DOH),),
                          max_delay_s=float("inf") if patient else limits.MAX_DELAY_S)
    with open_listener(HERE, 0) as sock:
        print(sock.getsockname()[1], os.getpid(), flush=True)
        make_server(make_app(engine, limiter=None), tls=None).run(sockets=[sock])


if __name__ == "__main__":
    if sys.argv[1] == "world":
        asyncio.run(_world(Path(sys.argv[2])))
    else:
        _helper(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "yes")
