"""What is so of each messenger, part by part, from a run's rows. Pure: typed values, no sentences.

A part claims no more than its row. What was not tried is `not_tested` whatever else answers, and a part whose servers
answer while its own protocol was not spoken is `reached_only`; where less came than the part needs, `too_little`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, get_args

from probe.catalogue.popularity import rank_by_users
from probe.catalogue.types import Catalogue, Service
from probe.core.endpoints import Endpoint
from probe.core.runs import Run
from probe.core.tables.answer_words import STATE_ORDER, AccountPart, PartState, Sureness
from probe.core.tables.basis_words import BASES, Basis
from probe.core.tables.block_types import CauseId
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.roles import Role
from probe.core.tables.service_answers import ANSWER_ORDER, Answer
from probe.core.tables.untested_words import UntestedWhy, read_untested_reason
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.common.planned_looks import add_shares, read_share
from probe.judge.flow.passed_volume import is_enough
from probe.judge.verdicts.service_answer_word import answer_service

Word = TypeVar("Word", bound=str)
CONTROL: Final = "control"
RETIRED: Final[CauseId] = "server.retired"
VANTAGE: Final[CauseId] = "inconclusive.vantage"
UNPLACED: Final[CauseId] = "inconclusive.unplaced"
_REFUSALS: tuple[CauseId, ...] = ("server.restricted", "server.forbidden", "server.delisted")
_BUSY: tuple[CauseId, ...] = ("server.rate_limited", "server.limit")
_NOT_REACHED: tuple[Outcome, ...] = ("network", "local")
_ACCOUNT: tuple[AccountPart, ...] = get_args(AccountPart)
_ALWAYS_SHOWN: tuple[Role, ...] = ("chat",)
"""What a messenger is for: shown even if the run left it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleHistory:
    """What earlier runs in this network said of a role that is blocked now."""

    since: str = ""
    """Start of the first run of those that all saw it blocked, this one the last of them; RFC 3339."""
    runs: int = 1
    """So many runs saw it."""
    at_least: bool = False
    """Earlier runs were not looked at."""
    last_well: str = ""
    """Start of the last run before in which the role worked; empty: none is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAnswer:
    """One part of a service."""

    part: Role | AccountPart
    state: PartState
    why: UntestedWhy | None = None
    """Of what was not tested."""
    level: int = 0
    """The consent level that tests it."""
    blocked: int = 0
    decided: int = 0
    """Of so many decided endpoints so many are blocked."""
    failed: int = 0
    made: int = 0
    """Of so many planned connections so many failed."""
    causes: tuple[CauseId, ...] = ()
    """Of what is blocked; of `suspected`, what would be named."""
    bases: tuple[Basis, ...] = ()
    sureness: Sureness = ""
    confidence: float = 0.0
    """Of the surest blocked target."""
    targets: tuple[str, ...] = ()
    """Ids of the targets that do not work, the one that tells most first."""
    history: RoleHistory = RoleHistory()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """One messenger: its parts in the order of the answer."""

    service: str
    title: str
    answer: Answer
    """What is so of it, in one word."""
    parts: tuple[PartAnswer, ...]
    retired: bool = False
    """Its maker closed it, so that nothing of it can be blocked or work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFacts:
    """What of the catalogue an answer needs."""

    services: Mapping[str, Service]
    roles: Mapping[tuple[str, Role], tuple[Endpoint, ...]]
    """The endpoints of each role of each service."""


def gather_catalogue_facts(catalogue: Catalogue) -> CatalogueFacts:
    """The facts of a catalogue."""
    roles: dict[tuple[str, Role], list[Endpoint]] = {}
    for endpoint in catalogue.endpoints:
        roles.setdefault((endpoint.service, endpoint.role), []).append(endpoint)
    return CatalogueFacts(services=catalogue.services, roles={key: tuple(those) for key, those in roles.items()})


def answer_services(run: Run, verdicts: Sequence[Verdict], services: Sequence[ServiceVerdict], facts: CatalogueFacts,
                    histories: Mapping[tuple[str, Role], RoleHistory]) -> tuple[ServiceAnswer, ...]:
    """Every messenger that the run has a row of; what is blocked comes first, then what most people use."""
    targets: dict[tuple[str, Role], list[Verdict]] = {}
    for verdict in verdicts:
        targets.setdefault((verdict.service, verdict.role), []).append(verdict)
    rows: dict[str, list[ServiceVerdict]] = {}
    for row in services:
        if CONTROL not in (row.service, row.role):
            rows.setdefault(row.service, []).append(row)
    found = [_answer_service(run, name, [(row, targets.get((name, row.role), [])) for row in of_service], facts,
                             histories) for name, of_service in rows.items()]
    users = rank_by_users(run.vantage.probe_cc)
    return tuple(sorted(found, key=lambda one: (ANSWER_ORDER.index(one.answer), users(one.service),
                                                one.title.casefold())))


def _answer_service(run: Run, name: str, rows: Sequence[tuple[ServiceVerdict, Sequence[Verdict]]],
                    facts: CatalogueFacts, histories: Mapping[tuple[str, Role], RoleHistory]) -> ServiceAnswer:
    known = facts.services.get(name)
    attempted = [v for _, verdicts in rows for v in verdicts if v.outcome != NOT_ATTEMPTED]
    all_retired = bool(attempted) and all(v.block_type == RETIRED for v in attempted)
    retired = bool(known and known.status == "dead") or all_retired
    parts = [_answer_part(run, row, verdicts, facts, histories.get((name, row.role), RoleHistory()))
             for row, verdicts in rows if not all(v.block_type == RETIRED for v in verdicts) or not verdicts]
    parts += _add_left_out(name, {row.role for row, _ in rows}, facts)
    parts = _add_account_parts(parts, known.needs_account if known else ())
    return ServiceAnswer(service=name, title=(known.title if known else "") or name.replace("_", " "),
                         answer=_answer_whole(rows, parts),
                         parts=() if retired else tuple(sorted(parts, key=_rank_part)), retired=retired)


def _answer_whole(rows: Sequence[tuple[ServiceVerdict, Sequence[Verdict]]], parts: Sequence[PartAnswer]) -> Answer:
    """What is so of the service; a chat that the run left out was not tested."""
    left_out = [ServiceVerdict(service="", role=part.part, outcome=NOT_ATTEMPTED, k=0, n=0) for part in parts
                if part.part == "chat" and part.state == "not_tested"]
    return answer_service([*left_out, *(row for row, _ in rows)])


def _rank_part(part: PartAnswer) -> tuple[int, int]:
    return STATE_ORDER.index(part.state), _ROLE_ORDER.index(part.part) if part.part in _ROLE_ORDER else 99


_ROLE_ORDER: tuple[str, ...] = ("chat", "call", "media", "web", "push", "register", "api", "download", "store")


def _answer_part(run: Run, row: ServiceVerdict, verdicts: Sequence[Verdict], facts: CatalogueFacts,
                 history: RoleHistory) -> PartAnswer:
    tried = [v for v in verdicts if v.outcome != NOT_ATTEMPTED]
    if row.k:
        blocked = _answer_blocked(row, [v for v in tried if v.outcome == "blocked"], history)
        return blocked if row.answer != "suspected" else PartAnswer(
            part=row.role, state="suspected", causes=blocked.causes, targets=blocked.targets)
    if row.outcome == NOT_ATTEMPTED:
        why, level = _explain_untested([v for v in verdicts if v.outcome == NOT_ATTEMPTED])
        return PartAnswer(part=row.role, state="not_tested", why=why, level=level)
    if row.outcome == "ok":
        return _answer_well(run, row, verdicts, facts)
    failing = [v for v in tried if v.outcome == row.outcome]
    return PartAnswer(part=row.role, state=_name_failure(row.outcome, failing),
                      causes=_list_distinct([v.suspected for v in failing if v.suspected]),
                      targets=tuple(v.target_id for v in failing))


def _answer_blocked(row: ServiceVerdict, blocked: Sequence[Verdict], history: RoleHistory) -> PartAnswer:
    surest = sorted(blocked, key=lambda v: (not v.confirmed, -v.confidence))
    sureness: Sureness = "confirmed" if any(v.confirmed for v in blocked) or history.runs > 1 else "seen_once"
    return PartAnswer(
        part=row.role, state="blocked" if row.outcome == "blocked" and not row.partial else "partly_blocked",
        blocked=row.k, decided=row.n, causes=row.block_types, history=history, sureness=sureness,
        bases=tuple(basis for basis in BASES if any(v.basis == basis for v in blocked)),
        confidence=surest[0].confidence if surest else 0.0,
        targets=_list_distinct([*(v.target_id for v in surest), *row.blocked_targets]))


def _answer_well(run: Run, row: ServiceVerdict, verdicts: Sequence[Verdict], facts: CatalogueFacts) -> PartAnswer:
    """A role whose row is `ok`: was what tells most of it tried, each time, and all of it?"""
    tried = [v for v in verdicts if v.outcome != NOT_ATTEMPTED]
    if lacking := _find_untried_words(run, row, verdicts, facts):
        why, level = lacking
        return PartAnswer(part=row.role, state="reached_only", why=why, level=level)
    failed, made = read_share(add_shares(v.intermittent for v in tried))
    failing = tuple(v.target_id for v in tried if v.outcome not in ("ok", *_NOT_REACHED) and v.block_type != RETIRED)
    if failing:
        half = 2 * len(set(failing)) >= len({v.target_id for v in tried})
        return PartAnswer(part=row.role, state="partly_fails" if half else "mostly", targets=failing, failed=failed,
                          made=made)
    if row.answer == "unknown" and not any(is_enough(row.role, v.passed_bytes) for v in tried):
        return PartAnswer(part=row.role, state="too_little")
    if row.answer == "unknown":  # what was said is not what apps say today
        return PartAnswer(part=row.role, state="reached_only", why="no_way")
    return PartAnswer(part=row.role, state="at_times" if failed else "works", failed=failed, made=made,
                      targets=tuple(v.target_id for v in tried if read_share(v.intermittent)[0]) if failed else ())


def _find_untried_words(run: Run, row: ServiceVerdict, verdicts: Sequence[Verdict],
                        facts: CatalogueFacts) -> tuple[UntestedWhy, int] | None:
    """Why what tells more of the role than all that was tried was not; None where nothing tells more."""
    tried = [v for v in verdicts if v.outcome != NOT_ATTEMPTED]
    known = facts.roles.get((row.service, row.role), ())
    said = max((_weigh(v, known, run, strict=row.not_attempted > 0) for v in tried), default=0)
    stronger = [e for e in known if e.status == "active" and PROTOCOLS[e.protocol].built
                and PROTOCOLS[e.protocol].worth > said]
    if not stronger:
        return None
    above = [PROTOCOLS[e.protocol].consent_level for e in stronger]
    if min(above) > run.vantage.consent_level:
        return "level", min(above)
    ids = {e.target_id for e in stronger}
    return _explain_untested([v for v in verdicts if v.outcome == NOT_ATTEMPTED and v.target_id in ids])


def _weigh(verdict: Verdict, known: Sequence[Endpoint], run: Run, *, strict: bool) -> int:
    """How much the target's answer tells. Where all of a role was tried that could be (not `strict`), the strongest of
    its endpoints was; a target that the catalogue has not is taken at its word."""
    its = [e for e in known if e.target_id == verdict.target_id]
    named = [e for e in its if e.input == verdict.input]
    if named and (strict or PROTOCOLS[named[0].protocol].consent_level > run.vantage.consent_level):
        return PROTOCOLS[named[0].protocol].worth
    return max((PROTOCOLS[e.protocol].worth for e in its
                if PROTOCOLS[e.protocol].consent_level <= run.vantage.consent_level), default=0 if its else 2)


def _name_failure(outcome: Outcome, failing: Sequence[Verdict]) -> PartState:
    if outcome in _NOT_REACHED:
        return "not_reached" if outcome == "network" else "not_judged"
    causes = {v.block_type for v in failing}
    if outcome == "down":
        return ("refuses" if causes.intersection(_REFUSALS) else "busy" if causes and causes <= set(_BUSY) else "down")
    if causes == {VANTAGE}:
        return "not_judged"
    return "suspected" if UNPLACED in causes else "undecided"


def _explain_untested(verdicts: Sequence[Verdict]) -> tuple[UntestedWhy, int]:
    """Why none of a role was tried: what most rows say, and the lowest level that would do."""
    reasons = [read_untested_reason(v.reason) for v in verdicts]
    if not reasons:
        return "turn", 0
    why = max((word for word, _ in reasons), key=[word for word, _ in reasons].count)
    return why, min((level for word, level in reasons if word == why), default=0)


def _add_left_out(name: str, roles: Collection[Role], facts: CatalogueFacts) -> list[PartAnswer]:
    """Parts that a messenger is for and that the run did not take."""
    return [PartAnswer(part=role, state="not_tested", why="turn") for role in _ALWAYS_SHOWN
            if role not in roles and any(e.status == "active" for e in facts.roles.get((name, role), ()))]


def _add_account_parts(parts: Sequence[PartAnswer], needs: Collection[str]) -> list[PartAnswer]:
    """The parts with those that nobody can test without an account; of calls that is said once."""
    wanted = [part for part in _ACCOUNT if part in needs]
    kept = [part for part in parts if not (part.part == "call" and part.state == "not_tested" and "calls" in wanted)]
    return [*kept, *(PartAnswer(part=part, state="needs_account") for part in wanted)]


def _list_distinct(words: Iterable[Word]) -> tuple[Word, ...]:
    return tuple(dict.fromkeys(words))
