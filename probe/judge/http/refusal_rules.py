"""Rules over refusals and errors of the genuine server's own: it has proven itself, and does not serve the page.

That it refuses us is certain. Whether it refuses everybody or this place is what others say: a control that is refused
as well shows the one, a control that is served the other, and where nobody could say, neither is claimed.

A limit of requests (429) is said to each client by itself, so that what others are told bears not on it; it may be
set off by a neighbour behind the same address, and passes. An error (5xx) of one overloaded server of many is true for
whoever is led to it, whatever others meet; so it is named without a control, with little confidence, since some
operators refuse places by it, and with more where controls meet one as well.
"""

from __future__ import annotations

from probe.core.tables.http_status import RATE_LIMITED, REFUSALS, is_server_error
from probe.judge.common.rule import Rule
from probe.judge.path.path_context import PathContext, PathRule


def _unserved(c: PathContext) -> bool:
    return c.path.proven and c.path.http.met != "yes"


def _challenged(c: PathContext) -> bool:
    return c.path.http.status >= 400 and c.path.http.status != RATE_LIMITED and c.path.mark.is_challenge


def _refused(c: PathContext) -> bool:
    return _unserved(c) and (c.path.http.status in REFUSALS or _challenged(c))


def _errs(c: PathContext) -> bool:
    return _unserved(c) and is_server_error(c.path.http.status)


REFUSED: tuple[PathRule, ...] = (
    Rule(id="http/restricted_as_known", outcome="down", block_type="server.restricted", confidence=0.95,
         needs=("nothing",),
         why="the genuine server refuses us, and its operator is known to refuse this country",
         holds=lambda c: _refused(c) and c.self_block),
    Rule(id="http/restricted", outcome="down", block_type="server.restricted", confidence=0.9, needs=("helper",),
         why="the genuine server refuses us and serves another network: it chooses not to serve this client or place",
         holds=lambda c: _refused(c) and c.path.http.elsewhere.served > 0),
    Rule(id="http/forbidden", outcome="down", block_type="server.forbidden", confidence=0.9, needs=("helper",),
         why="the genuine server refuses our request, and refuses all requests from other networks too",
         holds=lambda c: _refused(c) and c.path.http.elsewhere.refused + (
             c.path.http.elsewhere.failed if _challenged(c) else 0) > 0),
    Rule(id="http/refused_no_control", outcome="inconclusive", block_type="inconclusive.no_control", confidence=0.5,
         needs=("nothing",),
         why="the service refuses us; no other network was asked to try it: nothing shows whether it refuses everybody",
         holds=lambda c: _refused(c) and c.path.controls.asked == 0),
    Rule(id="http/refused_control_failed", outcome="inconclusive", block_type="inconclusive.control_failed",
         confidence=0.5, needs=("nothing",),
         why="the service refuses us; another network was asked to try it, and gave no answer: nothing shows the cause",
         holds=_refused),
    Rule(id="http/rate_limited", outcome="down", block_type="server.rate_limited", confidence=0.85, needs=("nothing",),
         why="the genuine server says that we asked too often; such a limit concerns one client or those sharing its "
             "address",
         holds=lambda c: _unserved(c) and c.path.http.status == RATE_LIMITED),
    Rule(id="http/server_error", outcome="down", block_type="server.error", confidence=0.9, needs=("helper",),
         why="the genuine server reports an error of its own; requests from other networks fail too",
         holds=lambda c: _errs(c) and c.path.http.elsewhere.failed > 0 and not c.path.http.elsewhere.served),
    Rule(id="http/server_error_here", outcome="down", block_type="server.error", confidence=0.6, needs=("nothing",),
         why="the genuine server reports an error of its own to us; nothing shows whether others get it too",
         holds=_errs),
)
