"""The inbox behind a web server on the same machine, which speaks TLS and limits addresses. It logs nothing."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

from probe.store.signing.age_proofs import IssuerKeys
from probe_operate.helper.helper_server import CalmServer, make_server, open_listener
from probe_operate.receiving.inbox_app import InboxDesk, make_inbox_app
from probe_operate.receiving.inbox_folder import InboxFolder
from probe_operate.receiving.logins import LoginFile
from probe_operate.receiving.shares import ShareLimits, Shares


def make_inbox_desk(folder: Path, logins: Path, limits: ShareLimits, *, prefix: str, least_free_bytes: int,
                    issuer: IssuerKeys | None) -> InboxDesk:
    """What takes uploads. Raises StoreError."""
    place = InboxFolder(folder, least_free_bytes=least_free_bytes)
    return InboxDesk(folder=place, logins=LoginFile(logins), shares=Shares(inbox=folder, limits=limits), prefix=prefix,
                     issuer=issuer)


def open_inbox_server(desk: InboxDesk, address: str, port: int) -> tuple[CalmServer, socket.socket]:
    """A server, and the socket to hand to its `run`. Raises ValueError for an address that others could reach, OSError
    when it cannot listen."""
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError("an inbox listens on a loopback address only, behind a web server that speaks TLS")
    return make_server(make_inbox_app(desk), tls=None), open_listener(address, port)
