"""UDP port 443 of the whole world: one socket for each family hears for every host, and knows who serves QUIC.

The QUIC library is loaded when the first datagram for such a host comes: most runs of a laboratory need none.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from probe_lab.lab_types import World
from probe_lab.servers.certificates import Certificates
from probe_lab.servers.datagram_server import AnyAddressSocket, Datagram, Refusals
from probe_lab.servers.faults import Faults
from probe_lab.servers.served_sites import Site
from probe_lab.servers.web_server import WebServer

if TYPE_CHECKING:
    from probe_lab.servers.quic_connections import Connections

PORT = 443

_BATCH = 16
"""Datagrams read before others get their turn."""


class QuicServer:
    """Hands each datagram to the host that it is meant for, or refuses it where no host serves QUIC."""

    def __init__(
        self, world: World, faults: Faults, certificates: Certificates, web: WebServer, *, sites: Mapping[str, Site]
    ) -> None:
        """Bind both families; `sites` are the hosts of QUIC by address. Raises OSError where that is impossible."""
        self._world = world
        self._faults = faults
        self._certificates = certificates
        self._web = web
        self._sites = sites
        self._refusals = Refusals()
        self._connections: dict[int, Connections] = {}
        self._sockets = [AnyAddressSocket(family, PORT) for family in (socket.AF_INET, socket.AF_INET6)]
        for bound in self._sockets:
            asyncio.get_running_loop().add_reader(bound.fileno(), self._attend, bound)

    def close(self) -> None:
        """Stop hearing; clients learn nothing of it, as when a machine is switched off."""
        for connections in self._connections.values():
            connections.close()
        for bound in self._sockets:
            asyncio.get_running_loop().remove_reader(bound.fileno())
            bound.close()
        self._refusals.close()

    def _attend(self, bound: AnyAddressSocket) -> None:
        for _ in range(_BATCH):
            datagram = bound.receive()
            if datagram is None:
                return
            site = self._sites.get(datagram.local)
            if site is None:
                self._refusals.refuse(datagram, port=PORT)
            else:
                self._serve(bound, datagram, site)

    def _serve(self, bound: AnyAddressSocket, datagram: Datagram, site: Site) -> None:
        from probe_lab.servers.quic_connections import Address, Connections

        connections = self._connections.get(bound.fileno())
        if connections is None:
            connections = self._connections[bound.fileno()] = Connections(
                self._world, self._faults, self._certificates, self._web, send=partial(_send, bound)
            )
        address = Address(peer=datagram.client, port=datagram.client_port, local=datagram.local)
        connections.receive(datagram.data, address, site)


def _send(bound: AnyAddressSocket, data: bytes, peer: str, port: int, local: str) -> None:
    bound.send(data, client=peer, client_port=port, local=local)
