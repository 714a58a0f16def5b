"""Two hosts, one of which has a fault, and how they are asked."""

from __future__ import annotations

from collections.abc import Mapping

import dns.message
import dns.query

from lab_servers_world import Served, row
from probe_lab.lab_types import Fault, Value

BAD, GOOD = "bad.example", "good.example"
ROWS = [row(f"https://{name}/", expect_status=("200",), expect_body=(name,)) for name in (BAD, GOOD)]
Params = Mapping[str, Value]


def fault(kind: str, *match: str, **params: Value) -> Fault:
    """A fault under an alias."""
    return Fault(kind=kind, match=match, params=params, alias="t")


def lookup(served: Served, name: str, kind: str = "A", *, where: str = "") -> dns.message.Message:
    """What a name server answers, the network's own unless told."""
    query = dns.message.make_query(name, kind)
    return dns.query.udp(query, where or served.world.resolver, timeout=10)


def first(answer: dns.message.Message) -> str:
    """The first record of the last RRset of an answer."""
    return str(answer.answer[-1][0])
