"""From everything on one site to the evidence on its name and its paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from probe.catalogue.owners import ServiceAt, describe_service
from probe.core.addresses import is_private, may_connect
from probe.core.endpoints import Endpoint
from probe.core.nat64 import to_public_address
from probe.core.places import Place
from probe.core.tables.protocols import DATAGRAMS
from probe.core.tables.run_words import OUT_OF_ORDER
from probe.core.tables.trust import TrustFinding
from probe.core.tables.untested_words import LINE_DARK, NO_FAMILY, RAN_OUT
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.judge.dns.name_context import NameEvidence
from probe.judge.hops.end_place import place_end
from probe.judge.hops.hop_evidence import locate_interference
from probe.judge.http.shared_pages import find_unexpected_pages, is_shared
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_evidence import PathEvidence, gather_path_evidence
from probe.judge.program.program_evidence import (
    ProgramEvidence,
    count_alike,
    count_passes,
    count_silent,
    gather_program_evidence,
    list_unasked,
)
from probe.judge.program.user_shapes import gather_user_shapes
from probe.judge.tcp.address_neighbours import judge_beside
from probe.judge.tls.shape_evidence import count_alike_owners
from probe.judge.udp.datagram_paths import DatagramContext, gather_datagram_evidence
from probe.judge.verdicts.judged_endpoint import PathVerdict
from probe.judge.verdicts.site_case import CrossSiteEvidence, RunContext, SiteCase

FOREIGN: tuple[TrustFinding, ...] = ("self_signed", "unknown_issuer", "wrong_name")


def gather_paths(case: SiteCase, endpoint: Endpoint, run: RunContext, across: CrossSiteEvidence,
                 ) -> list[PathEvidence]:
    """The evidence on each address at which the endpoint was tried."""
    addresses = dict.fromkeys(o.address for o in case.visits if o.purpose in NETWORK_PURPOSES and o.address)
    if case.site.kind in DATAGRAMS:
        around = DatagramContext(near=case.around, controls=case.controls, traces=case.traces, others=across.others,
                                 private_root=run.private_roots.get(case.site.trust, ""),
                                 nat64_prefix=run.ladder.nat64_prefix)
        return [_beside(gather_datagram_evidence(case.site, endpoint, address, case.visits, around), across)
                for address in addresses]
    found = [
        gather_path_evidence(case.site, endpoint, address, visits=case.visits, around=case.around,
                             controls=case.controls, traces=case.traces, flows=case.flows, lent=case.lent,
                             private_root=run.private_roots.get(case.site.trust, ""),
                             nat64_prefix=run.ladder.nat64_prefix, cc=run.cc)
        for address in addresses
    ]
    ours = describe_service(endpoint.service, endpoint.host, addresses, run.networks)
    return [_with_other_sites(p, case, ours, across, run) for p in found]


def _beside(path: PathEvidence, across: CrossSiteEvidence) -> PathEvidence:
    return replace(path, tcp=replace(path.tcp, beside=judge_beside(path.address, across.accepting)))


def _with_other_sites(path: PathEvidence, case: SiteCase, ours: ServiceAt, across: CrossSiteEvidence,
                      run: RunContext) -> PathEvidence:
    """The path with what other sites of the run show of it; `ours`: the service, with every address of the site."""
    shapes, programs, page_of_others = path.tls.shapes, path.programs, path.http.page_of_others
    if shapes.passed:
        shapes = replace(shapes, others_alike=count_alike_owners(across.disliked, ours))
    if any(o.purpose == "program" and o.address == path.address for o in case.around):
        programs = _with_meetings(path, case, ours, across, run)
    users = gather_user_shapes(case.site, case.around)
    if users.unseen:
        programs = replace(programs, users=users, unasked=list_unasked(users.unseen, across.programs))
    if path.stage == "page":
        mine = [page for page in find_unexpected_pages(case.site, case.visits, run.networks)
                if path.address in page.whose.addresses]
        page_of_others = is_shared(across.pages, mine)
    return replace(_beside(path, across), programs=programs, tls=replace(path.tls, shapes=shapes),
                   http=replace(path.http, page_of_others=page_of_others))


def _with_meetings(path: PathEvidence, case: SiteCase, ours: ServiceAt, across: CrossSiteEvidence,
                   run: RunContext) -> ProgramEvidence:
    at_port = sorted((o for o in (*case.visits, *case.around) if (o.address, o.port) == (path.address, case.site.port)),
                     key=lambda o: o.sequence)
    seen = gather_program_evidence(case.site, path.address, case.around, at_port, case.controls,
                                   known_as=to_public_address(path.address, run.ladder.nat64_prefix))
    if not seen.struck:
        return seen
    return replace(seen, timing=place_end(seen.timing, case.traces, path.address, case.site.port),
                   others_pass=count_passes(seen, across.programs, ours),
                   others_alike=count_alike(seen, across.programs, ours, cc=run.cc),
                   others_lost=count_silent(seen, across.programs, ours))


def gather_name_evidence(case: SiteCase, run: RunContext, across: CrossSiteEvidence,
                         judged: Sequence[PathVerdict]) -> NameEvidence:
    """The evidence on the site's name; `judged`: its paths, which show whose the addresses are."""
    evidence = gather_dns_evidence(case.dns, case.controls, nat64_prefix=run.ladder.nat64_prefix, cc=run.cc,
                                   habits=across.habits)
    here = [(p, v) for p, v in judged if p.source == "network"]
    behind = [(p, v) for p, v in judged if p.source == "trusted"]
    behind_works = any(v.outcome == "ok" or p.proven for p, v in behind)
    shown = {o.tls.trust for o in case.around if o.purpose == "port" and o.operation == "tls_handshake"
             and o.hostname == case.site.host and o.address in evidence.network_answers}
    wrong = any(p.tls.trust in FOREIGN for p, _ in here) or bool(shown.intersection(FOREIGN))
    wrong_page = behind_works and any(
        not p.secure and p.kind == "http" and (p.stage == "page" or p.http.page_differs) for p, _ in here)
    searches = [o for o in case.traces if o.purpose == "reference"
                or (o.port == 53 and o.input in {e.input for e in case.site.endpoints})]
    located = locate_interference(searches, case.site.host)
    evidence = replace(evidence, located=located) if located != evidence.located else evidence
    return NameEvidence(
        dns=evidence, resolver_dead=run.ladder.resolver in OUT_OF_ORDER,
        validated="valid" in shown or any(
            v.outcome == "ok" and (p.proven or (p.http.met == "yes" and p.http.content_known)) for p, v in here),
        wrong_server=wrong or wrong_page, shared_answer=bool(evidence.network_answers & across.shared_answers),
        dead_answer=bool(here) and all(p.stage == "connect" and not p.controls.ok for p, _ in here),
        trusted_reached=behind_works or _shakes_hands(case, evidence.trusted_answers),
        blamed=(any(v.outcome == "down" and not p.proven for p, v in here)
                and not any(v.outcome == "down" for _, v in behind)),
        unlucky=case.site.host in across.unlucky, resolvers_apart=across.habits.apart,
    )


def _shakes_hands(case: SiteCase, addresses: Iterable[str]) -> bool:
    """Whether a control completes a valid TLS handshake with the service at one of these addresses."""
    places = {Place(address, case.site.port) for address in addresses}
    return any(not failure and place in places
               for c in case.controls if c.state == "answered" and not c.before for place, failure in c.tls)


def explain_no_path(case: SiteCase, name: NameEvidence, ladder: LadderEvidence) -> str:
    """Why none of a name's addresses was tried."""
    answers = name.dns.network_answers
    if answers and all(is_private(a) for a in answers):
        return "the name leads into private address space"
    usable = [a for a in answers if may_connect(a, ladder.nat64_prefix) and (ladder.ipv6 != "absent" or ":" not in a)]
    if case.site.has_name and not usable:
        return NO_FAMILY
    return LINE_DARK if case.in_the_dark else RAN_OUT
