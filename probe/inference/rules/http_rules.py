"""Rules over requests, pages, and connections that end after the handshake."""

from __future__ import annotations

from probe.core.tables.evidence_words import NO_STAGE_OR_PAGE, Ending, Stage
from probe.inference.rules.named_rules import named_rules
from probe.inference.rules.path_context import PathRule, Scene, contrary_here, convicts, ended_by, injected
from probe.inference.rules.rule import Rule
from probe.inference.rules.shape_rules import elsewhere_rules

ACTIONS: tuple[Ending, ...] = ("reset", "close", "drop", "mute")
_HTTP_OR_PAGE: tuple[Stage, ...] = ("http", "page")


def _unproven_page(s: Scene) -> bool:
    return not s.path.proven and s.path.stage in NO_STAGE_OR_PAGE


def _known_page(s: Scene) -> bool:
    """A page that controls elsewhere are served too is the service's own: a seized name, or its operator's notice."""
    return _unproven_page(s) and s.path.mark.fits and not s.path.control_page_same


def _differs(s: Scene) -> bool:
    return (not s.path.proven and s.path.stage == "page" and s.path.control_page_differs > 0
            and not s.path.control_page_same and convicts(s) and 200 <= s.path.status < 300)


def _not_the_servers(s: Scene) -> bool:
    """Pages differ by country, language and chance. That it is not the server's own is shown by unrelated services that
    are answered with it too, by a place on the way where it comes from, or by the packets it came in."""
    on_the_way = s.path.located.most > 0 and not s.path.located.at_end
    return s.path.page_of_others or on_the_way or injected(s)


HTTP: tuple[PathRule, ...] = (
    Rule("http/known_redirect", "blocked", "http.redirect", 0.97, ("nothing",),
         "the request is redirected to a block page that is known of this country, and no control's is",
         lambda s: _known_page(s) and 300 <= s.path.status < 400),
    Rule("http/known_blockpage", "blocked", "http.blockpage", 0.97, ("nothing",),
         "a block page is served that is known of this country, and to no control",
         _known_page),
    Rule("http/page_of_servers", "inconclusive", "inconclusive.unexplained", 0.6, ("nothing",),
         "a page in the clear that servers, content networks and gateways show themselves: a challenge, a geo-fence, "
         "a parked name, a portal",
         lambda s: _unproven_page(s) and bool(s.path.mark.harmless) and not s.path.control_page_same),
    Rule("http/blockpage_known_elsewhere", "blocked", "http.blockpage", 0.9, ("helper",),
         "the page of a filter is served, of a product or known of another country, and controls are served another",
         lambda s: _unproven_page(s) and bool(s.path.mark.name) and s.path.control_page_differs > 0
         and not s.path.control_page_same and convicts(s) and not 300 <= s.path.status < 400),
    Rule("http/foreign_redirect", "blocked", "http.redirect", 0.9, ("helper",),
         "the request is redirected to a foreign place, and controls are not",
         lambda s: not s.path.proven and s.path.stage == "page" and s.path.foreign_redirect
         and s.path.control_page_differs > 0 and not s.path.control_page_same and not s.path.control_redirects_alike
         and convicts(s)),
    Rule("http/foreign_page", "blocked", "http.blockpage", 0.85, ("helper",),
         "another page than the service's is served, which unrelated services' names draw here as well, or which comes "
         "from on the way; and controls are served another",
         lambda s: _differs(s) and _not_the_servers(s)),
    Rule("http/page_varies", "inconclusive", "inconclusive.disagreeing", 0.5, ("helper",),
         "another page than expected is served, and controls are served another: servers have pages for each country",
         _differs),
    Rule("http/server_differs_for_all", "down", "server.error", 0.8, ("helper",),
         "controls are served the same unexpected page",
         lambda s: not s.path.proven and s.path.stage == "page" and s.path.control_page_same > 0),
    Rule("http/cut_off_for_all", "down", "server.limit", 0.85, ("two_helpers",),
         "the service ends its answers before they are whole, for controls in two networks as well",
         lambda s: s.path.stage == "http" and s.path.failure == "eof_error" and s.path.status > 0
         and s.path.control_failed >= 2 and not s.path.control_ok),
    Rule("http/controls_fail_too", "down", "server.error", 0.85, ("two_helpers",),
         "requests from two other networks fail as well",
         lambda s: s.path.stage in _HTTP_OR_PAGE and s.path.control_failed >= 2 and not s.path.control_ok),
    Rule("http/too_slow", "inconclusive", "inconclusive.control_doubtful", 0.5, ("nothing",),
         "the page still came when its time was up: the server may send slowly, or the way to it carry little",
         lambda s: s.path.stage == "http" and s.path.seeps),
    Rule("flow/silent_once_encrypted", "blocked", "flow.freeze", 0.8, ("helper",),
         "every connection completes its handshake and then falls silent, and controls reach the service there",
         lambda s: s.path.secure and ended_by(s, "http", "silence") and convicts(s) and contrary_here(s)
         and s.path.stops_alike and not s.path.flow.trickles and s.ladder.full_segments
         and not s.ladder.starves(s.path.address)),
    *(rule for action in ACTIONS for rule in elsewhere_rules("http", action, "host")),
    *(rule for action in ACTIONS for rule in named_rules("http", action, "host")),
    Rule("http/answered", "ok", "", 0.7, ("nothing",),
         "a page came, as expected as far as the catalogue knows, and no control contradicts it",
         lambda s: s.path.kind == "http" and s.path.last_ok and s.path.stage == "" and not s.path.control_page_differs
         and not s.path.foreign_redirect),
)
