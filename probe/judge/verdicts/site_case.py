"""What the judge is given: everything on one site, what all sites of a run share, and what they show of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from probe.catalogue.owners import describe_service
from probe.catalogue.sites import Site
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.protocols import DATAGRAMS
from probe.core.tables.trust import TrustPolicy
from probe.judge.common.company import Companies
from probe.judge.dns.dns_evidence import gather_name_answers
from probe.judge.dns.dns_marks import ResolverHabits, gather_resolver_habits
from probe.judge.dns.shared_answers import find_shared_answers
from probe.judge.dns.unanswered import count_questions, find_unlucky_names
from probe.judge.flow.slow_pages import SlowPages, Where, find_slow_pages
from probe.judge.http.shared_pages import SharedPage, find_unexpected_pages
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.program.program_evidence import ProgramMeeting, list_program_meetings
from probe.judge.tcp.address_neighbours import find_accepting_addresses
from probe.judge.tls.shape_evidence import ShapeDislike, find_shape_dislikes
from probe.judge.udp.udp_evidence import UdpPlace, list_udp_places
from probe.judge.verdicts.role_verdicts import Quorum


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCase:
    """Everything that bears on one site."""

    site: Site
    dns: tuple[Observation, ...] = ()
    visits: tuple[Observation, ...] = ()
    around: tuple[Observation, ...] = ()
    controls: tuple[ControlAnswer, ...] = ()
    traces: tuple[Observation, ...] = ()
    """How far attempts to connect get, at the site's addresses and, for comparison, elsewhere."""
    flows: tuple[Observation, ...] = ()
    """Transfers for the sake of this site: its own, and those they are compared with."""
    lent: tuple[Observation, ...] = ()
    """Its own transfers that others were compared with."""
    turns: tuple[Observation, ...] = ()
    """Exchanges in turns with others, and connections that were kept, for the sake of this site."""
    in_the_dark: bool = False
    """Something was left out that was tried while nothing at all was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What all cases of a run share."""

    ladder: LadderEvidence
    quorums: Mapping[tuple[str, str], Quorum]
    worths: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Service and role -> how much its strongest endpoint would tell; what is missing tells no more than was tried."""
    cc: str
    """Country of the vantage; ZZ when it is not known."""
    private_roots: Mapping[TrustPolicy, str]
    """Trust word -> organisation of its private authority."""
    networks: Mapping[str, int] = field(default_factory=dict)
    """Address -> AS number, of those addresses that a table knows; empty where none was asked."""
    lab: bool = False
    """In the laboratory, whose base rates are its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSiteEvidence:
    """What other sites of the run show that bears on one."""

    others: Sequence[UdpPlace]
    """Every place that was asked over UDP."""
    disliked: frozenset[ShapeDislike]
    programs: frozenset[ProgramMeeting] = frozenset()
    """What the shapes of people's programs met at each service."""
    pages: frozenset[SharedPage] = frozenset()
    """Those that were not expected of whom they came from."""
    shared_answers: frozenset[str] = frozenset()
    """Addresses that the network gives for names of unrelated services, and trusted resolvers for none of them."""
    habits: ResolverHabits = field(default_factory=ResolverHabits)
    """How the network's resolver answers about all names."""
    unlucky: frozenset[str] = frozenset()
    """Names about which silence may be chance: so are questions about others lost."""
    accepting: frozenset[str] = frozenset()
    """Addresses that accepted a TCP connection, of sites and of what they are compared with."""
    slow_pages: Mapping[Where, SlowPages] = field(default_factory=dict)
    """The pages at each address where one took long beside those of others."""
    companies: Companies = field(default_factory=dict)
    """Owners whose services are struck in one way; it takes all paths of the run to tell."""


def gather_cross_site_evidence(cases: Sequence[SiteCase], run: RunContext) -> CrossSiteEvidence:
    """Hold the sites of a run against each other."""
    known = run.networks
    disliked = frozenset().union(*(find_shape_dislikes(case.site, case.visits, case.around, known) for case in cases))
    programs = frozenset().union(*(list_program_meetings(case.site, case.visits, case.around, known)
                                   for case in cases))
    asked_udp = (o for case in cases if case.site.kind in DATAGRAMS for o in (*case.visits, *case.around))
    others = list_udp_places(asked_udp, known)
    pages = frozenset().union(*(find_unexpected_pages(case.site, case.visits, known) for case in cases))
    name_answers = [(case.site, gather_name_answers(case.dns, case.controls)) for case in cases]
    answers = ((describe_service(site.endpoints[0].service, site.host, given.trusted, known), given)
               for site, given in name_answers)
    asked = {case.site.host: count_questions(case.dns) for case in cases if case.site.has_name}
    return CrossSiteEvidence(others=others, disliked=disliked, programs=programs, pages=pages,
                             shared_answers=find_shared_answers(answers),
                             habits=gather_resolver_habits(o for case in cases for o in case.dns),
                             slow_pages=find_slow_pages((case.site, case.visits) for case in cases),
                             unlucky=find_unlucky_names(asked, run.ladder.asked),
                             accepting=find_accepting_addresses(
                                 o for case in cases for o in (*case.visits, *case.around, *case.traces)))
