"""QUIC version 1 (RFC 9000, RFC 9001) for every HTTPS site, through aioquic's state machines."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.h3.connection import H3_ALPN
from aioquic.quic import events
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE, QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import (
    QuicHeader,
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_version_negotiation,
    pull_quic_header,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from probe_lab.lab_types import World
from probe_lab.pki import world_time
from probe_lab.servers.certificates import Certificates, certificate_name
from probe_lab.servers.client_hello import server_name
from probe_lab.servers.faults import Faults, certificate_fault, number
from probe_lab.servers.h3 import Answer, Http3
from probe_lab.servers.http1 import Request
from probe_lab.servers.served_sites import Site
from probe_lab.servers.tls_server import HANDSHAKE_FAILURE, MISBEHAVIOURS, refusal
from probe_lab.servers.web_server import WebServer

_IDLE_S = 30.0
"""A connection on which nothing is heard for so long is over, seconds."""

_ID_BYTES = 8
_VERSIONS = [int(QuicProtocolVersion.VERSION_1)]


class Address(NamedTuple):
    """Both ends of a path; what the library takes for the client's address."""

    peer: str
    port: int
    local: str


Send = Callable[[bytes, str, int, str], None]
"""Sends bytes to a client's address and port from one of the world's addresses."""


class _Refusal(tls.Alert):
    """Ends a handshake with any alert."""

    def __init__(self, description: int) -> None:
        super().__init__("refused")
        self.description = tls.AlertDescription(description)


class _Connection(QuicConnection):
    """A server's connection that chooses its certificate when it has read the name in the ClientHello."""

    def __init__(self, choose: Callable[[tls.Context, str], None], **settings: Any) -> None:
        super().__init__(**settings)
        self._choose: Callable[[tls.Context, str], None] | None = choose

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        context, received = self.tls, bytearray()
        handle = context.handle_message

        def choose_first(input_data: bytes, output_buf: dict[tls.Epoch, Buffer]) -> None:
            received.extend(input_data)
            if self._choose and len(received) >= 4 and len(received) >= 4 + int.from_bytes(received[1:4]):
                choose, self._choose = self._choose, None
                choose(context, server_name(bytes(received[4 : 4 + int.from_bytes(received[1:4])])))
            handle(input_data, output_buf)

        context.handle_message = choose_first  # type: ignore[method-assign]


class Connections:
    """Every QUIC connection over one socket."""

    def __init__(
        self, world: World, faults: Faults, certificates: Certificates, web: WebServer, *, send: Send
    ) -> None:
        self.world = world
        self.faults = faults
        self.certificates = certificates
        self.web = web
        self.send = send
        self._by_id: dict[bytes, _Served] = {}
        self._silent: set[Address] = set()
        self._taken: Counter[tuple[str, str]] = Counter()

    def receive(self, data: bytes, address: Address, site: Site) -> None:
        """Take a datagram that came to a site; what is not QUIC is ignored."""
        try:
            header = pull_quic_header(Buffer(data=data), host_cid_length=_ID_BYTES)
        except ValueError:
            return
        served = self._by_id.get(header.destination_cid)
        if served is None and len(data) >= SMALLEST_MAX_DATAGRAM_SIZE:  # RFC 9000 5.2.2
            if header.version not in (None, int(QuicProtocolVersion.NEGOTIATION), *_VERSIONS):
                self._negotiate(header, address)
            elif header.packet_type == QuicPacketType.INITIAL and address not in self._silent:
                served = self._accept(header, address, site)
        if served is not None:
            served.receive(data, address)

    def close(self) -> None:
        """Forget every connection."""
        for served in set(self._by_id.values()):
            served.forget()
        self._by_id.clear()

    def name(self, served: _Served, connection_id: bytes) -> None:
        """Datagrams with this identifier are from now on a connection's."""
        self._by_id[connection_id] = served

    def unname(self, connection_id: bytes) -> None:
        """An identifier is no longer used."""
        self._by_id.pop(connection_id, None)

    def _negotiate(self, header: QuicHeader, address: Address) -> None:
        reply = encode_quic_version_negotiation(
            source_cid=header.destination_cid, destination_cid=header.source_cid, supported_versions=_VERSIONS
        )
        self.send(reply, *address)

    def _accept(self, header: QuicHeader, address: Address, site: Site) -> _Served | None:
        """A new connection; None where the site's TLS is broken in a way that over UDP is silence."""
        alert = 0
        if self._has_enough(site, address):
            self._silent.add(address)
            return None
        for fault in self.faults.of("tls", site.host, *site.names, address.local):
            if fault.kind in MISBEHAVIOURS and "only_client" not in fault.params and self.faults.happens(fault):
                if fault.kind != "tls_alert":
                    self._silent.add(address)
                    return None
                alert = int(number(fault.params, "description", HANDSHAKE_FAILURE))
        return _Served(self, site, address, header.destination_cid, alert=alert)


    def _has_enough(self, site: Site, address: Address) -> bool:
        """Whether a limit of handshakes by one address is reached; counts this one."""
        limits = [f for f in self.faults.of("tls", site.host, *site.names, address.local) if f.kind == "quic_limit"]
        self._taken[site.host, address.peer] += 1
        return any(self._taken[site.host, address.peer] > number(f.params, "handshakes", 1) for f in limits)


class _Served:
    """One connection: the library's state machines, their timer, and the answers."""

    def __init__(self, owner: Connections, site: Site, address: Address, first_id: bytes, *, alert: int) -> None:
        self._owner = owner
        self._site = site
        self._address = address
        self._alert = alert
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._http: Http3 | None = None
        configuration = QuicConfiguration(
            is_client=False, alpn_protocols=H3_ALPN, connection_id_length=_ID_BYTES, supported_versions=_VERSIONS,
            idle_timeout=_IDLE_S,
        )
        configuration.certificate, configuration.private_key = self._leaf("")  # none is no server, says the library
        self.quic = _Connection(
            self._choose, configuration=configuration, original_destination_connection_id=first_id
        )
        self._ids: set[bytes] = set()
        for connection_id in (first_id, self.quic.host_cid):
            self._name(connection_id)

    def receive(self, data: bytes, address: Address) -> None:
        """Take a datagram of this connection."""
        self._address = address
        self.quic.receive_datagram(data, address, now=self._loop.time())
        self._go_on()

    def forget(self) -> None:
        """Let no timer call back."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _choose(self, context: tls.Context, sni: str) -> None:
        """Give the handshake the certificate for the name that was asked for, or refuse it."""
        owner = self._owner
        self._site = site = self._site.with_name(sni)
        alert = self._alert or refusal(owner.world.seed, site, sni)
        if alert:
            raise _Refusal(alert)
        context.certificate, context.certificate_private_key = self._leaf(sni)

    def _leaf(self, sni: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """What the site presents to one who asks for this name."""
        owner, site = self._owner, self._site
        faults = owner.faults.of("tls", site.host, *site.names, self._address.local)
        bad = certificate_fault(faults, self._address.peer, owner.world)
        pem = owner.certificates.leaf(site, certificate_name(site, sni), fault=bad)
        key = load_pem_private_key(pem, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(pem), key

    def _go_on(self) -> None:
        """Handle what has happened, send what there is to send, and set the timer."""
        while (event := self.quic.next_event()) is not None:
            self._handle(event)
        for data, address in self.quic.datagrams_to_send(now=self._loop.time()):
            self._owner.send(data, *address)
        self.forget()
        at = self.quic.get_timer()
        if at is not None:
            self._timer = self._loop.call_at(at, self._wake, at)

    def _wake(self, at: float) -> None:
        self._timer = None
        self.quic.handle_timer(now=max(at, self._loop.time()))
        self._go_on()

    def _handle(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.ConnectionIdIssued):
            self._name(event.connection_id)
        elif isinstance(event, events.ConnectionIdRetired):
            self._owner.unname(event.connection_id)
        elif isinstance(event, events.ConnectionTerminated):
            for connection_id in self._ids:
                self._owner.unname(connection_id)
        elif isinstance(event, events.ProtocolNegotiated):
            self._http = Http3(self.quic, self._answer)
        if self._http:
            self._http.handle(event)

    def _name(self, connection_id: bytes) -> None:
        self._ids.add(connection_id)
        self._owner.name(self, connection_id)

    def _answer(self, request: Request) -> Answer:
        web, now = self._owner.web, world_time(self._owner.world.clock_shift_s)
        reply = web.reply(self._site, request, self._address)
        return Answer(reply=reply, now=now, cap=web.cap(self._site, self._address))
