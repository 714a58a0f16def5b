"""Rules that vary one thing at a time: the shape of the ClientHello at the same address, the name at another one."""

from __future__ import annotations

from typing import Literal

from probe.core.tables.block_types import BLOCK_TYPES, BlockTypeId
from probe.core.tables.evidence_words import Ending, NarrowHello, Stage
from probe.core.tables.words import known
from probe.inference.rules.named_rules import shows
from probe.inference.rules.path_context import PathRule, Scene, contrary, convicts, ended_by, injected, repeated
from probe.inference.rules.rule import Rule

SHAPED: tuple[Ending, ...] = ("reset", "close", "drop", "mute")
"""Actions whose trigger may be a shape. A server that dislikes a hello may say so by an alert, but then it has read the
hello, and other shapes are not tried."""
SILENT: tuple[Ending, ...] = ("drop", "mute")


def _in_small_segments(s: Scene, *words: NarrowHello) -> bool:
    return ended_by(s, "tls", "silence") and repeated(s) and s.path.shapes.narrow in words


SMALL_SEGMENTS: tuple[PathRule, ...] = (
    Rule("tls/small_segments_pass", "local", "local.mtu", 0.8, ("nothing",),
         "with small segments the same handshake is answered, and without them it is not: large packets do not pass",
         lambda s: _in_small_segments(s, "passed") or (
             _in_small_segments(s, "cut") and s.path.innocent == "failed")),
)


def shape_rules(action: Ending) -> tuple[PathRule, ...]:
    """For one action on TLS handshakes: is it the shape, the shape and the name together, or the name wherever it
    goes? A server may dislike the library's hello itself, and only from some countries or networks: what helpers are
    answered elsewhere tells nothing of that. So a conviction needs another operator's server that shows the same here,
    packets that no server sent, or a server whose operator says that it takes any."""
    is_it, stem = shows("tls", action), known(f"tls.{action}", BLOCK_TYPES)

    def by_shape(s: Scene) -> bool:
        return is_it(s) and convicts(s) and bool(s.path.shapes.passed)

    def on_the_way(s: Scene) -> bool:
        """It is not the server itself that dislikes our hello: it takes it elsewhere, and another's shows the same."""
        alike = s.path.shapes.control_same > 0 and s.path.shapes.others_alike > 0
        return (contrary(s) and alike) or injected(s)

    def fits(s: Scene) -> bool:
        """Silence may also be a large packet lost, of ours or of the answer, and another hello may be smaller or draw
        a smaller answer: so the library's must have failed in small segments as well."""
        return action not in SILENT or s.path.shapes.narrow == "failed"

    def amid_answers(s: Scene) -> bool:
        """The line lets nobody wait while this hello is: others were answered before and after."""
        quiet = action in SILENT and ended_by(s, "tls", "silence") and (
            (s.path.acked == "no") == (action == "drop"))
        return (quiet or is_it(s)) and convicts(s) and bool(s.path.shapes.firm)

    return (
        Rule(f"tls/{action}_fingerprint", "blocked", known(f"{stem}.fingerprint", BLOCK_TYPES), 0.9,
             ("innocent", "twin"),
             "with the library's ClientHello every name fails here, with another shape this one is answered again and "
             "again, and controls are answered with the library's while another operator's server shows the same, or "
             "packets show that it is not the server",
             lambda s: amid_answers(s) and s.path.innocent == "failed" and on_the_way(s) and fits(s)),
        Rule(f"tls/{action}_name_and_shape", "blocked", stem, 0.85, ("innocent", "twin"),
             "the name passes in another shape, the library's ClientHello with another name: it is the two together",
             lambda s: by_shape(s) and s.path.innocent == "reached"
             and (on_the_way(s) or s.path.shapes.elsewhere == "name")),
        Rule(f"tls/{action}_of_some_clients", "inconclusive", "inconclusive.control_doubtful", 0.5, ("innocent",),
             "the name passes in another shape; whether the server itself refuses some clients, or something on the "
             "way does, is not shown",
             by_shape),
    )


Shown = Literal["name", "only_there", "by_this_server"]
ELSEWHERE: dict[BlockTypeId, tuple[Shown, ...]] = {
    "tls.reset": ("name", "only_there", "by_this_server"),
    "tls.drop": ("name",),
    "http.reset": ("name",),
}
"""What of each action another server has been seen to show. The others need the innocent name
(`probe.inference.rules.named_rules`)."""


def elsewhere_rules(layer: Stage, action: Ending, trigger: str) -> tuple[PathRule, ...]:
    """The same name at a server that has nothing to do with it, and whose operator agreed to be asked."""
    is_it, stem = shows(layer, action), known(f"{layer}.{action}", BLOCK_TYPES)
    shaped = layer == "tls" and action in SHAPED

    def undecided(s: Scene) -> bool:
        """Nothing shows yet that more than the name is needed; inside TLS, nobody reads a Host."""
        return is_it(s) and not (shaped and s.path.shapes.passed) and not (layer == "http" and s.path.secure)

    told: dict[Shown, PathRule] = {
        "name": Rule(
            f"{layer}/{action}_{trigger}_elsewhere", "blocked", known(f"{stem}.{trigger}", BLOCK_TYPES), 0.95,
            ("agreed", "ladder"),
            "the name fails alike at a server that has nothing to do with it and answers an innocent one: it is the "
            "name, wherever it goes",
            lambda s: undecided(s) and convicts(s) and s.path.shapes.elsewhere == "name"),
        "only_there": Rule(
            f"{layer}/{action}_only_there", "blocked", stem, 0.8, ("agreed", "innocent", "helper"),
            "the name is answered at another server and an innocent one at this: it is the name at this address",
            lambda s: undecided(s) and convicts(s) and contrary(s) and s.path.shapes.elsewhere == "passes"
            and s.path.innocent == "reached"),
        "by_this_server": Rule(
            f"{layer}/{action}_by_this_server", "inconclusive", "inconclusive.control_doubtful", 0.5, ("agreed",),
            "the name is answered at another server, and no control tells how this one treats it: it may refuse the "
            "name itself",
            lambda s: undecided(s) and convicts(s) and s.path.shapes.elsewhere == "passes"
            and s.path.innocent == "reached" and not contrary(s) and not injected(s)),
    }
    return tuple(told[what] for what in ELSEWHERE.get(stem, ()))
