"""Fronts of operators: what they do to visitors from this country, and to nobody else."""

from __future__ import annotations

import pytest

from lab_elsewhere import elsewhere
from lab_fidelity import Place, Watched, Watching, draw_scenario, on, seed_of, watched
from lab_fidelity_checks import BRIEF_S, INNOCENT_NAME, has_df
from lab_hellos import hello
from lab_innocents import fetch
from probe_lab.format.needs import explain_lacking_needs
from probe_lab.lab_types import DrawnScenario

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

LATE_S = 5
UNRECOGNIZED_NAME = 112
ALERT = 21


def programmed(name: str) -> DrawnScenario:
    """A scenario whose front is a program, where that is installed."""
    drawn = draw_scenario(name, seed_of(name))
    assert drawn.front_program is not None
    if reason := explain_lacking_needs(drawn.front_program.needs):
        pytest.skip(reason)
    return drawn


def handshake(w: Watched, t: Place, name: str, *, timeout_s: float = LATE_S) -> str:
    """How a ClientHello with a name ends; empty: it is answered with a ServerHello."""
    flow = w.tcp(t, hello(name), read_bytes=1, timeout_s=timeout_s)
    return flow.failure or ("" if flow.data[:1] == b"\x16" else "alert" if flow.data[:1] else "closed")


def assert_served_elsewhere(w: Watched, t: Place) -> None:
    failure, data = elsewhere(w, t, hello(t.sni))
    assert (failure, data[:1]) == ("", b"\x16"), "from another country it is served"


# programs of others


@pytest.mark.parametrize(
    ("name", "struck"),
    [("front-haproxy-reject", ("ECONNRESET", "closed")), ("front-haproxy-drop", ("timeout",)),
     ("front-nginx-sni", ("alert",))],
)
def test_a_program_refuses_its_own_name_to_this_country(name: str, struck: tuple[str, ...]) -> None:
    with watched(programmed(name)) as w:
        t = w.target("t")
        assert handshake(w, t, t.sni) in struck
        assert handshake(w, t, INNOCENT_NAME) in ("", "alert"), "other names are answered by the genuine server"
        assert handshake(w, w.innocent(), w.innocent().sni) == ""
        assert_served_elsewhere(w, t)
        assert w.truth() == ()


def test_nginx_says_that_it_does_not_know_its_name() -> None:
    with watched(programmed("front-nginx-sni")) as w:
        t = w.target("t")
        flow = w.tcp(t, hello(t.sni), read_bytes=7, timeout_s=LATE_S)
        assert (flow.data[0], flow.data[6]) == (ALERT, UNRECOGNIZED_NAME)


@pytest.mark.parametrize(
    ("name", "failure", "status"), [("front-nginx-444", "RemoteDisconnected", 0), ("front-nginx-geo", "", 451)],
)
def test_nginx_answers_requests_of_this_country_after_an_honest_handshake(
    name: str, failure: str, status: int
) -> None:
    with watched(programmed(name)) as w:
        t = w.target("t")
        found = fetch(w, t, trust="certifi")
        assert (found["stage"], found["failure"], found["status"]) == ("http", failure, status)
        assert_served_elsewhere(w, t)


def test_nginx_passes_requests_on_until_it_has_enough_of_an_address() -> None:
    with watched(programmed("front-nginx-limit")) as w:
        t = w.target("t")
        found = [fetch(w, t, trust="certifi")["status"] for _ in range(5)]
        assert found[0] not in (0, 429, 502)
        assert found[-1] == 429
        assert_served_elsewhere(w, t)


def test_haproxy_bans_an_address_that_connects_too_often() -> None:
    with watched(programmed("front-haproxy-ban")) as w:
        t = w.target("t")
        assert handshake(w, t, t.sni) == ""
        later = [handshake(w, t, t.sni) for _ in range(3)]
        assert later[-1] in ("ECONNRESET", "closed")
        assert_served_elsewhere(w, t)


@pytest.mark.parametrize(("name", "struck"), [("front-nft-drop", "timeout"), ("front-nft-reset", "ECONNREFUSED")])
def test_a_firewall_of_the_kernel_refuses_the_client_by_its_address(name: str, struck: str) -> None:
    with watched(programmed(name)) as w:
        t = w.target("t")
        flow = w.connect(t, timeout_s=BRIEF_S)
        assert (flow.stage, flow.failure) == ("connect", struck)
        resets = w.from_server(flow, flags="R")
        assert [(p.ip.ttl, has_df(p)) for p in resets] == [(w.server_ttl, True)] * (name == "front-nft-reset")
        assert w.connect(w.innocent()).failure == ""
        assert_served_elsewhere(w, t)


# fronts of the laboratory


@on("front-ban-name")
def test_who_asks_for_another_name_is_answered_and_then_dropped(w: Watched) -> None:
    t = w.target("t")
    assert handshake(w, t, t.sni) == ""
    assert handshake(w, t, INNOCENT_NAME) in ("", "alert")
    assert w.connect(t, timeout_s=BRIEF_S).failure == "timeout"
    assert_served_elsewhere(w, t)
    w.settle()
    assert {(entry.actor, entry.block_type) for entry in w.truth()} == {("front", "")}


@on("front-door-name")
def test_a_front_at_the_door_drops_its_name(w: Watched) -> None:
    t = w.target("t")
    assert handshake(w, t, t.sni, timeout_s=BRIEF_S) == "timeout"
    assert handshake(w, t, INNOCENT_NAME) in ("", "alert")
    assert handshake(w, w.innocent(), t.sni) in ("", "alert"), "elsewhere the name is nobody's business"
    assert_served_elsewhere(w, t)


def test_a_front_shows_the_certificate_of_another_customer(watch: Watching) -> None:
    w = watch("front-certificate")
    t, other = w.target("t"), w.innocent()
    own, others = w.tls(t).certificate, w.tls(other).certificate
    assert t.sni.encode() not in own
    assert b"otherhost.example" in own
    assert other.sni.encode() in others
    assert_served_elsewhere(w, t)
