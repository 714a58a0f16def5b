"""Builders of what a run could have seen: endpoints, lookups, visits, controls. Addresses are made up and public."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from probe.catalogue.sites import Site, group_sites
from probe.core.endpoints import Endpoint, Expectation
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.failures import Failure
from probe.core.tables.handshakes import ProtocolName
from probe.core.tables.operations import Operation
from probe.core.tables.resolvers import DnsEngine, OperatorName, ResolverRole
from probe.judge.dns.unanswered import QuestionCount
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_evidence import PathEvidence
from probe.store.flat_observation import PLACES, read_replies_column
from probe.store.text_forms import FORMS, read_place

HOST, OTHER = "chat.example", "other.example"
HERE4, NEAR4, THERE4 = "93.184.0.1", "93.184.0.2", "151.101.9.9"
ELSEWHERE, BEYOND4 = "104.16.5.5", "23.4.5.6"
"""Addresses of others, each in a network of its own."""
HERE6 = "2606:2800::1"
PRIVATE, NOWHERE, RESOLVER, PUBLIC, DARK = "10.10.34.34", "198.51.100.7", "93.184.0.53", "93.184.1.53", "93.184.2.53"
TIMEOUT: Final = "generic_timeout_error"
RESET: Final = "connection_reset"
REFUSED: Final = "connection_refused"
EOF: Final = "eof_error"
WELL = LadderEvidence(foreign_ok=3, tls_ok=2, resolver="ok", gateway="answers", full_segments=True,
                      asked=QuestionCount(4, 0))

PATH_OF_STAGE: dict[str, Operation] = {
    "connect": "connect", "tls": "tls_handshake", "http": "http_round_trip", "page": "http_round_trip",
}
PROTOCOL_OF_SCHEME: dict[str, ProtocolName] = {
    "tcpconnect": "tcp", "tlshandshake": "tls", "dnslookup": "dns", "quichandshake": "quic", "stun": "stun",
}
ENGINE_OF_RESOLVER: dict[ResolverRole | OperatorName, DnsEngine] = {
    "system": "system", "network": "udp", "public": "udp", "dark": "udp",
}


def endpoint(url: str = f"https://{HOST}/", **changes: Any) -> Endpoint:
    """An endpoint as the catalogue would read it from its URL."""
    parts = urlsplit(url)
    secure = parts.scheme in ("https", "tlshandshake", "quichandshake")
    protocol = PROTOCOL_OF_SCHEME.get(parts.scheme, "http")
    host = parts.hostname or parts.path.strip("/")
    default = {"https": 443, "http": 80}.get(parts.scheme, 0)
    plain = Endpoint(
        target_id="chat.web.main", service="chat", role="web", tier=1, input=url, protocol=protocol, host=host,
        port=parts.port or default, sni=host if secure else "", trust="web_pki" if secure else "none",
    )
    return replace(plain, **changes)


def expecting(url: str, target_id: str = "chat.web.main", **expectation: Any) -> Endpoint:
    """An endpoint with an expectation."""
    return endpoint(url, target_id=target_id, expect=Expectation(**expectation))


def site_of(*members: Endpoint) -> Site:
    """The one site that these endpoints form."""
    (only,) = group_sites(members or (endpoint(),))
    return only


def observation(**flat: Any) -> Observation:
    """The observation with these values; a name is that of a column, as in `sni`, whichever part it belongs to. Values
    that have a text form in the column may be given in it."""
    return _put(Observation(operation=flat["operation"]), flat)


def replace_flat(seen: Observation, **flat: Any) -> Observation:
    """The observation with other values, named as in `observation`."""
    return _put(seen, flat)


def _put(seen: Observation, flat: dict[str, Any]) -> Observation:
    parts: dict[str, Any] = {}
    for column, value in flat.items():
        part, _, name = PLACES[column].rpartition(".")
        if column == "replies" and any(isinstance(text, str) for text in value):
            part, name, value = read_replies_column(flat.get("operation", seen.operation), value)
        if column in FORMS and (isinstance(value, str) or (
                isinstance(value, tuple) and any(isinstance(text, str) for text in value))):
            value = FORMS[column].read(value)
        if part:
            parts[part] = replace(parts.get(part, getattr(seen, part)), **{name: value})
        else:
            parts[column] = value
    return replace(seen, **parts)


def lookup(*answers: str, name: str = HOST, resolver: ResolverRole | OperatorName = "network", failure: Failure = "",
           **changes: Any) -> Observation:
    """A question and its answer; without answers and failure, an empty one."""
    engine = ENGINE_OF_RESOLVER.get(resolver, "doh")
    word: Failure = failure or ("" if answers else "dns_no_answer")
    plain = observation(
        operation="resolve" if engine == "system" else "dns_round_trip", hostname=name, resolver=resolver,
        dns_engine=engine, answers=answers, failure=word, purpose="dark" if resolver == "dark" else "target",
        resolver_address={"network": RESOLVER, "public": PUBLIC, "dark": DARK}.get(resolver, ""),
    )
    return replace_flat(plain, **changes)


def operation(kind: Operation, address: str = HERE4, failure: Failure = "", **changes: Any) -> Observation:
    """A connect, tls_handshake or http_round_trip at an address."""
    plain = observation(
        operation=kind, address=address, address_source="network", hostname=HOST, port=443,
        family=6 if ":" in address else 4, failure=failure, target_id="chat.web.main", input=f"https://{HOST}/",
        url=f"https://{HOST}/" if kind == "http_round_trip" else "", sni=HOST if kind != "connect" else "",
        trust="valid" if kind == "tls_handshake" and not failure else "",
        server_hello=kind == "tls_handshake" and not failure, status=200 if kind == "http_round_trip" else 0,
    )
    return replace_flat(plain, **changes)


def visit_to(address: str = HERE4, *, until: str = "", failure: Failure = "", page: dict[str, Any] | None = None,
             **changes: Any) -> list[Observation]:
    """A whole HTTPS visit, or one that ends with `failure` at the stage `until`."""
    seen: list[Observation] = []
    for stage in ("connect", "tls", "http"):
        ends = stage == until
        extra: dict[str, Any] = page if stage == "http" and page else {}
        seen.append(operation(PATH_OF_STAGE[stage], address, failure if ends else "", **changes | extra))
        if ends:
            break
    return seen


def plain_visit(address: str = HERE4, *, failure: Failure = "", **changes: Any) -> list[Observation]:
    """A visit over plain HTTP, port 80."""
    common: dict[str, Any] = {"port": 80, "sni": "", "input": f"http://{HOST}/"}
    common |= {name: changes.pop(name) for name in ("attempt", "purpose", "tainted_by") if name in changes}
    page = common | {"url": f"http://{HOST}/"} | changes
    return [operation("connect", address, **common), operation("http_round_trip", address, failure, **page)]


def numbered(seen: list[Observation]) -> tuple[Observation, ...]:
    """The observations with ids and sequence numbers, as a book would give them."""
    return tuple(replace(o, sequence=n, observation_id=f"r.{n}") for n, o in enumerate(seen))


OF_PLACES = ("tcp", "tls", "udp", "leaf_keys", "ja4s", "app", "shapes")


def told(control_id: str = "a", **changes: Any) -> ControlAnswer:
    """What a control in a network of its own says."""
    number = 64500 + sum(control_id.encode())
    plain = ControlAnswer(control_id=control_id, asn=number, cc=control_id.upper(), input=f"https://{HOST}/",
                          state="answered")
    return replace(plain, **changes | {
        name: tuple((read_place(where) if isinstance(where, str) else where, word) for where, word in changes[name])
        for name in OF_PLACES if name in changes})


PARTS_OF_PATHS = ("controls", "place", "tcp", "tls", "http", "lasting")
"""Parts of a path's evidence whose fields tests name alone where no other has them, or as `tls_alert`."""


def path(**changes: Any) -> PathEvidence:
    """A path that failed five times alike; change what differs."""
    plain = PathEvidence(address=HERE4, source="network", kind="http", secure=True, depth=3, attempts=5,
                         failed_attempts=5, same_failure=True)
    return change_path(plain, **changes)


def change_path(seen: PathEvidence, **changes: Any) -> PathEvidence:
    """The path with other values; those of its parts are named as in `PARTS_OF_PATHS`."""
    own = {name: changes.pop(name) for name in list(changes) if name in PathEvidence.__dataclass_fields__}
    for part in PARTS_OF_PATHS:
        value = own.get(part, getattr(seen, part))
        named = {name: name.removeprefix(f"{part}_") for name in changes}
        mine = {field: changes.pop(name) for name, field in named.items() if field in value.__dataclass_fields__
                and (name != field or part != "controls")}
        own[part] = replace(value, **mine)
    assert not changes, f"no part of a path has {', '.join(changes)}"
    return replace(seen, **own)
