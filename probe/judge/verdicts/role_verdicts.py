"""From the verdicts of a role's endpoints to the role's verdict: k blocked of n decided, and what that means. Pure.

Counted are endpoints, since that is what can be blocked; judged are targets, since an application that is refused at
one port or address of a place tries another. A role works when enough of its targets answer with the strongest words
that were said in it: an address that can be connected to, or whose name resolves, does not carry messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from probe.core.tables.block_types import CauseId
from probe.core.tables.handshakes import ProtocolName, is_current
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.roles import ALL, ANY, Role
from probe.core.typed_cache import keep_results
from probe.core.verdicts import ServiceVerdict
from probe.judge.flow.passed_volume import is_enough
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint
from probe.judge.verdicts.service_answer_word import answer_role

_DECIDED: tuple[Outcome, ...] = ("ok", "blocked", "down")

Quorum = int | str
"""How many targets must answer for a role to work, or `any`, or `all`; 0: half of them."""

_UNDECIDED: tuple[Outcome, ...] = ("inconclusive", "network", "local")


_FEW = 32
"""Endpoints of a role whose verdict is kept."""


class _Counted(NamedTuple):
    """What a role's verdict reads of an endpoint."""

    target_id: str
    input: str
    protocol: ProtocolName
    outcome: Outcome
    block_type: CauseId
    suspected: bool
    partial: bool
    enough: bool
    by_family: tuple[tuple[int, Outcome], ...]


def judge_services(found: Mapping[str, Sequence[JudgedEndpoint]],
                   quorums: Mapping[tuple[str, str], Quorum],
                   worths: Mapping[tuple[str, str], int]) -> tuple[ServiceVerdict, ...]:
    """The verdict of every service and role. `found`: target -> its endpoints, also those that were not tried;
    `worths`: how much the strongest endpoint of a role would tell (`Protocol.worth`)."""
    groups: dict[tuple[str, Role], list[_Counted]] = {}
    for members in found.values():
        for member in members:
            groups.setdefault((member.endpoint.service, member.endpoint.role), []).append(_count(member))
    return tuple([(_judge_again if len(members) <= _FEW else _judge_role)(key, tuple(members), quorums.get(key, 0),
                                                                          worths.get(key, 0))
                  for key, members in groups.items()])


def _count(member: JudgedEndpoint) -> _Counted:
    endpoint, verdict = member.endpoint, member.verdict
    return _Counted(endpoint.target_id, endpoint.input, endpoint.protocol, verdict.outcome, verdict.block_type,
                    bool(verdict.suspected), verdict.partial, is_enough(endpoint.role, verdict.passed_bytes),
                    member.by_family)


def _judge_role(key: tuple[str, Role], members: tuple[_Counted, ...], quorum: Quorum,
                most: int) -> ServiceVerdict:
    blocked = [m for m in members if m.outcome == "blocked"]
    n = sum(_is_decided(m.outcome) for m in members)
    families = {family: [word for m in members for its, word in m.by_family if its == family] for family in (4, 6)}
    tried = _find_strongest(members)
    targets = _list_targets(tried)
    outcome, worth = judge_role(targets, quorum), PROTOCOLS[tried[0].protocol].worth if tried else 0
    proven = judge_role(_list_targets(list(map(_count_little_as_nothing, tried))), quorum)
    return ServiceVerdict(
        service=key[0], role=key[1], outcome=outcome, k=len(blocked), n=n,
        answer=answer_role(outcome, targets, suspected=sum(m.suspected for m in tried), worth=worth, most=most,
                           struck=bool(blocked) or any(m.suspected for m in tried), enough=proven == "ok",
                           current=not tried or any(is_current(m.protocol) for m in tried)),
        k_ipv4=_count_blocked(families[4]), n_ipv4=sum(map(_is_decided, families[4])),
        k_ipv6=_count_blocked(families[6]), n_ipv6=sum(map(_is_decided, families[6])),
        not_attempted=sum(m.outcome == NOT_ATTEMPTED for m in members),
        partial=0 < len(blocked) < n or any(m.partial for m in blocked),
        block_types=tuple(sorted({m.block_type for m in blocked})),
        blocked_targets=tuple(sorted({m.target_id for m in blocked})),
        blocked_inputs=tuple(sorted({m.input for m in blocked})),
    )


def _count_little_as_nothing(member: _Counted) -> _Counted:
    """An answer with which too little came does not show that what the role is for passes."""
    return member if member.enough or member.outcome != "ok" else member._replace(outcome="inconclusive")


def _is_decided(outcome: Outcome) -> bool:
    return outcome in _DECIDED


def _count_blocked(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome == "blocked" for outcome in outcomes)


_judge_again = keep_results(256)(_judge_role)
"""In most runs the same endpoints fare alike."""


def _find_strongest(members: Sequence[_Counted]) -> list[_Counted]:
    """Of those that were tried, what tells most: of what proves less, nothing follows for the role."""
    tried = [m for m in members if m.outcome != NOT_ATTEMPTED]
    strongest = max((PROTOCOLS[m.protocol].worth for m in tried), default=0)
    return [m for m in tried if PROTOCOLS[m.protocol].worth == strongest]


def _list_targets(tried: Sequence[_Counted]) -> tuple[Outcome, ...]:
    """What is so of each target of a role that can tell whether the role works."""
    words: dict[str, list[Outcome]] = {}
    for m in tried:
        words.setdefault(m.target_id, []).append(m.outcome)
    return tuple(map(_target, words.values()))


def _target(words: Sequence[Outcome]) -> Outcome:
    """A target answers if any of its endpoints does, and is blocked if none does and most of them are."""
    if any(word == "ok" for word in words):
        return "ok"
    blocked = _count_blocked(words)
    if 2 * blocked > len(words):
        return "blocked"
    if blocked:
        return "inconclusive"
    return next(word for word in (*_UNDECIDED, "down") if word in words)


def judge_role(targets: Sequence[Outcome], quorum: Quorum) -> Outcome:
    """What a role's targets make of it.

    It is blocked where the quorum cannot be met though everything undecided answered, or where nothing answers and
    most is blocked; so neither one block among many decides, nor one answer among many without a quorum that says so.
    """
    answering, blocked = sum(word == "ok" for word in targets), _count_blocked(targets)
    undecided = [word for word in targets if word in _UNDECIDED]
    alive = answering + blocked + len(undecided)
    needed = _count_needed(quorum, len(targets), alive)
    if not targets:
        return NOT_ATTEMPTED
    if alive < max(needed, 1):
        return "down"
    if answering >= needed:
        return "ok"
    if answering + len(undecided) < needed or (not answering and 2 * blocked > alive):
        return "blocked"
    return next(word for word in _UNDECIDED if word in undecided)


def _count_needed(quorum: Quorum, tried: int, alive: int) -> int:
    """Targets that must answer; of a run that tried fewer than the quorum, all of those."""
    if quorum == ANY:
        return min(1, tried)
    if quorum == ALL:
        return tried
    return min(int(quorum), tried) or -(-alive // 2)
