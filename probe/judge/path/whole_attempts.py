"""The attempts at one address: which bear on whether the endpoint is reached, and how each ended."""

from __future__ import annotations

from collections.abc import Sequence

from probe.core.observations import Observation
from probe.core.tables.evidence_words import Answered
from probe.core.tables.handshakes import FOREIGN
from probe.core.tables.operations import Operation
from probe.judge.app.app_evidence import OPERATION

DEPTHS: dict[Operation, int] = {"connect": 1, "tls_handshake": 2, "http_round_trip": 3, OPERATION: 3}
"""How deep an operation is among those of one visit. All others, such as datagrams, are no part of one."""


def summarise_acked(words: Sequence[Answered]) -> Answered:
    """The last attempt's word; `no` only where it is every attempt's."""
    if words[-1] != "no" or all(word == "no" for word in words):
        return words[-1]
    return "yes" if any(word == "yes" for word in words) else ""


def list_whole_attempts(mine: Sequence[Observation]) -> list[int]:
    """Numbers of the attempts that bear on whether the endpoint is reached, in order. Of the other addresses of a name
    some are only connected to; where one is then tried in earnest, that first look has neither failed nor succeeded."""
    steps = [o for o in mine if o.operation in DEPTHS]
    ends = {number: [o for o in steps if o.attempt == number] for number in sorted({o.attempt for o in steps})}
    depths = {number: max(DEPTHS[o.operation] for o in seen) for number, seen in ends.items()}
    most = max(depths.values(), default=0)
    return [number for number, seen in ends.items() if depths[number] == most or any(o.failure for o in seen)]


def find_end_of_attempt(attempt: Sequence[Observation]) -> Observation:
    """The operation with which a failing attempt ended."""
    return next((o for o in attempt if o.failure or o.app.proof == FOREIGN), attempt[-1])


def count_failed_later(mine: Sequence[Observation], failed: Sequence[int]) -> int:
    """Of the attempts with the numbers `failed` those that had connected."""
    unopened = {o.attempt for o in mine if o.operation == "connect" and o.failure}
    return sum(number not in unopened for number in failed)
