"""Imported observations judged by our rules, and then held to what the file can say. Pure.

The endpoints are read from the rows themselves, so that stored runs are judged again by the same function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from probe.catalogue.endpoint_urls import BadUrlError
from probe.catalogue.sites import group_sites
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.runs import RunResult
from probe.core.tables.operations import LOOKUPS
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.trust import PRIVATE_ROOTS, TrustPolicy
from probe.core.tables.words import Empty
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.common.rule import decide
from probe.judge.common.url_places import parse_host
from probe.judge.http.page_likeness import is_same_page
from probe.judge.network.ladder_evidence import LadderEvidence, gather_ladder_evidence
from probe.judge.network.network_rules import NETWORK_TABLE, STOPS
from probe.judge.verdicts.classify import judge_endpoints
from probe.judge.verdicts.combine import combine_endpoints
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint
from probe.judge.verdicts.role_verdicts import judge_services
from probe.judge.verdicts.site_case import RunContext, SiteCase
from probe.session.observation_log import ObservationLog
from probe.session.run_verdicts import find_met_networks
from probe_analysis.imported.clear_targets import ClearTargets
from probe_analysis.imported.imported_measurement import MeasuredTarget, make_endpoint
from probe_analysis.imported.parent_causes import name_parent_cause
from probe_analysis.imported.run_judges import RunJudge
from probe_analysis.imported.struck_company import convict_by_company
from probe_analysis.imported.weakening import ImportScale, weaken_verdict
from probe_analysis.imported.web_sites import is_web_site, name_site
from probe_analysis.imported.words.ooni_tests import PRIVATE_ROOT, QUORUMS

_HOP = "#"
"""Ends the target's name where one of its hops is judged by itself."""
_CLEAR = ClearTargets()
NO_ENDPOINT = "the file names no endpoint that can be judged"


def judge_imported_run(result: RunResult, log: ObservationLog | None = None,
                       ) -> tuple[tuple[Verdict, ...], tuple[ServiceVerdict, ...]]:
    """Today's verdicts of an imported run; `log`: its observations, where they are logged already."""
    rows, ladder = _sort_rows(result.observations), _ladder(result.observations)
    clear = {} if _is_stopped(ladder) else {
        v.target_id: found for v in result.verdicts if not _is_chained(v)
        and (found := _CLEAR.judge(v, _own_rows(rows, v), _judge_alone))}
    rest = [v for v in result.verdicts if v.target_id not in clear]
    named = _name_endpoints(rest, rows)
    judged = iter(_judge_together(result, log or ObservationLog.of_run(result), ladder, named) if rest else ())
    verdicts = tuple(clear[v.target_id][0] if v.target_id in clear else next(judged) for v in result.verdicts)
    members = {v.target_id: [JudgedEndpoint(endpoint=clear[v.target_id][1], verdict=v) if v.target_id in clear
                             else _member(v, named[v.target_id])] for v in verdicts}
    return verdicts, judge_services(members, QUORUMS, {})


def _judge_together(result: RunResult, log: ObservationLog, ladder: LadderEvidence,
                    named: Mapping[str, Sequence[Endpoint]]) -> tuple[Verdict, ...]:
    """The verdicts of the targets of which something is to be explained, each held against the others."""
    context = _context(result, log, ladder)
    parts: dict[str, list[Verdict]] = {}
    for target, members in judge_endpoints(_cases(named, log), {}, context).items():
        verdict = combine_endpoints([name_parent_cause(one) for one in members])
        parts.setdefault(target.partition(_HOP)[0], []).append(verdict)
    scale = ImportScale(cc=result.run.vantage.probe_cc, day=date.fromisoformat(result.run.measurement_start_time[:10]),
                        mobile=result.run.vantage.network_type == "mobile",
                        rows={o.observation_id: o for o in log.observations}, controls=tuple(log.controls))
    held = [_verdict(old, parts.get(old.target_id, ()), scale) for old in result.verdicts if old.target_id in named]
    return convict_by_company(held, scale, context.networks)


def _judge_alone(target: Verdict, rows: Sequence[Observation]) -> tuple[Verdict, Endpoint] | None:
    """A target by its own rows, as if nothing else had been measured."""
    log = ObservationLog("")
    log.restore([replace(o, sequence=n, observation_id=str(n)) for n, o in enumerate(rows)], ())
    endpoints = _endpoints(target, [o for o in log.observations if o.target_id])
    if not endpoints:
        return None
    found = judge_endpoints(_cases({target.target_id: endpoints}, log), {},
                            RunContext(ladder=_ladder(log.observations), quorums=QUORUMS, cc="ZZ",
                                       private_roots=PRIVATE_ROOTS))
    scale = ImportScale(cc="ZZ", day=date.min, rows={o.observation_id: o for o in log.observations})
    verdict = _verdict(target, [combine_endpoints(members) for members in found.values()], scale)
    return verdict, _member(verdict, endpoints).endpoint


def _is_stopped(ladder: LadderEvidence) -> bool:
    """Whether nothing can be said of any target, because of the network."""
    return decide(NETWORK_TABLE, ladder).rule.block_type in STOPS


def _sort_rows(seen: Sequence[Observation]) -> dict[str, list[Observation]]:
    """Target -> its rows; under `@` and a name the lookups of that."""
    found: dict[str, list[Observation]] = {}
    for one in seen:
        if one.target_id:
            found.setdefault(one.target_id, []).append(one)
        elif one.operation in LOOKUPS:
            found.setdefault(f"@{one.hostname}", []).append(one)
    return found


def _own_rows(rows: Mapping[str, list[Observation]], target: Verdict) -> list[Observation]:
    """Its rows and the lookups of its names; of a name that is looked up alone, by the system alone, there are no
    others."""
    own = rows.get(target.target_id, [])
    if not own:
        asked = rows.get(f"@{parse_host(target.input)}", [])
        return asked if all(o.dns.resolver == "system" for o in asked) else []
    return [*own, *(o for host in dict.fromkeys(o.hostname for o in own) for o in rows.get(f"@{host}", ()))]


def _is_chained(verdict: Verdict) -> bool:
    """A web site: its hops are judged one by one, and its pages are compared."""
    return is_web_site(verdict.target_id)


def judge_imported_endpoints(result: RunResult) -> dict[str, list[JudgedEndpoint]]:
    """The endpoints of each target of an imported run, with the rules that held, before what the file cannot say
    makes their verdicts weaker."""
    log = ObservationLog.of_run(result)
    found: dict[str, list[JudgedEndpoint]] = {}
    named = _name_endpoints(result.verdicts, _sort_rows(log.observations))
    context = _context(result, log, _ladder(log.observations))
    for target, members in judge_endpoints(_cases(named, log), {}, context).items():
        found.setdefault(target.partition(_HOP)[0], []).extend(members)
    return found


JUDGE = RunJudge(judge_run=judge_imported_run, judge_endpoints=judge_imported_endpoints)
"""By which `probe classify` and `probe explain` judge imported runs again (entry point `probe.judges`)."""


def _name_endpoints(targets: Iterable[Verdict], rows: Mapping[str, Sequence[Observation]]) -> dict[str, list[Endpoint]]:
    """Target -> the endpoints that its rows name."""
    return {v.target_id: _endpoints(v, rows.get(v.target_id, ())) for v in targets}


def _cases(named: Mapping[str, Sequence[Endpoint]], log: ObservationLog) -> list[SiteCase]:
    return [log.case(site) for site in group_sites([e for members in named.values() for e in members])]


def _context(result: RunResult, log: ObservationLog, ladder: LadderEvidence) -> RunContext:
    return RunContext(ladder=ladder, quorums=QUORUMS, cc=result.run.vantage.probe_cc,
                      private_roots=PRIVATE_ROOTS, networks=find_met_networks(log))


def _member(verdict: Verdict, endpoints: Sequence[Endpoint]) -> JudgedEndpoint:
    """A target as its role counts it: by one endpoint, since a file may say of the target alone."""
    first = endpoints[0] if endpoints else Endpoint(
        target_id=verdict.target_id, service=verdict.service, role=verdict.role, tier=1, input=verdict.input,
        protocol="dns", host="", port=0)
    endpoint = next((e for e in endpoints if e.input == verdict.input), first)
    if endpoint.target_id != verdict.target_id:
        endpoint = replace(endpoint, target_id=verdict.target_id)
    return JudgedEndpoint(endpoint=endpoint, verdict=verdict)


def _endpoints(verdict: Verdict, seen: Sequence[Observation]) -> list[Endpoint]:
    """The endpoints of a target: those that its rows name, in order. Hops of redirects are told apart."""
    urls = list(dict.fromkeys(o.input for o in sorted(seen, key=lambda o: o.sequence) if o.input)) or [verdict.input]
    first = urls.index(verdict.input) if verdict.input in urls else 0
    urls.insert(0, urls.pop(first))
    trust: TrustPolicy | Empty = PRIVATE_ROOT.get(verdict.service, "")
    found = []
    for number, url in enumerate(urls):
        chained = _is_chained(verdict)
        aim = MeasuredTarget(target_id=f"{verdict.target_id}{_HOP}{number}" if chained else verdict.target_id,
                             service=name_site(parse_host(url)) if chained else verdict.service, role=verdict.role,
                             inputs=(url,))
        mine = [o for o in seen if o.input == url and o.purpose == "target"]
        name = next((o.tls.sni for o in mine if o.tls.sni), "")
        says = next((o.app.protocol for o in mine if o.app.protocol), None)
        try:
            found.append(make_endpoint(aim, url, sni=name, trust=trust, says=says or ""))
        except BadUrlError:
            continue
    return found


def _ladder(seen: Sequence[Observation]) -> LadderEvidence:
    return gather_ladder_evidence(seen, has_ipv6=True)


def _verdict(old: Verdict, parts: Sequence[Verdict], scale: ImportScale) -> Verdict:
    """The verdict of a target from those of its hops: ok where every hop is, or where they led to a proven end."""
    if not parts:
        return replace(old, outcome=NOT_ATTEMPTED, block_type="inconclusive.not_attempted", reason=NO_ENDPOINT)
    held = [weaken_verdict(part, scale, theirs=old.theirs, last=part is parts[-1]) for part in parts]
    blocked = [v for v in held if v.outcome == "blocked"]
    suspect = [v for v in held if v.suspected]
    failing = [v for v in held if v.outcome != "ok"]
    if len(held) > 1 and failing and not (blocked or suspect) and _is_proven_end(old.input, held[-1], scale):
        failing = []
    tried = [v for v in failing if v.outcome != NOT_ATTEMPTED]
    chief = max(blocked, key=lambda v: v.confidence) if blocked else (suspect or tried or failing or held)[-1]
    return replace(chief, target_id=old.target_id, service=old.service, owner=old.owner, input=old.input,
                   theirs=old.theirs, sources=old.sources)


def _is_proven_end(first: str, last: Verdict, scale: ImportScale) -> bool:
    """The last hop's page came over a proven connection, and is of the site that was asked for, or the page that the
    helper was led to: so all hops before it worked. A filter's own page may be proven as well."""
    pages = [o for i in last.evidence if (o := scale.rows.get(i)) and o.operation == "http_round_trip"
             and not o.failure and o.tls.trust == "valid"]
    if last.outcome != "ok" or not pages:
        return False
    answers = [c for c in scale.controls if c.input == last.input and c.state == "answered" and c.http_failure == ""]
    if answers:
        return any(is_same_page(pages[-1], c) for c in answers)
    return name_site(parse_host(first)) == name_site(parse_host(last.input))
