"""Redirects are judged by where they end, and pages by size where a title is missing."""

from __future__ import annotations

from typing import Any

import pytest

from ooni_data import ADDRESS, HOST, OTHER_ADDRESS, URL, connect, query, request, shake, told, web
from ooni_fleet import PLAIN, judge, make_days

OTHER = "https://login.other.example/"
TITLE = "<title>Chat</title>hello"


def led(to: str, body: str, *, page: bool = True) -> dict[str, Any]:
    """A page in the clear that redirects to an encrypted one, which is proven."""
    address = ADDRESS if to == URL else OTHER_ADDRESS
    host = HOST if to == URL else "login.other.example"
    first = request(PLAIN, 301, "", address=f"{ADDRESS}:80", headers={"Location": to}, t=0.4)
    last = request(to, body=body, address=f"{address}:443", t=0.9)
    return {"input": PLAIN, "test_keys": web(
        queries=[query(HOST, ADDRESS), query(host, address)], tcp_connect=[connect(port=80), connect(address)],
        tls_handshakes=[shake(address, name=host)], requests=[last, first],
        control=told(ADDRESS, port=80) | ({} if page else {"http_request": None}))}


@pytest.mark.parametrize(("to", "body", "page", "outcome"), [
    (URL, TITLE, True, "ok"), (URL, TITLE, False, "ok"), (OTHER, TITLE, True, "ok"),
    (OTHER, "<title>Forbidden by order</title>", True, "inconclusive"), (OTHER, TITLE, False, "inconclusive"),
])
def test_a_chain_is_judged_by_its_proven_end(to: str, body: str, page: bool, outcome: str) -> None:
    found = judge(make_days(led(to, body, page=page)))
    assert {v.outcome for v in found} == {outcome}


@pytest.mark.parametrize(("body", "title", "size", "outcome"), [
    ("x" * 100, "Chat", 100, "ok"), (TITLE, "", 24, "ok"), ("x" * 100, "", 100, "ok"),
    ("x" * 100, "Chat", 900, "inconclusive"), ("<title>Other</title>xxxx", "Chat", 24, "inconclusive"),
])
def test_pages_are_compared_by_size_where_one_has_no_title(body: str, title: str, size: int, outcome: str) -> None:
    keys = web(tcp_connect=[connect(port=80)], tls_handshakes=[], requests=[request(PLAIN, body=body,
                                                                                   address=f"{ADDRESS}:80")],
               control=told(ADDRESS, port=80, title=title, body_length=size))
    found = judge(make_days({"input": PLAIN, "test_keys": keys}))
    assert {v.outcome for v in found} == {outcome}
