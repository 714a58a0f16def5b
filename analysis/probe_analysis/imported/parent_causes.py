"""What an imported measurement can say where no innocent name was asked: the parent of a cause, or that it is down.

Our rules name a trigger by comparing names at one address. OONI's programs ask one name and a test helper. Where the
same thing fails again and again and the helper is served, the cause is named as deep as that goes: the handshake is
reset, by whatever trigger. Nothing here accuses, since the service's own front fails alike: such a verdict is
`inconclusive.unplaced`, and the cause stands in `suspected`. Where the helper fails at the same stage, it is the
service. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe.core.tables.block_types import BlockTypeId, CauseId
from probe.core.tables.evidence_words import DnsState, Stage
from probe.core.tables.failures import TIMEOUTS, Failure
from probe.core.tables.outcomes import Decided
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty
from probe.judge.dns.dns_evidence import DENIALS
from probe.judge.dns.name_context import NameEvidence, is_repeated_failure
from probe.judge.path.path_context import PathContext, controls_reach, is_repeated
from probe.judge.path.path_evidence import CONNECTION_REFUSED, CONNECTION_RESET
from probe.judge.verdicts.earlier_places import UNPLACED
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint
from probe_analysis.imported.web_sites import is_web_site

AGAINST_HELPER = ("it fails alike again and again, and the test helper is served: a block on the way, and a refusal by "
                  "the service's own front, look alike")
WITHOUT_HELPER = ("it fails alike again and again, and this test asks no helper: other networks and countries tell "
                  "whether the service is down")
HELPER_TOO = "the test helper fails at the same stage"
_ENDED_BY: dict[tuple[Stage, Failure], CauseId] = {
    ("connect", CONNECTION_REFUSED): "ip.reset", ("connect", CONNECTION_RESET): "ip.reset",
    ("connect", "host_unreachable"): "ip.unreachable", ("connect", "network_unreachable"): "ip.unreachable",
    ("tls", CONNECTION_RESET): "tls.reset", ("tls", "eof_error"): "tls.close",
    ("http", CONNECTION_RESET): "http.reset", ("http", "eof_error"): "http.close",
}
"""Where an attempt ended, and how -> the cause without its trigger."""
_SILENT_AT: dict[Stage, CauseId] = {"connect": "tcp", "tls": "tls", "http": "http"}
"""Silence: no file says whether the other side's TCP acknowledged what was said, nor whether another port answers."""
_NAMES: dict[DnsState, BlockTypeId] = {
    "nxdomain": "dns.nxdomain", "empty": "dns.empty", "refused": "dns.refused", "servfail": "dns.servfail",
    "timeout": "dns.timeout",
}
_DOWN_AT: dict[Stage | Empty, BlockTypeId] = {
    "connect": "server.unreachable", "tls": "server.error", "http": "server.error",
}
FOREIGN: tuple[TrustFinding, ...] = ("self_signed", "unknown_issuer", "wrong_name")
"""Certificates of somebody else; what is `invalid` may be outdated alone."""
REPEATS = 3
DOWN_CONFIDENCE = 0.7
"""One helper is one view from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentFinding:
    """What replaces an undecided verdict."""

    outcome: Decided
    block_type: BlockTypeId
    suspected: CauseId = ""
    reason: str


def name_parent_cause(one: JudgedEndpoint) -> JudgedEndpoint:
    """The endpoint with the parent cause in `suspected`, or down, where its verdict is undecided and names none."""
    verdict = one.verdict
    if verdict.outcome != "inconclusive" or verdict.block_type == UNPLACED:
        return one
    paths = [d.evidence for d in one.decisions if isinstance(d.evidence, PathContext)]
    if verdict.rule_id.startswith("dns/"):
        found = next((_find_of_name(d.evidence, verdict.rule_id, paths) for d in one.decisions
                      if isinstance(d.evidence, NameEvidence)), None)
    else:
        found = _find_of_paths(paths)
    if found is None or (found.reason == WITHOUT_HELPER and is_web_site(one.endpoint.target_id)):
        return replace(one, verdict=replace(verdict, suspected=""))  # only the helper knows whether a web site lives
    sure = DOWN_CONFIDENCE if found.outcome == "down" else 0.5
    return replace(one, verdict=replace(verdict, outcome=found.outcome, block_type=found.block_type, confidence=sure,
                                        suspected=found.suspected, reason=found.reason))


def _suspect(cause: CauseId, *, helper: bool) -> ParentFinding:
    return ParentFinding(outcome="inconclusive", block_type=UNPLACED, suspected=cause,
                         reason=AGAINST_HELPER if helper else WITHOUT_HELPER)


def _find_of_name(name: NameEvidence, rule_id: str, paths: Sequence[PathContext]) -> ParentFinding | None:
    dns = name.dns
    if dns.network in DENIALS and dns.control_denying and not dns.known_elsewhere:
        return ParentFinding(outcome="down", block_type="server.nonexistent", reason=HELPER_TOO)
    if not is_repeated_failure(name):
        return _suspect("dns.forged", helper=True) if _leads_elsewhere(name, rule_id, paths) else None
    cause = _NAMES.get(dns.network)
    told_otherwise = dns.system == "ok" or name.resolver_dead or dns.denial_disputed
    if cause is None or (dns.controls_asked and (not dns.known_elsewhere or told_otherwise)):
        return None
    return _suspect(cause, helper=dns.known_elsewhere)


def _leads_elsewhere(name: NameEvidence, rule_id: str, paths: Sequence[PathContext]) -> bool:
    """The resolver gives an address that is somebody else's by its certificate, or that the helper cannot reach either,
    again and again. One that the helper did not try may be the service's, and be blocked."""
    dead = any(c.path.source == "network" and c.path.stage == "connect" and c.path.controls.failed for c in paths)
    return (name.dns.network == "ok" and name.dns.attempts >= REPEATS and name.dns.control_ok > 0
            and (rule_id == "dns/wrong_server" or (rule_id == "dns/dead_answer" and dead)))


def _find_of_paths(contexts: Sequence[PathContext]) -> ParentFinding | None:
    failing = [c for c in contexts if c.path.failed_attempts and not c.path.last_ok]
    tried = [c for c in failing if c.path.source != "trusted"] or failing
    if tried and all(_is_down(c) for c in tried):
        stage = tried[-1].path.stage
        refused = stage == "connect" and all(c.path.failure == CONNECTION_REFUSED for c in tried)
        return ParentFinding(outcome="down", block_type="server.refused" if refused else _DOWN_AT[stage],
                             reason=HELPER_TOO)
    causes = [(c.path.failed_attempts, cause, c) for c in tried if (cause := _cause_of(c))]
    if not causes:
        return None
    _, cause, context = max(causes, key=lambda found: found[0])
    return _suspect(cause, helper=context.path.controls.ok > 0 or context.path.stage == "page")


def _is_down(c: PathContext) -> bool:
    """The helper fails at the stage at which each attempt of ours does."""
    path = c.path
    return (path.stage in _DOWN_AT and path.failed_attempts == path.attempts and path.controls.failed > 0
            and not path.controls.ok)


def _cause_of(c: PathContext) -> CauseId:
    """The parent cause at one address, where the failure repeats on a line that is well and no helper fails too."""
    path = c.path
    if not is_repeated(c) or not c.ladder.well or c.self_block:
        return ""
    if path.stage == "page" and path.http.met == "no":  # held against the helper's page (`ooni.clear_pages`)
        return "http.redirect" if path.http.foreign_redirect else "http.blockpage"
    if not path.stage or not (controls_reach(c) or path.controls.asked == 0):
        return ""
    if path.tainted and path.stage != "connect":
        return ""  # what a neighbour's name set off ends connections, or what is said on them
    if path.stage == "tls" and path.tls.trust:
        return "tls.mitm" if path.tls.trust in FOREIGN and not path.tls.private_root else ""
    if path.stage == "tls" and path.tls.alert >= 0:
        return "tls.alert"
    if path.stage == "http" and path.secure:
        return "flow.freeze" if path.failure in TIMEOUTS else "flow.cut"
    silent: CauseId = _SILENT_AT.get(path.stage, "") if path.failure in TIMEOUTS else ""
    return _ENDED_BY.get((path.stage, path.failure), silent)
