"""What tests of TLS censors ask of a capture: the ClientHello, the server's numbers, headers as drawn and as seen."""

from __future__ import annotations

from dataclasses import replace

from scapy.layers.inet import IP, TCP

from lab_fidelity import Flow, Place, Seen, Watched

SLACK_S = 0.002
"""Clocks are read at different places: this much may a lower bound be missed by."""


def client_hello(w: Watched, flow: Flow) -> Seen:
    """The segment that ends the ClientHello, as it was first sent."""
    said = [p for p in w.packets(flow, sent=True) if p.payload]
    assert said, "no ClientHello was sent"
    assert said[0].payload[0] == 0x16
    size = 5 + int.from_bytes(said[0].payload[3:5])
    begin = said[0].tcp.seq
    return next(p for p in said if p.tcp.seq + len(p.payload) - begin >= size)


def hello_end(w: Watched, flow: Flow) -> int:
    """Sequence number after the ClientHello."""
    last = client_hello(w, flow)
    return int(last.tcp.seq + len(last.payload)) % 2**32


def syn_ack(w: Watched, flow: Flow) -> Seen:
    return w.from_server(flow, flags="SA")[0]


def server_next(w: Watched, flow: Flow) -> int:
    """Sequence number of the server's first byte."""
    return int(syn_ack(w, flow).tcp.seq + 1) % 2**32


def header(p: Seen) -> tuple[int, int, bool]:
    """TTL, IP ID and DF."""
    return p.ip.ttl, p.ip.id, "DF" in str(p.ip.flags)


def drawn_header(w: Watched, rule: int = 0) -> tuple[int, int, bool]:
    """The same as the rule draws them, at the client."""
    params = w.params(rule)
    ip_id = 0 if params.item("ip_id") == "zero" else w.number("ip_id", rule=rule)
    return w.ttl_at_client(w.number("ttl", rule=rule)), ip_id, params.flag("df")


def assert_answers_hello(w: Watched, flow: Flow, p: Seen) -> None:
    """It comes from the box, after the box's delay, and says what the client's TCP expects."""
    assert p.tcp.seq == server_next(w, flow)
    if "A" in p.flags:
        assert p.tcp.ack == hello_end(w, flow)
    assert p.tcp.dataofs == 5, "no options"
    assert p.time_s - client_hello(w, flow).time_s >= w.box_rtt_s - SLACK_S


def server_data(w: Watched, flow: Flow) -> list[Seen]:
    """Payload that the genuine server sent."""
    return [p for p in w.from_server(flow) if p.payload and p.ip.ttl == w.server_ttl]


def other_name(w: Watched) -> str:
    return w.innocent().sni


def assert_residual_hits_the_tuple_alone(w: Watched, t: Place) -> None:
    """An innocent name on the same address and port is reset; on another address, and the other port, it is not."""
    again = w.tls(t, name=other_name(w))
    assert again.failure == "ECONNRESET"
    assert w.tls(w.innocent()).failure == ""
    assert w.http(t, host="innocent.example", port=80).failure != "ECONNRESET"
    acts = [entry for entry in w.truth() if entry.action.startswith("residual")]
    assert {(entry.address, entry.port) for entry in acts} == {(t.address, t.port)}


def bare_syns(w: Watched, flow: Flow) -> tuple[int, Flow]:
    """Send a new SYN on the flow's four-tuple and one from the port next to it; returns their number and the other."""
    seq = (int(w.packets(flow, sent=True)[0].tcp.seq) + 1_000_000) % 2**32
    other = replace(flow, sport=flow.sport - 1 if flow.sport > 60_000 else flow.sport + 1)
    for one in (flow, other):
        syn = TCP(sport=one.sport, dport=flow.port, flags="S", seq=seq)
        w.raw(IP(src=w.drawn.world.client4, dst=flow.address) / syn)
    w.settle()
    return seq, other
