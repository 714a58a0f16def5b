"""What path rules look at, and the conditions that many of them share."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.evidence_words import SPEAKING, TLS_OR_HTTP, Ending, Stage
from probe.core.tables.failures import TIMEOUTS, Failure
from probe.core.tables.trust import OUT_OF_DATE, TrustFinding
from probe.inference.evidence.ladder_evidence import LadderEvidence
from probe.inference.evidence.path_evidence import RESET, PathEvidence
from probe.inference.rules.rule import Rule

_UNTRUSTED: tuple[TrustFinding, ...] = ("self_signed", "unknown_issuer", "wrong_name", "invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A path, the network it lies in, and what the catalogue says of the operator."""

    path: PathEvidence
    ladder: LadderEvidence
    self_block: bool = False
    """The operator itself is known to refuse some places: a silent refusal cannot be told from a block."""


PathRule = Rule[Scene]
ADMINISTRATIVE = ("3/9 ", "3/10 ", "3/13 ", "1/1 ", "1/5 ", "1/6 ")
"""ICMP codes that say "prohibited" (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1)."""


def repeated(s: Scene) -> bool:
    """Several fresh connections, every one failing, and alike; more of them where a failure costs no time."""
    quick = s.path.stage in TLS_OR_HTTP and s.path.failure not in TIMEOUTS and not s.path.trust
    enough = s.path.failed_attempts >= (4 if quick else 3)
    return enough and s.path.failed_attempts == s.path.attempts and s.path.same_failure


def everybody_resigned(s: Scene) -> bool:
    """Several innocent servers present certificates of nobody we trust, and none its own."""
    return s.ladder.resigned >= 2 and not s.ladder.tls_ok - s.ladder.resigned


def contrary(s: Scene) -> bool:
    """Controls reach what fails here, and none fails as well."""
    return s.path.control_ok > 0 and not s.path.control_failed


def contrary_here(s: Scene) -> bool:
    """Of a page: and they may have had it from this very address. A service of many addresses may have one whose
    server takes connections and serves nothing, and controls are led to another."""
    return contrary(s) and s.path.control_here > 0


def convicts(s: Scene) -> bool:
    return repeated(s) and not s.path.tainted and not s.self_block and s.ladder.well


def lost_here(s: Scene) -> bool:
    """Attempts to connect end where other traffic from here passes. An operator that refuses us ends them at its own
    door, and from here nothing else tells the two apart."""
    return convicts(s) and s.path.lost == "near"


def injected(s: Scene) -> bool:
    """Captured packets show that somebody else than the service ended the attempts, and no control fails as well."""
    return s.path.anatomy.shown and not s.path.control_failed


def _at(stage: Stage, *failures: Failure) -> frozenset[tuple[Stage, Failure]]:
    return frozenset((stage, f) for f in failures)


_ACTIONS: dict[Ending, frozenset[tuple[Stage, Failure]]] = {
    "reset": _at("tls", RESET) | _at("http", RESET) | _at("app", RESET),
    "close": _at("tls", "eof_error") | _at("http", "eof_error") | _at("app", "eof_error"),
    "silence": frozenset((stage, word) for stage in SPEAKING for word in TIMEOUTS),
}


def ended_by(s: Scene, stage: Stage, action: Ending) -> bool:
    """What ended the last attempt. Who sends slowly is not silent, though its time was up."""
    return (s.path.stage == stage and (stage, s.path.failure) in _ACTIONS[action]
            and not (action == "silence" and s.path.seeps))


def tls_alert(s: Scene) -> bool:
    return s.path.stage == "tls" and s.path.tls_alert >= 0 and s.path.failure.startswith("ssl_error")


def untrusted(s: Scene) -> bool:
    return s.path.stage == "tls" and s.path.trust in _UNTRUSTED


def outdated(s: Scene) -> bool:
    return s.path.stage == "tls" and s.path.trust in OUT_OF_DATE


def silence(s: Scene, stage: Stage, kind: Ending) -> bool:
    """drop: the peer's TCP never acknowledged what was sent; mute: it did, or nobody can tell."""
    return (ended_by(s, stage, "silence") and (s.path.acked == "no") == (kind == "drop")
            and not s.ladder.starves(s.path.address))
