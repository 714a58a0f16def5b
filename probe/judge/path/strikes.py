"""Which failures count as strikes: a name or a protocol fails every time in one way, and others are served there.

What strikes many owners innocently is left out here: the line and its limits (silence counts only where large answers
arrive and an innocent name is served before and after), a neighbour behind the same translator, our own program where
another ClientHello passes, a proxy or an antivirus next to us, and whatever a control meets as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.catalogue.owners import ServiceAt
from probe.core.tables.evidence_words import NARROW_FAILS, DnsState, InnocentState, Scope, StrikeStage
from probe.core.tables.failures import TIMEOUTS, kind_of
from probe.core.tables.words import read_word
from probe.judge.common.company import Strike, StrikeWay
from probe.judge.dns.dns_evidence import DENIALS, DnsEvidence
from probe.judge.flow.flow_evidence import MOST_BY_CHANCE, PAIRS
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_evidence import PathEvidence

REPEATS = 3
"""Attempts that must fail, every one of them, and alike."""
STALLS = 3
"""Transfers that must fall silent alike, as many as rules ask for."""
CERTIFICATES = 2
"""Handshakes that must show the certificate: what fails so does not fail by chance."""
PASSES = 2
"""Transfers of an innocent name at the same address that must come through."""
_STAGES: tuple[StrikeStage, ...] = ("tls", "app", "http", "quic")
"""Stages at which a name or a protocol is struck and the address is not."""
_NAME_FAILURES: frozenset[DnsState] = frozenset((*DENIALS, "refused", "servfail", "timeout"))
_LIVING: frozenset[DnsState] = frozenset(("ok", *DENIALS))
_SERVED: frozenset[InnocentState] = frozenset(("reached", "carried"))
_NEAR: frozenset[Scope] = frozenset(("device", "lan"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StrikeContext:
    """What decides whether a failure is a strike besides itself."""

    ladder: LadderEvidence
    unlucky: frozenset[str] = frozenset()
    """Names about which silence may be chance."""


def read_path_strike(path: PathEvidence, whose: ServiceAt, around: StrikeContext) -> Strike | None:
    """The strike at one address, where there is one: at the stage that fails, else at transfers once bytes flow."""
    way = _read_stage_way(path, around) or _read_certificate_way(path, around) or _read_flow_way(path, around)
    return Strike(way=way, whose=whose) if way else None


def _read_stage_way(path: PathEvidence, around: StrikeContext) -> StrikeWay | None:
    struck = (path.stage in _STAGES and not path.last_ok and path.same_failure and not path.tls.trust
              and path.failed_attempts >= REPEATS and path.failed_attempts == path.attempts
              and not path.punishment.is_once)
    if not struck or not around.ladder.well or around.ladder.resigned:
        return None
    if path.tainted or path.must_not_answer or not _others_are_served(path) or _is_explained_nearby(path):
        return None
    if path.controls.failed or path.app.control_failed or path.app.control_foreign:
        return None
    if path.failure in TIMEOUTS and not _silence_is_theirs(path, around.ladder):
        return None
    return StrikeWay(stage=read_word(path.stage, _STAGES), failure=kind_of(path.failure))


def _read_certificate_way(path: PathEvidence, around: StrikeContext) -> StrikeWay | None:
    """A certificate by an authority that nobody trusts, and controls are shown another one: each time the same, and not
    for everybody here. What signs itself is left out, as the certificates are that programs come with."""
    foreign = path.stage == "tls" and path.tls.trust == "unknown_issuer" and bool(path.tls.issuer) and path.same_failure
    every = CERTIFICATES <= path.failed_attempts == path.attempts
    seen_elsewhere = path.tls.other_key > 0 and not path.tls.same_key and not path.controls.failed
    if not (foreign and every and seen_elsewhere) or path.tls.private_root or path.must_not_answer or path.tainted:
        return None
    ladder = around.ladder
    spares = ladder.well and not ladder.resigned and not ladder.clock_wrong and not _is_explained_nearby(path)
    return StrikeWay(stage="tls", failure="resigned", issuer=path.tls.issuer) if spares else None


def _read_flow_way(path: PathEvidence, around: StrikeContext) -> StrikeWay | None:
    """Transfers under the own name, beside those of an innocent name from the same address: slower by far with the
    same answer, or silent where these come through. A slow address is none: a crowded way to it looks alike."""
    flow, ladder = path.flow, around.ladder
    if ladder.well and path.lasting.loss.is_shown and path.lasting.loss.by_name:
        return StrikeWay(stage="flow", failure="lossy")
    if ladder.well and (path.lasting.stay.is_cut or path.lasting.stay.is_silenced):
        return StrikeWay(stage="flow", failure="cut" if path.lasting.stay.is_cut else "frozen")
    if ladder.well and path.lasting.records.is_shown:
        return StrikeWay(stage="flow", failure="frozen")
    if not ladder.well or ladder.slow or ladder.narrow or ladder.starves(path.address) or flow.controls_slow:
        return None
    if flow.samples >= PAIRS and flow.trickles and flow.innocent.slower and flow.same_answer and not flow.stalls:
        return StrikeWay(stage="flow", failure="slowed")
    stalls = max(flow.stalls if flow.clean and flow.stall_chance <= MOST_BY_CHANCE else 0, flow.early_stalls)
    served = flow.innocent_passes >= PASSES and not flow.elsewhere_stalls and flow.later_pass
    return StrikeWay(stage="flow", failure="frozen") if stalls >= STALLS and served else None


def read_name_strike(name: DnsEvidence, whose: ServiceAt, around: StrikeContext) -> Strike | None:
    """The strike at a name: the network's resolver fails it every time, and serves others. A denial is an answer, and
    shows that it lives; after any other failure it is asked for an innocent name."""
    struck = (name.network in _NAME_FAILURES and name.system != "ok" and name.failed_attempts >= REPEATS
              and name.failed_attempts == name.attempts)
    lives = name.network in DENIALS or name.resolver_alive in _LIVING
    if not struck or not lives or around.ladder.resolver != "ok" or not around.ladder.well:
        return None
    known = name.known_elsewhere and not name.trusted_denying and not name.control_denying
    by_choice = name.filtered or name.chosen_filter or (name.resolver_private and name.public != name.network)
    by_zone = name.zone_blamed or name.laboured
    by_line = name.network == "timeout" and (name.may_be_length or whose.host in around.unlucky)
    if not known or by_choice or by_zone or by_line:
        return None
    return Strike(way=StrikeWay(stage="name", failure=name.network), whose=whose)


def _others_are_served(path: PathEvidence) -> bool:
    """Other tenants of the same front, or other bytes to the same server, fare well at the very same address."""
    if path.stage == "app":
        return path.app.innocent in _SERVED
    if path.stage == "quic":
        return path.innocent == "reached" and path.udp.again == "reached"
    return path.innocent == "reached"


def _is_explained_nearby(path: PathEvidence) -> bool:
    """A box of the household's, or servers that dislike the library's hello as built here."""
    ours = bool(path.tls.shapes.passed) and not path.tls.shapes.control_same
    return ours or path.place.located.scope in _NEAR or path.place.located_by_name.scope in _NEAR


def _silence_is_theirs(path: PathEvidence, ladder: LadderEvidence) -> bool:
    """An outage of the line makes any name silent that was asked just then: an innocent one must be served at the
    address afterwards as well, or the silence must last from one time slot to the next."""
    if path.stage == "quic":
        return True  # the innocent name was asked in turns with this one
    if path.stage == "http" and path.secure:
        return False  # the innocent name asked for no page within TLS
    lasts = path.residual.word == "none" or path.slots > 1 or path.stage == "app"
    shapes = path.tls.shapes
    small = shapes.innocent_small and shapes.narrow not in NARROW_FAILS  # no answer in small segments either
    large = ladder.full_segments and not small
    return lasts and large and not path.seeps and not ladder.narrow and not ladder.starves(path.address)
