"""One action at its depths: by the name, and where every name of the address fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from probe.core.tables.block_types import BLOCK_TYPES, BlockTypeId
from probe.core.tables.evidence_words import NARROW_FAILS, Ending, InnocentState, Stage
from probe.core.tables.words import known
from probe.inference.rules.path_context import (
    PathRule,
    Scene,
    contrary,
    convicts,
    ended_by,
    injected,
    silence,
    tls_alert,
)
from probe.inference.rules.rule import Rule


def _passes_in_pieces(s: Scene) -> bool:
    """The same handshake is answered when its hello is cut and its answers are small: whether large packets do not
    pass, or something on the way reads single segments, is not shown."""
    return s.path.shapes.narrow == "cut" and not s.path.shapes.split_passed


_TLS: dict[Ending, Callable[[Scene], bool]] = {
    "reset": lambda s: ended_by(s, "tls", "reset"),
    "close": lambda s: ended_by(s, "tls", "close"),
    "alert": tls_alert,
    "drop": lambda s: silence(s, "tls", "drop") and not _passes_in_pieces(s),
    "mute": lambda s: silence(s, "tls", "mute") and not _passes_in_pieces(s),
}
_HTTP: dict[Ending, Callable[[Scene], bool]] = {
    "reset": lambda s: ended_by(s, "http", "reset"),
    "close": lambda s: ended_by(s, "http", "close"),
    "drop": lambda s: silence(s, "http", "drop"),
    # Where no full segment arrives from anywhere, large answers are lost on the way, whoever asked for them.
    "mute": lambda s: silence(s, "http", "mute") and s.ladder.full_segments,
}


def shows(layer: Stage, action: Ending) -> Callable[[Scene], bool]:
    """Whether a path ended by this action, in TLS or in a request."""
    return _TLS[action] if layer == "tls" else _HTTP[action]


RuleDepth = Literal["control", "injected", "name", "all_injected", "all"]
DEPTHS: dict[BlockTypeId, tuple[RuleDepth, ...]] = {
    "tls.reset": ("control", "injected", "name", "all_injected", "all"),
    "tls.close": ("control", "injected"),
    "tls.alert": ("control", "injected"),
    "tls.drop": ("control", "name"),
    "tls.mute": ("control", "name"),
    "http.reset": ("control", "injected", "name"),
    "http.close": ("control", "injected"),
    "http.drop": ("control", "name"),
    "http.mute": ("control", "name"),
}
"""How deep each action is told. A server may refuse a name, or visitors, by an alert or an end, so these convict only
with a control and a place on the way, or with packets. What is not here, nobody has seen a censor do: it stays
unexplained."""


_BY_SERVERS: tuple[Ending, ...] = ("alert", "close")
"""What a server does, too, that takes no visitors from here: for one name alone where it serves many."""


def named_rules(layer: Stage, action: Ending, trigger: str) -> tuple[PathRule, ...]:
    """One action at those depths of it that there are: by the name, and where every name of the address fails."""
    is_it = shows(layer, action)
    stem = known(f"{layer}.{action}", BLOCK_TYPES)
    cause = known(f"{stem}.{trigger}", BLOCK_TYPES)

    def unseen(s: Scene) -> bool:
        """Inside TLS no box on the way reads the Host, and an innocent name was not asked for one."""
        return layer == "http" and s.path.secure

    def lost(s: Scene) -> bool:
        """The innocent name drew a small answer, and this name's may be too large for the line."""
        return stem == "tls.mute" and s.path.shapes.innocent_small and s.path.shapes.narrow not in NARROW_FAILS

    def by_name(s: Scene) -> bool:
        """And where another server is reached by this name (`probe.inference.rules.shape_rules`), it is not the name
        alone."""
        return (is_it(s) and s.path.innocent == "reached" and not unseen(s) and convicts(s) and not lost(s)
                and s.path.shapes.elsewhere != "passes")

    def every_name(s: Scene, *innocent: InnocentState) -> bool:
        return is_it(s) and convicts(s) and contrary(s) and s.path.innocent in innocent

    controlled: PathRule = Rule(
        f"{layer}/{action}_{trigger}_control", "blocked", cause, 0.97, ("innocent", "helper"),
        "an innocent name on the same address is answered, this one is not, and controls reach it",
        lambda s: by_name(s) and contrary(s))
    if action in _BY_SERVERS:
        controlled = replace(
            controlled, needs=("innocent", "helper", "search"),
            holds=lambda s: by_name(s) and contrary(s) and s.path.located_by_name.most > 0,
            why="an innocent name on the same address is answered, this one is ended from nearer than the server, and "
                "controls reach it")
    depths: dict[RuleDepth, PathRule] = {
        "control": controlled,
        # What ends a connection is a packet, and may be looked at.
        "injected": Rule(
            f"{layer}/{action}_{trigger}_injected", "blocked", cause, 0.95, ("innocent", "packets"),
            "an innocent name on the same address is answered; this one's connections are ended by forged packets",
            lambda s: by_name(s) and injected(s)),
        "name": Rule(
            f"{layer}/{action}_{trigger}", "blocked", cause, 0.85, ("innocent",),
            "an innocent name on the same address is answered, this one never is",
            lambda s: by_name(s) and not s.path.controls_answered),
        # Residual blocking that is ended by forged packets lasts 180 s at most; who sets it off again and again at the
        # same address is no neighbour of one moment. Whether the address or a neighbour's name is meant is not shown.
        "all_injected": Rule(
            f"{layer}/{action}_address_injected", "blocked", stem, 0.85, ("helper", "packets", "later_slots"),
            "every name on this address is cut off by forged packets from nearer than the service, and still is in a "
            "later time slot; controls reach it",
            lambda s: every_name(s, "failed") and injected(s) and s.path.anatomy.near
            and s.path.anatomy.near_slots >= 2),
        # Somebody else behind the same address translator may have set off residual blocking, or the operator refuses.
        "all": Rule(
            f"{layer}/{action}_address", "inconclusive", "inconclusive.unconfirmed", 0.6, ("innocent", "helper"),
            "every name on this address fails, and controls reach it: a block of the address, one that a neighbour set "
            "off for a while, and an operator that refuses this place look alike",
            lambda s: every_name(s, "failed", "tainted")),
    }
    return tuple(depths[depth] for depth in DEPTHS[stem])
