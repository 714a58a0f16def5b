"""What a helper that lies makes of the truth, as the probe reads it."""

from __future__ import annotations

import json

import pytest

from observations import endpoint
from probe.controls.asking.helper_answer import parse_answer
from probe.controls.helper_protocol import HttpResult, Response, TcpResult, TlsResult, XResult, encode_message
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe_lab.host.false_helper import REFUSED, FalseStyle, falsify

URL, HERE = "https://chat.example/", Place("93.184.0.1", 443)
KEY = "ab" * 32
TRUTH = Response(
    tcp_connect={"93.184.0.1:443": TcpResult(status=True, failure=None)},
    tls_handshake={"93.184.0.1:443": TlsResult(server_name="chat.example", status=False, failure="connection_reset")},
    http_request=HttpResult(failure="unknown_error", x_failure="connection_reset"),
    x_endpoints=[XResult(proto="dns", host="chat.example", operation="resolve", addresses=["93.184.0.1"]),
                 XResult(proto="tls", host="chat.example", port=443, address="93.184.0.1", operation="tls_handshake",
                         failure="ssl_unknown_authority", leaf_key_sha256=KEY)],
)


def read(style: FalseStyle) -> ControlAnswer:
    of = endpoint(URL)
    blank = ControlAnswer(control_id="a", input=URL, state="failed")
    body = json.dumps(falsify(json.loads(encode_message(TRUTH)), style)).encode()
    return parse_answer(body, blank=blank, endpoint=of)


@pytest.mark.parametrize(("style", "tcp", "tls", "http"), [
    ("well", "", "", ""), ("down", REFUSED, REFUSED, REFUSED), ("keys", "", "", "connection_reset")])
def test_each_style_tells_its_own_story(style: FalseStyle, tcp: str, tls: str, http: str) -> None:
    told = read(style)
    assert (dict(told.tcp)[HERE], dict(told.tls)[HERE], told.http_failure) == (tcp, tls, http)
    assert told.addresses == ("93.184.0.1",)


STYLES: tuple[FalseStyle, ...] = ("well", "keys")


def test_only_a_liar_about_keys_tells_of_another() -> None:
    assert {style: dict(read(style).leaf_keys)[HERE] == KEY for style in STYLES} == {
        "well": True, "keys": False}
