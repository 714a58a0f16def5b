"""Rules over TLS under the same name at a server that has nothing to do with it, and whose operator agreed to be asked.

What is here, another server has been seen to show; all else needs the innocent name
(`probe.judge.tls.tls_named_rules`).
"""

from __future__ import annotations

from probe.core.tables.basis_words import NOT_THE_FRONT
from probe.judge.common.rule import Rule
from probe.judge.path.endings import is_hello_dropped, is_tls_reset
from probe.judge.path.name_conditions import WHEREVER, fails_there_too
from probe.judge.path.path_context import PathContext, PathRule, controls_reach, convicts, shows_injection


def _unshaped(c: PathContext) -> bool:
    """No other shape of the hello passes: nothing shows yet that more than the name is needed."""
    return not c.path.tls.shapes.passed


def _passes_there(c: PathContext) -> bool:
    return convicts(c) and c.path.tls.shapes.elsewhere == "passes" and c.path.innocent == "reached"


TLS_ELSEWHERE: tuple[PathRule, ...] = (
    Rule(id="tls/reset_sni_elsewhere", outcome="blocked", block_type="tls.reset.sni", confidence=0.95,
         needs=("agreed", "ladder"),
         rests_on=NOT_THE_FRONT,
         why=WHEREVER,
         holds=lambda c: is_tls_reset(c) and _unshaped(c) and fails_there_too(c)),
    Rule(id="tls/reset_only_there", outcome="blocked", block_type="tls.reset", confidence=0.8,
         needs=("agreed", "innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=("under this name TLS fails at this server, not at an unrelated one; another network reaches this "
              "server: a block"),
         holds=lambda c: is_tls_reset(c) and _unshaped(c) and _passes_there(c) and controls_reach(c)),
    Rule(id="tls/reset_by_this_server", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("agreed",),
         why="under this name TLS fails at this server, not at an unrelated one: this server itself may refuse the "
             "name",
         holds=lambda c: is_tls_reset(c) and _unshaped(c) and _passes_there(c) and not controls_reach(c)
         and not shows_injection(c)),
    Rule(id="tls/drop_sni_elsewhere", outcome="blocked", block_type="tls.drop.sni", confidence=0.95,
         needs=("agreed", "ladder"),
         rests_on=NOT_THE_FRONT,
         why=WHEREVER,
         holds=lambda c: is_hello_dropped(c) and _unshaped(c) and fails_there_too(c)),
)
