"""Binds what the plan says and gives each connection to the server that its site is."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from probe_lab.lab_types import Fault, World
from probe_lab.servers.app_server import AppServer, spoken_at
from probe_lab.servers.certificates import Certificates
from probe_lab.servers.dns_replies import NameServers
from probe_lab.servers.dns_transport import PORT, serve_datagrams, tcp_handler
from probe_lab.servers.dot_server import DotServer
from probe_lab.servers.faults import Faults
from probe_lab.servers.listeners import Listener, name_servers
from probe_lab.servers.mitm import Interceptor
from probe_lab.servers.quic_server import QuicServer
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import Handler, Listeners, bound_socket
from probe_lab.servers.tls_server import TlsServer, wait_for_end
from probe_lab.servers.udp_server import serve_udp
from probe_lab.servers.web_server import WebServer
from probe_lab.truth import TruthEntry, TruthLog


class Servers:
    """All servers of one world in the running event loop."""

    def __init__(self, world: World, faults: Faults, log: TruthLog, *, ca_dir: Path) -> None:
        self._world = world
        self._faults = faults
        self._log = log
        self._certificates = certificates = Certificates(ca_dir, world)
        self._names = NameServers(world, faults, on_lie=self._note_lie)
        self._web = WebServer(world, faults, self._names)
        self._app = AppServer(world, faults, certificates, web=self._web.attend)
        speakers = {"https": self._web.attend, "sinkhole_tls": self._web.attend, "dot": DotServer(self._names).attend}
        self._tls = TlsServer(world, faults, certificates, speakers=speakers, apps=self._app.attend)
        self._mitm = Interceptor(world, faults, certificates)
        self._listeners = Listeners()
        self._datagrams: list[socket.socket] = []
        self._quic: QuicServer | None = None

    def start(self, tcp: Iterable[Listener], udp: Iterable[Listener], quic: Mapping[str, Site]) -> None:
        """Bind the name servers, the listeners, and QUIC by address; raises OSError where that is impossible."""
        for server in name_servers(self._world, self._faults):
            serve_datagrams(self._datagram(server.address, PORT), self._names, server.role)
            if server.tcp:
                self._listeners.listen(server.address, PORT, tcp_handler(self._names, server.role))
        for listener in tcp:
            self._listeners.listen(listener.address, listener.port, self._handler(listener.site))
        for listener in udp:
            serve_udp(self._datagram(listener.address, listener.port), listener.site, self._faults)
        self._quic = QuicServer(self._world, self._faults, self._certificates, self._web, sites=quic)

    def close(self) -> None:
        """Stop every server and drop every connection."""
        self._listeners.close()
        if self._quic:
            self._quic.close()
        for udp in self._datagrams:
            asyncio.get_running_loop().remove_reader(udp.fileno())
            udp.close()

    def _datagram(self, address: str, port: int) -> socket.socket:
        bound = bound_socket(address, port, socket.SOCK_DGRAM)
        self._datagrams.append(bound)
        return bound

    def _handler(self, site: Site) -> Handler:
        if site.kind in ("https", "tls", "dot", "sinkhole_tls"):
            return lambda stream: self._tls.attend(stream, site)
        if site.kind in ("tcp", "http") and spoken_at(site):
            return lambda stream: self._app.attend(stream, site, stream)
        if site.kind == "tcp":
            return wait_for_end
        if site.kind == "mitm":
            return self._mitm.attend
        return lambda stream: self._web.attend(stream, site, stream)

    def _note_lie(self, fault: Fault, name: str, address: str) -> None:
        entry = TruthEntry(
            time_s=time.monotonic(),
            actor="resolver",
            action=fault.kind,
            block_type=fault.block_type,
            alias=fault.alias,
            name=name,
            address=address,
            port=PORT,
            direction="to_client",
        )
        try:
            self._log.write(entry)
        except OSError as error:  # elsewhere an OSError is a client that left; this one ends the laboratory
            raise RuntimeError(f"the truth log cannot be written: {error}") from error
