"""Censors and servers that look at the shape of a ClientHello, alone or with its name, its address or its segments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lab_both_ends import BothEnds
from lab_elsewhere import elsewhere
from lab_fidelity import Flow, Place, Watched, on, seed_of
from lab_fidelity_checks import (
    BRIEF_S,
    acts,
    assert_answered,
    assert_never_arrives,
    assert_resets,
    assert_unanswered,
    drawn_ttl,
    genuine_data,
    has_df,
    is_acknowledged,
)
from lab_hellos import SCT, hello, short_hello, with_extension, with_grease
from lab_innocents import fault

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

BY_ADDRESS = ("fp-reset", "fp-drop", "fp-fin", "fp-large", "fp-mute")
BY_NAME = ("fp-name-reset", "fp-name-drop", "fp-name-fin", "fp-name-mute")


def ask(w: Watched, place: Place, said: bytes) -> Flow:
    """A ClientHello made to order, and the first that answers it."""
    return w.tcp(place, said, read_bytes=1, timeout_s=BRIEF_S)


def browsers(name: str) -> bytes:
    """A ClientHello with GREASE."""
    return with_grease(hello(name))


SPARED: Mapping[str, Callable[[str], bytes]] = {
    "fp-drop": lambda name: with_extension(hello(name), SCT, b""), "fp-large": short_hello,
}
"""Which other ClientHello a scenario leaves alone; elsewhere it is one with GREASE."""


def spared(w: Watched, name: str) -> bytes:
    return SPARED.get(w.drawn.name, browsers)(name)


def assert_struck(w: Watched, flow: Flow) -> None:
    """What the rule's action does, and a line in the truth log."""
    STRUCK[w.drawn.rules[0].action](w, flow)
    assert set(acts(w, flow)) == {w.drawn.rules[0].block_type}


def assert_ended(w: Watched, flow: Flow) -> None:
    """One FIN of the box's, and none of the server's words."""
    assert (flow.failure, flow.n_bytes) == ("", 0)
    w.settle()
    end = w.from_server(flow, flags="F")[0]
    assert (end.flags, end.ip.ttl, has_df(end)) == ("FA", drawn_ttl(w, w.params()), w.params().flag("df"))
    assert not genuine_data(w, flow)
    assert not w.from_server(flow, flags="R")


STRUCK: Mapping[str, Callable[[Watched, Flow], object]] = {
    "reset": lambda w, flow: assert_resets(w, flow, 0), "drop": assert_never_arrives, "fin": assert_ended,
    "drop_to_client": assert_unanswered,
}


@on(*BY_ADDRESS)
def test_the_shape_is_struck_under_any_name_at_these_addresses_alone(w: Watched) -> None:
    other = w.innocent()
    for t in w.targets():
        for name in (t.sni, other.sni):
            assert_struck(w, ask(w, t, hello(name)))
        assert_answered(w, ask(w, t, spared(w, t.sni)))
        assert_answered(w, ask(w, other, hello(t.sni)))
        assert elsewhere(w, t, hello(t.sni))[0] == "", "behind no box it is served"


@on(*BY_NAME)
def test_the_shape_is_struck_under_this_name_alone_at_any_address(w: Watched) -> None:
    other = w.innocent()
    for t in w.targets():
        for place in (t, other):
            assert_struck(w, ask(w, place, hello(t.sni)))
            assert_answered(w, ask(w, place, spared(w, t.sni)))
        assert_answered(w, ask(w, t, hello(other.sni)))
        assert elsewhere(w, t, hello(t.sni))[0] == ""


@on("sni-at-address")
def test_neither_the_name_nor_the_address_is_enough(w: Watched) -> None:
    t, other = w.target("t"), w.innocent()
    for said in (hello(t.sni), browsers(t.sni)):
        assert_struck(w, ask(w, t, said))
        assert_answered(w, ask(w, other, said))
    assert_answered(w, ask(w, t, hello(other.sni)))


@on("sni-one-segment")
def test_the_name_is_read_in_single_segments(w: Watched) -> None:
    for t in w.targets():
        assert_struck(w, w.tls(t))
        assert w.tls(t, split=60).failure == ""
        assert w.tls(t, name=w.innocent().sni).failure != "ECONNRESET"
        assert_struck(w, ask(w, w.innocent(), hello(t.sni)))


# --- operators that look at it


@on("server-picky")
def test_a_server_refuses_programs_whoever_asks(w: Watched) -> None:
    reply = str(fault(w, "tls_picky")["reply"])
    failure, begins = {
        "alert": ("", b"\x15"), "reset": ("ECONNRESET", b""), "close": ("closed", b""), "silence": ("timeout", b""),
    }[reply]
    for t in w.targets():
        flow = ask(w, t, hello(t.sni))
        assert (flow.failure or ("" if flow.n_bytes else "closed")) == failure
        assert is_acknowledged(w, flow) or reply == "reset"
        far, data = elsewhere(w, t, hello(t.sni), timeout_s=BRIEF_S)
        assert far == failure
        assert flow.data[:1] == data[:1] == begins
        assert {p.ip.ttl for p in w.from_server(flow)} == {w.server_ttl}
        assert ask(w, t, browsers(t.sni)).data[:1] == b"\x16", "browsers are served"
    assert w.tls(w.innocent()).failure == ""


@on("server-picky-country")
def test_a_server_refuses_programs_from_the_clients_country_alone(w: Watched) -> None:
    t = w.target("t")
    flow = ask(w, t, hello(t.sni))
    assert flow.data[:1] != b"\x16"
    assert {p.ip.ttl for p in w.from_server(flow)} == {w.server_ttl}
    assert ask(w, t, browsers(t.sni)).data[:1] == b"\x16", "browsers are served"
    far, data = elsewhere(w, t, hello(t.sni))
    assert (far, data[:1]) == ("", b"\x16"), "and so is everybody elsewhere"
    assert {entry.block_type for entry in w.truth()} <= {""}


@pytest.mark.parametrize("name", ["server-picky-name", "server-refuses-name"])
def test_the_servers_own_front_resets_the_name_as_they_would(tmp_path: Path, name: str) -> None:
    ends, refused = BothEnds(tmp_path), []
    with ends.watched(name, seed_of(name)) as w:
        t, other = w.target("t"), w.innocent()
        for made in (hello, browsers):
            flow = ask(w, t, made(t.sni))
            if made is browsers and name == "server-picky-name":
                assert_answered(w, flow)
            else:
                resets = assert_resets(w, flow, 0)
                assert {(p.ip.ttl, has_df(p)) for p in resets} == {(w.server_ttl, True)}
                refused.append(flow)
            assert_answered(w, ask(w, other, made(t.sni)))
        assert_answered(w, ask(w, t, hello(other.sni)))
        assert {entry.block_type for entry in w.truth()} == {""}
    for flow in refused:
        assert not [p for p in ends.at_server(flow, sent=False) if p.payload], "the front keeps what it refuses"
