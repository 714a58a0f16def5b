"""One action at its three depths: by the name, by the address, and undecided between them."""

from __future__ import annotations

from collections.abc import Callable

from probe.rules.scene import PathRule, Scene, contrary, contrary_here, convicts, ended_by, injected, silence, tls_alert
from probe.rules.table import Rule

_TLS: dict[str, Callable[[Scene], bool]] = {
    "reset": lambda s: ended_by(s, "tls", "reset"),
    "close": lambda s: ended_by(s, "tls", "close"),
    "alert": tls_alert,
    "drop": lambda s: silence(s, "tls", "drop"),
    "mute": lambda s: silence(s, "tls", "mute"),
}
_HTTP: dict[str, Callable[[Scene], bool]] = {
    "reset": lambda s: ended_by(s, "http", "reset"),
    "close": lambda s: ended_by(s, "http", "close"),
    "drop": lambda s: silence(s, "http", "drop"),
    # Where no full segment arrives from anywhere, large answers are lost on the way, whoever asked for them.
    "mute": lambda s: silence(s, "http", "mute") and s.ladder.full_segments,
}


def shows(layer: str, action: str) -> Callable[[Scene], bool]:
    """Whether a path ended by this action, in TLS or in a request."""
    return _TLS[action] if layer == "tls" else _HTTP[action]


def named_rules(layer: str, action: str, trigger: str) -> tuple[PathRule, ...]:
    """Three depths of one action: by the name, by the address, and undecided between them."""
    is_it = shows(layer, action)
    stem = f"{layer}.{action}"

    def unseen(s: Scene) -> bool:
        """Inside TLS no box on the way reads the Host, and an innocent name was not asked for one."""
        return layer == "http" and s.path.secure

    def lost(s: Scene) -> bool:
        """The innocent name drew a small answer, and this name's may be too large for the line."""
        return stem == "tls.mute" and s.path.shapes.innocent_small and s.path.shapes.narrow not in ("failed", "silent")

    def by_name(s: Scene) -> bool:
        return is_it(s) and s.path.innocent == "reached" and not unseen(s) and convicts(s) and not lost(s)

    rules: list[PathRule] = [
        Rule(f"{layer}/{action}_{trigger}_control", "blocked", f"{stem}.{trigger}", 0.97, ("innocent", "helper"),
             "an innocent name on the same address is answered, this one is not, and controls reach it",
             lambda s: by_name(s) and contrary(s)),
        Rule(f"{layer}/{action}_undecided", "blocked", stem, 0.85, ("helper",),
             "every connection fails alike, and controls reach the service; the trigger is not shown",
             lambda s: is_it(s) and convicts(s) and (contrary_here if layer == "http" else contrary)(s)
             and not unseen(s) and s.path.innocent == "unasked"),
    ]
    if action not in ("alert", "close"):  # a server may refuse a name it no longer serves by an alert or an end
        rules.insert(1, Rule(
            f"{layer}/{action}_{trigger}", "blocked", f"{stem}.{trigger}", 0.85, ("innocent",),
            "an innocent name on the same address is answered, this one never is",
            lambda s: by_name(s) and not s.path.controls_answered))
    if action in ("reset", "close", "alert"):  # what ends a connection is a packet, and may be looked at
        rules[1:1] = [
            Rule(f"{layer}/{action}_{trigger}_injected", "blocked", f"{stem}.{trigger}", 0.95, ("innocent", "packets"),
                 "an innocent name on the same address is answered; this one's connections are ended by forged packets",
                 lambda s: by_name(s) and injected(s)),
            Rule(f"{layer}/{action}_injected", "blocked", stem, 0.85, ("packets",),
                 "every connection is ended by packets from nearer than the service; the trigger is not shown",
                 lambda s: is_it(s) and convicts(s) and injected(s) and s.path.anatomy.near and not unseen(s)
                 and s.path.innocent in ("unasked", "tainted")),
        ]
    whole = "address" if layer == "tls" else "any_host"
    if action in ("reset", "close", "alert"):
        # Residual blocking that is ended by forged packets lasts 180 s at most; who sets it off again and again at the
        # same address is no neighbour of one moment. Whether the address or a neighbour's name is meant is not shown.
        rules.append(Rule(
            f"{layer}/{action}_{whole}_injected", "blocked", stem, 0.85, ("helper", "packets"),
            "every name on this address is cut off by forged packets from nearer than the service, and still is in a "
            "later time slot; controls reach it",
            lambda s: is_it(s) and convicts(s) and contrary(s) and not unseen(s) and injected(s)
            and s.path.anatomy.near and s.path.anatomy.near_slots >= 2 and s.path.innocent == "failed"))
    # Somebody else behind the same address translator may have set off residual blocking, or the operator refuses us.
    rules.append(Rule(
        f"{layer}/{action}_{whole}", "inconclusive", "inconclusive.unconfirmed", 0.6, ("innocent", "helper"),
        "every name on this address fails, and controls reach it: a block of the address, one that a neighbour set "
        "off for a while, and an operator that refuses this place look alike",
        lambda s: is_it(s) and convicts(s) and contrary(s) and not unseen(s)
        and s.path.innocent in ("failed", "tainted")))
    return tuple(rules)
