"""Why nothing is decided: the last rules of a path."""

from __future__ import annotations

from probe.inference.rules.path_context import PathRule
from probe.inference.rules.rule import Rule

UNDECIDED: tuple[PathRule, ...] = (
    Rule("path/tainted", "inconclusive", "inconclusive.tainted", 0.5, ("nothing",),
         "a neighbour on this address failed first, and may have caused it", lambda s: s.path.tainted),
    Rule("path/too_few", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "too few attempts failed, or not alike", lambda s: s.path.failed_attempts < 3 or not s.path.same_failure),
    Rule("path/control_fails_too", "inconclusive", "inconclusive.control_doubtful", 0.5, ("nothing",),
         "one control fails as well, which is too few to call the service down, or the operator is known to refuse "
         "some places itself", lambda s: s.path.control_failed > 0 or s.self_block),
    Rule("path/no_control", "inconclusive", "inconclusive.no_control", 0.5, ("nothing",),
         "no control was available", lambda s: s.path.controls_asked == 0),
    Rule("path/control_failed", "inconclusive", "inconclusive.control_failed", 0.5, ("nothing",),
         "controls were asked and gave no answer", lambda s: s.path.controls_answered == 0),
    Rule("path/unexplained", "inconclusive", "inconclusive.unexplained", 0.5, ("nothing",),
         "no rule explains what was seen", lambda s: True),
)
