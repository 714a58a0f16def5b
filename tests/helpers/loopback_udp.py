"""Servers over UDP on loopback, and something on the way to them that decides about every datagram."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
from aioquic.asyncio.server import QuicServer
from aioquic.quic.configuration import QuicConfiguration

NAME = "chat.example"
TO_SERVER, TO_CLIENT = True, False
Lets = Callable[[bool, int, bytes], bool]
"""Whether the n-th datagram of a direction passes, from 0; which datagram that is."""
Answer = Callable[[bytes, tuple[str, int]], bytes | None]


@contextmanager
def stun_server(answer: Answer) -> Iterator[int]:
    """Answers datagrams on loopback; the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    data, peer = sock.recvfrom(2048)
                except TimeoutError:
                    continue
                if (reply := answer(data, peer)) is not None:
                    sock.sendto(reply, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            done.set()
            thread.join()


@contextmanager
def quic_server(ca: trustme.CA, folder: Path, **leaf: Any) -> Iterator[int]:
    """A QUIC server with a certificate for NAME; its port."""
    issued = ca.issue_cert(NAME, **leaf)
    issued.private_key_pem.write_to_path(folder / "key")
    issued.cert_chain_pems[0].write_to_path(folder / "cert")
    conf = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    conf.load_cert_chain(folder / "cert", folder / "key")
    loop, transports = asyncio.new_event_loop(), []

    async def start() -> None:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: QuicServer(configuration=conf), local_addr=("127.0.0.1", 0))
        transports.append(transport)

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield transports[0].get_extra_info("sockname")[1]
    finally:
        loop.call_soon_threadsafe(transports[0].abort)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))  # the abort closes the socket in the next turn
        loop.close()


@contextmanager
def box(port: int, lets: Lets) -> Iterator[int]:
    """Something on the way to `port` that decides about every datagram; its own port."""
    client_side, server_side = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    client_side.bind(("127.0.0.1", 0))
    server_side.connect(("127.0.0.1", port))
    peers: list[Any] = []

    def carry(source: socket.socket, direction: bool) -> None:
        count = 0
        while True:
            try:
                data, peer = source.recvfrom(65535)
            except OSError:
                return
            if direction == TO_SERVER and not peers:
                peers.append(peer)
            if lets(direction, count, data) and not over.is_set():
                if direction == TO_SERVER:
                    server_side.send(data)
                else:
                    client_side.sendto(data, peers[0])
            count += 1

    over = threading.Event()
    threads = [threading.Thread(target=carry, args=pair, daemon=True)
               for pair in ((client_side, TO_SERVER), (server_side, TO_CLIENT))]
    for thread in threads:
        thread.start()
    try:
        yield client_side.getsockname()[1]
    finally:
        over.set()
        for sock in (client_side, server_side):
            sock.shutdown(socket.SHUT_RDWR) if sock is server_side else None
            sock.close()
