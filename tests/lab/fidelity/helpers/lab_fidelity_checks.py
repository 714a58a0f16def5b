"""Checks that several fidelity tests share: forged answers, forged pages, resets, lying resolvers.

Each compares what the client's interface captured with what the rule draws, field by field; the facts that a source
gives as constants are repeated in the tests themselves. Times are bounds that the distance sets, never expectations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab_fidelity import Flow, Place, Seen, Watched
from probe.core.tables.resolvers import PUBLIC_RESOLVERS
from probe_lab.box.rulebook import Params

SLACK_S = 0.002
"""Clocks are read at different places: this much may a lower bound be missed by."""
DARK = "143.244.90.31"
"""An address that runs nothing in any of these worlds."""
INNOCENT_NAME = "www.kernel.org"
BRIEF_S = 1.5
"""How long the clients wait for what never comes; the longest round trip is 0.3 s."""
TCP_OPTIONS_NONE = 5


def has_df(p: Seen) -> bool:
    """Whether the packet must not be fragmented."""
    return "DF" in str(p.ip.flags)


def drawn_ttl(w: Watched, params: Params, *, copy: int = 0, sent_ttl: int = 64) -> int:
    """TTL at the client of what the rule sends."""
    word = params.item("ttl", copy)
    at_box = w.drawn.world.censor_hop - 1
    if word == "copy":
        return sent_ttl - 2 * at_box
    return w.server_ttl if word == "server" else int(word) - at_box


def assert_header(w: Watched, p: Seen, params: Params, *, copy: int = 0, sent_ttl: int = 64) -> None:
    """TTL, DF and IP ID are the rule's."""
    assert p.ip.ttl == drawn_ttl(w, params, copy=copy, sent_ttl=sent_ttl)
    assert has_df(p) == params.flag("df", copy)
    word = params.item("ip_id", copy)
    if word != "random":
        assert p.ip.id == (0 if word == "zero" else int(word))


# --- DNS


def records(p: Seen) -> list[tuple[int, str, int]]:
    """Type, data and TTL of every record in the answer section."""
    return [(rr.type, _text(rr.rdata), rr.ttl) for rr in (p.dns.an or [])]


def _text(data: Any) -> str:
    return data.decode().rstrip(".") if isinstance(data, bytes) else str(data)


def addresses(p: Seen) -> list[str]:
    """The addresses of an answer."""
    return [data for kind, data, _ in records(p) if kind in (1, 28)]


def assert_answers_question(w: Watched, p: Seen, flow: Flow, name: str) -> None:
    """The reply bears the asked resolver's address and ports, and repeats the question's number and name."""
    asked = w.packets(flow, sent=True)[0]
    assert (p.ip.src, p.udp.sport, p.udp.dport) == (flow.address, 53, flow.sport)
    assert p.dns.id == asked.dns.id
    assert p.dns.qr == 1
    assert p.dns.qd[0].qname.decode().lower() == f"{name}."
    assert p.dns.qd[0].qtype == asked.dns.qd[0].qtype


def assert_forged(w: Watched, p: Seen, flow: Flow, name: str, *, copy: int, rule: int = 0, sent_ttl: int = 64) -> None:
    """One forged answer, as the rule's parameters for this copy want it."""
    params = w.params(rule)
    assert_answers_question(w, p, flow, name)
    assert_header(w, p, params, copy=copy, sent_ttl=sent_ttl)
    assert p.dns.aa == params.flag("aa", copy)
    assert p.dns.ra == 1
    assert p.dns.rcode == 0
    (kind, address, ttl_s), = records(p)
    assert kind == p.dns.qd[0].qtype
    assert ttl_s == params.whole("answer_ttl", copy)
    if "fresh" not in params.items("answers"):
        assert address in params.items("answers")
    delay_s = params.number("delay_ms", copy) / 1000
    assert p.time_s - w.packets(flow, sent=True)[0].time_s >= w.box_rtt_s + delay_s - SLACK_S


def assert_injected(w: Watched, place: Place, *, qtype: str = "A", rule: int = 0, ttl: int = 0) -> list[Seen]:
    """Ask for the name: the forged answers come, and the genuine one (of a near resolver perhaps before the last of
    them) unless the box holds the question back."""
    params = w.params(rule)
    flow = w.dns(place.host, qtype=qtype, ttl=ttl)
    copies, lost = params.whole("copies"), params.flag("suppress")
    seen = w.await_packets(copies + (not lost), flow)
    w.settle()
    assert len(w.from_server(flow)) == copies + (not lost), "nothing else follows"
    genuine = [p for p in seen if set(addresses(p)) <= set(place.addresses)]
    forged = [p for p in seen if p not in genuine]
    assert len(forged) == copies
    order = sorted(range(copies), key=lambda copy: params.number("delay_ms", copy))
    for p, copy in zip(forged, order, strict=True):
        assert_forged(w, p, flow, place.host, copy=copy, rule=rule, sent_ttl=ttl or 64)
    for p in genuine:
        assert_honest(w, p, flow, place.host, place.addresses)
    return forged


def assert_honest(w: Watched, p: Seen, flow: Flow, name: str, known: Sequence[str] = ()) -> None:
    """A genuine reply: a server's TTL, the world's addresses, a whole round trip."""
    assert_answers_question(w, p, flow, name)
    assert p.ip.ttl == w.server_ttl
    if known:
        assert set(addresses(p)) <= set(known)
    assert p.time_s - w.packets(flow, sent=True)[0].time_s >= w.rtt_s - SLACK_S


def assert_innocent_name_resolves(w: Watched, *, server: str = "") -> None:
    """One true answer for a name that nobody censors."""
    flow = w.dns(INNOCENT_NAME, server=server)
    assert flow.failure == ""
    w.settle()
    seen = w.from_server(flow)
    assert len(seen) == 1
    plan = w.drawn.world.hosts[INNOCENT_NAME]
    assert_honest(w, seen[0], flow, INNOCENT_NAME, plan.ipv4)
    assert addresses(seen[0])
    assert not [entry for entry in w.truth() if entry.name == INNOCENT_NAME and entry.block_type]


def public_resolver() -> str:
    """An address of another resolver than the network's."""
    return next(operator.ipv4[0] for operator in PUBLIC_RESOLVERS if operator.ipv4)


def assert_resolver_lies(w: Watched, place: Place, *, address: str, alias: str = "") -> None:
    """The network's resolver gives a false address in one reply; another resolver tells the truth."""
    flow = w.dns(place.host)
    w.settle()
    p, = w.from_server(flow)
    assert_answers_question(w, p, flow, place.host)
    assert p.ip.ttl == w.server_ttl, "the resolver itself speaks"
    assert addresses(p) == [address]
    assert [data for kind, data, _ in records(p) if kind == 5] == ([alias] if alias else [])
    assert w.truth()[-1].actor == "resolver"
    assert w.truth()[-1].name == place.host
    assert_innocent_name_resolves(w)


# --- TCP


def last_said(w: Watched, flow: Flow) -> Seen:
    """The client's last payload as it was first sent."""
    said = [p for p in w.packets(flow, sent=True) if p.payload]
    first = {int(p.tcp.seq): p for p in reversed(said)}
    return max(first.values(), key=lambda p: (int(p.tcp.seq) - int(said[0].tcp.seq)) % 2**32)


def client_next(w: Watched, flow: Flow) -> int:
    """Sequence number after everything that the client said."""
    p = last_said(w, flow)
    return (int(p.tcp.seq) + len(p.payload)) % 2**32


def server_next(w: Watched, flow: Flow) -> int:
    """Sequence number of the server's first byte."""
    return (int(w.from_server(flow, flags="SA")[0].tcp.seq) + 1) % 2**32


def is_acknowledged(w: Watched, flow: Flow) -> bool:
    """Whether the server's kernel has got all that the client said."""
    return any("R" not in p.flags and p.tcp.ack == client_next(w, flow) for p in w.from_server(flow, flags="A"))


def assert_never_arrives(w: Watched, flow: Flow) -> None:
    """The connection opens; what the client says is never acknowledged, however often, and nothing else comes."""
    assert (flow.stage, flow.failure) == ("sent", "timeout")
    assert len([p for p in w.packets(flow, sent=True) if p.payload]) > 1, "it is sent again"
    assert {p.flags for p in w.from_server(flow)} == {"SA"}


def assert_unanswered(w: Watched, flow: Flow) -> None:
    """What the client says is acknowledged, and nothing that the server says in return comes."""
    assert (flow.stage, flow.failure) == ("sent", "timeout")
    assert is_acknowledged(w, flow)
    assert not [p for p in w.from_server(flow) if p.payload or set("RF") & set(p.flags)]


def genuine_data(w: Watched, flow: Flow) -> list[Seen]:
    """Payload with a server's TTL and DF that came to the client."""
    return [p for p in w.from_server(flow) if p.payload and p.ip.ttl == w.server_ttl and has_df(p)]


def assert_reset(w: Watched, p: Seen, flow: Flow, params: Params, *, copy: int = 0) -> None:
    """A forged reset that answers what the client said, as the rule wants it."""
    assert p.flags == params.item("flags")
    assert_header(w, p, params)
    window = params.item("window", copy)
    assert p.tcp.window == (int(params.item("ttl")) + int(window[4:]) if window.startswith("ttl+") else int(window))
    skip = (0, 1460, 4380)[copy % 3] if params.item("seq") == "train" else 0
    assert p.tcp.seq == (server_next(w, flow) + skip) % 2**32
    assert p.tcp.ack == (client_next(w, flow) if "A" in p.flags else 0)
    assert p.tcp.dataofs == TCP_OPTIONS_NONE
    assert p.payload.hex() == params.item("payload")
    delay_s = params.number("delay_ms") / 1000
    assert p.time_s - last_said(w, flow).time_s >= w.box_rtt_s + delay_s - SLACK_S


def assert_resets(w: Watched, flow: Flow, *rules: int) -> list[Seen]:
    """The resets of these rules come, in this order, before any answer of the server; and no others."""
    wanted = [(w.params(rule), copy) for rule in rules for copy in range(w.number("copies", rule=rule))]
    assert flow.failure == "ECONNRESET"
    w.await_packets(len(wanted), flow, flags="R")
    w.settle()
    seen = [p for p in w.from_server(flow, flags="R")]
    assert len(seen) == len(wanted)
    for p, (params, copy) in zip(seen, wanted, strict=True):
        assert_reset(w, p, flow, params, copy=copy)
    assert all(p.time_s > seen[0].time_s for p in genuine_data(w, flow)), "the forgery wins the race"
    ids = {rule: {p.ip.id for p, (params, _) in zip(seen, wanted, strict=True) if params is w.params(rule)}
           for rule in rules}
    assert all(len(found) <= 1 for found in ids.values()), "copies are alike"
    return seen


def forged_page(params: Params) -> bytes:
    """What the rule says in the server's place."""
    body = params.item("body").encode()
    lines = [params.item("status"), *params.items("headers")]
    if not any(line.lower().startswith("content-length:") for line in lines):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def fetch(w: Watched, place: Place, *, rule: int = 0, port: int = 0) -> Flow:
    """Request the place's page and read as much as the rule forges: the connection may stay open after that."""
    return w.http(place, port=port, read_bytes=len(forged_page(w.params(rule))))


def assert_page(w: Watched, flow: Flow, *, rule: int = 0) -> list[Seen]:
    """The forged page arrives byte for byte, in segments that follow each other, and the server's answer does not."""
    params, wanted = w.params(rule), forged_page(w.params(rule))
    assert flow.data == wanted
    seen = [p for p in w.from_server(flow) if p.payload]
    assert b"".join(p.payload for p in seen) == wanted
    at = server_next(w, flow)
    for p in seen:
        assert_header(w, p, params)
        assert p.tcp.seq == at
        assert p.tcp.ack == client_next(w, flow)
        assert p.tcp.window == params.whole("window")
        at = (at + len(p.payload)) % 2**32
    assert set(seen[-1].flags) == set(params.item("flags"))
    assert all(p.flags == "A" for p in seen[:-1])
    assert seen[0].time_s - last_said(w, flow).time_s >= w.box_rtt_s - SLACK_S
    return seen


def assert_other_host_is_served(w: Watched, place: Place) -> None:
    """A request to the same address that names another host reaches the genuine server."""
    flow = w.http(place, host="innocent.example")
    assert flow.n_bytes > 0
    assert genuine_data(w, flow)
    assert all(p.ip.ttl == w.server_ttl for p in w.from_server(flow))


def acts(w: Watched, flow: Flow) -> list[str]:
    """The block types in the truth log for a flow's address since the flow began."""
    return [e.block_type for e in w.truth() if e.address == flow.address and e.time_s >= flow.begin_s]


def assert_answered(w: Watched, flow: Flow) -> None:
    """The genuine server says something, if only that it does not know the name; nobody else does."""
    assert flow.n_bytes > 0
    ttls = {p.ip.ttl for p in w.from_server(flow)}
    assert ttls == {w.server_ttl}, ttls
    assert not acts(w, flow)


def assert_silence(w: Watched, place: Place, *ports: int) -> None:
    """Nothing whatever answers a SYN to the place's own port and to these."""
    for port in (place.port, *ports):
        flow = w.connect(place, port=port, timeout_s=BRIEF_S)
        assert (flow.stage, flow.failure, w.from_server(flow)) == ("connect", "timeout", [])
