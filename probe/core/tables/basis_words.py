"""What an accusation rests on: why it cannot have been the service itself, or its own front, that failed us."""

from __future__ import annotations

from typing import Literal

Basis = Literal["packets", "place", "time", "content", "company"]
BASES: dict[Basis, str] = {
    "packets": "captured packets came from somebody other than the service",
    "place": "the interference lies on a part of the way that leads to other organisations too, well before the "
             "service's own routers",
    "time": "the answer, or the end of the connection, came sooner than the service could have sent it",
    "content": "the answer cannot be true, or it is known from blocks in this country",
    "company": "services of three unrelated organisations fail in the same way here, while others at their "
               "addresses are served",
}
"""Strongest first: a verdict that could rest on several names the first of them. Each is independent of what the
service does. A front of its own can refuse a name, a country, a program or a network in every way in which a censor
can, but it cannot act before our packets reach it, nor for services of other owners."""

NOT_THE_FRONT: tuple[Basis, ...] = ("packets", "place", "time", "company")
"""Of failures that a service's own front can show as well."""
NEARER: tuple[Basis, ...] = ("packets", "place", "time")
"""Of ends by which servers refuse names in good order."""
OF_ADDRESSES: tuple[Basis, ...] = ("packets", "place")
"""Of addresses that do not accept connections: several owners are lost together whenever a carrier fails."""
OF_FLOWS: tuple[Basis, ...] = ("place", "company")
"""Of transfers that are slow or stop: nothing in them tells where, unless they are made at other owners' servers."""
COMPANY_ALONE: tuple[Basis, ...] = ("company",)
"""Of addresses that are slow, and of connections that end after a while: no transfer at another server shows that."""
OF_DATAGRAMS: tuple[Basis, ...] = ("place", "company")
OF_ANSWERS: tuple[Basis, ...] = ("content", "packets", "place", "company")
"""Of a resolver's answers, denials and silence."""
OF_PAGES: tuple[Basis, ...] = ("content", *NOT_THE_FRONT)
