"""What Globalping may be asked, and how a question is written (its public OpenAPI file, August 2026). Pure.

A test is the result of one probe: limits and budgets count tests. One question is one measurement by several probes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

QuestionKind = Literal["http", "ping", "dns"]
RecordType = Literal["A", "AAAA"]
LineTag = Literal["", "eyeball-network", "datacenter-network"]
"""A probe's line: at home, or where servers stand; empty: any."""
HOME: LineTag = "eyeball-network"
PING_PACKETS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlace:
    """Where probes are wanted."""

    cc: str
    line: LineTag = ""
    probes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to be looked at.

    http: a request to `target` (a name or an address), with `host` as server name and Host header. ping: does `target`
    accept a connection at `port`. dns: which records of `record_type` has `target`.
    """

    kind: QuestionKind
    target: str
    port: int = 0
    secure: bool = True
    host: str = ""
    path: str = "/"
    query: str = ""
    whole: bool = False
    """Whether the page is fetched; else its head alone."""
    record_type: RecordType = "A"


def encode_question(question: Question, places: Sequence[ProbePlace]) -> bytes:
    """The body of `POST /v1/measurements`. Progress is not asked for: an answer is read once."""
    return msgspec.json.encode({
        "type": question.kind, "target": question.target, "inProgressUpdates": False,
        "locations": [_write_place(place) for place in places],
        "measurementOptions": _write_options(question)})


def count_tests(places: Sequence[ProbePlace]) -> int:
    """How many tests a question to these costs at most."""
    return sum(place.probes for place in places)


def _write_place(place: ProbePlace) -> dict[str, Any]:
    wanted: dict[str, Any] = {"country": place.cc, "limit": place.probes}
    return wanted | ({"tags": [place.line]} if place.line else {})


def _write_options(question: Question) -> dict[str, Any]:
    if question.kind == "dns":
        return {"query": {"type": question.record_type}}
    if question.kind == "ping":
        return {"protocol": "TCP", "port": question.port, "packets": PING_PACKETS}
    request: dict[str, Any] = {"method": "GET" if question.whole else "HEAD", "path": question.path}
    if question.host:
        request["host"] = question.host
    if question.query:
        request["query"] = question.query
    return {"protocol": "HTTPS" if question.secure else "HTTP", "port": question.port, "request": request}
