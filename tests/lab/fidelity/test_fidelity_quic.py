"""Censors of QUIC and of other datagrams: which are lost, from when on, and that nothing is forged."""

from __future__ import annotations

import secrets
import time

import pytest

from lab_both_ends import BothEnds
from lab_datagrams import UNKNOWN_VERSION, again, assert_binomial, binding_request, initial, least, of_version
from lab_fidelity import Flow, Place, Watched

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

LOW_PORT = 300
"""Below 443: the box looks only at clients whose port is above the server's."""
STUN_PORTS = frozenset((3478, 3479, 3480, 3481, 19302))


@pytest.fixture(autouse=True)
def _quic() -> None:
    pytest.importorskip("aioquic")


def test_the_client_is_cut_off_some_time_after_its_initial(ends: BothEnds, seed: int) -> None:
    with ends.watched("quic-sni", seed % 1000) as w:
        t = w.target("t")
        delay_s = w.params().number("delay_s")
        flow = w.udp(t, initial(t.sni), port=443, timeout_s=0.001)
        assert flow.sport > 443
        w.agent.await_that(lambda: w.packets(flow, sent=True) != [], "the Initial to be seen")
        begin_s = w.packets(flow, sent=True)[0].time_s
        while time.monotonic() < begin_s + delay_s + 0.5:
            again(w, flow, b"\x40" + secrets.token_bytes(30))
        said = w.packets(flow, sent=True)
        w.await_packets(1, flow)  # the handshake that sets it off may succeed
        (cut,) = w.truth()
        wall_s = time.time() - time.monotonic()
        residual = w.udp(t, initial("innocent.example"), port=443, timeout_s=1)
        assert residual.failure == "timeout", "for a while the port is dead, whatever the name"
    heard = ends.at_server(flow, sent=False)
    assert [p.payload for p in heard] == [p.payload for p in said[:len(heard)]], "all before the cut, none after it"
    assert len(said) > len(heard) > 1
    # The box counts from when it saw the Initial: not before it was sent, and not after a server had it.
    assert cut.time_s >= begin_s + delay_s
    assert said[len(heard) - 1].time_s <= heard[0].time_s - wall_s + delay_s
    assert ends.at_server(residual) == []


def test_names_ports_and_places_that_it_leaves_alone(ends: BothEnds, seed: int) -> None:
    with ends.watched("quic-sni", seed % 1000) as w:
        t = w.target("t")
        assert w.udp(t, initial("innocent.example"), port=443).failure == ""
        low = Flow(
            address=t.address, port=443, sport=LOW_PORT, stage="", failure="", n_bytes=0, data=b"", certificate=b"",
            begin_s=0, end_s=0,
        )
        again(w, low, initial(t.sni))
        w.await_packets(1, low)
        later = w.udp(t, b"\x40" + bytes(30), port=443, timeout_s=0.2)
        again(w, later, initial(t.sni))
        w.await_packets(1, later)
        assert w.truth() == (), "a lower port, another name, a datagram that is not the first"
        w.udp(t, initial(t.sni), port=443)
        other = w.innocent(port=443)
        assert w.udp(other, initial(other.sni), port=443).failure == "", "another address"
        assert w.tls(other).failure == ""


def test_in_russia_the_initial_itself_vanishes(ends: BothEnds, seed: int) -> None:
    with ends.watched("quic-sni-ru", seed % 1000) as w:
        t = w.target("t")
        flow = w.udp(t, initial(t.sni), port=443, timeout_s=2)
        assert flow.failure == "timeout"
        again(w, flow, of_version(UNKNOWN_VERSION))
        assert w.udp(t, initial("innocent.example"), port=443).failure == "", "another name"
        assert w.udp(t, of_version(UNKNOWN_VERSION), port=443).failure == "", "another port of the client"
        assert w.from_server(flow) == []
    assert ends.at_server(flow) == [], "nor does anything else on these ports arrive"


def test_a_version_that_vanishes(ends: BothEnds, seed: int) -> None:
    with ends.watched("quic-v1", seed % 1000) as w:
        for place in (w.target("t"), w.innocent(port=443)):
            flow = w.udp(place, initial(place.sni), port=443, timeout_s=2)
            assert flow.failure == "timeout"
            assert w.from_server(flow) == [], "nothing is injected"
            assert_versions_are_named(w, place)
            assert w.tls(place).failure == "" if place.sni and place != w.target("t") else True
            assert ends_silently(w, flow)
    assert ends.at_server(flow) == []


def test_a_server_takes_so_many_handshakes_whatever_the_name(ends: BothEnds, seed: int) -> None:
    with ends.watched("quic-limit", seed % 1000) as w:
        t = w.target("t")
        (most,) = {int(dict(f.params)["handshakes"]) for f in w.drawn.faults if f.kind == "quic_limit"}  # type: ignore[arg-type]
        names = ["innocent.example", t.sni, "innocent.example", t.sni][: most + 2]
        flows = [w.udp(t, initial(name), port=443, timeout_s=2 if n < most else 1) for n, name in enumerate(names)]
        assert [flow.failure for flow in flows] == [""] * most + ["timeout"] * 2
        assert_versions_are_named(w, t)
        other = w.innocent(port=443)
        assert w.udp(other, initial(other.sni), port=443).failure == "", "another server"
        assert w.truth() == (), "nothing on the way"
    assert ends.at_server(flows[-1]) != [], "what it is silent to has arrived"


def assert_versions_are_named(w: Watched, place: Place) -> None:
    """An unknown version reaches the server: it answers with Version Negotiation (RFC 9000 section 17.2.1)."""
    flow = w.udp(place, of_version(UNKNOWN_VERSION), port=443)
    assert flow.failure == ""
    assert flow.data[0] & 0x80
    assert flow.data[1:5] == bytes(4)
    assert (1).to_bytes(4) in flow.data[-40:]


def ends_silently(w: Watched, flow: Flow) -> bool:
    """No ICMP error about the flow either."""
    return not [p for p in w.packets(sent=False) if p.ip.proto == 1 and p.ip.src == flow.address]


def test_degraded_calls(ends: BothEnds, seed: int) -> None:
    count = 400
    with ends.watched("stun-degrade", seed % 1000) as w:
        t = w.target("t")
        loss = w.params().number("loss")
        flow = w.udp(t, binding_request(), port=t.port, timeout_s=0.2)
        free = w.udp(w.drawn.world.resolver, b"", port=9, timeout_s=0.1)
        for _ in range(count):
            again(w, flow, binding_request())
        enough = least(count, (1 - loss) ** 2)
        w.agent.await_that(lambda: len(w.from_server(flow)) >= enough, f"{enough} answers of a busy server")
        w.tls(w.innocent())
        answers = len(w.from_server(flow))
        assert w.from_server(free) is not None
        assert {entry.block_type for entry in w.truth()} == {"udp.degrade"}
        w.connect(t, port=t.port)
        tcp = [p for p in w.packets(sent=False) if p.tcp is not None and p.ip.src == t.address]
        assert tcp, "TCP to the address is left alone"
    sent, heard = count + 1, len(ends.at_server(flow, sent=False))
    assert_binomial(heard, sent, 1 - loss)
    assert_binomial(answers, heard, 1 - loss)
