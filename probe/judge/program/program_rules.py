"""Rules over hellos in the shapes of people's programs, at addresses where the library's own passes.

What a person's browser or app suffers is the truth, and not what our socket meets. But a server's front knows programs
by their hellos as well as a box on the way does, and a server or a line may take no hello of two segments. So what
accuses needs a basis, as everywhere, and where there is none the target is not called well.
"""

from __future__ import annotations

from probe.core.tables.basis_words import NOT_THE_FRONT
from probe.core.tables.failures import TIMEOUTS
from probe.judge.common.rule import Rule
from probe.judge.path.path_context import PathContext, PathRule
from probe.judge.path.path_evidence import CONNECTION_RESET

_STRUCK = "under this name the probe's TLS hello works and a browser's or app's hello fails again and again: a block"
ALIKE_OWNERS = 2
"""Others at which programs are struck in the same way: with the one that is judged they are three."""
_FAILURES, _QUICK_FAILURES = 3, 4
"""More of them where a failure costs no time."""
_TURNS = 2


def is_any_struck(c: PathContext) -> bool:
    """The library is served, and a program is not."""
    return bool(c.path.programs.struck) and c.path.last_ok and c.path.stage == ""


def _is_repeated(c: PathContext) -> bool:
    seen = c.path.programs
    enough = _FAILURES if seen.failure in TIMEOUTS else _QUICK_FAILURES
    return seen.failed >= enough and seen.turns >= _TURNS and seen.same_failure


def _convicts(c: PathContext) -> bool:
    """It repeats, neither our bytes nor the line are the cause, and it may be somebody else's doing than the service's.
    """
    seen = c.path.programs
    passes = seen.innocent == "reached" or (seen.others_pass > 0 and not _is_size(c))
    return (is_any_struck(c) and _is_repeated(c) and passes and seen.verified and not seen.tainted
            and not seen.control_failed and not c.self_block and c.ladder.well)


def _is_silent(c: PathContext) -> bool:
    return c.path.programs.failure in TIMEOUTS


def _is_size(c: PathContext) -> bool:
    """Hellos of several segments are met with silence, whatever name is in them, and smaller ones are answered."""
    return _is_silent(c) and c.path.programs.only_large and c.path.programs.innocent != "reached"


def _is_size_everywhere(c: PathContext) -> bool:
    """And no other owner's server answers one."""
    return _is_size(c) and not c.path.programs.others_pass


PROGRAMS: tuple[PathRule, ...] = (
    Rule(id="program/reset", outcome="blocked", block_type="tls.reset.fingerprint", confidence=0.9,
         needs=("innocent",), rests_on=NOT_THE_FRONT, why=_STRUCK,
         holds=lambda c: _convicts(c) and c.path.programs.failure == CONNECTION_RESET),
    Rule(id="program/close", outcome="blocked", block_type="tls.close.fingerprint", confidence=0.9,
         needs=("innocent",), rests_on=NOT_THE_FRONT, why=_STRUCK,
         holds=lambda c: _convicts(c) and c.path.programs.failure == "eof_error"),
    Rule(id="program/drop", outcome="blocked", block_type="tls.drop.fingerprint", confidence=0.9,
         needs=("innocent",), rests_on=NOT_THE_FRONT, why=_STRUCK,
         holds=lambda c: _convicts(c) and _is_silent(c) and c.path.programs.acked == "no"),
    Rule(id="program/mute", outcome="blocked", block_type="tls.mute.fingerprint", confidence=0.9,
         needs=("innocent",), rests_on=NOT_THE_FRONT, why=_STRUCK,
         holds=lambda c: _convicts(c) and _is_silent(c) and c.path.programs.acked != "no"),
    Rule(id="program/fails_elsewhere", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.6, needs=("helper",),
         why=("a browser's or app's kind of TLS hello fails from another network too: the service itself seems to "
              "refuse it"),
         holds=lambda c: is_any_struck(c) and c.path.programs.control_failed > 0 and not c.path.programs.control_ok),
    Rule(id="program/large_lost", outcome="local", block_type="local.mtu", confidence=0.7, needs=("innocent",),
         why="none of the tested servers answers TLS hellos of several packets; all answer smaller ones: full-size "
             "packets get lost",
         holds=lambda c: is_any_struck(c) and _is_repeated(c) and _is_size_everywhere(c)
               and c.path.programs.others_lost >= ALIKE_OWNERS),
    Rule(id="program/large_fail", outcome="inconclusive", block_type="inconclusive.control_doubtful", confidence=0.5,
         needs=("innocent",),
         why="this server answers no TLS hello that fills several packets, under any name: perhaps it does not "
             "accept such hellos",
         holds=lambda c: is_any_struck(c) and _is_size(c)),
    Rule(id="program/imitation_fails", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("nothing",),
         why="only TLS hellos that imitate browsers or apps fail; nobody has checked the imitations: the real programs "
             "may work",
         holds=lambda c: is_any_struck(c) and not c.path.programs.verified),
    Rule(id="program/fails", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the probe's TLS hello works, a browser's or app's fails: this is not enough to show a block",
         holds=is_any_struck),
    Rule(id="program/fails_at_times", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the probe's TLS hello always works, a browser's or app's only sometimes: this is not enough to show a "
             "block",
         holds=lambda c: c.path.programs.fails_at_times and c.path.last_ok and c.path.stage == ""),
    Rule(id="program/lost_at_last", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the first connections worked; later ones failed, whatever TLS hello we sent: a block, or the server "
             "stopped answering us",
         holds=lambda c: c.path.programs.lost_at_last and c.path.last_ok and c.path.stage == ""),
)
