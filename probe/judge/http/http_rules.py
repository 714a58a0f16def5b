"""Rules over requests, pages, and connections that end after the handshake."""

from __future__ import annotations

from probe.core.tables.basis_words import NOT_THE_FRONT, OF_FLOWS, OF_PAGES
from probe.core.tables.evidence_words import NO_STAGE_OR_PAGE, Stage
from probe.core.tables.http_status import REFUSALS
from probe.judge.common.rule import Rule
from probe.judge.http.http_named_rules import HTTP_NAMED
from probe.judge.path.endings import is_http_silent
from probe.judge.path.path_context import (
    PathContext,
    PathRule,
    acts_nearer,
    controls_reach_here,
    convicts,
    is_failing_elsewhere,
    shows_injection,
    strikes_at_helpers,
)
from probe.judge.path.suspicions import suspect_slow_page

_ASKED: tuple[Stage, ...] = ("http", "page")


def _unproven_page(c: PathContext) -> bool:
    return not c.path.proven and c.path.stage in NO_STAGE_OR_PAGE


def _known_page(c: PathContext) -> bool:
    """A page that controls elsewhere are served too is the service's own: a seized name, or its operator's notice."""
    return _unproven_page(c) and c.path.mark.fits and not c.path.http.page_same


def _differs(c: PathContext) -> bool:
    return (not c.path.proven and c.path.stage == "page" and c.path.http.page_differs > 0
            and not c.path.http.page_same and convicts(c) and not 300 <= c.path.http.status < 400)


def _tells_an_error(c: PathContext) -> bool:
    """The page says that whoever speaks could not fetch it, as a carrier's cache does whose resolver fails."""
    return 500 <= c.path.http.status < 600


def _not_the_servers(c: PathContext) -> bool:
    """Pages differ by country, language and chance. That it is not the server's own is shown by unrelated services that
    are answered with it too, by what is nearer than the service, or by the packets it came in."""
    return c.path.http.page_of_others or acts_nearer(c) or shows_injection(c)


HTTP: tuple[PathRule, ...] = (
    Rule(id="http/known_redirect", outcome="blocked", block_type="http.redirect", confidence=0.97, needs=("nothing",),
         rests_on=OF_PAGES,
         why="the request is redirected to a known block page of this country; no other network got this page: a block",
         holds=lambda c: _known_page(c) and 300 <= c.path.http.status < 400),
    Rule(id="http/known_blockpage", outcome="blocked", block_type="http.blockpage", confidence=0.97, needs=("nothing",),
         rests_on=OF_PAGES,
         why="a known block page of this country is served here; no other network got this page: a block",
         holds=_known_page),
    Rule(id="http/page_of_servers", outcome="inconclusive", block_type="inconclusive.unexplained", confidence=0.6,
         needs=("nothing",),
         why="this unencrypted page may be no block page but a visitor check, country restriction, parked name or "
             "login portal",
         holds=lambda c: _unproven_page(c) and bool(c.path.mark.harmless) and not c.path.http.page_same),
    Rule(id="http/blockpage_known_elsewhere", outcome="blocked", block_type="http.blockpage", confidence=0.9,
         needs=("helper",),
         rests_on=NOT_THE_FRONT,
         why="we get a page known as another country's or a filter product's block page; other networks do not: a "
             "block",
         holds=lambda c: _unproven_page(c) and bool(c.path.mark.name) and c.path.http.page_differs > 0
               and not c.path.http.page_same and convicts(c) and not 300 <= c.path.http.status < 400),
    Rule(id="http/foreign_redirect", outcome="blocked", block_type="http.redirect", confidence=0.9, needs=("helper",),
         rests_on=NOT_THE_FRONT,
         why="our request is redirected to somebody else's site; requests from other networks are not: probably a "
             "block",
         holds=lambda c: not c.path.proven and c.path.stage == "page" and c.path.http.foreign_redirect
               and c.path.http.page_differs > 0 and not c.path.http.page_same
               and not c.path.http.redirects_alike and convicts(c)),
    Rule(id="http/foreign_page", outcome="blocked", block_type="http.blockpage", confidence=0.85, needs=("helper",),
         rests_on=NOT_THE_FRONT,
         why="something other than the service sends this page; other networks get a different page: a block",
         holds=lambda c: _differs(c) and _not_the_servers(c) and not _tells_an_error(c)),
    Rule(id="http/proxy_error", outcome="inconclusive", block_type="inconclusive.unexplained", confidence=0.5,
         needs=("helper",),
         why="something on the way answers with its own error: an internet provider's cache or a filter may do so",
         holds=lambda c: _differs(c) and _not_the_servers(c)),
    Rule(id="http/page_varies", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("helper",),
         why="we get an unexpected page; other networks get a different page: the service may serve each country "
             "differently",
         holds=_differs),
    Rule(id="http/forbidden_for_all", outcome="down", block_type="server.forbidden", confidence=0.8, needs=("helper",),
         why="we get a refusal over an unencrypted connection; other networks get the same refusal: the service "
             "itself refuses",
         holds=lambda c: not c.path.proven and c.path.stage == "page" and c.path.http.status in REFUSALS
               and c.path.http.page_same > 0),
    Rule(id="http/server_differs_for_all", outcome="down", block_type="server.error", confidence=0.8, needs=("helper",),
         why="other networks get the same unexpected page as we do: the service itself sends it",
         holds=lambda c: not c.path.proven and c.path.stage == "page" and c.path.http.page_same > 0),
    Rule(id="http/cut_off_for_all", outcome="down", block_type="server.limit", confidence=0.85, needs=("two_helpers",),
         why="the service cuts its answers off before their end, for requests from two other networks too",
         holds=lambda c: c.path.stage == "http" and c.path.failure == "eof_error" and c.path.http.status > 0
               and is_failing_elsewhere(c)),
    Rule(id="http/controls_fail_too", outcome="down", block_type="server.error", confidence=0.85,
         needs=("two_helpers",),
         why="requests from two other networks fail too; nothing shows a block on the way: the server itself fails",
         holds=lambda c: c.path.stage in _ASKED and is_failing_elsewhere(c)),
    Rule(id="http/too_slow", outcome="inconclusive", block_type="inconclusive.control_doubtful", confidence=0.5,
         needs=("nothing",),
         why="the page was still arriving when time was up: the server or the line may be slow",
         suspects=suspect_slow_page,
         holds=lambda c: c.path.stage == "http" and c.path.seeps),
    Rule(id="flow/silent_once_encrypted", outcome="blocked", block_type="flow.freeze", confidence=0.8,
         needs=("helper",),
         rests_on=OF_FLOWS, finds_place=strikes_at_helpers("frozen"),
         why="here all connections to this address fall silent after the handshake; connections from another network "
             "get answers: a block",
         holds=lambda c: c.path.secure and is_http_silent(c) and convicts(c) and controls_reach_here(c)
               and c.path.stops_alike and not c.path.flow.trickles and c.ladder.full_segments
               and not c.ladder.starves(c.path.address)),
    *HTTP_NAMED,
    Rule(id="http/answered", outcome="ok", block_type="", confidence=0.7, needs=("nothing",),
         why="a page came; nothing in the target list contradicts it, and no other network got a different page",
         holds=lambda c: c.path.kind == "http" and c.path.last_ok and c.path.stage == ""
               and not c.path.http.page_differs and not c.path.http.foreign_redirect),
)
