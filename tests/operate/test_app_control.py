"""Helpers say a messenger's first words too, and tell what came of it; those that cannot stay at TCP."""

from __future__ import annotations

import json

import pytest

from control_world import HERE, HOST, helper_at
from loopback import Behaviour, serving
from probe.controls.asking.helper_answer import parse_answer
from probe.controls.asking.helper_client import HelperConfig, ask_helper, make_helper_request
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.reaching.target_guard import TargetGuard
from test_app_exchange import genuine, replying


def messenger(port: int, protocol: str = "mtproto", **changes: str) -> Endpoint:
    plain: dict[str, str] = dict(input=f"tcpconnect://{HERE}:{port}", host=HERE, address=HERE)
    plain |= changes
    return Endpoint(target_id="t", service="s", role="chat", tier=1, protocol=protocol, port=port, **plain)  # type: ignore[arg-type]


@pytest.mark.parametrize(("behave", "word"), [
    (genuine("mtproto"), "proven"), (genuine("mtproto", wrong=True), "foreign"),
    (replying(b"HTTP/1.1 200 OK"), "foreign"), (replying(), "eof_error"), (replying(then="reset"), "connection_reset"),
], ids=["genuine", "wrong nonce", "page", "closed", "reset"])
def test_a_helper_tells_what_the_service_answered(behave: Behaviour, word: str) -> None:
    with serving(behave) as server:
        engine = HelperEngine(pool=FuturePool(4), guard=TargetGuard(exempt=frozenset({(HERE, server.port)})),
                              resolvers=())
        with helper_at(engine) as url:
            helper = HelperConfig(control_id="t", url=url)
            answer = ask_helper(helper, messenger(server.port), (HERE,), timeout_s=30, clock=lambda: 0.0)
    assert answer.state == "answered"
    assert answer.tcp == ((Place(HERE, server.port), ""),)
    assert answer.app == ((Place(HERE, server.port), word),)


def test_what_is_asked_of_a_helper() -> None:
    (first, *_) = make_helper_request(messenger(443), ()).x_endpoints or []
    assert (first.proto, first.app, first.sni) == ("tcp", "mtproto", "")
    starttls = messenger(5222, "xmpp_starttls", host=HOST, address="", sni="chat.example", trust="web_pki")
    entries = [e for e in make_helper_request(starttls, ()).x_endpoints or [] if e.proto != "dns"]
    assert {(e.proto, e.app, e.app_name, e.sni) for e in entries} == {("tcp", "xmpp_starttls", "chat.example", "")}
    mail = messenger(993, "imap", host=HOST, address="", sni=HOST, trust="web_pki")
    entries = [e for e in make_helper_request(mail, ()).x_endpoints or [] if e.proto != "dns"]
    assert {(e.proto, e.app, e.sni) for e in entries} == {("tls", "imap", HOST)}
    plain = messenger(443, "tcp")
    assert all(not e.app for e in make_helper_request(plain, ()).x_endpoints or [])


@pytest.mark.parametrize(("told", "app"), [
    ({"operation": "app_round_trip", "proof": "proven"}, "proven"),
    ({"operation": "app_round_trip", "proof": "proven", "failure": "generic_timeout_error"}, "generic_timeout_error"),
    ({"operation": "app_round_trip", "proof": "certainly"}, "unknown"),
    ({"operation": "app_round_trip"}, "unknown"),
    ({"operation": "connect"}, ""),
])
def test_a_helpers_words_are_taken_from_the_table(told: dict[str, str], app: str) -> None:
    entry = {"proto": "tcp", "host": HERE, "port": 443, "address": HERE} | told
    blank = ControlAnswer(control_id="t", input="i", state="failed")
    answer = parse_answer(json.dumps({"x_endpoints": [entry]}).encode(), blank=blank, endpoint=messenger(443))
    assert answer.tcp == ((Place(HERE, 443), ""),)
    assert answer.app == (((Place(HERE, 443), app),) if app else ())
