"""Rules over messengers' own first words.

An answer acquits. A failure convicts only beside innocent bytes that fare better at the same address and port, which
no throttling of the address and no outage explains, and:

- where what we say is not even acknowledged, by itself: a server's TCP acknowledges before its program has read a byte,
  so nothing that the program thinks of us keeps the acknowledgement back;
- where it is acknowledged and then met with silence or a reset, only if a control gets the proof at this service: the
  program may have changed, or refuse everybody. Never where HTTP carries it: what stands before a web server tells
  requests apart, and may refuse one of them to a country as silently.

What comes over a validated TLS connection is the server's own doing as far as anybody on the way can see.
"""

from __future__ import annotations

from probe.core.tables.evidence_words import InnocentState
from probe.core.tables.handshakes import FOREIGN, GENUINE
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.words import known
from probe.inference.rules.path_context import PathRule, Scene, contrary, convicts, ended_by, silence
from probe.inference.rules.rule import Rule

_PASSES: tuple[InnocentState, ...] = ("reached", "carried")


def _said(s: Scene) -> bool:
    return s.path.stage == "app"


def _in_clear(s: Scene) -> bool:
    """Boxes on the way could read it."""
    return _said(s) and not s.path.secure


def _vanishes(s: Scene) -> bool:
    return (_in_clear(s) and silence(s, "app", "drop") and convicts(s)
            and s.path.app.innocent in _PASSES)


def _only_this(s: Scene) -> bool:
    """Nothing at all comes back here, to innocent bytes something does, and controls get the proof."""
    return (_in_clear(s) and convicts(s) and not s.path.app.heard and s.path.app.innocent == "reached"
            and not PROTOCOLS[known(s.path.app.protocol, PROTOCOLS)].over_http
            and s.path.app.control_proven > 0 and not s.path.app.control_foreign and contrary(s))


APP_WELL: tuple[PathRule, ...] = (
    Rule("app/answered", "ok", "", 0.9, ("nothing",), "the service answers its own first words in its own way",
         lambda s: s.path.kind == "app" and s.path.last_ok and s.path.stage == ""
         and s.path.app.proof in GENUINE and s.path.failed_attempts < 2),
)

APP: tuple[PathRule, ...] = (
    Rule("app/changed_for_all", "inconclusive", "inconclusive.instrument", 0.7, ("helper",),
         "controls get an answer that the catalogue does not know either: the service has changed",
         lambda s: _said(s) and s.path.app.proof == FOREIGN and s.path.app.control_foreign > 0
         and not s.path.app.control_proven),
    Rule("app/controls_fail_too", "down", "server.error", 0.8, ("two_helpers",),
         "the service leaves its own first words unanswered in two other networks as well",
         lambda s: _said(s) and s.path.app.control_failed >= 2 and not s.path.app.control_proven
         and not s.path.app.control_foreign),
    Rule("app/drop_protocol_control", "blocked", "app.drop.protocol", 0.95, ("innocent", "helper"),
         "the messenger's own bytes are never acknowledged, innocent ones on the same port are, and controls get the "
         "proof",
         lambda s: _vanishes(s) and s.path.app.control_proven > 0 and contrary(s)),
    Rule("app/drop_protocol", "blocked", "app.drop.protocol", 0.85, ("innocent",),
         "the messenger's own bytes are never acknowledged, and innocent ones on the same port are",
         # Once it has answered, it is the end of our stream that went unacknowledged. Innocent bytes that are answered
         # never get so far, so a server that takes no half-closed connection would look blocked; a control gets there.
         lambda s: _vanishes(s) and not s.path.app.heard and not s.path.app.control_failed
         and not s.path.app.control_foreign),
    Rule("app/mute_protocol", "blocked", "app.mute.protocol", 0.8, ("innocent", "helper"),
         "the messenger's own bytes are met with silence, innocent ones on the same port are not, and controls get the "
         "proof",
         lambda s: silence(s, "app", "mute") and _only_this(s)),
    Rule("app/reset_protocol", "blocked", "app.reset.protocol", 0.8, ("innocent", "helper"),
         "connections that speak the messenger's own protocol are reset, innocent ones on the same port are answered, "
         "and controls get the proof",
         lambda s: ended_by(s, "app", "reset") and _only_this(s)),
    Rule("app/foreign_answer", "inconclusive", "inconclusive.unexplained", 0.5, ("nothing",),
         "something answers that is not the service; who it is, nothing shows",
         lambda s: _said(s) and s.path.app.proof == FOREIGN),
    Rule("app/closed_on_us", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "the connection is ended after the first words: a box on the way and a server that refuses us look alike",
         lambda s: ended_by(s, "app", "close")),
)
