"""From the verdicts of a role's endpoints to the role's verdict: k blocked of n decided, and what that means. Pure.

Counted are endpoints, since that is what can be blocked; judged are targets, since an application that is refused at
one port or address of a place tries another. A role works when enough of its targets answer with the strongest words
that were said in it: an address that can be connected to, or whose name resolves, does not carry messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.roles import ALL, ANY, Role
from probe.core.verdicts import ServiceVerdict
from probe.inference.verdicts.judged_endpoint import JudgedEndpoint

_DECIDED: tuple[Outcome, ...] = ("ok", "blocked", "down")

Quorum = int | str
"""How many targets must answer for a role to work, or `any`, or `all`; 0: half of them."""

_UNDECIDED: tuple[Outcome, ...] = ("inconclusive", "network", "local")


def judge_services(found: Mapping[str, Sequence[JudgedEndpoint]],
                   quorums: Mapping[tuple[str, str], Quorum]) -> tuple[ServiceVerdict, ...]:
    """The verdict of every service and role. `found`: target -> its endpoints, also those that were not tried."""
    groups: dict[tuple[str, Role], list[JudgedEndpoint]] = {}
    for members in found.values():
        for member in members:
            groups.setdefault((member.endpoint.service, member.endpoint.role), []).append(member)
    return tuple(_verdict(key, members, quorums.get(key, 0)) for key, members in groups.items())


def _verdict(key: tuple[str, Role], members: Sequence[JudgedEndpoint], quorum: Quorum) -> ServiceVerdict:
    blocked = [m for m in members if m.verdict.outcome == "blocked"]
    n = sum(_is_decided(m.verdict.outcome) for m in members)
    families = {family: [word for m in members for its, word in m.by_family if its == family] for family in (4, 6)}
    return ServiceVerdict(
        service=key[0], role=key[1], outcome=judge_role(targets_of(members), quorum), k=len(blocked), n=n,
        k_ipv4=_count_blocked(families[4]), n_ipv4=sum(map(_is_decided, families[4])),
        k_ipv6=_count_blocked(families[6]), n_ipv6=sum(map(_is_decided, families[6])),
        not_attempted=sum(m.verdict.outcome == NOT_ATTEMPTED for m in members),
        partial=0 < len(blocked) < n or any(m.verdict.partial for m in blocked),
        block_types=tuple(sorted({m.verdict.block_type for m in blocked})),
        blocked_targets=tuple(sorted({m.endpoint.target_id for m in blocked})),
        blocked_inputs=tuple(sorted({m.endpoint.input for m in blocked})),
    )


def _is_decided(outcome: Outcome) -> bool:
    return outcome in _DECIDED


def _count_blocked(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome == "blocked" for outcome in outcomes)


def targets_of(members: Sequence[JudgedEndpoint]) -> tuple[Outcome, ...]:
    """What is so of each target of a role that can tell whether the role works.

    Those are the targets with the strongest words that were tried; of what proves less, nothing follows for the role.
    """
    tried = [m for m in members if m.verdict.outcome != NOT_ATTEMPTED]
    strongest = max((PROTOCOLS[m.endpoint.protocol].worth for m in tried), default=0)
    words: dict[str, list[Outcome]] = {}
    for m in tried:
        if PROTOCOLS[m.endpoint.protocol].worth == strongest:
            words.setdefault(m.endpoint.target_id, []).append(m.verdict.outcome)
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
