"""What an imported file cannot say makes a verdict weaker: the table of that. Pure.

Our rules were made for a probe that asks a named resolver itself, has an innocent name tried beside, and knows its own
version. Where one of theirs rests on what the file does not tell, the verdict becomes `inconclusive`, with the reason.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from probe.catalogue.fingerprints import CONVICTING_SCOPES
from probe.core.addresses import PROVIDER, is_bogon, is_private, parse_address
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.evidence_words import DnsState
from probe.core.tables.operations import LOOKUPS, Operation
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.resolvers import ENCRYPTED, ResolverRole
from probe.core.verdicts import Verdict
from probe.judge.dns.dns_evidence import STATES
from probe.judge.verdicts.earlier_places import UNPLACED
from probe_analysis.imported.words.ooni_tests import ANY_STATUS, TELEGRAM_STATUS, find_defect
from probe_analysis.imported.words.translated_words import parse_version

_NO_FAILURE: tuple[Outcome, ...] = ("ok", "down", NOT_ATTEMPTED)
_REACHES: tuple[Operation, ...] = ("connect", "tls_handshake")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportScale:
    """What a verdict is held against."""

    cc: str
    day: date
    mobile: bool = False
    """All was measured in a mobile network."""
    rows: Mapping[str, Observation]
    """By observation id."""
    controls: tuple[ControlAnswer, ...] = ()


_OUT_OF_DATE = ": the program is out of date, not the network"
Holds = Callable[[Verdict, Sequence[Observation], ImportScale], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A verdict by one of these rules stays only where `stays` holds."""

    outcome: Outcome
    rules: tuple[str, ...]
    """Ids, or with a slash at the end all of a part."""
    block_type: BlockTypeId
    reason: str
    stays: Holds


def weaken_verdict(verdict: Verdict, scale: ImportScale, *, theirs: Sequence[str], last: bool) -> Verdict:
    """The verdict as far as the file carries it; `last`: of the last hop of redirects."""
    rows = [scale.rows[i] for i in verdict.evidence if i in scale.rows]
    if verdict.outcome not in _NO_FAILURE and (what := _defect(verdict, scale, theirs)):
        return _doubtful(verdict, "inconclusive.instrument", f"{what}{_OUT_OF_DATE}")
    if verdict.service in ANY_STATUS and verdict.rule_id.startswith("http/") and any(
            o.tls.trust == "valid" and o.http.status for o in rows):
        return replace(verdict, outcome="ok", block_type="", also=(), confidence=0.9, reason="", suspected="", basis="",
                       confirmed=False, scope="unknown")
    if verdict.outcome == "ok" and not last and any(300 <= o.http.status < 400 for o in rows):
        return verdict  # where it leads is what counts
    for doubt in DOUBTS:
        if doubt.outcome == verdict.outcome and _is_by(verdict, doubt) and not doubt.stays(verdict, rows, scale):
            return _doubtful(verdict, doubt.block_type, doubt.reason)
    return verdict


def read_defect(verdict: Verdict) -> str:
    """The known defect for which `weaken_verdict` set a verdict aside; empty: none."""
    named = verdict.block_type == "inconclusive.instrument" and verdict.reason.endswith(_OUT_OF_DATE)
    return verdict.reason.removesuffix(_OUT_OF_DATE) if named else ""


def _is_by(verdict: Verdict, doubt: Doubt) -> bool:
    return any(verdict.rule_id == rule or (rule.endswith("/") and verdict.rule_id.startswith(rule))
               for rule in doubt.rules)


def _doubtful(verdict: Verdict, block_type: BlockTypeId, reason: str) -> Verdict:
    """A cause that was named stays suspected, but for what the instrument may have done."""
    cause = verdict.suspected or (verdict.block_type if verdict.outcome == "blocked" else "")
    return replace(verdict, outcome="inconclusive", block_type=block_type, confidence=0.5, confirmed=False,
                   scope="unknown", reason=reason, basis="",
                   suspected="" if block_type == "inconclusive.instrument" else cause)


def _defect(verdict: Verdict, scale: ImportScale, theirs: Sequence[str]) -> str:
    """What is wrong with one of the versions that measured; empty when nothing is known."""
    target = verdict.target_id.partition("#")[0]
    for text in theirs:
        test, version, engine = parse_version_text(text)
        if found := find_defect(test, version, engine, scale.day, target, ours=True):
            return found.what
    return ""


def parse_version_text(theirs: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Test, its version and the engine's, of a text in `Verdict.theirs`."""
    words = theirs.rpartition(":")[0].split(" ")
    return words[0], parse_version(words[1] if len(words) > 1 else ""), parse_version(words[2] if len(words) > 2
                                                                                      else "")


def _plain(rows: Sequence[Observation], resolver: ResolverRole) -> list[Observation]:
    return [o for o in rows if o.dns.resolver == resolver and o.purpose == "target"
            and o.operation in LOOKUPS]


def _false_for_all(verdict: Verdict, rows: Sequence[Observation], scale: ImportScale) -> bool:
    """A known block address of the country, a second answer, or a lie of every plain resolver that no filter of a
    household tells: those give null addresses, deny, or lead to a page of their own."""
    if verdict.rule_id == "dns/two_answers" or any(_fits(o, scale.cc) for o in rows):
        return True
    system, public = _plain(rows, "system"), _plain(rows, "public")
    if speak_for_network(system, scale):
        return verdict.basis == "company" or any(map(_leads_inside, system))
    if verdict.rule_id.startswith("dns/false_answer"):
        return any(map(_leads_inside, system)) and any(map(_leads_inside, public))
    states: set[DnsState] = {STATES.get(o.failure, "error") for o in (*system, *public)}
    encrypted = [o for o in rows if o.dns.engine in ENCRYPTED and o.purpose == "target"]
    # Its operator does not deny it to this place.
    known_here = bool(encrypted) and all(o.dns.answers for o in encrypted)
    denied = states == {verdict.block_type.removeprefix("dns.")} and states < {"nxdomain", "empty"}
    return denied and bool(public) and known_here


def speak_for_network(asked: Sequence[Observation], scale: ImportScale) -> bool:
    """Whether a mobile network's own resolver gave these answers: there nobody has a household in between."""
    return scale.mobile and bool(asked) and all(o.dns.resolver_address == PROVIDER for o in asked)


def _fits(seen: Observation, cc: str) -> bool:
    words = seen.fingerprint_scope.split()
    return bool(words) and words[0] in CONVICTING_SCOPES and cc in words[1:]


def _leads_inside(seen: Observation) -> bool:
    return any(is_bogon(a) and is_private(a) and not _is_null(a) for a in seen.dns.answers)


def _is_null(text: str) -> bool:
    address = parse_address(text)
    return address is None or address.is_unspecified or address.is_loopback or (
        isinstance(address, ipaddress.IPv4Address) and address in ipaddress.IPv4Network("0.0.0.0/8"))


def _never(verdict: Verdict, rows: Sequence[Observation], scale: ImportScale) -> bool:
    return False


def _telegram(verdict: Verdict, rows: Sequence[Observation], scale: ImportScale) -> bool:
    return verdict.target_id.startswith("telegram.chat.") and any(o.http.status in TELEGRAM_STATUS for o in rows)


def _known_name(verdict: Verdict, rows: Sequence[Observation], scale: ImportScale) -> bool:
    return verdict.control == "agrees" or any(o.met_expectation == "yes" for o in rows)


def _led_there(verdict: Verdict, rows: Sequence[Observation], scale: ImportScale) -> bool:
    """A literal address or a trusted resolver's, one in a network of the operator's, or a certificate that is good."""
    reached = [o for o in rows if o.operation in _REACHES and not o.failure]
    return any(o.address_source in ("literal", "trusted") or o.met_expectation == "yes" or o.tls.trust == "valid"
               for o in reached)


DOUBTS: tuple[Doubt, ...] = (
    Doubt(outcome="blocked", rules=("dns/",), block_type=UNPLACED, stays=_false_for_all,
          reason="a household's own filter gives such answers too, in front of whatever resolver the file names"),
    Doubt(outcome="blocked", rules=("flow/",), block_type=UNPLACED, stays=_never,
          reason="the file does not say how many bytes had come when the connection fell silent"),
    Doubt(outcome="blocked", rules=("http/foreign_redirect",), block_type="inconclusive.disagreeing", stays=_never,
          reason="the helper follows redirects itself, and does not say where they led"),
    Doubt(outcome="ok", rules=("http/answered",), block_type="inconclusive.no_control", stays=_telegram,
          reason="nothing proves the page, and there is no control's page to compare it with"),
    Doubt(outcome="ok", rules=("dns/answered",), block_type="inconclusive.no_control", stays=_known_name,
          reason="the answer can be compared with no control and no trusted resolver"),
    Doubt(outcome="ok", rules=("path/connects",), block_type="inconclusive.no_control", stays=_led_there,
          reason="somebody accepts connections; nothing shows that the address is the service's"),
)
"""The first that fits decides."""
