"""What an accusation rests on: why it cannot have been the service itself, or its own front, that failed us."""

from __future__ import annotations

from typing import Literal

Basis = Literal["packets", "place", "time", "content", "company"]
BASES: dict[Basis, str] = {
    "packets": "captured packets were sent by somebody else than the service",
    "place": "what acts lies where paths to other owners pass as well, well before the service's own door",
    "time": "the end or the answer came sooner than the service can send one",
    "content": "what was answered is false by itself, or is a page that is known to block in this country",
    "company": "services of three unrelated owners are struck alike here, while others at their addresses are served",
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
OF_FLOWS: tuple[Basis, ...] = ("company",)
"""Of transfers that are slow or stop: nothing in them tells where."""
OF_DATAGRAMS: tuple[Basis, ...] = ("place", "company")
OF_ANSWERS: tuple[Basis, ...] = ("content", "packets", "place", "company")
"""Of a resolver's answers, denials and silence."""
OF_PAGES: tuple[Basis, ...] = ("content", *NOT_THE_FRONT)
