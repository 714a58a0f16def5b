"""Whom a list may name, and how often: ports of a protocol, an address, its network, a domain, a service, a protocol.

Whoever signs a list decides whom thousands of volunteers visit again and again. So no list, whosever it is, may aim
them at one place; what it asks of each stays near what the shipped list asks. Pure.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from probe.catalogue.endpoint_urls import find_carried_address
from probe.core.endpoints import Endpoint
from probe.core.tables.ports import explain_foreign_port
from probe.core.tables.protocols import PROTOCOLS

MAX_ROWS = 2000
"""Of a catalogue: three times as many as the shipped one has."""
MAX_PAGES = 20_000
"""Of a list of pages alone, which a person has to name."""
MAX_OF_ADDRESS, MAX_OF_NETWORK = 16, 64
"""Of an address; of those that share their first 24 bits (IPv4) or 48 bits (IPv6)."""
MAX_OF_ZONE = 200
"""Of the names below one that people register. Two shops of the shipped list have a page there for each application."""
MAX_OF_SERVICE = 150
MAX_OF_MAIL = 20
"""Mail servers: whoever asks many is soon on a list of spammers, and so is the line."""
MAX_OF_PROTOCOL = 150
"""Of one that is neither the web's nor a mere name's: such servers are few, and some are small."""
_MAIL = frozenset(name for name in PROTOCOLS if name.startswith(("imap", "smtp")))
_ORDINARY = frozenset({"dns", "http", "tcp", "tls"})
_BRIEF = frozenset({"ac", "co", "com", "edu", "gob", "gov", "go", "in", "mil", "ne", "net", "or", "org"})
"""What stands between a name and its country where people register a third level: co.uk, com.cn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """What the rows so far have named."""

    of_pages: bool = False
    """The list is one of pages: of no service, and longer."""
    rows: Counter[str] = field(default_factory=Counter)

    def refuse(self, endpoint: Endpoint) -> str:
        """Why the next row may not be there; empty where it may. It counts all the same."""
        if foreign := explain_foreign_port(endpoint.protocol, endpoint.port):
            return foreign
        for what, most in _list_groups(endpoint, of_pages=self.of_pages):
            self.rows[what] += 1
            if self.rows[what] > most:
                return f"one more than the {most} rows that a list may have {what}"
        return ""


def find_zone(host: str) -> str:
    """The name that was registered, as far as it can be told without a list of all such places."""
    labels = host.lower().split(".")
    deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _BRIEF
    return ".".join(labels[-3:] if deep else labels[-2:])


def is_mail(endpoint: Endpoint) -> bool:
    """Whether its server is one of mail."""
    return endpoint.protocol in _MAIL


def _list_groups(endpoint: Endpoint, *, of_pages: bool) -> Iterator[tuple[str, int]]:
    """Whatever the endpoint is one more of, and how many of it there may be."""
    yield "in all", MAX_PAGES if of_pages else MAX_ROWS
    if endpoint.address:
        address = find_carried_address(ipaddress.ip_address(endpoint.address))
        network = ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False)
        yield f"of the address {address}", MAX_OF_ADDRESS
        yield f"of the network {network}", MAX_OF_NETWORK
    else:
        yield f"of the domain {find_zone(endpoint.host)}", MAX_OF_ZONE
    if not of_pages:
        yield f"of the service {endpoint.service}", MAX_OF_SERVICE
    if is_mail(endpoint):
        yield "of mail servers", MAX_OF_MAIL
    elif endpoint.protocol not in _ORDINARY:
        yield f"of the protocol {endpoint.protocol}", MAX_OF_PROTOCOL
