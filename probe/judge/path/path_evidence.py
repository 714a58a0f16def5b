"""What happened between this network and one address of one endpoint, held against its neighbours and controls.

Theory of operation. A path is one address of one endpoint. `gather_path_evidence` turns everything that a run saw of it
into one flat record of words, counts and flags, and rules read that record alone. Its sources are kept apart, because
each answers another question: `visits` are our attempts at the service; `around` are innocent names, other ports and
other bytes at the same address, sent between them; `controls` are what others saw from elsewhere; `traces` are searches
for the hop; `flows` are transfers.

The record is filled in the order in which each part needs the one before. First it is counted which attempts bear on
the endpoint and which of them failed. From the failing ones follow the stage at which the last one ended, its word, and
whether all ended alike. Controls come after that, since what they are asked is whether they pass that very stage at
that very address. Shapes of the ClientHello and the page come last: they are compared with what controls met.

What must never be broken:
- It is pure, and the order of observations is that of their sequence numbers, so that stored results give the same
  evidence in any year.
- It records and does not judge: no field says "blocked". Where nobody looked, a field says so (`unasked`, empty, zero),
  and never what a look would have shown.
- The stage is that of the last failing attempt that no earlier strike explains, and stays empty where the last attempt
  went well: a path that recovered is not accused of where it failed before.
- Controls are counted by network, not by answer: two helpers in one network see what one sees.
- What may be a neighbour's doing (`tainted`) or the line's own is kept as a field and not left out, so that rules can
  tell "nothing failed" from "what failed proves nothing".
- Text of servers enters as words and comparisons. None of it reaches a rule as text to be searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from probe.catalogue.sites import Site
from probe.core.endpoints import Endpoint
from probe.core.nat64 import to_public_address
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import (
    NO_STAGE_OR_PAGE,
    TLS_OR_HTTP,
    Answered,
    InnocentState,
    Stage,
)
from probe.core.tables.failures import Failure, kind_of
from probe.core.tables.operations import Operation
from probe.core.tables.protocols import SiteKind
from probe.core.tables.purposes import Purpose
from probe.core.tables.words import Empty
from probe.judge.app.app_evidence import (
    OPERATION,
    AppEvidence,
    gather_app_evidence,
    proves_service,
    read_foreign_status,
)
from probe.judge.common.company import ALONE, CompanyEvidence
from probe.judge.common.fingerprint_weight import FingerprintMark, weigh_fingerprints
from probe.judge.common.planned_looks import PlannedLooks, gather_planned_looks
from probe.judge.common.time_slots import count_failing_slots
from probe.judge.common.visit_outcomes import (
    NETWORK_PURPOSES,
    expects_content,
    list_failed_inputs,
    must_not_answer,
    read_address_source,
)
from probe.judge.flow.flow_evidence import FlowEvidence, gather_flow_evidence
from probe.judge.flow.foreign_flows import gather_foreign_flows
from probe.judge.flow.freezes import gather_freezes
from probe.judge.flow.lasting_evidence import LastingEvidence
from probe.judge.flow.passed_volume import find_passed_volume
from probe.judge.flow.transfer_evidence import SAMPLE, is_trickling_page
from probe.judge.hops.end_place import place_end
from probe.judge.hops.hop_evidence import locate_interference
from probe.judge.hops.place_evidence import PlaceEvidence
from probe.judge.hops.trace_evidence import locate_loss, passes_beside
from probe.judge.http.page_evidence import PageEvidence, add_page
from probe.judge.http.refusal_evidence import AnswersElsewhere, gather_answers_elsewhere
from probe.judge.packets.end_timing import gather_end_timing
from probe.judge.packets.packet_anatomy import gather_packet_anatomy
from probe.judge.path.control_evidence import NO_CONTROLS, ControlEvidence, gather_control_evidence
from probe.judge.path.punishments import (
    NO_PUNISHMENT,
    PunishmentEvidence,
    gather_punishment,
    select_strikes,
)
from probe.judge.path.residual_evidence import NO_RESIDUAL_EVIDENCE, ResidualEvidence, gather_residual_evidence
from probe.judge.path.whole_attempts import (
    DEPTHS,
    count_failed_later,
    find_end_of_attempt,
    list_whole_attempts,
    summarise_acked,
)
from probe.judge.program.program_evidence import UNTRIED, ProgramEvidence
from probe.judge.tcp.address_neighbours import judge_innocent_name, judge_other_bytes, judge_other_port
from probe.judge.tcp.connect_evidence import ConnectEvidence
from probe.judge.tls.handshake_evidence import HandshakeEvidence, add_failed_handshake, add_keys
from probe.judge.tls.shape_evidence import gather_shape_evidence
from probe.judge.udp.udp_evidence import UdpEvidence

CONNECTION_REFUSED: Final[Failure] = "connection_refused"
CONNECTION_RESET: Final[Failure] = "connection_reset"
_STAGES: dict[Operation, Stage] = {
    "connect": "connect", "tls_handshake": "tls", "http_round_trip": "http", OPERATION: "app",
}
NAMED_PURPOSES: tuple[Purpose, ...] = (*NETWORK_PURPOSES, SAMPLE)
ALIKE = 0.7
_NEEDS: dict[SiteKind, int] = {"tcp": 1, "tls": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class PathEvidence:
    """One address of one endpoint.

    Stages: "", connect, tls, app, http, page (answered, but not as expected), quic, stun.
    """

    address: str
    family: int = 4
    source: AddressSource | Empty = ""
    kind: SiteKind = "http"
    secure: bool = False
    needs: int = 3
    """The depth at which the endpoint is reached: 1 for tcp, 2 for tls, 3 for http and app."""
    must_not_answer: bool = False
    proven: bool = False
    """The genuine service's certificate was validated, or its own protocol repeated what only it could."""
    attempts: int = 0
    failed_attempts: int = 0
    failed_later: int = 0
    """Those of them that had connected: where programs cannot connect they try another address, later they do not."""
    last_ok: bool = False
    well_before: bool = False
    """The first attempts went well, and from some moment on every one failed."""
    planned: PlannedLooks = field(default_factory=PlannedLooks)
    """The attempts that were made whatever those before them met."""
    depth: int = 0
    """How far any attempt got or meant to get: 1 connect, 2 TLS, 3 page."""
    stage: Stage | Empty = ""
    """Where the last failing attempt ended."""
    failure: Failure = ""
    same_failure: bool = False
    """Every failing attempt that is no punishment ended at the same stage with the same word."""
    punishment: PunishmentEvidence = NO_PUNISHMENT
    """Failures that followed from another: `stage`, `failure` and `same_failure` are those of the strikes."""
    tainted: bool = False
    """Every failing attempt came after a neighbour's failure at this address, or somebody else's is not excluded."""
    slots: int = 0
    """Time slots in which it failed (`probe.judge.common.time_slots`)."""
    stops_alike: bool = False
    """Every failing attempt had read about as much when it ended: a slow line stops anywhere."""
    seeps: bool = False
    """In a failing attempt the page still came when its time was up."""
    acked: Answered = ""
    """no: in none of the failing attempts was all that was said acknowledged."""
    innocent: InnocentState = "unasked"
    """reached, failed, tainted or unasked: an innocent name at the same address and port."""
    residual: ResidualEvidence = NO_RESIDUAL_EVIDENCE
    """What its failures leave behind for innocent names."""
    mark: FingerprintMark = field(default_factory=FingerprintMark)
    """What the fingerprint of the page, or of the certificate, says in the vantage's country."""
    company: CompanyEvidence = ALONE
    """Unrelated owners whose services are struck as this one is."""
    place: PlaceEvidence = field(default_factory=PlaceEvidence)
    """Where and by whom its attempts were ended."""
    controls: ControlEvidence = NO_CONTROLS
    tcp: ConnectEvidence = field(default_factory=ConnectEvidence)
    tls: HandshakeEvidence = field(default_factory=HandshakeEvidence)
    http: PageEvidence = field(default_factory=PageEvidence)
    udp: UdpEvidence = field(default_factory=UdpEvidence)
    """Of endpoints that are spoken to in datagrams."""
    app: AppEvidence = field(default_factory=AppEvidence)
    """Of endpoints that are a messenger's own."""
    programs: ProgramEvidence = UNTRIED
    """Hellos as people's programs send them, where the library's own passes."""
    flow: FlowEvidence = field(default_factory=FlowEvidence)
    """Transfers at this address."""
    lasting: LastingEvidence = field(default_factory=LastingEvidence)
    """What becomes of its connections once they were answered."""
    evidence: tuple[str, ...] = ()


def gather_path_evidence(site: Site, endpoint: Endpoint, address: str, *, visits: Sequence[Observation],
                         around: Sequence[Observation], controls: Sequence[ControlAnswer],
                         traces: Sequence[Observation] = (), flows: Sequence[Observation] = (),
                         lent: Sequence[Observation] = (), private_root: str = "", nat64_prefix: str = "",
                         cc: str = "ZZ", ) -> PathEvidence:
    """Gather what is known of `address`; `private_root` is the organisation of the expected private authority.
    Controls know an address behind the translator of `nat64_prefix` by the one in front of it."""
    here = [o for o in visits if o.address == address and o.purpose in NETWORK_PURPOSES and o.operation in DEPTHS]
    mine = [o for o in here if o.operation != "http_round_trip" or o.input == endpoint.input]
    numbers = list_whole_attempts(mine)
    only = replace(site, endpoints=(endpoint,))
    failed = [n for n in numbers if list_failed_inputs(only, [o for o in mine if o.attempt == n])]
    named = [o for o in (*visits, *flows) if o.purpose in NAMED_PURPOSES]
    flow = gather_flow_evidence(flows, here, [c for c in controls if c.input in {e.input for e in site.endpoints}],
                                address)
    syns = [o for o in traces if o.operation == "trace"]
    depth, needs = max((DEPTHS[o.operation] for o in mine), default=0), _NEEDS.get(site.kind, 3)
    is_planned = not must_not_answer(endpoint) and (depth >= needs or failed)  # else only looked at, or silence is well
    inputs = {endpoint.input, *(e.input for e in site.endpoints)}
    plain_controls = [c for c in controls if not c.shapes and c.input in inputs]
    base = PathEvidence(
        address=address, family=6 if ":" in address else 4, source=read_address_source(mine), kind=site.kind,
        needs=needs, secure=bool(site.sni), must_not_answer=must_not_answer(endpoint),
        attempts=len(numbers), failed_attempts=len(failed),
        failed_later=count_failed_later(mine, failed),
        depth=depth, last_ok=bool(numbers) and numbers[-1] not in failed,
        well_before=0 < len(failed) < len(numbers) and failed == numbers[-len(failed):],
        planned=gather_planned_looks(only, mine, around) if is_planned else PlannedLooks(),
        proven=(site.proves_itself and any(o.tls.trust == "valid" for o in mine)) or proves_service(mine),
        innocent=judge_innocent_name(around, address, site.port),
        residual=gather_residual_evidence(here, around, [o for o in traces if o.purpose == "locate"], address,
                                          site.port),
        slots=count_failing_slots([o for o in mine if o.attempt in numbers], failed,
                                  [o for o in around if o.purpose == "innocent" and (o.address, o.port) == (
                                      address, site.port)]),
        place=PlaceEvidence(
            located=locate_interference(traces, site.sni or site.host, address=address, port=site.port),
            located_by_name=locate_interference([o for o in traces if o.port == site.port or o.purpose == "reference"],
                                                site.sni or site.host)),
        tcp=ConnectEvidence(lost=locate_loss(syns, address, site.port), other_port=judge_other_port(around, address),
                            neighbour_passes=passes_beside(syns, address, site.port)),
        tls=HandshakeEvidence(other_bytes=judge_other_bytes(around, mine, address, site.port)),
        http=PageEvidence(elsewhere=gather_answers_elsewhere(plain_controls, endpoint),
                          content_known=expects_content(endpoint)),
        flow=flow, evidence=(*flow.evidence, *(o.observation_id for o in mine)),
        lasting=LastingEvidence(
            cut=sum(o.failure == CONNECTION_RESET and o.operation != "connect" for o in named),
            freezes=gather_freezes(visits, flows, lent),
            passed=find_passed_volume(endpoint, address, visits, flows),
            foreign=gather_foreign_flows(site, flows, {o.address for o in visits}),
            hushed=any(o.operation == "http_round_trip" and not o.failure and o.tcp.acked == "no"
                       for o in here if o.attempt == max(numbers, default=0))),
    )
    at_port = [o for o in (*visits, *around) if (o.address, o.port) == (address, site.port)]
    base = _with_failures(base, mine, failed, around, private_root, at_port=at_port, traces=traces, cc=cc)
    known_as = to_public_address(address, nat64_prefix)
    if site.app:
        app = gather_app_evidence(site.app, mine, around, plain_controls, address=address, port=site.port,
                                  place=Place(known_as, site.port))
        elsewhere = AnswersElsewhere(served=app.control_proven, refused=app.control_foreign)
        base = replace(base, app=app, http=replace(base.http, status=read_foreign_status(mine), elsewhere=elsewhere))
    if plain_controls:
        counts, keys = gather_control_evidence(base.stage, site, plain_controls, known_as=known_as, cc=cc)
        base = replace(base, controls=counts, tls=add_keys(base.tls, mine, keys))
    if base.stage in TLS_OR_HTTP:
        shapes = gather_shape_evidence(site, address, mine, around, plain_controls, known_as=known_as)
        base = replace(base, tls=replace(base.tls, shapes=shapes))
    pages = [o for o in mine if o.operation == "http_round_trip" and not o.failure]
    if not pages or base.stage not in NO_STAGE_OR_PAGE:
        return base
    return replace(base, mark=weigh_fingerprints(pages[-1:], cc=cc),
                   http=add_page(base.http, pages[-1], plain_controls))


def _with_failures(base: PathEvidence, mine: Sequence[Observation], failed: Sequence[int],
                   around: Sequence[Observation], private_root: str, *,
                   at_port: Sequence[Observation], traces: Sequence[Observation], cc: str) -> PathEvidence:
    every = [find_end_of_attempt([o for o in mine if o.attempt == n]) for n in failed]
    if not every or base.last_ok:
        return base
    ends = select_strikes(every, around)
    last = ends[-1]
    stage = _STAGES[last.operation]
    if stage == "http" and not last.failure:
        stage = "page"
    opened = any(o.operation == "connect" and not o.failure and o.port == ends[0].port
                 and o.sequence < ends[0].sequence for o in (*mine, *around) if o.address == base.address)
    return replace(
        base, stage=stage, failure=last.failure, punishment=gather_punishment(every, around),
        same_failure=len({(o.operation, kind_of(o.failure)) for o in ends}) == 1,
        tainted=all(o.tainted_by for o in ends) or base.residual.by_others,
        stops_alike=min(o.bytes_read for o in ends) >= ALIKE * max(o.bytes_read for o in ends),
        seeps=any(is_trickling_page(o) for o in ends), acked=summarise_acked([o.tcp.acked for o in ends]),
        mark=weigh_fingerprints((last,), cc=cc) if stage == "tls" else base.mark,
        place=replace(
            base.place, anatomy=gather_packet_anatomy(ends, [o for o in around if o.address == base.address]),
            timing=place_end(gather_end_timing(ends, at_port), traces, base.address, last.port)),
        tcp=replace(base.tcp, icmp=last.icmp, opened_before=opened),
        tls=add_failed_handshake(base.tls, last, around, private_root=private_root),
        http=replace(base.http, status=last.http.status),
    )
