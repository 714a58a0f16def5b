"""Rules over one address of one endpoint: connection, handshake, page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from probe.compare.ladder import LadderEvidence
from probe.compare.path import REFUSED, RESET, TIMEOUTS, PathEvidence
from probe.rules.table import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A path, the network it lies in, and what the catalogue says of the operator."""

    path: PathEvidence
    ladder: LadderEvidence
    self_block: bool = False
    """The operator itself is known to refuse some places: a silent refusal cannot be told from a block."""


PathRule = Rule[Scene]
ADMINISTRATIVE = ("3/9 ", "3/10 ", "3/13 ", "1/1 ", "1/5 ", "1/6 ")
"""ICMP codes that say "prohibited" (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1)."""


def _repeated(s: Scene) -> bool:
    """Several fresh connections, every one failing, and alike; more of them where a failure costs no time."""
    quick = s.path.stage in ("tls", "http") and s.path.failure not in TIMEOUTS and not s.path.trust
    enough = s.path.failed_attempts >= (4 if quick else 3)
    return enough and s.path.failed_attempts == s.path.attempts and s.path.same_failure


def _contrary(s: Scene) -> bool:
    """Controls reach what fails here, and none fails as well."""
    return s.path.control_ok > 0 and not s.path.control_failed


def _convicts(s: Scene) -> bool:
    return _repeated(s) and not s.path.tainted and not s.self_block and s.ladder.well


def _lost_here(s: Scene) -> bool:
    """Attempts to connect end where other traffic from here passes. An operator that refuses us ends them at its own
    door, and from here nothing else tells the two apart."""
    return _convicts(s) and s.path.lost == "near"


def _at(stage: str, *failures: str) -> frozenset[tuple[str, str]]:
    return frozenset((stage, f) for f in failures)


_ACTIONS: dict[str, frozenset[tuple[str, str]]] = {
    "reset": _at("tls", RESET) | _at("http", RESET),
    "close": _at("tls", "eof_error") | _at("http", "eof_error"),
    "silence": frozenset((stage, word) for stage in ("tls", "http") for word in TIMEOUTS),
}


def _action(s: Scene, stage: str, action: str) -> bool:
    return s.path.stage == stage and (stage, s.path.failure) in _ACTIONS[action]


def _tls_alert(s: Scene) -> bool:
    return s.path.stage == "tls" and s.path.tls_alert >= 0 and s.path.failure.startswith("ssl_error")


def _untrusted(s: Scene) -> bool:
    return s.path.stage == "tls" and s.path.trust in ("self_signed", "unknown_issuer", "wrong_name", "invalid")


def _outdated(s: Scene) -> bool:
    return s.path.stage == "tls" and s.path.trust in ("expired", "not_yet_valid")


def _silence_kind(s: Scene, stage: str, kind: str) -> bool:
    """drop: the peer's TCP never acknowledged what was sent; mute: it did, or nobody can tell."""
    return (_action(s, stage, "silence") and (s.path.acked == "no") == (kind == "drop")
            and not s.ladder.starves(s.path.address))


_TLS: dict[str, Callable[[Scene], bool]] = {
    "reset": lambda s: _action(s, "tls", "reset"),
    "close": lambda s: _action(s, "tls", "close"),
    "alert": _tls_alert,
    "drop": lambda s: _silence_kind(s, "tls", "drop"),
    "mute": lambda s: _silence_kind(s, "tls", "mute"),
}
_HTTP: dict[str, Callable[[Scene], bool]] = {
    "reset": lambda s: _action(s, "http", "reset"),
    "close": lambda s: _action(s, "http", "close"),
    "drop": lambda s: _silence_kind(s, "http", "drop"),
    # Where no full segment arrives from anywhere, large answers are lost on the way, whoever asked for them.
    "mute": lambda s: _silence_kind(s, "http", "mute") and s.ladder.full_segments,
}


def _named(layer: str, action: str, trigger: str) -> tuple[PathRule, ...]:
    """Three depths of one action: by the name, by the address, and undecided between them."""
    shows = _TLS[action] if layer == "tls" else _HTTP[action]
    stem = f"{layer}.{action}"

    def unseen(s: Scene) -> bool:
        """Inside TLS no box on the way reads the Host, and an innocent name was not asked for one."""
        return layer == "http" and s.path.secure

    def by_name(s: Scene) -> bool:
        return shows(s) and s.path.innocent == "reached" and not unseen(s) and _convicts(s)

    rules: list[PathRule] = [
        Rule(f"{layer}/{action}_{trigger}_control", "blocked", f"{stem}.{trigger}", 0.97, ("innocent", "helper"),
             "an innocent name on the same address is answered, this one is not, and controls reach it",
             lambda s: by_name(s) and _contrary(s)),
        Rule(f"{layer}/{action}_undecided", "blocked", stem, 0.85, ("helper",),
             "every connection fails alike, and controls reach the service; the trigger is not shown",
             lambda s: shows(s) and _convicts(s) and _contrary(s) and not unseen(s)
             and s.path.innocent in ("unasked", "tainted")),
    ]
    if action not in ("alert", "close"):  # a server may refuse a name it no longer serves by an alert or an end
        rules.insert(1, Rule(
            f"{layer}/{action}_{trigger}", "blocked", f"{stem}.{trigger}", 0.85, ("innocent",),
            "an innocent name on the same address is answered, this one never is",
            lambda s: by_name(s) and not s.path.controls_answered))
    whole = "address" if layer == "tls" else "any_host"
    # Somebody else behind the same address translator may have set off residual blocking, or the operator refuses us.
    rules.append(Rule(
        f"{layer}/{action}_{whole}", "inconclusive", "inconclusive.unconfirmed", 0.6, ("innocent", "helper"),
        "every name on this address fails, and controls reach it: a block of the address, one that a neighbour set "
        "off for a while, and an operator that refuses this place look alike",
        lambda s: shows(s) and _convicts(s) and _contrary(s) and not unseen(s) and s.path.innocent == "failed"))
    return tuple(rules)


WELL: tuple[PathRule, ...] = (
    Rule("path/not_attempted", "inconclusive", "inconclusive.not_attempted", 0.0, ("nothing",),
         "nothing was tried", lambda s: s.path.attempts == 0),
    Rule("path/looked_at_only", "inconclusive", "inconclusive.not_attempted", 0.0, ("nothing",),
         "the address accepts connections; the endpoint itself was tried at another one",
         lambda s: s.path.stage == "" and s.path.depth < s.path.needs and not s.path.proven
         and not s.path.must_not_answer),
    Rule("path/stays_closed", "ok", "", 0.9, ("nothing",), "the port stays closed, as it should",
         lambda s: s.path.must_not_answer and s.path.stage == "connect"),
    Rule("path/answers_for_everybody", "local", "local.interception", 0.8, ("nothing",),
         "a port that must be closed accepts: something on the way answers for everybody",
         lambda s: s.path.must_not_answer),
    Rule("path/abroad_is_cut_off", "network", "network.national_only", 0.8, ("ladder",),
         "the address does not answer, and nothing outside the country does",
         lambda s: s.path.stage == "connect" and s.ladder.national_only),
    Rule("path/ipv6_broken", "local", "local.ipv6", 0.95, ("nothing",), "no IPv6 address answers here",
         lambda s: s.path.family == 6 and s.ladder.ipv6 == "broken" and s.path.stage == "connect"),
    Rule("http/restricted", "down", "server.restricted", 0.95, ("nothing",),
         "the genuine server refuses this place or client by its own choice",
         lambda s: s.path.proven and s.path.met != "yes" and s.path.status in (403, 451)),
    Rule("http/rate_limited", "down", "server.rate_limited", 0.95, ("nothing",), "the genuine server asks for patience",
         lambda s: s.path.proven and s.path.met != "yes" and s.path.status == 429),
    Rule("http/server_error", "down", "server.error", 0.9, ("nothing",), "the genuine server fails",
         lambda s: s.path.proven and s.path.met != "yes" and 500 <= s.path.status < 600),
    Rule("http/other_than_expected", "inconclusive", "inconclusive.instrument", 0.6, ("nothing",),
         "the genuine server answers, but not as the catalogue expects",
         lambda s: s.path.proven and s.path.met == "no" and s.path.stage in ("", "page")),
    Rule("tls/proven", "ok", "", 0.99, ("nothing",), "the genuine server answers",
         lambda s: s.path.proven and s.path.stage == "" and s.path.last_ok and s.path.failed_attempts < 2),
    Rule("http/known_content", "ok", "", 0.97, ("nothing",), "content that the catalogue knows was served",
         lambda s: s.path.kind == "http" and s.path.last_ok and s.path.met == "yes" and s.path.content_known
         and s.path.failed_attempts < 2),
    Rule("http/same_as_control", "ok", "", 0.95, ("helper",), "controls are served the same page",
         lambda s: s.path.kind == "http" and s.path.stage in ("", "page") and s.path.control_page_same > 0
         and s.path.met != "no" and s.path.failed_attempts < 2),
    Rule("path/connects", "ok", "", 0.8, ("nothing",), "the endpoint answers as far as its protocol can be checked",
         lambda s: s.path.kind in ("tcp", "tls") and s.path.last_ok and s.path.failed_attempts < 2),
    Rule("path/mixed", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "some attempts fail and some succeed", lambda s: s.path.last_ok and s.path.failed_attempts >= 2),
)

CONNECT: tuple[PathRule, ...] = (
    Rule("ip/controls_refused_too", "down", "server.refused", 0.92, ("two_helpers",),
         "controls in two networks are refused as well",
         lambda s: s.path.stage == "connect" and s.path.failure == REFUSED and s.path.control_failed >= 2
         and not s.path.control_ok),
    Rule("ip/controls_fail_too", "down", "server.unreachable", 0.92, ("two_helpers",),
         "controls in two networks cannot reach it either",
         lambda s: s.path.stage == "connect" and s.path.control_failed >= 2 and not s.path.control_ok),
    Rule("ip/prohibited", "blocked", "ip.unreachable", 0.92, ("helper",),
         "a router says that the address is prohibited, and controls reach it",
         lambda s: s.path.stage == "connect" and s.path.icmp.startswith(ADMINISTRATIVE) and _contrary(s)
         and _convicts(s)),
    Rule("ip/unreachable_here_only", "blocked", "ip.unreachable", 0.75, ("helper",),
         "a router cannot or will not reach the address, and controls do",
         lambda s: s.path.stage == "connect" and bool(s.path.icmp) and _contrary(s) and _convicts(s)),
    Rule("tcp/refused_after_some", "blocked", "tcp.rate", 0.8, ("helper", "routers"),
         "the address accepted our first connections and no more of them; they end where other packets pass",
         lambda s: s.path.stage == "connect" and s.path.opened_before and _contrary(s) and _lost_here(s)),
    Rule("ip/reset_on_the_way", "blocked", "ip.reset", 0.95, ("helper", "routers"),
         "the SYN is reset where packets for other addresses are still under way, and controls connect",
         lambda s: s.path.stage == "connect" and s.path.failure in (REFUSED, RESET) and _contrary(s)
         and _lost_here(s)),
    Rule("tcp/port_vanishes", "blocked", "tcp.drop.port", 0.9, ("helper", "routers"),
         "attempts on this port are lost where other packets pass, another port of the address answers, and controls "
         "connect to this one",
         lambda s: s.path.stage == "connect" and s.path.failure in TIMEOUTS and _contrary(s) and _lost_here(s)
         and s.path.other_port in ("open", "closed")),
    Rule("ip/vanishes", "blocked", "ip.blackhole", 0.9, ("helper", "routers"),
         "packets to the address are lost where others pass, and controls connect to it",
         lambda s: s.path.stage == "connect" and s.path.failure in TIMEOUTS and _contrary(s) and _lost_here(s)
         and s.path.other_port == "silent"),
    Rule("ip/vanishes_undecided", "blocked", "ip", 0.8, ("helper", "routers"),
         "attempts to connect are lost where others pass, and controls connect to the address",
         lambda s: s.path.stage == "connect" and s.path.failure in TIMEOUTS and _contrary(s) and _lost_here(s)),
    Rule("ip/lost_close_to_the_service", "inconclusive", "inconclusive.unconfirmed", 0.5, ("helper", "routers"),
         "attempts to connect pass everything that other traffic from here passes: the operator itself may refuse them",
         lambda s: s.path.stage == "connect" and _contrary(s) and _convicts(s) and s.path.lost == "far"),
    Rule("ip/lost_somewhere", "inconclusive", "inconclusive.unconfirmed", 0.5, ("helper",),
         "controls connect to the address; whether this network or the operator itself refuses us is not shown",
         lambda s: s.path.stage == "connect" and _contrary(s) and _convicts(s)),
)

TLS: tuple[PathRule, ...] = (
    Rule("tls/clock", "local", "local.clock", 0.95, ("ladder",),
         "certificates seem outdated because this device's clock is wrong",
         lambda s: _outdated(s) and s.ladder.clock_wrong),
    Rule("tls/expired", "down", "server.certificate", 0.93, ("nothing",),
         "the service's own certificate is outdated: its chain leads to a trusted root",
         lambda s: _outdated(s)),
    Rule("tls/everything_resigned", "local", "local.interception", 0.9, ("ladder",),
         "innocent servers present certificates of nobody we trust as well",
         lambda s: _untrusted(s) and s.ladder.resigned >= 2 and not s.ladder.tls_ok - s.ladder.resigned),
    Rule("tls/private_root_changed", "inconclusive", "inconclusive.instrument", 0.7, ("nothing",),
         "the chain claims the service's own authority under a root that the catalogue does not know",
         lambda s: _untrusted(s) and s.path.private_root),
    Rule("tls/same_bad_certificate", "down", "server.certificate", 0.93, ("helper",),
         "controls are shown the same certificate",
         lambda s: _untrusted(s) and s.path.control_same_key > 0 and not s.path.control_other_key),
    Rule("tls/foreign_certificate", "blocked", "tls.mitm", 0.93, ("helper",),
         "controls are shown another, valid certificate at this address",
         lambda s: _untrusted(s) and s.path.control_other_key > 0 and not s.path.control_same_key and _contrary(s)
         and _convicts(s)),
    Rule("path/large_answers_lost", "local", "local.mtu", 0.8, ("ladder",),
         "small answers arrive and no full segment does, from anywhere: packets are too large for the line",
         lambda s: s.ladder.narrow and s.path.stage in ("tls", "http") and s.path.failure in TIMEOUTS
         and s.path.acked != "no"),
    Rule("tls/every_name_fails", "local", "local.firewall", 0.8, ("ladder",),
         "handshakes with unrelated addresses fail as well: nobody is singled out",
         lambda s: s.path.stage == "tls" and s.ladder.tls_failed >= 2 and s.ladder.tls_ok == 0),
    Rule("tls/controls_fail_too", "down", "server.error", 0.85, ("two_helpers",),
         "handshakes from two other networks fail as well",
         lambda s: s.path.stage == "tls" and s.path.control_failed >= 2 and not s.path.control_ok),
    *_named("tls", "reset", "sni"),
    *_named("tls", "close", "sni"),
    *_named("tls", "alert", "sni"),
    *_named("tls", "drop", "sni"),
    *_named("tls", "mute", "sni"),
)

HTTP: tuple[PathRule, ...] = (
    Rule("http/known_redirect", "blocked", "http.redirect", 0.97, ("nothing",),
         "the request is redirected to a known block page",
         lambda s: not s.path.proven and s.path.stage in ("", "page") and bool(s.path.fingerprint)
         and 300 <= s.path.status < 400),
    Rule("http/known_blockpage", "blocked", "http.blockpage", 0.97, ("nothing",), "a known block page is served",
         lambda s: not s.path.proven and s.path.stage in ("", "page") and bool(s.path.fingerprint)),
    Rule("http/foreign_redirect", "blocked", "http.redirect", 0.9, ("helper",),
         "the request is redirected to a foreign place, and controls are not",
         lambda s: not s.path.proven and s.path.stage == "page" and s.path.foreign_redirect
         and s.path.control_page_differs > 0 and not s.path.control_page_same and not s.path.control_redirects_alike
         and _convicts(s)),
    Rule("http/foreign_page", "blocked", "http.blockpage", 0.85, ("helper",),
         "another page than the service's is served, and controls are served that",
         lambda s: not s.path.proven and s.path.stage == "page" and s.path.control_page_differs > 0
         and not s.path.control_page_same and _convicts(s) and 200 <= s.path.status < 300),
    Rule("http/server_differs_for_all", "down", "server.error", 0.8, ("helper",),
         "controls are served the same unexpected page",
         lambda s: not s.path.proven and s.path.stage == "page" and s.path.control_page_same > 0),
    Rule("http/controls_fail_too", "down", "server.error", 0.85, ("two_helpers",),
         "requests from two other networks fail as well",
         lambda s: s.path.stage in ("http", "page") and s.path.control_failed >= 2 and not s.path.control_ok),
    Rule("flow/silent_once_encrypted", "blocked", "flow.freeze", 0.8, ("helper",),
         "every connection completes its handshake and then falls silent, and controls reach the service",
         lambda s: s.path.secure and _action(s, "http", "silence") and _convicts(s) and _contrary(s)
         and s.path.stops_alike and s.ladder.full_segments and not s.ladder.starves(s.path.address)),
    Rule("tls/cut_off_once_encrypted", "blocked", "tls", 0.8, ("helper",),
         "every connection completes its handshake and is then cut off, and controls reach the service",
         lambda s: s.path.secure and (_action(s, "http", "reset") or _action(s, "http", "close")) and _convicts(s)
         and _contrary(s)),
    *_named("http", "reset", "host"),
    *_named("http", "close", "host"),
    *_named("http", "drop", "host"),
    *_named("http", "mute", "host"),
    Rule("http/answered", "ok", "", 0.7, ("nothing",),
         "a page came, as expected as far as the catalogue knows, and no control contradicts it",
         lambda s: s.path.kind == "http" and s.path.last_ok and s.path.stage == "" and not s.path.control_page_differs
         and not s.path.foreign_redirect),
)

UNDECIDED: tuple[PathRule, ...] = (
    Rule("path/tainted", "inconclusive", "inconclusive.tainted", 0.5, ("nothing",),
         "a neighbour on this address failed first, and may have caused it", lambda s: s.path.tainted),
    Rule("path/too_few", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "too few attempts failed, or not alike", lambda s: s.path.failed_attempts < 3 or not s.path.same_failure),
    Rule("path/controls_disagree", "inconclusive", "inconclusive.disagreeing", 0.5, ("nothing",),
         "controls contradict each other", lambda s: s.path.control_ok > 0 and s.path.control_failed > 0),
    Rule("path/control_fails_too", "inconclusive", "inconclusive.control_doubtful", 0.5, ("nothing",),
         "one control fails as well, which is too few to call the service down",
         lambda s: s.path.control_failed > 0),
    Rule("path/operator_refuses", "inconclusive", "inconclusive.control_doubtful", 0.5, ("nothing",),
         "the operator is known to refuse some places itself", lambda s: s.self_block),
    Rule("path/no_control", "inconclusive", "inconclusive.no_control", 0.5, ("nothing",),
         "no control was available", lambda s: s.path.controls_asked == 0),
    Rule("path/control_failed", "inconclusive", "inconclusive.control_failed", 0.5, ("nothing",),
         "controls were asked and gave no answer", lambda s: s.path.controls_answered == 0),
    Rule("path/unexplained", "inconclusive", "inconclusive.unexplained", 0.5, ("nothing",),
         "no rule explains what was seen", lambda s: True),
)

PATH_RULES: tuple[PathRule, ...] = WELL + CONNECT + TLS + HTTP + UNDECIDED
