"""What path rules look at, and the conditions that many of them share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from probe.core.tables.evidence_words import TLS_OR_HTTP, Elsewhere, FlowStrike
from probe.core.tables.failures import TIMEOUTS
from probe.judge.common.rule import Rule
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_evidence import PathEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class PathContext:
    """A path, the network it lies in, and what the catalogue says of the operator."""

    path: PathEvidence
    ladder: LadderEvidence
    self_block: bool = False
    """The operator itself is known to refuse some places: a silent refusal cannot be told from a block."""


PathRule = Rule[PathContext]
ADMINISTRATIVE = frozenset({(3, 9), (3, 10), (3, 13), (1, 1), (1, 5), (1, 6)})
"""ICMP types and codes that say "prohibited" (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1)."""


def is_prohibited(c: PathContext) -> bool:
    """Somebody who can be named says that the address is prohibited."""
    icmp = c.path.tcp.icmp
    return icmp is not None and bool(icmp.sender) and icmp.kind in ADMINISTRATIVE


def find_struck_elsewhere(c: PathContext) -> Elsewhere:
    """What the name met at servers of other owners, or another name of its owner's that fails alike."""
    return c.path.tls.shapes.elsewhere or c.path.place.elsewhere_alike


def strikes_at_helpers(like: FlowStrike, *, beside: Collection[FlowStrike] = ()) -> Callable[[PathContext], bool]:
    """Whether transfers under the name are struck `like` this at helpers' own servers, some of them in ways `beside`,
    and innocent ones are not."""
    def holds(c: PathContext) -> bool:
        foreign = c.path.lasting.foreign
        return foreign.word == "helpers" and like in foreign.strikes and {like, *beside}.issuperset(foreign.strikes)

    return holds


def is_repeated(c: PathContext) -> bool:
    """Several fresh connections, every one failing, and alike; more of them where a failure costs no time."""
    quick = (c.path.stage in TLS_OR_HTTP and c.path.failure not in TIMEOUTS and not c.path.tls.trust
             and not c.path.punishment.punished)
    enough = c.path.failed_attempts >= (4 if quick else 3)
    return enough and c.path.failed_attempts == c.path.attempts and c.path.same_failure


def is_everything_resigned(c: PathContext) -> bool:
    """Several innocent servers present certificates of nobody we trust, and none its own."""
    return c.ladder.resigned >= 2 and not c.ladder.tls_ok - c.ladder.resigned


def controls_reach(c: PathContext) -> bool:
    """Controls reach what fails here, and none fails as well."""
    return c.path.controls.ok > 0 and not c.path.controls.failed


def controls_reach_here(c: PathContext) -> bool:
    """Of a page: and they may have had it from this very address. A service of many addresses may have one whose
    server takes connections and serves nothing, and controls are led to another."""
    return controls_reach(c) and c.path.controls.here > 0


def convicts(c: PathContext) -> bool:
    return is_repeated(c) and not c.path.tainted and not c.self_block and c.ladder.well


def is_lost_here(c: PathContext) -> bool:
    """Attempts to connect end where other traffic from here passes. An operator that refuses us ends them at its own
    door, and from here nothing else tells the two apart."""
    return convicts(c) and c.path.tcp.lost == "near"


def is_failing_elsewhere(c: PathContext) -> bool:
    """Controls in two networks at least meet the same, none is served, and nothing shows that our own attempts end on
    the way. Where they do, an outage and a block stand behind each other, and neither explains what is seen here."""
    return c.path.controls.failed >= 2 and not c.path.controls.ok and not ends_on_the_way(c)


def acts_nearer(c: PathContext) -> bool:
    """What ends or answers the attempts is nearer than the service: a search found it before the service's door, or it
    came sooner than the service can have spoken."""
    return c.path.place.ends_too_soon or c.path.place.is_before_door


def ends_on_the_way(c: PathContext) -> bool:
    """The place speaks against the service as the cause: attempts end where other traffic from here passes, at a hop
    that is not the service's, sooner than it can answer, or by packets of somebody else."""
    near, place = c.path.tcp.lost == "near" or c.path.udp.lost == "near", c.path.place
    return near or place.located.where == "before" or place.timing.is_sooner or place.anatomy.is_shown


def shows_injection(c: PathContext) -> bool:
    """Captured packets show that somebody else than the operator ended the attempts, and no control fails as well."""
    place = c.path.place
    return place.anatomy.is_forged(place.timing) and not c.path.controls.failed
