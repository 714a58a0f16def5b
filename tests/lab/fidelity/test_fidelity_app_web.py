"""Messengers' protocols that HTTP carries, seen on the wire: WeChat's short link, which is in the clear, for all."""

from __future__ import annotations

import pytest

from lab_elsewhere import elsewhere
from lab_fidelity import Place, Watched, on, seed_of, watched
from lab_fidelity_checks import BRIEF_S, acts, assert_never_arrives, is_acknowledged
from lab_first_words import first_words, is_genuine
from lab_innocents import fault
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

SHORTLINK = "http://short.weixin.qq.com/mmtls/"
FAILURES = {"silence": "timeout", "close": "closed", "reset": "ECONNRESET"}


def posted(place: Place, hello: bytes) -> bytes:
    """What the app posts."""
    return (f"POST /mmtls/0a1b2c3d HTTP/1.1\r\nHost: {place.host}\r\nUpgrade: mmtls\r\nContent-Length: {len(hello)}"
            "\r\nUser-Agent: MicroMessenger Client\r\n\r\n").encode() + hello


def asked(place: Place) -> bytes:
    """What a browser asks of the same server."""
    return f"GET / HTTP/1.1\r\nHost: {place.host}\r\nConnection: close\r\n\r\n".encode()


def is_served(hello: bytes, data: bytes) -> bool:
    head, _, body = data.partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 200") and is_genuine("mmtls", hello, body)


@on("app-shortlink")
def test_the_short_link_vanishes_and_other_requests_do_not(w: Watched) -> None:
    for t in w.targets():
        hello = first_words("mmtls")
        flow = w.tcp(t, posted(t, hello), read_bytes=1, timeout_s=BRIEF_S)
        assert_never_arrives(w, flow)
        assert set(acts(w, flow)) == {"app.drop.protocol"}
        failure, data = elsewhere(w, t, posted(t, hello))
        assert (failure, is_served(hello, data)) == ("", True)
        page = w.tcp(t, asked(t), read_bytes=1, timeout_s=BRIEF_S)
        assert is_acknowledged(w, page)
        assert page.data.startswith(b"HTTP/1.1 ")
        assert not acts(w, page)


@pytest.mark.parametrize("name", ["app-web-imitated", "app-web-refuses-us", "app-web-changed"])
def test_the_server_or_what_stands_before_it_treats_one_request_so(name: str) -> None:
    catalogue = load_catalogue(search=False).endpoints
    drawn = draw_scenario(load_scenario(name), seed=seed_of(name), endpoints=catalogue, pinned={"t": (SHORTLINK,)})
    with watched(drawn) as w:
        t, told, hello = w.target("t"), fault(w, "app_reply"), first_words("mmtls")
        style, here_alone = str(told["style"]), bool(told.get("only_client"))
        flow = w.tcp(t, posted(t, hello), read_bytes=1, timeout_s=BRIEF_S)
        assert flow.failure.replace("closed", "") == FAILURES.get(style, "").replace("closed", "")
        assert not is_served(hello, flow.data)
        assert style == "reset" or is_acknowledged(w, flow)
        assert here_alone == (name != "app-web-changed")
        failure, data = elsewhere(w, t, posted(t, hello), timeout_s=BRIEF_S)
        assert failure == ("" if here_alone else FAILURES.get(style, ""))
        assert is_served(hello, data) == here_alone
        page = w.tcp(t, asked(t), read_bytes=1, timeout_s=BRIEF_S)
        assert page.data.startswith(b"HTTP/1.1 ")
        assert not acts(w, flow)
