"""Rules that vary the shape of the ClientHello: is it the shape, or the shape and the name together?

A server may dislike the library's hello itself, and only from some countries or networks: what helpers are answered
elsewhere tells nothing of that. So a conviction needs another operator's server that shows the same here, packets that
no server sent, or a server whose operator says that it takes any. A server that dislikes a hello may say so by an
alert, but then it has read the hello, and other shapes are not tried.
"""

from __future__ import annotations

from probe.core.tables.basis_words import NOT_THE_FRONT
from probe.core.tables.evidence_words import STRUCK_ELSEWHERE
from probe.judge.common.rule import Rule
from probe.judge.path.endings import is_hello_dropped, is_hello_muted, is_tls_closed, is_tls_reset, is_tls_silent
from probe.judge.path.path_context import (
    PathContext,
    PathRule,
    acts_nearer,
    controls_reach,
    convicts,
    is_repeated,
    shows_injection,
)

_SHAPE = ("the probe's TLS hello fails with every name; a different hello works; the server is not the cause: a block")
_TOGETHER = ("the probe's TLS hello works with other names, and other hellos work with this name: a block of this "
             "combination")
_SOME_CLIENTS = ("the probe's TLS hello fails, a different TLS hello works; nothing shows whether the server itself "
                 "refuses the probe's hello")


def _narrowed(c: PathContext) -> bool:
    return is_tls_silent(c) and is_repeated(c)


SMALL_SEGMENTS: tuple[PathRule, ...] = (
    Rule(id="tls/small_segments_pass", outcome="local", block_type="local.mtu", confidence=0.8, needs=("nothing",),
         why="the handshake succeeds only when sent in small segments: large packets do not get through",
         holds=lambda c: _narrowed(c) and (c.path.tls.shapes.narrow == "passed" or (c.path.tls.shapes.narrow == "cut"
               and c.path.innocent == "failed"))),
)


def _shaped(c: PathContext) -> bool:
    """Some other shape passes."""
    return convicts(c) and bool(c.path.tls.shapes.passed)


def _on_the_way(c: PathContext) -> bool:
    """It is not the server itself that dislikes our hello: it takes it elsewhere, and another's shows the same, or
    something nearer acts."""
    alike = c.path.tls.shapes.control_same > 0 and (c.path.tls.shapes.others_alike > 0 or acts_nearer(c))
    return (controls_reach(c) and alike) or shows_injection(c)


def _every_name(c: PathContext) -> bool:
    """Every name fails in the library's shape, and ours passes in another, amid answers: the line lets nobody wait
    while this hello is; others were answered before and after."""
    return convicts(c) and bool(c.path.tls.shapes.firm) and c.path.innocent == "failed" and _on_the_way(c)


def _fits(c: PathContext) -> bool:
    """Silence may also be a large packet lost, of ours or of the answer, and another hello may be smaller or draw a
    smaller answer: so the library's must have failed in small segments as well."""
    return c.path.tls.shapes.narrow == "failed"


def _name_and_shape(c: PathContext) -> bool:
    return (_shaped(c) and c.path.innocent == "reached"
            and (_on_the_way(c) or c.path.tls.shapes.elsewhere in STRUCK_ELSEWHERE))


SHAPES: tuple[PathRule, ...] = (
    Rule(id="tls/reset_fingerprint", outcome="blocked", block_type="tls.reset.fingerprint", confidence=0.9,
         needs=("innocent", "twin"),
         rests_on=NOT_THE_FRONT,
         why=_SHAPE,
         holds=lambda c: is_tls_reset(c) and _every_name(c)),
    Rule(id="tls/reset_name_and_shape", outcome="blocked", block_type="tls.reset", confidence=0.85,
         needs=("innocent", "twin"),
         rests_on=NOT_THE_FRONT,
         why=_TOGETHER,
         holds=lambda c: is_tls_reset(c) and _name_and_shape(c)),
    Rule(id="tls/reset_of_some_clients", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("innocent",),
         why=_SOME_CLIENTS,
         holds=lambda c: is_tls_reset(c) and _shaped(c)),
    Rule(id="tls/close_fingerprint", outcome="blocked", block_type="tls.close.fingerprint", confidence=0.9,
         needs=("innocent", "twin"),
         rests_on=NOT_THE_FRONT,
         why=_SHAPE,
         holds=lambda c: is_tls_closed(c) and _every_name(c)),
    Rule(id="tls/close_name_and_shape", outcome="blocked", block_type="tls.close", confidence=0.85,
         needs=("innocent", "twin"),
         rests_on=NOT_THE_FRONT,
         why=_TOGETHER,
         holds=lambda c: is_tls_closed(c) and _name_and_shape(c)),
    Rule(id="tls/close_of_some_clients", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("innocent",),
         why=_SOME_CLIENTS,
         holds=lambda c: is_tls_closed(c) and _shaped(c)),
    Rule(id="tls/drop_fingerprint", outcome="blocked", block_type="tls.drop.fingerprint", confidence=0.9,
         needs=("innocent", "twin"),
         rests_on=NOT_THE_FRONT,
         why=_SHAPE,
         holds=lambda c: is_tls_silent(c) and c.path.acked == "no" and _every_name(c) and _fits(c)),
    Rule(id="tls/drop_name_and_shape", outcome="blocked", block_type="tls.drop", confidence=0.85,
         needs=("innocent", "twin"),
         rests_on=NOT_THE_FRONT,
         why=_TOGETHER,
         holds=lambda c: is_hello_dropped(c) and _name_and_shape(c)),
    Rule(id="tls/drop_of_some_clients", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("innocent",),
         why=_SOME_CLIENTS,
         holds=lambda c: is_hello_dropped(c) and _shaped(c)),
    Rule(id="tls/mute_fingerprint", outcome="blocked", block_type="tls.mute.fingerprint", confidence=0.9,
         needs=("innocent", "twin"),
         rests_on=NOT_THE_FRONT,
         why=_SHAPE,
         holds=lambda c: is_tls_silent(c) and c.path.acked != "no" and _every_name(c) and _fits(c)),
    Rule(id="tls/mute_name_and_shape", outcome="blocked", block_type="tls.mute", confidence=0.85,
         needs=("innocent", "twin"),
         rests_on=NOT_THE_FRONT,
         why=_TOGETHER,
         holds=lambda c: is_hello_muted(c) and _name_and_shape(c)),
    Rule(id="tls/mute_of_some_clients", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("innocent",),
         why=_SOME_CLIENTS,
         holds=lambda c: is_hello_muted(c) and _shaped(c)),
)
