"""Replies that differ from the genuine server's in one aspect, one for every shape of expectation in the catalogue."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from probe.core.endpoints import Endpoint
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.trust import judges_certificates
from probe_lab.draw import resolve_addresses
from probe_lab.lab_types import DrawnScenario, Fault, Rule, Value, World
from probe_lab.servers.faults import Faults
from probe_lab.servers.genuine import GenuineServices
from probe_lab.servers.http1 import Reply, Request
from probe_lab.servers.listeners import plan_listeners
from probe_lab.servers.served_sites import Site
from probe_lab.world import FIXED_ANSWERS

Shape = tuple[object, ...]

_STATUSES = (200, 204, 301, 400, 404, 405, 410, 418, 500, 502)
_CERTIFICATES = ("cert_wrong_name", "cert_self_signed", "cert_expired")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
UNCHANGED = "unchanged"
MOST_CONTROLS = 2
"""The network is judged by its controls: were many of them mutated, nothing could be said of anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One endpoint and what is wrong with its reply."""

    row: Endpoint
    aspect: str
    faults: tuple[Fault, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def same_for_all(self) -> bool:
        """The server itself answers so, to everybody: nobody may be accused."""
        return not self.rules and not any(fault.kind == "resolver_lie" for fault in self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a mutation is made from."""

    world: World
    sites: dict[str, Site]
    services: GenuineServices
    rng: random.Random

    def genuine(self, row: Endpoint) -> Reply:
        """The reply of the genuine server."""
        parts = urlsplit(row.input)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = Request(method="GET", target=target, headers={"host": row.host})
        return self.services.reply(self.sites[row.input], request)


def shape_of(row: Endpoint, aspect: str) -> Shape:
    """What the catalogue knows of this aspect of a reply, apart from the words themselves."""
    expect = row.expect
    told = {
        "status": expect.status, "body": expect.status, "header": expect.header, "location": "://" in expect.location,
        "json": "=" in expect.json, "alpn": row.alpn,
    }
    return (row.protocol, bool(row.sni), row.trust, told.get(aspect, ""))


def aspects_of(row: Endpoint) -> tuple[str, ...]:
    """In what a reply can differ so that it is no longer what the row describes."""
    if row.protocol == "dns":
        return ("absent", "false_address")
    if "closed" in row.expect.status:
        return ("answers",)
    if row.protocol == "stun":
        return ("closed", "misnumbered")
    if row.protocol == "quic":
        return ("certificate", "closed") if judges_certificates(row.trust) else ("closed",)
    expect = row.expect
    fixed_status = bool(expect.status) and "any" not in expect.status
    named = (
        ("certificate", bool(row.sni) and judges_certificates(row.trust)),
        ("no_tls", bool(row.sni) and not judges_certificates(row.trust)),
        ("alpn", row.protocol == "tls" and bool(row.alpn)), ("status", fixed_status), ("body", bool(expect.body)),
        ("header", bool(expect.header)), ("location", bool(expect.location)), ("json", bool(expect.json)),
    )
    return tuple(name for name, holds in named if holds) or ("closed",)


def mutable(row: Endpoint) -> bool:
    """Whether the probe measures the row, and whether its server can be told to answer wrongly."""
    return (
        row.status == "active" and PROTOCOLS[row.protocol].built and "{" not in row.input
        and row.host not in FIXED_ANSWERS
    )


def scene(drawn: DrawnScenario, endpoints: Sequence[Endpoint], *, rng: random.Random) -> Scene:
    """The genuine servers of a world without faults."""
    listeners = plan_listeners(drawn, endpoints, Faults((), seed=drawn.seed))
    sites = {row.input: listener.site for listener in listeners for row in listener.site.rows}
    return Scene(world=drawn.world, sites=sites, services=GenuineServices(drawn.world.seed), rng=rng)


def kinds(endpoints: Iterable[Endpoint]) -> dict[tuple[str, Shape], list[Endpoint]]:
    """Aspect and shape -> the rows that have them."""
    found: dict[tuple[str, Shape], list[Endpoint]] = {}
    for row in endpoints:
        for aspect in aspects_of(row) if mutable(row) else ():
            found.setdefault((aspect, shape_of(row, aspect)), []).append(row)
    return found


def mutants(found: Scene, endpoints: Sequence[Endpoint], *, runs: int) -> list[list[Mutant]]:
    """For each aspect and shape one mutant, in groups whose members have hosts and targets of their own.

    What finds no place is left out; the seed decides what that is. Rows of which there are few choose first.
    """
    groups: list[list[Mutant]] = [[] for _ in range(runs)]
    shuffled = found.rng.sample(endpoints, len(endpoints))
    for (aspect, _), candidates in sorted(kinds(shuffled).items(), key=lambda item: len(item[1])):
        place = next(_places(groups, candidates), None)
        if place is not None:
            place[0].append(_MAKERS[aspect](found, place[1], aspect))
    return groups


def _places(groups: list[list[Mutant]], candidates: Sequence[Endpoint]) -> Iterator[tuple[list[Mutant], Endpoint]]:
    for group in sorted(groups, key=len):
        taken = {name for mutant in group for name in (mutant.row.host, mutant.row.sni, mutant.row.target_id)}
        controls = sum(mutant.row.role == "control" for mutant in group)
        for row in candidates:
            free = taken.isdisjoint((row.host, row.sni or row.host, row.target_id))
            if free and (row.role != "control" or controls < MOST_CONTROLS):
                yield group, row


def unchanged(found: Scene, group: Sequence[Mutant], endpoints: Sequence[Endpoint], *, count: int) -> list[Mutant]:
    """Endpoints of other hosts and targets than the group's, with the replies of their genuine servers."""
    own = [*group]
    for row in found.rng.sample(endpoints, len(endpoints)):
        wanted = len(own) < len(group) + count and mutable(row) and row.role != "control"
        if wanted and next(_places([own], [row]), None):
            own.append(Mutant(row=row, aspect=UNCHANGED))
    return own[len(group):]


# --- the mutations


def _reply(found: Scene, row: Endpoint, aspect: str, change: Callable[[Scene, Endpoint, Reply], Reply]) -> Mutant:
    reply = change(found, row, found.genuine(row))
    headers = tuple(f"{name}: {value}" for name, value in reply.headers)
    text = reply.body.decode("utf-8", "replace")
    params: dict[str, Value] = {"status": reply.status, "headers": headers, "body": text}
    return Mutant(row=row, aspect=aspect, faults=(Fault(kind="status", match=(row.host,), params=params),))


def _other_status(found: Scene, row: Endpoint, reply: Reply) -> Reply:
    wrong = [s for s in _STATUSES if not {str(s), f"{s // 100}xx"} & set(row.expect.status)]
    return Reply(status=found.rng.choice(wrong), headers=reply.headers, body=reply.body)


def _other_body(found: Scene, row: Endpoint, reply: Reply) -> Reply:
    text = reply.body.decode("utf-8", "replace")
    for mark in row.expect.body:
        text = re.sub(re.escape(mark), "", text, flags=re.IGNORECASE)
    return Reply(status=reply.status, headers=reply.headers, body=text.encode()[:8000])


def _no_header(found: Scene, row: Endpoint, reply: Reply) -> Reply:
    kept = tuple(h for h in reply.headers if h[0].lower() != row.expect.header.lower())
    return Reply(status=reply.status, headers=kept, body=reply.body)


def _other_location(found: Scene, row: Endpoint, reply: Reply) -> Reply:
    kept = tuple(h for h in reply.headers if h[0].lower() != "location")
    return Reply(status=reply.status, headers=(*kept, ("Location", "/elsewhere")), body=reply.body)


def _other_json(found: Scene, row: Endpoint, reply: Reply) -> Reply:
    path, equals, _ = row.expect.json.partition("=")
    document: Any = json.loads(reply.body)
    *way, last = [int(index) if index else name for name, index in _STEP.findall(path)]
    node = document
    for step in way:
        node = node[step]
    if equals:
        node[last] = "something else"
    else:
        del node[last]
    return Reply(status=reply.status, headers=reply.headers, body=json.dumps(document).encode())


def _fault(found: Scene, row: Endpoint, aspect: str, *, kinds: tuple[str, ...]) -> Mutant:
    return Mutant(row=row, aspect=aspect, faults=(Fault(kind=found.rng.choice(kinds), match=(row.sni or row.host,)),))


def _closed(found: Scene, row: Endpoint, aspect: str) -> Mutant:
    match = resolve_addresses(row, found.world) if row.address else (row.host,)
    return Mutant(row=row, aspect=aspect, faults=(Fault(kind="closed", match=match),))


def _false_address(found: Scene, row: Endpoint, aspect: str) -> Mutant:
    address = found.rng.choice(("10.10.34.36", "127.0.0.1", "0.0.0.0", "100.64.3.9"))
    return Mutant(row=row, aspect=aspect, faults=(
        Fault(kind="resolver_lie", match=(row.host,), params={"address": address}),
    ))


def _answers(found: Scene, row: Endpoint, aspect: str) -> Mutant:
    """Something accepts on the port that must be closed: what answers on port 80 there."""
    plan = found.world.hosts[row.host]
    rules = tuple(
        Rule(trigger="address_port", match=(f"{address}:{row.port}",), action="redirect",
             params={"to": address, "port": row.port, "to_port": 80})
        for address in plan.ipv4
    )
    return Mutant(row=row, aspect=aspect, rules=rules)


def _alpn(found: Scene, row: Endpoint, aspect: str) -> Mutant:
    """The server is the genuine one; the row that the probe reads asks for a protocol that it does not speak."""
    return Mutant(row=row, aspect=aspect)


_MAKERS: dict[str, Callable[[Scene, Endpoint, str], Mutant]] = {
    "status": partial(_reply, change=_other_status),
    "body": partial(_reply, change=_other_body),
    "header": partial(_reply, change=_no_header),
    "location": partial(_reply, change=_other_location),
    "json": partial(_reply, change=_other_json),
    "certificate": partial(_fault, kinds=_CERTIFICATES),
    "no_tls": partial(_fault, kinds=("tls_junk",)),
    "misnumbered": partial(_fault, kinds=("stun_misnumbered",)),
    "absent": partial(_fault, kinds=("nonexistent",)),
    "closed": _closed,
    "false_address": _false_address,
    "answers": _answers,
    "alpn": _alpn,
}
