"""Rules over paths that work, or that need no accusation: they come first."""

from __future__ import annotations

from probe.core.tables.evidence_words import NO_STAGE_OR_PAGE, Stage
from probe.core.tables.failures import CUT_OFF, TIMEOUTS
from probe.core.tables.protocols import SiteKind
from probe.judge.common.rule import Rule
from probe.judge.http.refusal_rules import REFUSED
from probe.judge.path.path_context import PathContext, PathRule, is_everything_resigned

_UNANSWERED: tuple[Stage, ...] = ("connect", "quic", "stun")
_SAID: tuple[Stage, ...] = ("tls", "http", "app")
_BARE: tuple[SiteKind, ...] = ("tcp", "tls")
"""Endpoints of which nothing but the connection is asked."""

WELL: tuple[PathRule, ...] = (
    Rule(id="path/not_attempted", outcome="inconclusive", block_type="inconclusive.not_attempted", confidence=0.0,
         needs=("nothing",),
         why="the run tried nothing at this address: no verdict for this address",
         holds=lambda c: c.path.attempts == 0, hands_on=True),
    Rule(id="path/looked_at_only", outcome="inconclusive", block_type="inconclusive.not_attempted", confidence=0.0,
         needs=("nothing",),
         why="this address accepts connections; the probe tested the service fully only at another address: no verdict "
             "for this address",
         holds=lambda c: c.path.stage == "" and c.path.depth < c.path.needs and not c.path.proven
               and not c.path.must_not_answer, hands_on=True),
    Rule(id="path/stays_closed", outcome="ok", block_type="", confidence=0.9, needs=("nothing",),
         why="a connection to a port where no server listens fails, as it should: nothing on the way answers instead",
         holds=lambda c: c.path.must_not_answer and c.path.stage == "connect"),
    Rule(id="path/answers_for_everybody", outcome="local", block_type="local.interception", confidence=0.8,
         needs=("nothing",),
         why="a port where no server listens accepts connections: something on the way answers instead of the server",
         holds=lambda c: c.path.must_not_answer),
    Rule(id="path/not_on_the_list", outcome="network", block_type="network.allowlist", confidence=0.75,
         needs=("ladder",),
         why="this address fails like all others that are not on this network's allow-list",
         holds=lambda c: c.ladder.allowlist.is_shown and _fares_as_unlisted(c)),
    Rule(id="path/list_or_outage", outcome="network", block_type="network", confidence=0.6, needs=("ladder",),
         why="most other addresses fail in the same way: an allow-list or a failure of the network may be the cause",
         holds=lambda c: bool(c.ladder.allowlist.way) and _fares_as_unlisted(c)),
    Rule(id="path/abroad_is_cut_off", outcome="network", block_type="network.national_only", confidence=0.8,
         needs=("ladder",),
         why="this address does not answer, and nothing else outside the country answers: this network reaches only "
             "the country itself",
         holds=lambda c: c.path.stage == "connect" and c.ladder.national_only),
    Rule(id="path/ipv6_broken", outcome="local", block_type="local.ipv6", confidence=0.95, needs=("nothing",),
         why="no IPv6 address answers from this network: IPv6 is broken here, for every service",
         holds=lambda c: c.path.family == 6 and c.ladder.ipv6 == "broken"
               and c.path.stage in _UNANSWERED and not c.path.last_ok),
    *REFUSED,
    Rule(id="http/other_than_expected", outcome="inconclusive", block_type="inconclusive.instrument", confidence=0.6,
         needs=("nothing",),
         why="the genuine server answers, but not as the target list expects: the list may be outdated",
         holds=lambda c: c.path.proven and c.path.http.met == "no" and c.path.stage in NO_STAGE_OR_PAGE),
    Rule(id="tls/proven", outcome="ok", block_type="", confidence=0.99, needs=("nothing",),
         why="the genuine server answers",
         holds=lambda c: c.path.proven and c.path.stage == "" and c.path.last_ok and c.path.failed_attempts < 2),
    Rule(id="http/known_content", outcome="ok", block_type="", confidence=0.97, needs=("nothing",),
         why="the service's page has the content that the target list expects",
         holds=lambda c: c.path.kind == "http" and c.path.last_ok and c.path.http.met == "yes"
               and c.path.http.content_known and c.path.failed_attempts < 2),
    Rule(id="http/same_as_control", outcome="ok", block_type="", confidence=0.95, needs=("helper",),
         why="other networks get the same page as we do",
         holds=lambda c: c.path.kind == "http" and c.path.stage in NO_STAGE_OR_PAGE and c.path.http.page_same > 0
               and c.path.http.met != "no" and (c.path.failed_attempts < 2 or bool(c.path.mark.name))),
    Rule(id="tls/anybody_may_answer", outcome="inconclusive", block_type="inconclusive.control_doubtful",
         confidence=0.5, needs=("ladder",),
         why="this server and unrelated ones present untrusted certificates; we do not know its rightful "
             "certificate: anybody may have answered",
         holds=lambda c: _unjudged(c) and is_everything_resigned(c) and not c.path.tls.same_key),
    Rule(id="path/connects", outcome="ok", block_type="", confidence=0.8, needs=("nothing",),
         why="the service accepts connections; the probe can check nothing more of its protocol",
         holds=lambda c: c.path.kind in _BARE and c.path.last_ok and c.path.failed_attempts < 2),
    Rule(id="path/mixed", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="some attempts at this address fail and others succeed: this is too unsteady to decide",
         holds=lambda c: c.path.last_ok and c.path.failed_attempts >= 2),
)


def _fares_as_unlisted(c: PathContext) -> bool:
    """It never answered: no connection opens, or what is said is not acknowledged, or cut off where a list tells names
    apart."""
    if c.path.last_ok or c.path.failed_attempts < c.path.attempts:
        return False
    if c.ladder.allowlist.way == "address":
        return c.path.stage == "connect" and c.path.failure in TIMEOUTS
    cut = c.ladder.allowlist.way == "name" and c.path.failure in CUT_OFF
    return c.path.stage in _SAID and (cut or (c.path.failure in TIMEOUTS and c.path.acked == "no"))


def _unjudged(c: PathContext) -> bool:
    """Somebody answers over TLS, and whose certificate it is nobody judges."""
    return c.path.secure and not c.path.proven and c.path.stage == "" and c.path.last_ok
