"""Censors of plain HTTP, seen on the wire: forged pages and redirects, resets, silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP

from lab_both_ends import BothEnds
from lab_fidelity import Flow, Place, Watched, on, seed_of
from lab_fidelity_checks import (
    BRIEF_S,
    SLACK_S,
    acts,
    assert_header,
    assert_other_host_is_served,
    assert_page,
    assert_reset,
    assert_resets,
    client_next,
    fetch,
    forged_page,
    genuine_data,
    has_df,
    last_said,
    server_next,
)

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

PAGES = ("http-302", "http-iframe", "http-302-psh", "http-proxy403")


# --- pages


@on(*PAGES)
def test_the_forged_answer_comes_byte_for_byte(w: Watched) -> None:
    t = w.target("t")
    flow = fetch(w, t)
    assert_page(w, flow)
    assert_other_host_is_served(w, t)


@on(*PAGES)
def test_the_name_is_found_however_it_is_spelled(w: Watched) -> None:
    t = w.target("t")
    flow = w.tcp(t, b"GET /a HTTP/1.1\r\nAccept: */*\r\nhOsT:  " + t.host.upper().encode() + b":80\r\n\r\n",
                 read_bytes=len(forged_page(w.params())))
    assert_page(w, flow)


@on("http-302")
def test_only_get_is_redirected(w: Watched) -> None:
    flow = w.http(w.target("t"), method="HEAD")
    assert genuine_data(w, flow)
    assert {p.ip.ttl for p in w.from_server(flow)} == {w.server_ttl}
    assert not acts(w, flow)


@on("http-302")
def test_a_redirect_leads_abroad(w: Watched) -> None:
    head = fetch(w, w.target("t")).data.decode()
    status, *fields = head.split("\r\n")
    location = next(line for line in fields if line.startswith("Location: "))
    assert status.split(" ")[1] in ("302", "307")
    assert ".example/" in location
    assert "Content-Length: 0" in fields


@on("http-302-psh")
def test_the_short_redirect_of_the_capture(w: Watched) -> None:
    p, = (p for p in w.from_server(fetch(w, w.target("t"))) if p.payload)
    assert (p.flags, p.ip.id, has_df(p), p.tcp.window) == ("PA", 0, False, 123)
    assert 80 < len(p.payload) < 183


@on("http-iframe")
def test_the_iranian_frame(w: Watched) -> None:
    seen = assert_page(w, fetch(w, w.target("t")))
    data = b"".join(p.payload for p in seen)
    assert data.startswith(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n")
    assert b'<iframe src="http://10.10.34.3' in data
    assert not any(has_df(p) for p in seen)


@on("http-fin-page")
def test_page_and_end_in_one_segment_then_a_reset_of_another_kind(w: Watched) -> None:
    t = w.target("t")
    flow = w.http(t)
    reset = w.await_packets(1, flow, flags="R")[0]
    page, = (p for p in w.from_server(flow) if p.payload and p.ip.ttl != w.server_ttl)
    params = w.params()
    assert (page.flags, len(page.payload), has_df(page), page.tcp.window) == ("FA", 553, False, 16_384)
    assert_header(w, page, params)
    assert (page.tcp.seq, page.tcp.ack) == (server_next(w, flow), client_next(w, flow))
    assert b"<title>Surf Safely</title>" in page.payload
    assert_reset(w, reset, flow, w.params(1))
    assert (reset.flags, reset.tcp.window) == ("R", 0)
    assert reset.time_s > page.time_s
    assert reset.ip.ttl < page.ip.ttl + 5
    assert_other_host_is_served(w, t)


@on("http-proxy403")
def test_a_transparent_proxy_has_the_headers_of_the_server(w: Watched) -> None:
    flow = fetch(w, w.target("t"))
    seen = [p for p in w.from_server(flow) if p.payload]
    hello = w.from_server(flow, flags="SA")[0]
    assert len(seen) == 3
    assert {(p.ip.ttl, has_df(p)) for p in seen} == {(hello.ip.ttl, True)}
    assert 2_700 < flow.n_bytes < 3_100
    assert flow.data.startswith(b"HTTP/1.1 403 Forbidden\r\nX-Frame-Options: SAMEORIGIN\r\n")
    assert b"Policy</td>" in flow.data


# --- resets


@on("http-rst", "http-rst-train")
def test_three_resets_answer_the_request(w: Watched) -> None:
    t = w.target("t")
    first = w.http(t, sport=41_000)
    seen = assert_resets(w, first, 0)
    assert len(seen) == 3
    # The tuple is punished: an innocent request there is reset now, elsewhere and on another port it is not.
    again = w.http(t, host="innocent.example")
    assert again.failure == "ECONNRESET"
    assert w.connect(t, port=443).failure in ("", "ECONNREFUSED"), "not every host has such a port"
    assert w.tls(w.innocent()).failure == ""
    residual = [e for e in w.truth() if e.action.startswith("residual")]
    assert {(e.address, e.port) for e in residual} == {(t.address, 80)}
    assert w.number("residual_s") in (90, 180)


@on("http-rst-train")
def test_a_train_reaches_beyond_what_the_client_expects(w: Watched) -> None:
    flow = w.http(w.target("t"))
    seqs = [int(p.tcp.seq) for p in w.await_packets(3, flow, flags="R")]
    assert [(seq - server_next(w, flow)) % 2**32 for seq in seqs] == [0, 1460, 4380]


def _raw_request(w: Watched, t: Place, sport: int, *, port: int = 80) -> None:
    """A request without a handshake."""
    request = f"GET / HTTP/1.1\r\nHost: {t.host}\r\n\r\n".encode()
    w.raw(IP(src=w.drawn.world.client4, dst=t.address, ttl=64, flags="DF") /
          TCP(sport=sport, dport=port, flags="PA", seq=1000, ack=2000) / request)


@on("http-rst")
def test_a_name_in_a_segment_without_a_handshake_is_seen_on_any_port(w: Watched) -> None:
    t = w.target("t", 0)
    _raw_request(w, t, 42_001, port=8_088)
    flow = Flow(address=t.address, port=8_088, sport=42_001, stage="", failure="", n_bytes=0, data=b"",
                certificate=b"", begin_s=0, end_s=0)
    forged = [p for p in w.await_packets(3, flow, flags="R") if p.ip.ttl == w.ttl_at_client(w.number("ttl"))]
    assert {int(p.tcp.seq) for p in forged} == {2000}


def test_both_ends_get_the_resets(tmp_path: Path) -> None:
    ends = BothEnds(tmp_path)
    with ends.watched("http-rst", seed_of("http-rst")) as w:
        flow = w.http(w.target("t"))
        w.await_packets(3, flow, flags="R")
        w.settle()
        wanted = w.number("copies")
        ttl = w.number("ttl") - (w.drawn.world.hops - w.drawn.world.censor_hop + 1)
        said, mine = last_said(w, flow).tcp, server_next(w, flow)
    forged = [p for p in ends.at_server(flow, sent=False, flags="R") if p.ip.ttl == ttl]
    assert len(forged) >= wanted
    assert {int(p.tcp.seq) for p in forged[:wanted]} == {(said.seq + len(said.payload)) % 2**32}
    assert all(p.tcp.ack == (mine if "A" in p.flags else 0) for p in forged[:wanted])


# --- silence and ends


@on("http-drop")
def test_the_request_is_never_acknowledged(w: Watched) -> None:
    t = w.target("t")
    flow = w.http(t, timeout_s=BRIEF_S)
    assert (flow.stage, flow.failure) == ("sent", "timeout")
    assert [p.flags for p in w.from_server(flow)] == ["SA"]
    copies = [p for p in w.packets(flow, sent=True) if p.payload]
    assert len(copies) > 1, "the client's kernel repeats it"
    assert set(acts(w, flow)) == {"http.drop.host"}
    assert_other_host_is_served(w, t)


@on("http-mute")
def test_the_request_is_acknowledged_and_never_answered(w: Watched) -> None:
    t = w.target("t")
    flow = w.http(t, timeout_s=BRIEF_S)
    assert (flow.stage, flow.failure) == ("sent", "timeout")
    answers = w.from_server(flow)
    assert [p.flags for p in answers][:2] == ["SA", "A"]
    assert answers[1].tcp.ack == client_next(w, flow)
    assert not any(p.payload for p in answers)
    assert_other_host_is_served(w, t)


@on("http-fin")
def test_an_orderly_end_takes_the_place_of_the_answer(w: Watched) -> None:
    t = w.target("t")
    flow = w.http(t)
    assert (flow.failure, flow.n_bytes) == ("", 0)
    end = w.from_server(flow, flags="F")[0]
    assert end.flags == "FA"
    assert_header(w, end, w.params())
    assert (end.tcp.seq, end.tcp.ack, end.payload) == (server_next(w, flow), client_next(w, flow), b"")
    assert end.time_s - last_said(w, flow).time_s >= w.box_rtt_s - SLACK_S
    assert not genuine_data(w, flow)
    assert_other_host_is_served(w, t)
