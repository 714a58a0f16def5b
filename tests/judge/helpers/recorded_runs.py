"""What runs saw, observation by observation: built from connections, lookups and traces, and given to the judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from made_up_verdicts import run_context
from observations import (
    ELSEWHERE,
    HERE4,
    HOST,
    RESET,
    TIMEOUT,
    WELL,
    endpoint,
    lookup,
    observation,
    operation,
    replace_flat,
    told,
)
from probe.catalogue.sites import group_sites
from probe.core.endpoints import Endpoint
from probe.core.observation_parts import TracePart
from probe.core.observations import ControlAnswer, Observation
from probe.core.packets import Packet
from probe.core.replies import TraceLine
from probe.core.tables.failures import Failure
from probe.core.tables.handshakes import INNOCENT_HTTP, SpokenProtocol
from probe.core.tables.operations import Operation
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import OperatorName, ResolverRole
from probe.core.tables.words import Empty, read_word
from probe.judge.common.rule import Decision, decide
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.network.network_rules import NETWORK_TABLE
from probe.judge.verdicts.classify import judge_endpoints
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint
from probe.session.observation_log import ObservationLog

INNOCENT = "www.example.com"
TRIP_MS, BOX_MS, HOP_MS = 80.0, 20.0, 8.0
"""Of the service, of a box on the way, and from one router to the next."""
EVERYBODY: tuple[ResolverRole | OperatorName, ...] = ("system", "network", "public", "google", "cloudflare")
ROUTERS = "abcdefgh"
"""On the way to everybody but the last two, which are each address's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service at its address."""

    name: str = "chat"
    host: str = HOST
    address: str = HERE4
    port: int = 443
    scheme: str = "https"
    app: SpokenProtocol | Empty = ""
    """Whose first words are said to it, where it is a messenger's own."""

    @property
    def endpoint(self) -> Endpoint:
        url = f"tcpconnect://{self.host}:{self.port}" if self.app else f"{self.scheme}://{self.host}/"
        of = endpoint(url, service=self.name, target_id=f"{self.name}.web.main")
        return replace(of, protocol=read_word(self.app, PROTOCOLS)) if self.app else of

    @property
    def common(self) -> dict[str, Any]:
        """What each of its observations says."""
        of = self.endpoint
        return dict(port=self.port, hostname=self.host, input=of.input, target_id=of.target_id, protocol=self.app)


CHAT = Service()
PLAIN = replace(CHAT, scheme="http", port=80)
THREE = tuple(Service(name=name, host=f"www.{name}.example", address=address) for name, address in (
    ("telegram", "149.154.167.51"), ("whatsapp", "157.240.1.1"), ("line", "147.92.128.1")))
"""Of three unrelated owners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """What a run saw, and what its judge knows besides."""

    seen: tuple[Observation, ...]
    of: tuple[Endpoint, ...] = (CHAT.endpoint,)
    told: tuple[ControlAnswer, ...] = ()
    ladder: LadderEvidence = WELL
    cc: str = "RU"

    @property
    def decided(self) -> list[Decision[Any]]:
        """Of the network, and of the names and paths of its endpoints."""
        return [decide(NETWORK_TABLE, self.ladder), *(d for one in self.judge() for d in one.decisions)]

    def judge(self) -> list[JudgedEndpoint]:
        """The endpoints, judged together."""
        book = ObservationLog("r")
        for seen in self.seen:
            book.add(seen)
        for answer in self.told:
            book.add_control(answer)
        cases = [book.case(site) for site in group_sites(self.of)]
        return [one for members in judge_endpoints(cases, {}, run_context(self.ladder, self.cc)).values()
                for one in members]


def run(*rows: Observation | Iterable[Observation], **more: Any) -> RecordedRun:
    """A run that saw these, one after the other."""
    seen = [o for row in rows for o in ([row] if isinstance(row, Observation) else row)]
    return RecordedRun(seen=tuple(seen), **more)


def named(service: Service = CHAT) -> list[Observation]:
    """Lookups that all tell the truth."""
    return [lookup(service.address, name=service.host, resolver=who) for who in EVERYBODY]


def connection(at_s: float, service: Service = CHAT, *, purpose: Purpose = "target", attempt: int = 1,
               last: Operation = "tls_handshake", failure: Failure = "", trip_ms: float = TRIP_MS,
               end_ms: float = 0.0, **said: Any) -> list[Observation]:
    """One connection, up to the operation `last`, which ends so after `end_ms`; `said`: what else is known of that."""
    common = service.common | dict(purpose=purpose, attempt=attempt, address=service.address,
                                   address_source="trusted" if purpose == "trusted" else "network")
    if purpose not in ("target", "trusted"):
        common |= dict(hostname=said.pop("hostname", INNOCENT), target_id="",
                       protocol=INNOCENT_HTTP if service.app else "")
    secure = service.scheme == "https" and not service.app
    kinds: list[Operation] = ["connect", "tls_handshake", last] if secure else ["connect", last]
    kinds = kinds[:kinds.index(last) + 1]
    found, now_s = [], at_s
    for kind in kinds:
        ends = kind == last
        took_ms = (end_ms or (6000.0 if failure == TIMEOUT else trip_ms + 3)) if ends else trip_ms
        rows: dict[str, Any] = dict(t0_s=now_s, t_s=now_s + took_ms / 1000, sni="", min_rtt_ms=trip_ms)
        if secure and kind != "connect":
            rows["sni"] = common["hostname"]
        if not (ends and failure):
            rows["bytes_read"] = 0 if kind == "connect" else 3500
        if not (ends and failure == TIMEOUT):
            rows["end_ms"] = took_ms
        row = operation(kind, failure=failure if ends else "", **common | rows | (said if ends else {}))
        found.append(row)
        now_s = row.t_s + 0.001
    return found


def fails(service: Service = CHAT, failure: Failure = RESET, *, innocent: Failure = "", times: int = 5,
          last: Operation | None = None, packets: Any = None, beside: Sequence[Packet] = (), innocent_alert: int = -1,
          **said: Any) -> list[Observation]:
    """An innocent name, then `times` attempts that fail, then the innocent name again.

    `innocent_alert`: by which the innocent name is answered.
    `packets`: attempt -> what was captured of it, and `beside` of the innocent connection."""
    asked: Operation = ("app_round_trip" if service.app else
                        "tls_handshake" if service.scheme == "https" else "http_round_trip")
    kind = last or asked
    other: dict[str, Any] = dict(last=asked, failure=innocent, end_ms=said.get("end_ms", 0.0) if innocent else 0.0)
    other |= {name: value for name, value in said.items() if innocent and name == "acked"}
    other |= {"tls_alert": innocent_alert} if innocent_alert >= 0 else {}
    seen = connection(0.0, service, purpose="innocent", **other, packets=tuple(beside))
    for n in range(1, times + 1):
        seen += connection(10.0 * n, service, attempt=n, last=kind, failure=failure, **said,
                           packets=tuple(packets(n)) if packets else ())
    return [*seen, *connection(10.0 * times + 15, service, purpose="residual", **other)]


def trace(address: str, purpose: Purpose, port: int = 443, routers: str = ROUTERS, end: str = "open",
          **more: Any) -> Observation:
    """How far SYNs come: a router for each hop, and what the address says behind them."""
    lines = [TraceLine(ttl=ttl, word="exceeded", router=name, delay_ms=ttl * HOP_MS)
             for ttl, name in enumerate(routers, 1)]
    if end:
        lines.append(TraceLine(ttl=len(routers) + 1, word=end, delay_ms=TRIP_MS))  # type: ignore[arg-type]
    made = observation(**{"operation": "trace", "purpose": purpose, "address": address, "port": port, "family": 4,
                          "hostname": "", **more})
    return replace(made, trace=TracePart(lines=tuple(lines)))


def routes(service: Service = CHAT) -> list[Observation]:
    """The way to the service, and one to somebody else that parts from it close to the end."""
    return [trace(service.address, "route", service.port, ROUTERS[:7] + "xy"),
            trace(ELSEWHERE, "reference", 443, ROUTERS)]


def search(service: Service = CHAT, word: str = "reset", at: int = 3) -> list[Observation]:
    """A search that finds what acts on the name: nothing at a hop less, and innocent names pass."""
    row = observation(operation="trace", purpose="locate", address=service.address, port=service.port,
                      input=service.endpoint.input, family=4, t0_s=90.0, t_s=91.0)
    way = tuple(f"{ttl} exceeded 9.0 router{ttl} public" for ttl in range(1, len(ROUTERS) + 1))
    own = (service.host, (f"{at - 1} exceeded 9.0", f"{at} {word} 9.0" if word != "silent" else f"{at} silent"))
    other = (INNOCENT, tuple(f"{ttl} exceeded 9.0" for ttl in range(at - 1, len(ROUTERS) + 1)))
    return [replace_flat(row, hostname=name, replies=replies, attempt=n)
            for n, (name, replies) in enumerate([("", way), *[own, other] * 3])]


def reached(service: Service = CHAT, *controls: str, **more: Any) -> tuple[ControlAnswer, ...]:
    """Controls in networks of their own that are served."""
    place = f"{service.address}:{service.port}"
    plain: dict[str, Any] = dict(tcp=((place, ""),), tls=((place, ""),), http_failure="", http_status=200)
    return tuple(told(name, input=service.endpoint.input, addresses=(service.address,), **plain | more)
                 for name in controls or ("a", "b"))
