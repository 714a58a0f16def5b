"""A messenger's own first words at one address: what came back, and what innocent bytes and controls got there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.evidence_words import ControlFinding, InnocentState
from probe.core.tables.failures import is_timeout
from probe.core.tables.handshakes import FOREIGN, GENUINE_PROOFS, INNOCENT_HTTP, PROVEN, Proof, ProtocolName
from probe.core.tables.operations import Operation
from probe.core.tables.words import Empty
from probe.judge.common.control_counts import count_networks, count_vantages

OPERATION: Final[Operation] = "app_round_trip"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppEvidence:
    """What is known besides the path itself (`probe.judge.path.path_evidence`); empty for endpoints that are no
    messenger's own."""

    protocol: ProtocolName | Empty = ""
    proof: Proof | Empty = ""
    """Of the last attempt that heard anything (`probe.core.tables.handshakes.PROOFS`)."""
    heard: bool = False
    """Some failing attempt read bytes: silence it was not."""
    innocent: InnocentState = "unasked"
    """Innocent bytes at the same address and port: reached (something came back unasked for), carried
    (all of them were acknowledged, to the end of the stream, and nothing came back), failed, tainted, unasked."""
    control_proven: int = 0
    """Networks of controls to which this address (or, unknown there, the service) gave its proof."""
    control_foreign: int = 0
    """Networks of controls that got bytes which are not the service's either."""
    control_failed: int = 0


def gather_app_evidence(protocol: ProtocolName, mine: Sequence[Observation], around: Sequence[Observation],
                        controls: Sequence[ControlAnswer], *, address: str, port: int, place: Place) -> AppEvidence:
    """Gather it. `mine` are the observations of this endpoint at `address`, `place` is where controls speak to it."""
    said = [o for o in mine if o.operation == OPERATION]
    control_words = [(c, read_control_word(c, place)) for c in controls if c.state == "answered"]
    return AppEvidence(
        protocol=protocol, proof=next((o.app.proof for o in reversed(said) if o.app.proof), ""),
        heard=any(o.app.reply_bytes for o in said if o.failure or o.app.proof not in GENUINE_PROOFS),
        innocent=read_innocent_word(around, address, port),
        control_proven=count_networks(c for c, word in control_words if word == "ok"),
        control_foreign=count_networks(c for c, word in control_words if word == FOREIGN),
        control_failed=count_vantages(c for c, word in control_words if word == "failed"),
    )


def read_control_word(control: ControlAnswer, place: Place) -> ControlFinding:
    """ok, foreign or failed at this very place, else at any place of the service; empty when it never spoke there."""
    words = dict(control.app)
    chosen = [words[place]] if place in words else list(words.values())
    if any(word in GENUINE_PROOFS for word in chosen):
        return "ok"
    if FOREIGN in chosen:
        return FOREIGN
    return "failed" if chosen else ""


def read_innocent_word(around: Sequence[Observation], address: str, port: int) -> InnocentState:
    """What innocent bytes met with at a messenger's address and port."""
    tries = [o for o in around if o.purpose == "innocent" and o.address == address and o.port == port
             and o.app.protocol == INNOCENT_HTTP]
    said = [o for o in tries if o.operation == OPERATION]
    if not tries:
        return "unasked"
    if any(not o.failure for o in said):
        return "reached"
    if any(is_timeout(o.failure) and o.tcp.acked == "yes" for o in said):
        return "carried"
    return "tainted" if all(o.tainted_by for o in tries if o.failure) else "failed"


def read_foreign_status(mine: Sequence[Observation]) -> int:
    """The HTTP status of the last answer, where it is none of the protocol: a proven server's own refusal or error."""
    said = [o for o in mine if o.operation == OPERATION]
    return said[-1].http.status if said and said[-1].app.proof == FOREIGN else 0


def proves_service(mine: Sequence[Observation]) -> bool:
    """Some attempt was answered with what only the genuine service has."""
    return any(o.operation == OPERATION and o.app.proof == PROVEN for o in mine)
