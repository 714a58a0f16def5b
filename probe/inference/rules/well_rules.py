"""Rules over paths that work, or that need no accusation: they come first."""

from __future__ import annotations

from probe.core.tables.evidence_words import NO_STAGE_OR_PAGE, Stage
from probe.core.tables.protocols import SiteKind
from probe.inference.rules.path_context import PathRule, Scene, everybody_resigned
from probe.inference.rules.rule import Rule

WELL: tuple[PathRule, ...] = (
    Rule("path/not_attempted", "inconclusive", "inconclusive.not_attempted", 0.0, ("nothing",),
         "nothing was tried", lambda s: s.path.attempts == 0, hands_on=True),
    Rule("path/looked_at_only", "inconclusive", "inconclusive.not_attempted", 0.0, ("nothing",),
         "the address accepts connections; the endpoint itself was tried at another one",
         lambda s: s.path.stage == "" and s.path.depth < s.path.needs and not s.path.proven
         and not s.path.must_not_answer, hands_on=True),
    Rule("path/stays_closed", "ok", "", 0.9, ("nothing",), "the port stays closed, as it should",
         lambda s: s.path.must_not_answer and s.path.stage == "connect"),
    Rule("path/answers_for_everybody", "local", "local.interception", 0.8, ("nothing",),
         "a port that must be closed accepts: something on the way answers for everybody",
         lambda s: s.path.must_not_answer),
    Rule("path/abroad_is_cut_off", "network", "network.national_only", 0.8, ("ladder",),
         "the address does not answer, and nothing outside the country does",
         lambda s: s.path.stage == "connect" and s.ladder.national_only),
    Rule("path/ipv6_broken", "local", "local.ipv6", 0.95, ("nothing",), "no IPv6 address answers here",
         lambda s: s.path.family == 6 and s.ladder.ipv6 == "broken" and s.path.stage in _FIRST_STAGES
         and not s.path.last_ok),
    Rule("http/restricted", "down", "server.restricted", 0.95, ("nothing",),
         "the genuine server refuses this place or client by its own choice",
         lambda s: s.path.proven and s.path.met != "yes" and s.path.status in (403, 451)),
    Rule("http/rate_limited", "down", "server.rate_limited", 0.95, ("nothing",), "the genuine server asks for patience",
         lambda s: s.path.proven and s.path.met != "yes" and s.path.status == 429),
    Rule("http/server_error", "down", "server.error", 0.9, ("nothing",), "the genuine server fails",
         lambda s: s.path.proven and s.path.met != "yes" and 500 <= s.path.status < 600),
    Rule("http/other_than_expected", "inconclusive", "inconclusive.instrument", 0.6, ("nothing",),
         "the genuine server answers, but not as the catalogue expects",
         lambda s: s.path.proven and s.path.met == "no" and s.path.stage in NO_STAGE_OR_PAGE),
    Rule("tls/proven", "ok", "", 0.99, ("nothing",), "the genuine server answers",
         lambda s: s.path.proven and s.path.stage == "" and s.path.last_ok and s.path.failed_attempts < 2),
    Rule("http/known_content", "ok", "", 0.97, ("nothing",), "content that the catalogue knows was served",
         lambda s: s.path.kind == "http" and s.path.last_ok and s.path.met == "yes" and s.path.content_known
         and s.path.failed_attempts < 2),
    Rule("http/same_as_control", "ok", "", 0.95, ("helper",), "controls are served the same page",
         lambda s: s.path.kind == "http" and s.path.stage in NO_STAGE_OR_PAGE and s.path.control_page_same > 0
         and s.path.met != "no" and (s.path.failed_attempts < 2 or bool(s.path.mark.name))),
    Rule("tls/anybody_may_answer", "inconclusive", "inconclusive.control_doubtful", 0.5, ("ladder",),
         "innocent servers present certificates of nobody we trust, and none is known that this server should have",
         lambda s: _unjudged(s) and everybody_resigned(s) and not s.path.control_same_key),
    Rule("path/connects", "ok", "", 0.8, ("nothing",), "the endpoint answers as far as its protocol can be checked",
         lambda s: s.path.kind in _BELOW_HTTP and s.path.last_ok and s.path.failed_attempts < 2),
    Rule("path/mixed", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "some attempts fail and some succeed", lambda s: s.path.last_ok and s.path.failed_attempts >= 2),
)
_BELOW_HTTP: tuple[SiteKind, ...] = ("tcp", "tls")
_FIRST_STAGES: tuple[Stage, ...] = ("connect", "quic", "stun")


def _unjudged(s: Scene) -> bool:
    """Somebody answers over TLS, and whose certificate it is nobody judges."""
    return s.path.secure and not s.path.proven and s.path.stage == "" and s.path.last_ok
