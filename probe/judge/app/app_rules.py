"""Rules over messengers' own first words.

An answer acquits. A failure convicts only beside innocent bytes that fare better at the same address and port, which
no throttling of the address and no outage explains, and:

- where what we say is not even acknowledged, by itself: a server's TCP acknowledges before its program has read a byte,
  so nothing that the program thinks of us keeps the acknowledgement back;
- where it is met with silence or ended, and a search or the time shows that something nearer than the service does
  that: whatever the program thinks of us, it has not been asked;
- where it is acknowledged and then met with silence or a reset, only if a control gets the proof at this service: the
  program may have changed, or refuse everybody. Never where HTTP carries it: what stands before a web server tells
  requests apart, and may refuse one of them to a country as silently.

What comes over a validated TLS connection is the server's own doing as far as anybody on the way can see.
"""

from __future__ import annotations

from probe.core.tables.basis_words import NOT_THE_FRONT
from probe.core.tables.evidence_words import InnocentState
from probe.core.tables.handshakes import FOREIGN, GENUINE_PROOFS
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.words import read_word
from probe.judge.common.rule import Rule
from probe.judge.path.endings import is_app_closed, is_app_dropped, is_app_muted, is_app_reset
from probe.judge.path.path_context import (
    PathContext,
    PathRule,
    acts_nearer,
    controls_reach,
    convicts,
    ends_on_the_way,
)
from probe.judge.path.suspicions import suspect_block

_PASSES: tuple[InnocentState, ...] = ("reached", "carried")


def _said(c: PathContext) -> bool:
    return c.path.stage == "app"


def _in_clear(c: PathContext) -> bool:
    """Boxes on the way could read it."""
    return _said(c) and not c.path.secure


def _vanishes(c: PathContext) -> bool:
    return (_in_clear(c) and is_app_dropped(c) and convicts(c)
            and c.path.app.innocent in _PASSES)


def _only_this(c: PathContext) -> bool:
    """Nothing at all comes back here, to innocent bytes something does, and controls get the proof."""
    return (_in_clear(c) and convicts(c) and not c.path.app.heard and c.path.app.innocent == "reached"
            and not PROTOCOLS[read_word(c.path.app.protocol, PROTOCOLS)].over_http
            and c.path.app.control_proven > 0 and not c.path.app.control_foreign and controls_reach(c))


def _ends_nearer(c: PathContext) -> bool:
    """What ends the words, or keeps their answer back, is nearer than the service, and innocent bytes get further.
    Where controls fail as well, an outage and a block stand behind each other."""
    elsewhere = c.path.app.control_failed or c.path.app.control_foreign or c.path.controls.failed
    return (_in_clear(c) and convicts(c) and not c.path.app.heard and c.path.app.innocent in _PASSES
            and acts_nearer(c) and not elsewhere)


APP_WELL: tuple[PathRule, ...] = (
    Rule(id="app/answered", outcome="ok", block_type="", confidence=0.9, needs=("nothing",),
         why="the service answers the first message of its own protocol in its known way",
         holds=lambda c: c.path.kind == "app" and c.path.last_ok and c.path.stage == ""
               and c.path.app.proof in GENUINE_PROOFS and c.path.failed_attempts < 2),
)

APP: tuple[PathRule, ...] = (
    Rule(id="app/changed_for_all", outcome="inconclusive", block_type="inconclusive.instrument", confidence=0.7,
         needs=("helper",),
         why="our network and others get the same unexpected answer: the service itself has changed",
         holds=lambda c: _said(c) and c.path.app.proof == FOREIGN and c.path.app.control_foreign > 0
               and not c.path.app.control_proven),
    Rule(id="app/controls_fail_too", outcome="down", block_type="server.error", confidence=0.8, needs=("two_helpers",),
         why="the messenger's server answers neither us nor two other networks; nothing shows a block on the way: the "
             "server fails",
         holds=lambda c: _said(c) and c.path.app.control_failed >= 2 and not c.path.app.control_proven
               and not c.path.app.control_foreign and not ends_on_the_way(c)),
    Rule(id="app/drop_protocol_control", outcome="blocked", block_type="app.drop.protocol", confidence=0.95,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why="here this port acknowledges harmless bytes but never the messenger's bytes; another network gets the "
             "genuine service's answer: a block",
         holds=lambda c: _vanishes(c) and c.path.app.control_proven > 0 and controls_reach(c)),
    # Once it has answered, it is the end of our stream that went unacknowledged. Innocent bytes that are answered never
    # get so far, so a server that takes no half-closed connection would look blocked; a control gets there.
    Rule(id="app/drop_protocol", outcome="blocked", block_type="app.drop.protocol", confidence=0.85,
         needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why="this port acknowledges harmless bytes but never the messenger's bytes: the messenger's protocol seems "
             "to be blocked here",
         holds=lambda c: _vanishes(c) and not c.path.app.heard and not c.path.app.control_failed
               and not c.path.app.control_foreign),
    Rule(id="app/mute_protocol", outcome="blocked", block_type="app.mute.protocol", confidence=0.8,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why="here this port answers harmless bytes but never the messenger's bytes; another network gets the "
             "genuine service's answer: a block",
         holds=lambda c: is_app_muted(c) and _only_this(c)),
    Rule(id="app/reset_protocol", outcome="blocked", block_type="app.reset.protocol", confidence=0.8,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why="here the messenger's connections are reset; harmless bytes are answered; another network gets the "
             "genuine service's answer: a block",
         holds=lambda c: is_app_reset(c) and _only_this(c)),
    Rule(id="app/reset_nearer", outcome="blocked", block_type="app.reset.protocol", confidence=0.85,
         needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why="something on the way resets the messenger's connections; harmless bytes get through on the same port: "
             "a block",
         holds=lambda c: is_app_reset(c) and _ends_nearer(c)),
    Rule(id="app/mute_nearer", outcome="blocked", block_type="app.mute.protocol", confidence=0.85,
         needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why="something on the way withholds the messenger's answers; harmless bytes get through on the same port: a "
             "block",
         holds=lambda c: is_app_muted(c) and _ends_nearer(c)),
    Rule(id="app/closed_nearer", outcome="blocked", block_type="app", confidence=0.8,
         needs=("innocent",),
         rests_on=NOT_THE_FRONT,
         why="something on the way ends the messenger's connections; harmless bytes get through on the same port: a "
             "block",
         holds=lambda c: is_app_closed(c) and _ends_nearer(c)),
    Rule(id="app/foreign_answer", outcome="inconclusive", block_type="inconclusive.unexplained", confidence=0.5,
         needs=("nothing",),
         why="something other than the service answers; nothing shows who that is",
         holds=lambda c: _said(c) and c.path.app.proof == FOREIGN),
    Rule(id="app/closed_on_us", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the connection ends after our first message: a device on the way or the server itself may have ended it",
         suspects=suspect_block,
         holds=is_app_closed),
)
