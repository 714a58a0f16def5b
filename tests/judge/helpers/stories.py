"""Whole stories: what a network does to one endpoint, and the verdict that is right."""

from __future__ import annotations

from typing import Any, Final

from made_up_net import Net
from made_up_verdicts import HONEST, cut
from observations import EOF, HERE4, HOST, NEAR4, NOWHERE, REFUSED, RESET, TIMEOUT, expecting, told
from probe.core.observations import ControlAnswer
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.instruments.steps import AskControl

PLAIN = f"http://{HOST}/"
NXDOMAIN: Final = "dns_nxdomain_error"
DENIED: dict[str, tuple[str, ...] | str] = {**HONEST, "system": NXDOMAIN, "network": NXDOMAIN}
DENIED_TWICE: dict[str, tuple[str, ...] | str] = {**DENIED, "public": NXDOMAIN, "tcp": NXDOMAIN}
SILENT: dict[str, tuple[str, ...] | str] = {**HONEST, "system": TIMEOUT, "network": TIMEOUT}
FORGED: dict[str, tuple[str, ...] | str] = {**HONEST, "system": (NOWHERE,), "network": (NOWHERE,)}


def failing_too(step: AskControl) -> ControlAnswer:
    """A control that meets what the probe meets."""
    bad = tuple((f"{a}:{port}", REFUSED) for a in step.addresses for port in (80, 443))
    return told(step.control_id, input=step.input, tcp=bad, tls=bad, http_failure=REFUSED, dns_failure=NXDOMAIN)


def one_failing(step: AskControl) -> ControlAnswer:
    return failing_too(step) if step.control_id == "a" else told("b", state="failed", input=step.input)


def other_key(step: AskControl) -> ControlAnswer:
    return told(step.control_id, input=step.input, tls=tuple((f"{a}:443", "") for a in step.addresses),
                leaf_keys=tuple((f"{a}:443", "genuine") for a in step.addresses))


def other_page(step: AskControl) -> ControlAnswer:
    return told(step.control_id, input=step.input, http_failure="", http_status=200, http_title="Chat",
                http_body_bytes=999)


BLOCKPAGE: dict[str, Any] = {"title": "Forbidden", "body_bytes": 500, "met_expectation": "no", "mismatch": "body"}
KNOWN: dict[str, Any] = {"fingerprint": "page", "fingerprint_scope": "national RU"}
UNPLACED: Final = ("inconclusive", "inconclusive.unplaced")
"""The service's own front may do the same."""
EXPECTING = expecting(PLAIN, body=("chat",))
STORIES = {
    "all is well": (Net(dns=HONEST), "ok", "", "tls/proven"),
    "an SNI is reset, by whom?": (cut("tls", RESET), *UNPLACED, "path/unplaced"),
    "an SNI is met with silence, by whom?": (cut("tls", TIMEOUT), *UNPLACED, "path/unplaced"),
    "an SNI is closed, by whom?": (cut("tls", EOF), "inconclusive", "inconclusive.unexplained", "path/unexplained"),
    "every name at the address is reset": (cut("tls", RESET, innocent_cuts={HERE4: ("tls", RESET)}), "inconclusive",
                                           "inconclusive.unconfirmed", "tls/reset_address"),
    "the address is silent, and so is its neighbour": (cut("connect", TIMEOUT), *UNPLACED, "path/unplaced"),
    "its neighbour's packets pass": (cut("connect", TIMEOUT, neighbour_passes=True), "blocked", "ip.blackhole",
                                     "ip/vanishes"),
    "one port is silent": (cut("connect", TIMEOUT, port_failure=REFUSED), "blocked", "tcp.drop.port",
                           "tcp/port_vanishes"),
    "refused here": (cut("connect", REFUSED), "blocked", "ip.reset", "ip/reset_on_the_way"),
    "the operator refuses us": (cut("connect", REFUSED, lost="far"), "inconclusive", "inconclusive.unconfirmed",
                                "ip/lost_close_to_the_service"),
    "the operator is silent": (cut("connect", TIMEOUT, lost="far"), "inconclusive", "inconclusive.unconfirmed",
                               "ip/lost_close_to_the_service"),
    "silent, and no router answers": (cut("connect", TIMEOUT, lost=""), "inconclusive", "inconclusive.unconfirmed",
                                      "ip/lost_somewhere"),
    "refused everywhere": (cut("connect", REFUSED, told=failing_too, lost="far"), "down", "server.refused",
                           "ip/controls_refused_too"),
    "silent everywhere": (cut("connect", TIMEOUT, told=failing_too, lost="far"), "down", "server.unreachable",
                          "ip/controls_fail_too"),
    "silent everywhere, and no router answers": (cut("connect", TIMEOUT, told=failing_too, lost=""), "down",
                                                 "server.unreachable", "ip/controls_fail_too"),
    "silent everywhere, and lost on the way": (cut("connect", TIMEOUT, told=failing_too), "inconclusive",
                                               "inconclusive.control_doubtful", "ip/lost_here_and_elsewhere"),
    "one control fails too": (cut("connect", TIMEOUT, told=one_failing), "inconclusive",
                              "inconclusive.control_doubtful", "path/control_fails_too"),
    "one control fails too, far out": (cut("connect", TIMEOUT, told=one_failing, lost="far"), "down",
                                       "server.unreachable", "ip/control_fails_and_lost_far"),
    "somebody else's certificate": (
        cut("tls", "ssl_unknown_authority", cut_shake={"trust": "self_signed", "chain": ("forged",)}, told=other_key),
        *UNPLACED, "path/unplaced"),
    "the server refuses this place": (Net(dns=HONEST, page={"status": 403, "met_expectation": "no"}), "down",
                                      "server.restricted", "http/restricted"),
    "the server fails": (Net(dns=HONEST, page={"status": 502, "met_expectation": "no"}), "down", "server.error",
                         "http/server_error_here"),
    "the name is denied": (Net(dns=DENIED), *UNPLACED, "dns/unplaced"),
    "the name is denied by two resolvers": (Net(dns=DENIED_TWICE), *UNPLACED, "dns/unplaced"),
    "the name is denied everywhere": (Net(dns=dict.fromkeys(HONEST, NXDOMAIN), told=failing_too), "down",
                                      "server.nonexistent", "dns/denied_everywhere"),
    "questions go unanswered": (Net(dns=SILENT | {"alive": (NEAR4,)}), *UNPLACED, "dns/unplaced"),
    "questions for a longer answer than any that came go unanswered": (
        Net(dns=SILENT | {"alive": (NEAR4,)}, reply_bytes=40), "inconclusive", "inconclusive.unconfirmed",
        "dns/long_answer_lost"),
    "the resolver gives up": (Net(dns=SILENT | {"alive": TIMEOUT}), "local", "local.resolver", "dns/resolver_gave_up"),
    "the resolver lies": (Net(dns=FORGED), "blocked", "dns.forged", "dns/false_answer_here_only"),
    "every resolver lies": (Net(dns=FORGED | {"public": (NOWHERE,)}), "blocked", "dns", "dns/false_answer_everywhere"),
    "the way answers": (Net(dns=FORGED | {"dark": (NOWHERE,)}), "blocked", "dns.injection",
                        "dns/dark_address_answers"),
    "the way leads all questions astray": (
        Net(dns=FORGED | {"public": (NOWHERE,), "dark": (NOWHERE,), "innocent": (NEAR4,)}), "blocked", "dns.hijack",
        "dns/led_astray"),
    "the name leads home": (Net(dns=dict.fromkeys(HONEST, (NOWHERE,))), NOT_ATTEMPTED, "inconclusive.not_attempted",
                            ""),
}
"""Of a page over TLS."""
CLEAR = {
    "known content": (Net(dns=HONEST, page={"met_expectation": "yes"}), "ok", "", "http/known_content"),
    "another page": (Net(dns=HONEST, page=BLOCKPAGE, told=other_page), "inconclusive", "inconclusive.disagreeing",
                     "http/page_varies"),
    "a known block page": (Net(dns=HONEST, page=BLOCKPAGE | KNOWN), "blocked",
                           "http.blockpage", "http/known_blockpage"),
    "a foreign redirect": (
        Net(dns=HONEST, page=BLOCKPAGE | {"status": 302, "location": "http://away.net/"}, told=other_page), *UNPLACED,
        "path/unplaced"),
    "a Host is reset": (cut("http", RESET), *UNPLACED, "path/unplaced"),
}
"""Of a page in the clear."""
