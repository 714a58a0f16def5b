"""Censors of names and addresses together, for whoever else names or shares them: what is struck and what is not."""

from __future__ import annotations

import pytest

from lab_datagrams import assert_binomial
from lab_elsewhere import elsewhere
from lab_fidelity import Flow, Place, Watched, on
from lab_fidelity_checks import (
    BRIEF_S,
    acts,
    assert_answered,
    assert_never_arrives,
    assert_page,
    assert_resets,
    assert_silence,
    forged_page,
    genuine_data,
    has_df,
)
from lab_first_words import first_words, is_genuine
from lab_hellos import hello
from lab_innocents import crowd, innocents
from lab_tls_views import assert_residual_hits_the_tuple_alone

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]


def ask(w: Watched, place: Place, name: str) -> Flow:
    """A ClientHello with this name, and the first that answers it."""
    return w.tcp(place, hello(name), read_bytes=1, timeout_s=BRIEF_S)


# --- lists of names and of addresses


@on("sni-everywhere-drop", "sni-everywhere-reset")
def test_the_name_is_struck_everywhere_and_every_name_at_its_addresses(w: Watched) -> None:
    t, (other, well, *_) = w.target("t"), innocents(w)
    kind = "drop" if w.drawn.name.endswith("drop") else "reset"
    for place, name in ((t, t.sni), (other, t.sni), (t, well.sni)):
        flow = ask(w, place, name)
        if kind == "drop":
            assert_never_arrives(w, flow)
        else:
            assert flow.failure == "ECONNRESET"
            assert w.from_server(flow, flags="RA")
        assert set(acts(w, flow)) & {f"tls.{kind}.sni", f"tls.{kind}.address"}
    assert_answered(w, ask(w, well, well.sni))
    assert not acts(w, w.http(t, port=80, host="innocent.example", timeout_s=BRIEF_S)), "another port"
    assert elsewhere(w, t, hello(t.sni))[0] == ""


@on("company-reset", "front-one-owner")
def test_three_names_are_reset_as_if_by_their_servers(w: Watched) -> None:
    """Of three owners by a box on the way, of one owner by its own front: the client sees the same."""
    other = w.innocent()
    for t in w.targets():
        flow = ask(w, t, t.sni)
        assert flow.failure == "ECONNRESET"
        resets = w.from_server(flow, flags="R")
        assert {p.ip.ttl for p in resets} == {w.server_ttl}, "the header gives nobody away"
        assert_answered(w, ask(w, t, other.sni))


@on("front-far-guard")
def test_an_operators_far_guard_resets_its_name_alone(w: Watched) -> None:
    t = w.target("t")
    assert ask(w, t, t.sni).failure == "ECONNRESET"
    assert_answered(w, ask(w, t, w.innocent().sni))


@on("http-everywhere")
def test_requests_for_the_host_are_reset_everywhere_and_all_requests_to_its_addresses(w: Watched) -> None:
    t, other, by_host, by_address = w.target("t"), w.innocent(), "http.reset.host", "http.reset"
    for place, host, causes in (
        (t, t.host, {by_host, by_address}), (other, t.host, {by_host}), (t, "innocent.example", {by_address}),
    ):
        flow = w.http(place, port=80, host=host)
        assert flow.failure == "ECONNRESET"
        assert w.from_server(flow, flags="RA")
        assert set(acts(w, flow)) == causes
    assert_answered(w, w.http(other, port=80))
    assert not acts(w, w.tcp(t, hello("innocent.example"), port=443, read_bytes=1, timeout_s=BRIEF_S))


@on("tls-reset-address")
def test_three_resets_answer_whatever_is_said_to_the_addresses(w: Watched) -> None:
    t, other = w.target("t"), w.innocent()
    for name in (t.sni, other.sni):
        assert len(assert_resets(w, ask(w, t, name), 0)) == 3
    assert w.connect(t).failure == "", "who says nothing is left alone"
    assert_answered(w, ask(w, other, t.sni))
    assert elsewhere(w, t, hello(t.sni))[0] == ""


@on("agreed-residual")
def test_a_name_leaves_a_punishment_and_an_operator_refuses_the_place(w: Watched) -> None:
    u, t = w.target("u"), w.target("t")
    assert len(assert_resets(w, ask(w, u, u.sni), 0)) == 3
    assert_residual_hits_the_tuple_alone(w, u)
    for name in (t.sni, w.innocent().sni):
        flow = ask(w, t, name)
        resets = assert_resets(w, flow, 1)
        assert {(p.ip.ttl, has_df(p)) for p in resets} == {(w.server_ttl, True)}
        assert set(acts(w, flow)) == {""}, "no censorship"
    assert elsewhere(w, t, hello(t.sni))[0] == ""


@on("shared-residual")
def test_one_name_takes_its_neighbour_with_it(w: Watched) -> None:
    t, u = w.target("t"), w.target("u")
    assert t.addresses == u.addresses
    assert_answered(w, ask(w, u, u.sni))
    assert_resets(w, ask(w, t, t.sni), 0)
    flow = ask(w, u, u.sni)
    assert flow.failure == ("timeout" if w.params().item("residual_action") == "drop" else "ECONNRESET")
    at_80 = w.http(t, port=80, host="innocent.example", timeout_s=BRIEF_S)
    assert bool(acts(w, at_80)) == (w.params().item("residual_tuple") == "2"), "the other port"
    assert_answered(w, ask(w, w.innocent(), u.sni))
    assert elsewhere(w, u, hello(u.sni))[0] == ""


@on("ru-wechat-2017")
def test_some_names_are_reset_and_one_address_is_dropped(w: Watched) -> None:
    for place in w.targets("named"):
        assert_resets(w, ask(w, place, place.sni), 0)
        assert_answered(w, ask(w, place, w.innocent().sni))
    assert_silence(w, w.target("dropped"), 80)
    assert_answered(w, ask(w, w.innocent(), w.target("dropped").sni))


@on("telegram-dcs")
def test_four_data_centres_vanish_and_the_others_answer(w: Watched) -> None:
    rest = w.target("rest")
    for t in w.targets():
        assert_silence(w, t, 80)
    assert {e.address for e in w.truth()} == {t.address for t in w.targets()}
    assert len(w.targets()) == 4
    assert {e.block_type for e in w.truth()} == {"ip.blackhole"}
    said = first_words("mtproto")
    assert is_genuine("mtproto", said, w.tcp(rest, said, read_bytes=1).data)


# --- some of the time


@on("sni-often")
def test_six_in_ten_handshakes_are_reset(w: Watched) -> None:
    tries = [flow for _ in range(3) for flow in crowd([lambda: w.tls(w.target("t"), timeout_s=20)] * 40)]
    assert {flow.failure for flow in tries} == {"", "ECONNRESET"}
    share = w.params().number("probability")
    assert 0.55 <= share <= 0.65
    assert_binomial(sum(flow.failure == "ECONNRESET" for flow in tries), len(tries), share)
    assert {flow.failure for flow in crowd([lambda: w.tls(w.innocent(), timeout_s=20)] * 20)} == {""}


# --- helpers and connectivity checks


@on("helper-blocked-address", "helper-blocked-name")
def test_who_names_a_helper_is_not_heard(w: Watched) -> None:
    t, other = w.target("t"), w.innocent()
    for vantage in w.drawn.world.vantages:
        flow = ask(w, other, f"{vantage.control_id}.lab.example")
        assert_never_arrives(w, flow)
        assert set(acts(w, flow)) == {""}
    if w.drawn.name == "helper-blocked-address":
        assert_silence(w, t, 80)
    else:
        assert_resets(w, ask(w, t, t.sni), 0)
        assert_answered(w, ask(w, t, other.sni))
    assert_answered(w, ask(w, other, other.sni))
    assert elsewhere(w, t, hello(t.sni))[0] == ""


@on("ladder-forged")
def test_connectivity_checks_are_answered_by_the_box(w: Watched) -> None:
    hosts = w.drawn.world.hosts
    forged = {"detectportal.firefox.com": 1, "www.msftconnecttest.com": 2, "www.msftncsi.com": 2}
    known = {host: rule for host, rule in forged.items() if host in hosts}
    assert len(known) > 1
    for host, rule in known.items():
        flow = w.http(hosts[host].ipv4[0], host=host, port=80, read_bytes=len(forged_page(w.params(rule))))
        assert_page(w, flow, rule=rule)
        assert set(acts(w, flow)) == {""}
    assert_answered(w, w.http(w.innocent(), port=80))
    t = w.target("t")
    flow = ask(w, t, t.sni)
    assert_resets(w, flow, 0)
    assert set(acts(w, flow)) == {"tls.reset.sni"}
    assert genuine_data(w, ask(w, t, w.innocent().sni))
