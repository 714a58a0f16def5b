"""The smallest programs that fill a laboratory: they let its kernel side be tested alone."""

from __future__ import annotations

import ipaddress
import json
import os
import selectors
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import trustme

from probe_lab.lab_types import DrawnScenario, Fault, Front, Rule, WireEnd, World
from probe_lab.wire.composite import destination


def route(
    world: World,
    rules: tuple[Rule, ...],
    faults: tuple[Fault, ...],
    legs: Mapping[str, WireEnd],
    log_path: str,
    *,
    stop_fd: int,
    ready_fd: int,
    fronts: tuple[Front, ...] = (),
    carrier: tuple[Rule, ...] = (),
) -> None:
    """Forward by destination; a rule `die` makes the router fail when a packet for the address passes."""
    owners = {world.client4: "client", world.client6: "client"}
    owners.update({address: "vantage" for v in world.vantages for address in (v.ipv4, v.ipv6)})
    by_address = {ipaddress.ip_address(address).packed: legs[name] for address, name in owners.items()}
    fatal = {ipaddress.ip_address(a).packed for rule in rules if rule.action == "die" for a in rule.match}
    selector = selectors.DefaultSelector()
    selector.register(stop_fd, selectors.EVENT_READ)
    for leg in legs.values():
        selector.register(leg.fileno(), selectors.EVENT_READ, leg)
    os.write(ready_fd, b"\0")
    while True:
        for key, _ in selector.select():
            if key.fd == stop_fd:
                return
            leg = key.data
            while (packet := leg.read()) is not None:
                if destination(packet) in fatal:
                    sys.exit("the router met its fate")
                by_address.get(destination(packet), legs["servers"]).write(packet)


def _answer(connection: socket.socket) -> None:
    with connection:
        peer, own = connection.getpeername()[0], connection.getsockname()[0]
        asked = connection.recv(100)
        if asked == b"big":
            connection.sendall(b"x" * 5_000_000)
        elif asked == b"echo":
            while asked:
                connection.sendall(asked)
                asked = connection.recv(65_536)
        else:
            connection.sendall(json.dumps({"from": peer, "to": own}).encode())


def _accept(listener: socket.socket) -> None:
    while True:
        connection = listener.accept()[0]
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _echo(datagrams: socket.socket) -> None:
    while True:
        data, peer = datagrams.recvfrom(2048)
        datagrams.sendto(data, peer)


def _serve_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        connection = listener.accept()[0]
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.sendall(b"secured")
        except OSError:
            continue


def serve(drawn: DrawnScenario, log_path: str, *, ready_fd: int, stop_fd: int, ca_dir: str) -> None:
    """Answer TCP on port 80 of every address, UDP on one, and TLS on port 443 of 8.8.8.8."""
    if drawn.name == "broken":
        sys.exit("the servers refuse to start")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(Path(ca_dir) / "leaf.pem")
    tcp4 = socket.create_server(("0.0.0.0", 80), backlog=256)
    tcp6 = socket.create_server(("::", 80), family=socket.AF_INET6, backlog=256)
    specific = socket.create_server(("2a02:26f0::5", 81), family=socket.AF_INET6)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("9.9.9.9", 53))
    tls = socket.create_server(("8.8.8.8", 443))
    work: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        *((_accept, (listener,)) for listener in (tcp4, tcp6, specific)),
        (_echo, (udp,)),
        (_serve_tls, (tls, context)),
    ]
    for function, arguments in work:
        threading.Thread(target=function, args=arguments, daemon=True).start()
    os.write(ready_fd, b"\0")
    os.read(stop_fd, 1)


def make_pki(directory: Path, *, clock_shift_s: int, world: World) -> None:
    """One authority for everything."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    authority.issue_cert("known.example").private_key_and_cert_chain_pem.write_to_path(str(directory / "leaf.pem"))
    (directory / "anchors").mkdir()
    authority.cert_pem.write_to_path(str(directory / "anchors" / "signal_root_a.pem"))
    (directory / "helpers").mkdir()


def help_out(arguments: list[str]) -> None:
    """A helper that says who asks, and how the server at an address sees it."""
    address, _, port = arguments[arguments.index("--listen") + 1].rpartition(":")
    with socket.create_server((address, int(port))) as listener:
        while True:
            connection, peer = listener.accept()
            with connection:
                asked = connection.recv(100).decode()
                if asked:
                    with socket.create_connection((asked, 80), timeout=5) as seen:
                        seen.sendall(b"who")
                        connection.sendall(json.dumps({"peer": peer[0], "server": seen.recv(200).decode()}).encode())


if __name__ == "__main__":
    help_out(sys.argv[1:])
