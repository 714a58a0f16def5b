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
- The stage is that of the last failing attempt, and stays empty where the last attempt went well: a path that recovered
  is not accused of where it failed before.
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
from probe.core.icmp_errors import IcmpError
from probe.core.nat64 import to_public_address
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import (
    NO_STAGE_OR_PAGE,
    TLS_OR_HTTP,
    Answered,
    Beside,
    ControlFinding,
    Elsewhere,
    InnocentState,
    LostWhere,
    OtherBytes,
    OtherPort,
    Stage,
)
from probe.core.tables.failures import Failure, kind_of
from probe.core.tables.operations import Operation
from probe.core.tables.protocols import SiteKind
from probe.core.tables.purposes import Purpose
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty
from probe.judge.app.app_evidence import (
    OPERATION,
    AppEvidence,
    gather_app_evidence,
    proves_service,
    read_foreign_status,
)
from probe.judge.common.company import ALONE, CompanyEvidence
from probe.judge.common.control_counts import count_networks, count_vantages
from probe.judge.common.fingerprint_weight import FingerprintMark, weigh_fingerprints
from probe.judge.common.planned_looks import PlannedLooks, gather_planned_looks
from probe.judge.common.time_slots import count_failing_slots
from probe.judge.common.url_places import is_redirect_abroad, parse_host, resolve_location
from probe.judge.common.visit_outcomes import (
    NETWORK_PURPOSES,
    expects_content,
    list_failed_inputs,
    must_not_answer,
    read_address_source,
)
from probe.judge.flow.flow_evidence import FlowEvidence, gather_flow_evidence
from probe.judge.flow.freezes import Freezes, gather_freezes
from probe.judge.flow.loss_evidence import LOSSLESS, LossEvidence
from probe.judge.flow.record_evidence import NO_RECORDS, RecordEvidence
from probe.judge.flow.stay_evidence import NO_STAYS, StayEvidence
from probe.judge.flow.transfer_evidence import SAMPLE, is_trickling_page
from probe.judge.hops.end_place import place_end
from probe.judge.hops.hop_evidence import NOWHERE, HopLocation, locate_interference
from probe.judge.hops.trace_evidence import locate_loss, passes_beside
from probe.judge.http.refusal_evidence import NO_ANSWERS, AnswersElsewhere, gather_answers_elsewhere
from probe.judge.packets.end_timing import UNTIMED, EndTiming, gather_end_timing
from probe.judge.packets.packet_anatomy import UNSEEN, PacketAnatomy, gather_packet_anatomy
from probe.judge.path.control_findings import (
    is_same_page,
    may_leave_out,
    reaches_in_country,
    read_control_finding,
    says_more,
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
from probe.judge.tls.certificate_claims import claims_organisation
from probe.judge.tls.shape_evidence import UNSHAPED, ShapeEvidence, gather_shape_evidence
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
    proven: bool = False
    """The genuine service's certificate was validated, or its own protocol repeated what only it could."""
    attempts: int = 0
    failed_attempts: int = 0
    failed_later: int = 0
    """Those of them that had connected: where programs cannot connect they try another address, later they do not."""
    last_ok: bool = False
    planned: PlannedLooks = field(default_factory=PlannedLooks)
    """The attempts that were made whatever those before them met."""
    cut: int = 0
    """Connections of the site that named it and were reset, at any of its addresses, transfers among them."""
    depth: int = 0
    """How far any attempt got or meant to get: 1 connect, 2 TLS, 3 page."""
    stage: Stage | Empty = ""
    """Where the last failing attempt ended."""
    same_failure: bool = False
    """Every failing attempt ended at the same stage with the same word."""
    failure: Failure = ""
    icmp: IcmpError | None = None
    opened_before: bool = False
    """The same address and port accepted a connection of ours earlier in the run."""
    lost: LostWhere = ""
    """near, far, unknown, or empty where nobody looked: where attempts to connect end (see `trace_evidence`)."""
    beside: Beside = ""
    """What else is reached there over TCP: a carrier that has lost the way to a network loses all of it."""
    neighbour_passes: bool = False
    """Packets for another address of the same small network pass where attempts to connect to this one are lost."""
    located: HopLocation = NOWHERE
    """The hop at which the name is interfered with."""
    located_by_name: HopLocation = NOWHERE
    """The same at whichever of the site's addresses it was looked for: one search is enough for a name."""
    located_alike: HopLocation = NOWHERE
    """The same for another name of the owner's that fails in the same way, where nobody looked for this one."""
    elsewhere_alike: Elsewhere = ""
    """What such a name met at servers of other owners, where this one was not sent there."""
    timed_alike: bool = False
    """Another name of the owner's, or this one at another address, ends sooner than the service can answer."""
    residual: ResidualEvidence = NO_RESIDUAL_EVIDENCE
    """What its failures leave behind for innocent names."""
    anatomy: PacketAnatomy = UNSEEN
    """What captured packets say of who ended the failing attempts."""
    timing: EndTiming = UNTIMED
    """How soon they were answered or ended, against the round trips at the address."""
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
    freezes: Freezes = field(default_factory=Freezes)
    """Transfers under the site's name, at whichever address, that fell silent where boxes freeze them."""
    hushed: bool = False
    """The last attempt's page came whole, and what was said after it was never acknowledged."""
    tls_alert: int = -1
    trust: TrustFinding | Empty = ""
    issuer: str = ""
    private_root: bool = False
    """The chain claims the private authority that the catalogue expects, under a root it does not know."""
    innocent: InnocentState = "unasked"
    """reached, failed, tainted or unasked: an innocent name at the same address and port."""
    other_bytes: OtherBytes = "unasked"
    """passed: bytes that are no TLS were acknowledged at the same address and port, between two hellos of the site that
    were not; failed; unasked."""
    other_port: OtherPort = "unasked"
    """open, closed (a refusal: the host lives), silent or unasked."""
    controls_asked: int = 0
    controls_answered: int = 0
    control_ok: int = 0
    """Networks of controls for which the failing stage works at this address (or, unknown there, at the service).
    Networks, not answers: two helpers in one network see what one sees."""
    control_failed: int = 0
    control_networks: int = 0
    """Networks of controls that said anything of it at all."""
    control_same_country: int = 0
    """Networks of controls in the vantage's own country that are served at this very address: an operator that refuses
    the country would refuse them. Theirs are networks of data centres, which some operators and some censors spare."""
    control_here: int = 0
    """Networks of those controls that know the service by this address: the page that they were served may be its."""
    control_same_key: int = 0
    control_other_key: int = 0
    status: int = 0
    met: Answered = ""
    content_known: bool = False
    fingerprint: str = ""
    mark: FingerprintMark = field(default_factory=FingerprintMark)
    """What that fingerprint says in the vantage's country."""
    foreign_redirect: bool = False
    control_page_same: int = 0
    control_page_differs: int = 0
    page_of_others: bool = False
    """Unrelated services in other networks are answered with this very page here."""
    elsewhere: AnswersElsewhere = NO_ANSWERS
    """What the page's own server said to controls."""
    company: CompanyEvidence = ALONE
    """Unrelated owners whose services are struck as this one is."""
    control_redirects_alike: int = 0
    """Controls that are redirected to the same host, or abroad as well: places differ by country."""
    must_not_answer: bool = False
    udp: UdpEvidence = field(default_factory=UdpEvidence)
    """Of endpoints that are spoken to in datagrams."""
    shapes: ShapeEvidence = UNSHAPED
    """Other ClientHellos at this address, and the name at other addresses."""
    programs: ProgramEvidence = UNTRIED
    """Hellos as people's programs send them, where the library's own passes."""
    flow: FlowEvidence = field(default_factory=FlowEvidence)
    """Transfers at this address."""
    loss: LossEvidence = LOSSLESS
    """What connections to the service in this network lose, beside those to others."""
    stay: StayEvidence = NO_STAYS
    """What became of connections to this address that were kept for a while."""
    records: RecordEvidence = NO_RECORDS
    """What became of small records on connections to this address."""
    app: AppEvidence = field(default_factory=AppEvidence)
    """Of endpoints that are a messenger's own."""
    evidence: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[HopLocation, ...]:
        """Where searches show that it is interfered with; what was looked for nearest to this very path comes first."""
        return self.located, self.located_by_name, self.located_alike

    @property
    def ends_too_soon(self) -> bool:
        """Its attempts ended before the service can have spoken, or others' alike, and its own times allow it."""
        other = self.timing.where == "unknown" or (self.timing.attempts and not self.timing.sooner)
        return self.timing.is_before_door or (self.timed_alike and not other)

    @property
    def may_be_door(self) -> bool:
        """A search found the place, and it may be a guard of the service's own, who can stand well before it."""
        return any(place.where == "door" for place in self.places)

    @property
    def is_before_door(self) -> bool:
        """A search found the place, where paths to other owners pass as well."""
        return any(place.where == "before" for place in self.places)


def gather_path_evidence(site: Site, endpoint: Endpoint, address: str, *, visits: Sequence[Observation],
                         around: Sequence[Observation], controls: Sequence[ControlAnswer],
                         traces: Sequence[Observation] = (), flows: Sequence[Observation] = (),
                         lent: Sequence[Observation] = (), private_root: str = "", nat64_prefix: str = "",
                         cc: str = "ZZ", ) -> PathEvidence:
    """Gather what is known of `address`; `private_root` is the organisation of the expected private authority.
    Controls know an address behind the translator of `nat64_prefix` by the one in front of it."""
    here = [o for o in visits if o.address == address and o.purpose in NETWORK_PURPOSES]
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
    told = [c for c in controls if not c.shapes and c.input in {endpoint.input, *(e.input for e in site.endpoints)}]
    base = PathEvidence(
        address=address, family=6 if ":" in address else 4, source=read_address_source(mine), kind=site.kind,
        needs=needs, secure=bool(site.sni),
        attempts=len(numbers), failed_attempts=len(failed),
        failed_later=count_failed_later(mine, failed),
        depth=depth, last_ok=bool(numbers) and numbers[-1] not in failed,
        planned=gather_planned_looks(only, mine, around) if is_planned else PlannedLooks(),
        elsewhere=gather_answers_elsewhere(told, endpoint),
        proven=(site.proves_itself and any(o.tls.trust == "valid" for o in mine)) or proves_service(mine),
        innocent=judge_innocent_name(around, address, site.port), other_port=judge_other_port(around, address),
        other_bytes=judge_other_bytes(around, mine, address, site.port),
        lost=locate_loss(syns, address, site.port), neighbour_passes=passes_beside(syns, address, site.port),
        located=locate_interference(traces, site.sni or site.host, address=address, port=site.port),
        located_by_name=locate_interference([o for o in traces if o.port == site.port or o.purpose == "reference"],
                                            site.sni or site.host),
        residual=gather_residual_evidence(here, around, [o for o in traces if o.purpose == "locate"], address,
                                          site.port),
        slots=count_failing_slots([o for o in mine if o.attempt in numbers], failed,
                                  [o for o in around if o.purpose == "innocent" and (o.address, o.port) == (
                                      address, site.port)]),
        cut=sum(o.failure == CONNECTION_RESET and o.operation != "connect" for o in named),
        freezes=gather_freezes(visits, flows, lent),
        hushed=any(o.operation == "http_round_trip" and not o.failure and o.tcp.acked == "no"
                   for o in here if o.attempt == max(numbers, default=0)),
        must_not_answer=must_not_answer(endpoint), content_known=expects_content(endpoint),
        flow=flow, evidence=(*flow.evidence, *(o.observation_id for o in mine)),
    )
    at_port = [o for o in (*visits, *around) if (o.address, o.port) == (address, site.port)]
    base = _with_failures(base, mine, failed, around, private_root, at_port=at_port, traces=traces, cc=cc)
    known_as = to_public_address(address, nat64_prefix)
    if site.app:
        app = gather_app_evidence(site.app, mine, around, told, address=address, port=site.port,
                                  place=Place(known_as, site.port))
        base = replace(base, app=app, status=read_foreign_status(mine),
                       elsewhere=AnswersElsewhere(served=app.control_proven, refused=app.control_foreign))
    base = _with_controls(base, site, told, mine, known_as=known_as, cc=cc)
    if base.stage in TLS_OR_HTTP:
        base = replace(base, shapes=gather_shape_evidence(site, address, mine, around, told, known_as=known_as))
    pages = [o for o in mine if o.operation == "http_round_trip" and not o.failure]
    return _with_page(base, pages[-1], told, endpoint, cc) if pages and base.stage in NO_STAGE_OR_PAGE else base


def _with_failures(base: PathEvidence, mine: Sequence[Observation], failed: Sequence[int],
                   around: Sequence[Observation], private_root: str, *,
                   at_port: Sequence[Observation], traces: Sequence[Observation], cc: str) -> PathEvidence:
    ends = [find_end_of_attempt([o for o in mine if o.attempt == n]) for n in failed]
    if not ends or base.last_ok:
        return base
    last = ends[-1]
    stage = _STAGES[last.operation]
    if stage == "http" and not last.failure:
        stage = "page"
    return replace(
        base, stage=stage, failure=last.failure, icmp=last.icmp,
        same_failure=len({(o.operation, kind_of(o.failure)) for o in ends}) == 1,
        opened_before=any(o.operation == "connect" and not o.failure and o.port == ends[0].port
                          and o.sequence < ends[0].sequence for o in (*mine, *around) if o.address == base.address),
        anatomy=gather_packet_anatomy(ends, [o for o in around if o.address == base.address]),
        timing=place_end(gather_end_timing(ends, at_port), traces, base.address, last.port),
        tainted=all(o.tainted_by for o in ends) or base.residual.by_others,
        stops_alike=min(o.bytes_read for o in ends) >= ALIKE * max(o.bytes_read for o in ends),
        seeps=any(is_trickling_page(o) for o in ends),
        acked=summarise_acked([o.tcp.acked for o in ends]), tls_alert=last.tls.alert, trust=last.tls.trust,
        mark=weigh_fingerprints((last,), cc=cc) if stage == "tls" else base.mark,
        issuer=last.tls.issuer, private_root=claims_organisation(last, private_root), status=last.http.status,
    )


def _with_controls(base: PathEvidence, site: Site, controls: Sequence[ControlAnswer],
                   mine: Sequence[Observation], *, known_as: str, cc: str) -> PathEvidence:
    def word_of(control: ControlAnswer) -> ControlFinding:
        return read_control_finding(base.stage, site, control, known_as)

    answered = [c for c in controls if c.state == "answered" and (word_of(c) or not may_leave_out(c))]
    keys = {o.tls.chain[0] for o in mine if o.tls.chain}
    here = {(c.asn, c.cc) for c in answered if (site.address or known_as in c.addresses) and word_of(c) == "ok"}
    told_keys = [key for c in answered for place, key in c.leaf_keys if key and place.port == site.port]
    return base if not controls else replace(
        base, controls_asked=len({c.control_id for c in controls}),
        controls_answered=len({c.control_id for c in answered}),
        control_networks=count_networks(c for c in answered if word_of(c) or says_more(c, site.port)),
        control_same_country=count_networks(
            c for c in answered if reaches_in_country(base.stage, c, Place(known_as, site.port), cc)),
        control_ok=count_networks(c for c in answered if word_of(c) == "ok"),
        control_failed=count_vantages(c for c in answered if word_of(c) == "failed"),
        control_here=len(here),
        control_same_key=sum(k in keys for k in told_keys), control_other_key=sum(k not in keys for k in told_keys),
    )


def _with_page(base: PathEvidence, page: Observation, controls: Sequence[ControlAnswer],
               endpoint: Endpoint, cc: str) -> PathEvidence:
    pages = [c for c in controls if c.state == "answered" and c.http_failure == ""]
    same = [is_same_page(page, c) for c in pages]
    foreign = is_redirect_abroad(page.http.url, page.http.status, page.http.location)
    target, mark = parse_host(resolve_location(page.http.url, page.http.location)), weigh_fingerprints((page,), cc=cc)
    return replace(
        base, status=page.http.status, met=page.met_expectation, fingerprint=mark.name, mark=mark,
        foreign_redirect=foreign, control_page_same=same.count(True), control_page_differs=same.count(False),
        control_redirects_alike=sum(
            parse_host(c.http_location) == target or is_redirect_abroad(page.http.url, c.http_status, c.http_location)
            for c in pages),
    )
