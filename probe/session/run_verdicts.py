"""From a run's book to its verdicts: used when a run ends, and again whenever stored results are judged anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.catalogue.types import Catalogue
from probe.config.geo.address_networks import look_up_networks
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.runs import Run, RunResult
from probe.core.tables.control_sources import ControlFault
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.run_words import GATEWAYS, NO_TUNNEL, TUNNELS, Tunnel, read_rungs
from probe.core.tables.trust import PRIVATE_ROOTS
from probe.core.tables.untested_words import ASKED_LATELY, ELSEWHERE, RAN_OUT
from probe.core.tables.words import read_word
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.common.control_probation import find_unfit_controls, leave_out
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.verdicts.classify import judge_endpoints, judge_run
from probe.judge.verdicts.combine import add_evidence_levels, confirm_blocks
from probe.judge.verdicts.earlier_places import NO_PLACES, EarlierPlaces, list_used_places
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint
from probe.judge.verdicts.site_case import RunContext, SiteCase
from probe.session.chat_choice import is_chat
from probe.session.ladder_controls import NETWORK_CHANGED, choose_known_places, gather_ladder
from probe.session.observation_log import ObservationLog
from probe.session.selection import Selection, select_sites


def judge_log(catalogue: Catalogue, chosen: Selection, log: ObservationLog, ladder: LadderEvidence, *, cc: str,
              lab: bool = False, earlier: EarlierPlaces = NO_PLACES,
              ) -> tuple[tuple[Verdict, ...], tuple[ServiceVerdict, ...]]:
    """Verdicts of everything that the selection holds; `lab`: in a world whose addresses are made up;
    `earlier`: what runs of the last 24 hours in this network found."""
    faults = find_faulty_helpers(catalogue, log, cc=cc)
    cases = _make_cases(log, chosen, faults)
    context = _context(catalogue, ladder, cc, find_met_networks(log, lab=lab), lab=lab)
    verdicts, services = judge_run(cases, chosen.skipped, context, earlier=earlier)
    counted = leave_out(log.controls, faults)
    return add_evidence_levels(_with_controls(verdicts, chosen, counted), log.observations), services


def find_faulty_helpers(catalogue: Catalogue, log: ObservationLog, *, cc: str) -> dict[str, ControlFault]:
    """Helpers that failed what they were tried by, and whose word is not counted."""
    return find_unfit_controls(log.controls, log.observations, choose_known_places(catalogue, cc))


def _make_cases(log: ObservationLog, chosen: Selection, faults: Mapping[str, ControlFault]) -> list[SiteCase]:
    cases = [log.case(site) for site in chosen.sites]
    return [replace(case, controls=leave_out(case.controls, faults)) for case in cases] if faults else cases


def find_met_networks(log: ObservationLog, *, lab: bool = False) -> Mapping[str, int]:
    """Address -> AS number, of all addresses that a run or its controls were given. None where nothing failed, for
    then nobody asks; and none in the laboratory, whose addresses are nobody's."""
    if lab or not any((o.failure and o.purpose != "https") or o.met_expectation == "no" for o in log.observations):
        return {}
    seen = (address for o in log.observations for address in (o.address, *o.dns.answers))
    return look_up_networks((*seen, *(address for c in log.controls for address in c.addresses)))


def _context(catalogue: Catalogue, ladder: LadderEvidence, cc: str, networks: Mapping[str, int], *,
             lab: bool) -> RunContext:
    quorums = {(name, role): n for name, service in catalogue.services.items() for role, n in service.quorum.items()}
    worths: dict[tuple[str, str], int] = {}
    for e in catalogue.endpoints:
        if e.status == "active" and PROTOCOLS[e.protocol].built:
            worths[e.service, e.role] = max(PROTOCOLS[e.protocol].worth, worths.get((e.service, e.role), 0))
    return RunContext(ladder=ladder, quorums=quorums, worths=worths, cc=cc.upper(), private_roots=PRIVATE_ROOTS,
                      networks=networks, lab=lab)


def _with_controls(verdicts: Sequence[Verdict], chosen: Selection, controls: Sequence[ControlAnswer],
                   ) -> tuple[Verdict, ...]:
    """The verdicts with the controls that were heard about their targets, where any was needed."""
    owners = {e.input: e.target_id for site in chosen.sites for e in site.endpoints}
    heard: dict[str, dict[str, None]] = {}
    for answer in controls:
        if answer.state == "answered" and answer.input in owners:
            heard.setdefault(owners[answer.input], {})[answer.control_id] = None
    return tuple(replace(v, control_ids=tuple(heard[v.target_id]))
                 if v.control != "not_needed" and v.target_id in heard else v for v in verdicts)


def judge_stored_run(result: RunResult, catalogue: Catalogue) -> tuple[tuple[Verdict, ...], tuple[ServiceVerdict, ...]]:
    """Today's verdicts of a stored run, by today's rules and the given catalogue; pure."""
    log, ladder = _restored(result, catalogue)
    verdicts, services = judge_log(catalogue, _as_selected(result, catalogue), log, ladder, cc=_country(result.run),
                                   lab=result.run.vantage.lab, earlier=list_used_places(result.verdicts))
    confirmed = {v.target_id: v.block_type for v in result.verdicts if v.confirmed}
    return confirm_blocks(verdicts, confirmed), _left_out(services, result.services)


def judge_endpoints_again(result: RunResult, catalogue: Catalogue) -> dict[str, list[JudgedEndpoint]]:
    """The endpoints of each target on which those verdicts rest, with the rules that held; pure."""
    log, ladder = _restored(result, catalogue)
    kept = _as_selected(result, catalogue)
    cases = _make_cases(log, kept, find_faulty_helpers(catalogue, log, cc=_country(result.run)))
    networks = find_met_networks(log, lab=result.run.vantage.lab)
    context = _context(catalogue, ladder, _country(result.run), networks, lab=result.run.vantage.lab)
    return judge_endpoints(cases, kept.skipped, context,
                           earlier=list_used_places(result.verdicts))


def _restored(result: RunResult, catalogue: Catalogue) -> tuple[ObservationLog, LadderEvidence]:
    """What a stored run saw, and what that says of the network."""
    run, links = result.run, tuple(result.run.vantage.families)
    words = read_rungs(run.ladder)
    return ObservationLog.of_run(result), gather_ladder(
        catalogue, _country(run), result.observations, has_ipv4=4 in links, has_ipv6=6 in links,
        gateway=read_word(words["gateway"], GATEWAYS) if words.get("gateway") else "unknown",
        tunnel=_tunnel(words.get("tunnel", "")),
        changed=NETWORK_CHANGED in run.conditions, lab=run.vantage.lab)


def _left_out(services: Sequence[ServiceVerdict], stored: Sequence[ServiceVerdict]) -> tuple[ServiceVerdict, ...]:
    """Today's verdicts with the run's own count of what it left out: an endpoint that was chosen and not tried has no
    row, and no rule decides it."""
    counts = {(row.service, row.role): row.not_attempted for row in stored}
    return tuple(replace(row, not_attempted=counts.get((row.service, row.role), row.not_attempted)) for row in services)


def select_measured_sites(result: RunResult, catalogue: Catalogue) -> tuple[Site, ...]:
    """The sites of the catalogue as the run measured them."""
    return _as_selected(result, catalogue).sites


def _as_selected(result: RunResult, catalogue: Catalogue) -> Selection:
    run = result.run
    judged = {v.target_id: v for v in result.verdicts}
    links = tuple(run.vantage.families)
    chosen = select_sites(catalogue, tier=3, cc=_country(run), consent_level=run.vantage.consent_level,
                          families=links or (4,), seed=run.seed, chats=_list_chats(result, catalogue), of=judged.keys())
    withheld = {v.target_id: v.reason for v in result.verdicts if v.reason in (ELSEWHERE, ASKED_LATELY)}
    asked = frozenset(o.input for o in result.observations
                      if o.operation == "http_round_trip" and o.purpose in NETWORK_PURPOSES)
    reported = asked | {url for row in result.services for url in row.blocked_inputs}  # their name alone may be why
    return Selection(
        sites=tuple(replace(site, endpoints=measured) for site in chosen.sites
                    if (measured := _list_measured(site, judged, asked, reported))),
        skipped={url: (endpoint, withheld.get(endpoint.target_id, why)) for url, (endpoint, why) in
                 chosen.skipped.items() if endpoint.target_id in judged},
    )


def _list_chats(result: RunResult, catalogue: Catalogue) -> frozenset[str]:
    """The chat servers that the run asked, or meant to."""
    tried = {o.input for o in result.observations} | {v.input for v in result.verdicts if v.reason == RAN_OUT}
    return frozenset(e.input for e in catalogue.endpoints if is_chat(e) and e.input in tried)


def _country(run: Run) -> str:
    """The country by which the run was made and judged; older files have no stated one."""
    return run.vantage.stated_cc or run.vantage.probe_cc


def _tunnel(word: str) -> Tunnel:
    """What a stored rung says of a tunnel that was seen; one that cannot be seen is none to the rules."""
    return "" if word in NO_TUNNEL else read_word(word, TUNNELS)


def _list_measured(site: Site, judged: Mapping[str, Verdict], asked: frozenset[str], reported: frozenset[str],
                   ) -> tuple[Endpoint, ...]:
    """The endpoints of the site that the run measured: a run does not take the whole catalogue.

    If any page of the site was asked for (`asked`), an endpoint without a page counts only if the run reported it: as
    blocked (`reported`), or in its target's verdict.
    """
    members = tuple(e for e in site.endpoints if e.target_id in judged)
    if any(e.input in asked for e in members):
        members = tuple(e for e in members if e.input in reported or judged[e.target_id].input == e.input)
    return members
