"""A network that exists only in a table, and a runner that takes the planner's steps in it one by one."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from observations import BEYOND4, ELSEWHERE, REFUSED, observation, operation, replace_flat
from probe.catalogue.sites import Site
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.failures import RCODE_FAILURES, Failure, open_failure
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import HTTPS, OPERATORS, Channel, DnsEngine, OperatorName, ResolverRole
from probe.core.tables.words import read_word
from probe.instruments.steps import (
    AskControl,
    Datagrams,
    FollowRedirect,
    LocateHop,
    Lookup,
    Step,
    StunBinding,
    TcpTrace,
    Transfer,
    UdpTrace,
    VersionProbe,
    Visit,
)
from probe.session.observation_log import ObservationLog
from probe.session.planning.next_steps import plan_next_steps
from probe.session.planning.plan_context import PlanContext

FRAME = PlanContext(network_resolver="93.184.0.53", public_resolver="93.184.1.53", dark_server="93.184.2.53",
                    doh=("google", "cloudflare"), controls=("a", "b"))
ROLES: tuple[ResolverRole, ...] = get_args(ResolverRole)
MAX_STEPS = 300
HOPS = 8
"""Routers on the way to everybody."""
_ENGINES: dict[Channel, DnsEngine] = {
    "system": "system", "network": "udp", "public": "udp", "dark": "udp", "alive": "udp", "again": "udp", "zone": "udp",
    "tcp": "tcp", "doh": "doh", "dot": "dot", "https": "udp", "https_dark": "udp",
    "https_doh": "doh",
}


def _resolver(step: Lookup) -> ResolverRole | OperatorName:
    """Whom the observation names."""
    if step.channel in ("doh", "dot", "https_doh"):
        return read_word(step.server, OPERATORS)
    at_network = step.channel in ("alive", "again", "zone", "https")
    if step.channel == "https_dark":
        return "dark"
    return "public" if step.channel == "tcp" else "network" if at_network else read_word(step.channel, ROLES)


@dataclass(kw_only=True)
class Net:
    """What each step meets. A cut is (stage, failure): connect, tls or http, and the word."""

    dns: Mapping[str, tuple[str, ...] | str]
    """Channel -> addresses or a failure word; channels that are not named give no addresses. `innocent` is what the
    dark address says of an innocent name, `alive` what the network's resolver says of one after a failure."""
    cuts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Address -> how a visit of the target there is cut off; others are served."""
    innocent_cuts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    reply_bytes: int = 200
    """Of each answer of a resolver."""
    both: bool = False
    """Whether IPv6 is there too, and each direct lookup thus two questions."""
    port_failure: Failure = "generic_timeout_error"
    lost: str = "near"
    """Where attempts to connect end: near (in the third hop of eight), far (at the end), or nowhere that is heard."""
    neighbour_passes: bool = False
    """Whether packets for a neighbour of the address get to its end; else they fare as those for the address."""
    lasts: Failure = ""
    """What ends connections to the target that are kept."""
    lasts_beside: Failure = ""
    freezes: tuple[Failure, ...] = ("",)
    """What ends small records on the target's connections, one after the other; the last holds for all later ones."""
    freezes_beside: Failure = ""
    ends_after_pages: bool = False
    """Whether the server ends a connection once it has given a page."""
    page: Mapping[str, Any] = field(default_factory=dict)
    cut_shake: Mapping[str, Any] = field(default_factory=dict)
    """What a handshake that is cut off shows of the other side."""
    follow: Callable[[FollowRedirect], Mapping[str, Any]] = lambda step: {"status": 200}
    told: Callable[[AskControl], ControlAnswer] = lambda step: ControlAnswer(
        control_id=step.control_id, asn=64500 + ord(step.control_id[0]), cc=step.control_id.upper(), input=step.input,
        state="answered", http_failure="", http_status=200,
        tcp=tuple((Place(a, port), "") for a in step.addresses for port in (80, 443)),
        tls=tuple((Place(a, 443), "") for a in step.addresses),
        udp=tuple((Place(a, port), "") for a in step.addresses for port in (443, 3478)))

    def carry_out(self, step: Step) -> tuple[list[Observation], list[ControlAnswer]]:
        """What a workshop would return for the step."""
        if isinstance(step, Lookup):
            kinds = ("A", "AAAA") if self.both and step.channel in ("network", "public", "doh") else ("A",)
            return [self._lookup(step, kind) for kind in kinds], []
        if isinstance(step, Visit):
            return self._visit(step), []
        if isinstance(step, AskControl):
            return [], [self.told(step)]
        if isinstance(step, TcpTrace):
            return [self._trace(step)], []
        if isinstance(step, Datagrams):
            return [self._datagrams(step)], []
        if isinstance(step, Transfer):
            return [observation(operation="transfer", purpose=step.purpose, address=step.address, port=step.port,
                                input=step.input, sni=step.sni, bytes_read=131_072, flow_s=0.5)], []
        if isinstance(step, LocateHop):
            return self._locate(step), []
        return self._follow(step), []

    def _datagrams(self, step: Datagrams) -> Observation:
        """A cut of the stage `udp` silences a place, one of `quic` all that is said there in version 1."""
        stage, failure = self.cuts.get(step.address, ("", ""))
        family = 6 if ":" in step.address else 4
        if isinstance(step, UdpTrace):
            hops, heard = self._heard(step)
            end = [f"{hops + 1} open 9.0"] if step.purpose == "reference" else []
            return observation(operation="udp_trace", purpose=step.purpose, address=step.address, port=step.port,
                               family=family, replies=(*heard, *end))
        if isinstance(step, VersionProbe):
            silent = stage == "udp"
            return observation(operation="quic_version", purpose="version", attempt=step.attempt,
                               address=step.address, port=step.port, family=family,
                               failure=open_failure(failure) if silent else "", requests=3 if silent else 1,
                               responses=int(not silent), replies=() if silent else ("00000001",))
        if step.purpose == "innocent" and stage == "quic":
            stage, failure = self.innocent_cuts.get(step.address, ("", ""))
        seen = Observation(
            operation="stun_binding" if isinstance(step, StunBinding) else "quic_handshake", purpose=step.purpose,
            attempt=step.attempt, hostname=step.hostname, address=step.address, address_source=step.source,
            port=step.port, family=family, target_id=step.target_id, input=step.input, failure=open_failure(failure))
        if isinstance(step, StunBinding):
            return replace_flat(seen, requests=10, responses=0 if failure else 10)
        return replace_flat(seen, sni=step.sni, server_hello=not failure, tls_version="" if failure else "TLSv1.3",
                       trust="valid" if step.trust == "web_pki" and not failure else "")

    def _trace(self, step: TcpTrace) -> Observation:
        hops, heard = self._heard(step)
        failure = self.cuts.get(step.address, ("", ""))[1]
        end = ["open"] if step.purpose == "reference" else ["refused"] if failure == REFUSED else []
        replies = (*heard, *(f"{hops + 1} {word} 9.0" for word in end))
        return observation(operation="trace", purpose=step.purpose, address=step.address, port=step.port,
                           family=6 if ":" in step.address else 4, replies=replies)

    def _heard(self, step: TcpTrace | UdpTrace) -> tuple[int, list[str]]:
        """How many routers are heard of, and what of them."""
        passes = step.purpose == "reference" or (step.purpose == "neighbour" and self.neighbour_passes)
        hops = HOPS if passes else {"near": 2, "far": HOPS}.get(self.lost, 0)
        return hops, [f"{ttl} exceeded 9.0 router{ttl}" for ttl in range(1, hops + 1) if self.lost]

    def _locate(self, step: LocateHop) -> list[Observation]:
        """Interference at the third hop of eight."""
        plain = Observation(operation="udp_trace" if step.kind == "quic" else "trace", purpose="locate",
                            address=step.address, port=step.port, input=step.input,
                            family=6 if ":" in step.address else 4)
        way = tuple(f"{ttl} exceeded 9.0 router{ttl} public" for ttl in range(1, HOPS + 1))
        own = (step.name, ("2 exceeded 9.0", "3 reset 9.0"))
        other = (step.control_name, tuple(f"{ttl} exceeded 9.0" for ttl in range(2, HOPS + 1)))
        rows = [("", way), *[own, other] * 3]
        return [replace_flat(plain, hostname=name, replies=replies, attempt=n)
                for n, (name, replies) in enumerate(rows)]

    @staticmethod
    def _purpose(step: Lookup) -> Purpose:
        if step.channel == "tcp" and step.about:
            return "innocent"
        if step.channel.startswith("https"):
            return "https"
        if step.channel == "zone":
            return "zone"
        if step.channel == "again":
            return "again" if step.about else "yardstick"
        if step.channel in ("dark", "alive"):
            return "innocent" if step.name == FRAME.innocent else "dark"
        return "target"

    def _lookup(self, step: Lookup, kind: str) -> Observation:
        innocent_dark = step.channel == "dark" and step.name == FRAME.innocent
        found = self.dns.get("innocent" if innocent_dark else step.channel, ())
        if self.both and step.channel != "system" and not isinstance(found, str):
            found = tuple(a for a in found if (":" in a) == (kind == "AAAA"))
        answers: tuple[str, ...] = () if isinstance(found, str) else found
        failure = open_failure(found) if isinstance(found, str) else "" if found else "dns_no_answer"
        rcode = next((rcode for rcode, word in RCODE_FAILURES.items() if word == failure), "NOERROR")
        kind = HTTPS if step.channel.startswith("https") else kind
        return observation(
            operation="resolve" if step.channel == "system" else "dns_round_trip", hostname=step.name,
            purpose=self._purpose(step), dns_engine=_ENGINES[step.channel],
            resolver=_resolver(step), bytes_read=self.reply_bytes if answers else 0,
            rcode=rcode, input=step.about,
            resolver_address=step.server, attempt=step.attempt, failure=failure, answers=answers, query_type=kind)

    def _visit(self, step: Visit) -> list[Observation]:
        if step.purpose == "port":
            cut = ("connect", self.port_failure) if self.port_failure else ("", "")
        else:
            innocent = step.purpose in ("innocent", "residual") or (step.purpose == "beside" and step.stay_s)
            cuts = self.innocent_cuts if innocent else self.cuts
            cut = cuts.get(step.address, ("", ""))
            if self.cuts.get(step.address, ("", ""))[0] == "connect":  # nobody connects there
                cut = self.cuts[step.address]
        common: dict[str, Any] = dict(
            purpose=step.purpose, hostname=step.hostname, port=step.port, attempt=step.attempt, planned=step.planned,
            address_source=step.source, target_id=step.target_id, input=step.input, trust="", sni=step.sni,
            shape=step.shape, protocol=step.app)
        stages: list[tuple[str, Operation, dict[str, Any]]] = [("connect", "connect", {"sni": ""})]
        if step.sni:
            judged = step.trust not in ("none", "record") and not step.until_server_hello
            stages.append(("tls", "tls_handshake", {"trust": "valid" if judged else ""}))
        stages += [("http", "http_round_trip", {"input": p.input, "target_id": p.target_id, "url": p.url, **self.page})
                   for p in step.pages]
        if step.app:
            stages.append(("app", "app_round_trip", {"proof": "proven"}))
        if step.stay_s:
            lasts = self.lasts if step.purpose == "stay" else self.lasts_beside
            stages.append(("stay", "stay", {"flow_s": step.stay_s, "rounds": 5}))
            cut = cut if cut[0] else ("stay", lasts)
        if step.small_records and not (step.pages and self.ends_after_pages):
            own = step.hostname != FRAME.innocent
            word = self.freezes[min(step.attempt, len(self.freezes)) - 1] if own else self.freezes_beside
            stages.append(("records", "records", {"purpose": "records", "rounds": 7 if word else 32, "segments": 24}))
            cut = cut if cut[0] else ("records", word)
        seen = []
        for stage, kind, extra in stages:
            failure = open_failure(cut[1] if stage == cut[0] else "")
            if failure:
                extra = {**extra, "trust": "", **(self.cut_shake if stage == "tls" else {})}
            seen.append(operation(kind, step.address, failure, **common | extra))
            if failure:
                break
        return seen

    def _follow(self, step: FollowRedirect) -> list[Observation]:
        common: dict[str, Any] = dict(purpose="redirect", input=step.input, target_id=step.target_id, sni="", port=80,
                                      hostname=step.url.split("/")[2])
        page = {"url": step.url, **self.follow(step)}
        return [operation("connect", "93.184.77.7", **common),
                operation("http_round_trip", "93.184.77.7", **common | page)]


def walk(site: Site, net: Net, *, context: PlanContext = FRAME, book: ObservationLog | None = None,
         rng: random.Random | None = None) -> list[Step]:
    """Take every step that falls due, one at a time (in any order, given `rng`); the steps in the order taken."""
    book = book or ObservationLog("r")
    book.add(operation("connect", ELSEWHERE, purpose="ladder", hostname="", target_id="", port=443))
    book.add(operation("connect", BEYOND4, hostname="beyond.example", target_id="beyond.web.main",
                       input="https://beyond/"))
    taken: list[Step] = []
    while len(taken) < MAX_STEPS:
        due = list(dict.fromkeys(s for s in plan_next_steps(site, book.history_of(site), context) if s not in taken))
        if not due:
            return taken
        step = rng.choice(due) if rng else due[0]
        taken.append(step)
        observations, answers = net.carry_out(step)
        for seen in observations:
            now_s = float(len(book.observations))
            book.add(replace(seen, t0_s=now_s, t_s=now_s + 0.05))
        for answer in answers:
            book.add_control(answer)
    raise AssertionError(f"the plan does not end: {taken[-3:]}")
