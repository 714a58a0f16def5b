"""Messengers' own protocols, seen on the wire: what becomes of their first words, and who answers them wrongly."""

from __future__ import annotations

import pytest

from lab_elsewhere import elsewhere
from lab_fidelity import Flow, Place, Watched, on
from lab_fidelity_checks import (
    BRIEF_S,
    acts,
    assert_never_arrives,
    assert_resets,
    assert_unanswered,
    is_acknowledged,
)
from lab_first_words import first_words, is_genuine
from lab_hellos import hello
from lab_innocents import fault

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

WEB = b"GET / HTTP/1.1\r\nHost: innocent.example\r\n\r\n"


def say(w: Watched, place: Place, said: bytes = b"") -> Flow:
    """The app's first words, or others, and the first that comes back."""
    return w.tcp(place, said or first_words(place.protocol), read_bytes=1, timeout_s=BRIEF_S)


def assert_served(w: Watched, place: Place) -> None:
    """From elsewhere the genuine server answers."""
    said = first_words(place.protocol)
    failure, data = elsewhere(w, place, said)
    assert (failure, is_genuine(place.protocol, said, data)) == ("", True)


# --- censors


@on("app-drop", "app-address")
def test_connections_open_and_the_first_words_vanish(w: Watched) -> None:
    for t in w.targets():
        flow = say(w, t)
        assert_never_arrives(w, flow)
        assert set(acts(w, flow)) == {"app.drop.protocol" if w.drawn.name == "app-drop" else "tcp"}
        assert_served(w, t)
    assert w.tls(w.innocent()).failure == ""


@on("app-mute")
def test_the_first_words_arrive_and_their_answer_does_not(w: Watched) -> None:
    for t in w.targets():
        flow = say(w, t)
        assert_unanswered(w, flow)
        assert set(acts(w, flow)) == {"app.mute.protocol"}
        assert_served(w, t)
    assert w.tls(w.innocent()).failure == ""


@on("app-reset")
def test_the_first_words_are_reset(w: Watched) -> None:
    for t in w.targets():
        flow = say(w, t)
        assert_resets(w, flow, 0)
        assert set(acts(w, flow)) == {"app.reset.protocol"}
        assert_served(w, t)
    assert w.tls(w.innocent()).failure == ""


@on("app-drop", "app-mute", "app-reset")
def test_the_protocols_of_the_web_pass_at_the_very_same_addresses(w: Watched) -> None:
    for t in w.targets():
        for said in (WEB, hello("innocent.example")):
            flow = say(w, t, said)
            assert is_acknowledged(w, flow)
            assert not acts(w, flow)


@on("app-drop", "app-mute", "app-reset")
def test_it_is_the_protocol_and_not_the_place(w: Watched) -> None:
    flow = say(w, w.innocent(), first_words("mtproto"))
    assert flow.failure == ("ECONNRESET" if w.drawn.name == "app-reset" else "timeout")
    assert len(acts(w, flow)) >= 1


@on("app-address")
def test_it_is_the_place_and_not_the_protocol(w: Watched) -> None:
    for t in w.targets():
        flow = say(w, t, hello("innocent.example"))
        assert (flow.failure, is_acknowledged(w, flow)) == ("timeout", False)
    assert is_acknowledged(w, say(w, w.innocent(), first_words("mtproto")))


# --- servers, and what stands before them


@on("app-changed", "app-hangs-up", "app-silent")
def test_the_server_itself_answers_everybody_alike(w: Watched) -> None:
    style = str(fault(w, "app_reply")["style"])
    for t in w.targets():
        flow = say(w, t)
        assert_answered_in(w, flow, style)
        said = first_words(t.protocol)
        failure, data = elsewhere(w, t, said, timeout_s=BRIEF_S)
        assert failure == FAILURES.get(style, "")
        assert not is_genuine(t.protocol, said, data)


@on("app-imitated", "app-proxy-page", "app-refuses-us")
def test_something_in_front_answers_the_client_alone(w: Watched) -> None:
    style = str(fault(w, "app_reply")["style"])
    for t in w.targets():
        said = first_words(t.protocol)
        flow = say(w, t, said)
        assert_answered_in(w, flow, style)
        assert not is_genuine(t.protocol, said, flow.data)
        assert (flow.data == said) == (style == "echo")
        assert_served(w, t)
    assert w.tls(w.innocent()).failure == ""


ENDS: dict[str, set[str]] = {"silence": set(), "close": {"F"}, "reset": {"R"}}
FAILURES = {"silence": "timeout", "close": "closed", "reset": "ECONNRESET"}
BEGINNINGS = {"garbage": b"\xa7", "http": b"HTTP/1.1 200 OK\r\n", "tls_alert": b"\x15\x03\x01\x00\x02\x02"}
"""How a style that has one begins; an echo and the answer to another request have none."""


def assert_answered_in(w: Watched, flow: Flow, style: str) -> None:
    """The words arrive; the answer, its lack, or the end has the style of the fault, and the server's own header."""
    failure = FAILURES.get(style, "")
    assert flow.failure == ("" if failure == "closed" else failure)
    assert (flow.n_bytes > 0) == (not failure)
    assert flow.data.startswith(BEGINNINGS.get(style, b""))
    assert style == "reset" or is_acknowledged(w, flow)
    assert {p.ip.ttl for p in w.from_server(flow)} == {w.server_ttl}
    ends = {letter for p in w.from_server(flow) for letter in p.flags if letter in "RF"}
    assert style not in ENDS or ends == ENDS[style]
