"""What observations mean: one record for a target, one for a role of a service."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.basis_words import Basis
from probe.core.tables.block_types import CauseId
from probe.core.tables.control_sources import ControlWord
from probe.core.tables.evidence_words import EvidenceLevel, ResidualWord, Scope
from probe.core.tables.odds_words import Decider
from probe.core.tables.outcomes import Outcome
from probe.core.tables.roles import Role
from probe.core.tables.service_answers import Answer
from probe.core.tables.shapes import ShapeWord
from probe.core.tables.words import Empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run says of one target."""

    target_id: str
    service: str
    owner: str = ""
    """Who runs what the target is asked of (`probe.catalogue.owners.find_owner`); empty in rows of before it was
    told."""
    role: Role
    input: str
    outcome: Outcome
    block_type: CauseId = ""
    also: tuple[CauseId, ...] = ()
    basis: Basis | Empty = ""
    """Of an accusation: why it cannot have been the service itself (`probe.core.tables.basis_words.BASES`)."""
    suspected: CauseId = ""
    """Of `inconclusive.unplaced`: the cause that would be named, if anything showed that it is not the service."""
    confidence: float = 0.0
    p_ok: float | None = None
    p_blocked: float | None = None
    p_service: float | None = None
    p_network: float | None = None
    p_local: float | None = None
    """How probable each explanation is (`probe.judge.odds`); their sum is 1. None where nothing was tried, and in rows
    of before they were told."""
    if_blocked: CauseId = ""
    """The most probable cause if it is interference; conditional, never a count of blocks."""
    would_decide: Decider | Empty = ""
    """What one more datum would settle it."""
    confirmed: bool = False
    scope: Scope = "unknown"
    hop: str = ""
    """Hop at which the interference acts, or a range of hops; `end`: not before the server itself is reached."""
    place_run_id: str = ""
    """The earlier run that found the place on which the verdict rests; empty: this run did, or it rests on none."""
    residual: ResidualWord = ""
    """none, seen, unknown, or empty where nobody looked: whether an innocent name fails at the address afterwards."""
    residual_s: str = ""
    """Seconds that it lasted after the last trigger: `20-40`, or `20-` where it outlasted the run."""
    rule_id: str = ""
    rules: tuple[str, ...] = ()
    """Every rule that was weighed for the verdict: the deciding one, then those that accuse and lack a basis."""
    evidence: tuple[str, ...] = ()
    """Ids of the observations that the verdict rests on."""
    evidence_level: EvidenceLevel = "socket"
    struck: tuple[ShapeWord, ...] = ()
    """Shapes of ClientHellos that fail there, where others are answered (`probe.core.tables.shapes`)."""
    spared: tuple[ShapeWord, ...] = ()
    """Those others."""
    attempts: int = 0
    failed_attempts: int = 0
    intermittent: str = ""
    """`k/n`: of n connections that were planned beforehand k failed; empty where nobody counted."""
    troubled: str = ""
    """`k/n`: of the same n, k failed or had to send anything again."""
    troubled_beside: str = ""
    """`k/n`: the same of connections under an innocent name to the same addresses."""
    passed_bytes: int = 0
    """The most that came on one connection under the target's name and without a failure, TLS included; 0 also where
    nobody counted."""
    passed_s: float = 0.0
    """How long it took, from the established connection to the last byte."""
    control: ControlWord | Empty = ""
    control_ids: tuple[str, ...] = ()
    partial: bool = False
    reason: str = ""
    """For not_attempted and inconclusive: why, in one sentence."""
    theirs: tuple[str, ...] = ()
    """Of imported measurements: what the engine that made each says itself, `test version: word`."""
    sources: tuple[str, ...] = ()
    """Of imported measurements: the name of each, in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceVerdict:
    """What a run says of one role of a service: k blocked of n decided endpoints."""

    service: str
    role: Role
    outcome: Outcome
    k: int
    n: int
    not_attempted: int = 0
    partial: bool = False
    block_types: tuple[CauseId, ...] = ()
    blocked_targets: tuple[str, ...] = ()
    blocked_inputs: tuple[str, ...] = ()
    k_ipv4: int = 0
    n_ipv4: int = 0
    k_ipv6: int = 0
    n_ipv6: int = 0
    """Endpoints with a decided address of the family; one that is stopped before it has an address is in neither."""
    answer: Answer | Empty = ""
    """What is so of the role, in the word that all else prints; empty in rows from before there was one."""
