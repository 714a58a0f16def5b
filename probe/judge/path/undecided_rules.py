"""Why nothing is decided: the last rules of a path."""

from __future__ import annotations

from probe.judge.common.rule import Rule
from probe.judge.path.path_context import PathContext, PathRule
from probe.judge.path.suspicions import suspect_block

_ENOUGH = 3
_ENOUGH_CERTIFICATES = 2
"""Of one certificate that is refused: a third attempt would meet the same, and so is not made."""


def _failed_too_seldom(c: PathContext) -> bool:
    return c.path.failed_attempts < (_ENOUGH_CERTIFICATES if c.path.tls.trust else _ENOUGH) or not c.path.same_failure


UNPLACED: PathRule = Rule(
    id="path/unplaced", outcome="inconclusive", block_type="inconclusive.unplaced", confidence=0.5, needs=("nothing",),
    why="the attempts keep failing in one way: a block on the way, or the service's refusal, may be the cause",
    holds=lambda c: False)
"""Decides in the place of rules that accuse without a basis."""

UNDECIDED: tuple[PathRule, ...] = (
    UNPLACED,
    Rule(id="path/tainted", outcome="inconclusive", block_type="inconclusive.tainted", confidence=0.5,
         needs=("nothing",),
         why="this failure may be an after-effect of an earlier failure at this address: it does not show a block",
         holds=lambda c: c.path.tainted),
    Rule(id="path/too_few", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="too few attempts failed, or they failed in different ways: this does not show a block",
         suspects=suspect_block,
         holds=_failed_too_seldom),
    Rule(id="path/control_fails_too", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("nothing",),
         why="another network fails too, or the service's operator is known to refuse some countries: the service "
             "may be the cause",
         holds=lambda c: c.path.controls.failed > 0 or c.self_block),
    Rule(id="path/no_control", outcome="inconclusive", block_type="inconclusive.no_control", confidence=0.5,
         needs=("nothing",),
         why="no measurement from another network was available to compare with ours: nothing shows the cause",
         suspects=suspect_block,
         holds=lambda c: c.path.controls.asked == 0),
    Rule(id="path/control_failed", outcome="inconclusive", block_type="inconclusive.control_failed", confidence=0.5,
         needs=("nothing",),
         why="we asked another network to measure the same; it gave no answer: nothing shows the cause",
         suspects=suspect_block,
         holds=lambda c: c.path.controls.answered == 0),
    Rule(id="path/unexplained", outcome="inconclusive", block_type="inconclusive.unexplained", confidence=0.5,
         needs=("nothing",),
         why="no rule explains what was seen",
         suspects=suspect_block,
         holds=lambda c: True),
)
