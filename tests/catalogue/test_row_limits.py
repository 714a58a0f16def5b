"""What a list may ask of one place: an attacker's lists are refused, by row and reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

import pytest

from probe.catalogue.load import load_catalogue, parse_catalogue
from probe.catalogue.row_limits import (
    MAX_OF_ADDRESS,
    MAX_OF_MAIL,
    MAX_OF_NETWORK,
    MAX_OF_SERVICE,
    MAX_OF_ZONE,
    MAX_ROWS,
    find_zone,
)
from probe.catalogue.target_rows import COLUMNS
from probe.catalogue.types import CatalogueError, Problem
from probe.core.tables.ports import PORTS
from probe.core.tables.protocols import PROTOCOLS


def make_list(inputs: Iterable[str], *, protocol: str = "", services: int = 1) -> bytes:
    """A catalogue of such rows, whose services have numbers."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    rows.writeheader()
    for number, url in enumerate(inputs):
        service = f"s{number % services}"
        rows.writerow({"target_id": f"{service}.web.n{number}", "service": service, "role": "web", "tier": "1",
                       "status": "active", "input": url, "protocol": protocol})
    return text.getvalue().encode()


def find_problems(content: bytes) -> tuple[Problem, ...]:
    """What is wrong with a signed list."""
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(content, "signed list", "signed")
    return refused.value.problems


def name_many(n: int, form: str) -> Iterator[str]:
    """So many URLs, each with a number."""
    return (form.format(i) for i in range(n))


LISTS: dict[str, tuple[Iterable[str], int, str]] = {
    "ports": (name_many(20_000, "tcpconnect://8.8.8.8:{0}"), 2, "no port"),
    "address": ((f"tcpconnect://8.8.8.8:{port}" for port in sorted(PORTS["tcp"])), 2 + MAX_OF_ADDRESS,
                "of the address 8.8.8.8"),
    "/24": (name_many(300, "tcpconnect://8.8.8.{0}:443"), 2 + MAX_OF_NETWORK, "of the network 8.8.8.0/24"),
    "/24 within NAT64": ((f"tcpconnect://[64:ff9b::808:{i:x}]:443" for i in range(256)), 2 + MAX_OF_NETWORK,
                         "of the network 8.8.0.0/24"),
    "/48": ((f"tcpconnect://[2a00:1450:4001:{i:x}::1]:443" for i in range(1, 999)), 2 + MAX_OF_NETWORK, "/48"),
    "zone": (name_many(10_000, "dnslookup://n{0}.example.co.uk"), 2 + MAX_OF_ZONE, "of the domain example.co.uk"),
    "mail": (name_many(3_000, "tlshandshake://mail.n{0}.example:465"), 2 + MAX_OF_MAIL, "of mail servers"),
    "service": (name_many(300, "https://n{0}.example/"), 2 + MAX_OF_SERVICE, "of the service s0"),
    "all": (name_many(5_000, "https://n{0}.example/"), 2 + MAX_ROWS, "in all"),
    **{str(port): ([f"tcpconnect://n.example:{port}"], 2, f"no port of tcp: {port}") for port in (22, 25, 6379)},
}
MANY_SERVICES = ("zone", "mail", "all")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_aims_at_one_place_is_refused(name: str) -> None:
    rows, first, said = LISTS[name]
    content = make_list(rows, protocol="smtp" if name == "mail" else "", services=1000 if name in MANY_SERVICES else 1)
    found = find_problems(content)
    assert (found[0].line, said in found[0].reason) == (first, True), found[0]


def test_a_list_of_pages_is_held_to_the_ports_of_pages() -> None:
    assert [(p.line, p.reason[:22]) for p in find_problems(b"https://example.org/\nhttp://n.example:22/\n")] == [
        (2, "no port of http: 22; a")]


def test_the_limits_hold_up_to_their_number() -> None:
    rows = (f"tcpconnect://8.8.8.8:{port}" for port in sorted(PORTS["tcp"])[:MAX_OF_ADDRESS])
    found = parse_catalogue(make_list(rows), "signed list", "signed").endpoints
    assert sum(e.role != "control" for e in found) == MAX_OF_ADDRESS


def test_each_protocol_has_ports_and_the_shipped_list_keeps_to_them() -> None:
    assert PORTS.keys() == PROTOCOLS.keys()
    assert all(e.port in PORTS[e.protocol] for e in load_catalogue(search=False).endpoints)


@pytest.mark.parametrize(("host", "zone"), [
    ("example.org", "example.org"), ("a.b.Example.org", "example.org"), ("a.b.example.co.uk", "example.co.uk"),
    ("weixin.qq.com.cn", "qq.com.cn"), ("co.uk", "co.uk"), ("x.co.com", "co.com")])
def test_the_zone_is_what_somebody_registered(host: str, zone: str) -> None:
    assert find_zone(host) == zone
