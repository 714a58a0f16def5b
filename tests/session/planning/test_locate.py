"""How the hop is searched for at which something fails, and when the planner wants it."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import FRAME, Net, walk
from observations import HERE4, HOST, OTHER, PRIVATE, RESET, TIMEOUT, endpoint, site_of
from probe.catalogue.sites import Page
from probe.config.consent.country_profiles import load_profiles
from probe.core.tables.protocols import LocateKind
from probe.core.tables.purposes import Purpose
from probe.instruments.clock import start_clock
from probe.instruments.hops import hop_search
from probe.instruments.hops.first_bytes import cut_question, make_first_bytes
from probe.instruments.hops.locate import locate_hop
from probe.instruments.steps import AskControl, LocateHop, Lookup, QuicVisit, TcpTrace, Visit
from probe.instruments.streams.own_hello import compute_ja4
from probe.instruments.visits.visit import visit
from probe.judge.hops.hop_evidence import NOWHERE, locate_interference
from probe.session.context_making import find_search_level
from probe.session.pacer import TLS_WINDOW_S, Pacer, must_wait_for
from probe.session.planning.locate_plan import CONSENT_LEVEL, list_search_keys
from probe.session.planning.queue_turns import spoils_address

HONEST: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4,))

# ---- the planner

LEVEL3 = replace(FRAME, consent_level=3)


def searches(net: Net, *, frame: Any = LEVEL3, url: str = f"https://{HOST}/", **changes: Any) -> list[LocateHop]:
    return [s for s in walk(site_of(endpoint(url, **changes)), net, context=frame) if isinstance(s, LocateHop)]


def test_a_name_that_alone_is_cut_off_is_looked_for_once_after_the_innocent_name_was_asked_again() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("tls", RESET)})
    taken = walk(site_of(), net, context=LEVEL3)
    (found,) = (s for s in taken if isinstance(s, LocateHop))
    assert (found.kind, found.address, found.port, found.name) == ("tls", HERE4, 443, HOST)
    failed = next(s for s in taken if isinstance(s, Visit) and s.purpose == "target")
    assert isinstance(found.asked, Visit)
    assert make_first_bytes(found.asked)[43:] != b""
    assert replace(found.asked, attempt=failed.attempt) == failed
    again = [s for s in taken if isinstance(s, Visit) and s.purpose == "residual"]
    assert len(again) == 1
    assert taken.index(again[0]) < taken.index(found)


@pytest.mark.parametrize("level", [1, 2])
def test_nobody_is_looked_for_without_consent(level: int) -> None:
    assert not searches(Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}), frame=replace(FRAME, consent_level=level))


@pytest.mark.parametrize("net", [
    Net(dns=HONEST), Net(dns=HONEST, cuts={HERE4: ("connect", TIMEOUT)}),
    Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}, innocent_cuts={HERE4: ("tls", RESET)}),
    Net(dns=HONEST, cuts={HERE4: ("tls", "ssl_unknown_authority")}, cut_shake={"trust": "self_signed"}),
], ids=["well", "no connection", "the innocent name fares alike", "a bad certificate"])
def test_nothing_is_looked_for_where_the_name_does_not_decide(net: Net) -> None:
    assert not searches(net)


def test_how_far_packets_for_others_get_is_looked_at_beside_a_search() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("tls", RESET)})
    taken = walk(site_of(), net, context=LEVEL3)
    assert {s.purpose for s in taken if isinstance(s, TcpTrace)} == {"reference"}


@pytest.mark.parametrize("failure", [RESET, TIMEOUT])
def test_a_messengers_own_words_are_looked_for_beside_innocent_bytes(failure: str) -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("app", failure)})
    (found,) = searches(net, url=f"tcpconnect://{HOST}:443", protocol="mtproto")
    assert isinstance(found.asked, Visit)
    assert isinstance(found.control, Visit)
    assert (found.kind, found.asked.app, found.control.app) == ("app", "mtproto", "innocent_http")


def test_a_name_that_alone_is_silent_over_quic_is_looked_for() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("quic", TIMEOUT)})
    (found,) = searches(net, url=f"quichandshake://{HOST}:443", protocol="quic")
    assert (found.kind, found.name, found.control_name) == ("quic", HOST, FRAME.innocent)
    both = replace(net, innocent_cuts={HERE4: ("quic", TIMEOUT)})
    assert not searches(both, url=f"quichandshake://{HOST}:443", protocol="quic")


def test_forged_answers_are_looked_for_where_nobody_could_answer() -> None:
    net = Net(dns={**dict.fromkeys(("system", "network", "public", "dark"), (PRIVATE,)), "doh": (HERE4,)})
    found = [s for s in searches(net) if s.kind == "dns"]
    assert [(s.address, s.port) for s in found] == [(FRAME.dark_server, 53)]
    assert [s.asked.channel for s in found if isinstance(s.asked, Lookup)] == ["dark"]


def test_a_country_may_take_more_consent() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("tls", RESET)})
    assert searches(net, frame=replace(FRAME, consent_level=2, search_level=2))
    assert not searches(net, frame=replace(FRAME, consent_level=2, search_level=3))
    assert (find_search_level("ZZ"), find_search_level("")) == (3, 3)
    assert find_search_level(next(iter(load_profiles().countries["open"]))) == CONSENT_LEVEL


@pytest.mark.parametrize(("changes", "again"), [
    ({}, False), ({"address": "93.184.3.3"}, False), ({"asked": "third.example"}, False),
    ({"asked": "third.example", "address": "93.184.3.3"}, True),
    ({"asked": "third.example", "address": "93.184.3.3", "together": True}, False),
    ({"asked": "third.example", "address": "93.184.3.3", "together": True, "cause": "tls timeout no"}, True),
    ({"asked": "third.example", "address": HERE4, "port": 8443}, True),
], ids=str)
def test_what_was_searched_for_is_not_searched_for_again(changes: dict[str, Any], again: bool) -> None:
    first = replace(SEARCH, cause="tls connection_reset", together=changes.get("together", False))
    name = changes.pop("asked", HOST)
    step = replace(first, asked=going_to(name=name), **changes)
    assert (not list_search_keys(first) & list_search_keys(step)) == again


# ---- the gate

def going_to(purpose: Purpose = "target", address: str = HERE4, port: int = 443, name: str = HOST) -> Visit:
    return Visit(purpose=purpose, address=address, port=port, hostname=name, sni=name)


SEARCH = LocateHop(kind="tls", address=HERE4, port=443, asked=going_to(), control=going_to("innocent", name=OTHER),
                   input="x")


def test_what_may_spoil_an_address_waits_for_whoever_is_yet_to_go_there() -> None:
    again = going_to("residual")
    assert spoils_address(SEARCH)
    assert spoils_address(again)
    assert not spoils_address(going_to())
    for late in (SEARCH, again):
        assert must_wait_for(going_to(port=80), late, 0.0)
        assert must_wait_for(Lookup(channel="system", name=OTHER), late, 0.0)
        assert must_wait_for(AskControl(control_id="a", input="x", addresses=()), late, 0.0)
        assert not must_wait_for(going_to(address="93.184.3.3"), late, 0.0)
        assert not must_wait_for(again, late, 0.0)
    slot = replace(going_to(), not_before_s=240.0)
    assert must_wait_for(slot, SEARCH, 1.0)
    assert not must_wait_for(slot, again, 1.0)


def test_a_search_has_its_address_for_itself_and_leaves_it_time_to_calm_down() -> None:
    gate = Pacer(interval_s=0, rng=random.Random(1))
    gate.start(going_to(), 0.0)
    gate.end(going_to(), 1.0)
    assert gate.ready_at_s(SEARCH, 1.0) == TLS_WINDOW_S
    gate.start(SEARCH, 10.0)
    assert gate.ready_at_s(going_to(port=8443), 11.0) is None
    gate.end(SEARCH, 30.0)
    assert gate.ready_at_s(going_to(), 30.0) == 30.0 + TLS_WINDOW_S


def test_a_visit_of_the_future_waits_for_its_time() -> None:
    gate = Pacer(interval_s=0, rng=random.Random(1))
    assert gate.ready_at_s(replace(going_to("residual"), not_before_s=40.0), 1.0) == 40.0


# ---- the kernel

@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections need not be spread: nobody on the way counts them."""
    monkeypatch.setattr(hop_search, "WINDOW_S", 0.0)


def read_question(connection: socket.socket, *, whole: bool) -> bytes:
    data = connection.recv(4096)
    if whole:
        with suppress(OSError):
            while not is_whole(data) and (more := connection.recv(4096)):
                data += more
        return data if is_whole(data) else b""
    if data:
        time.sleep(0.2)  # the system acknowledges before this program has looked at it
    return data


def has_ipv6_loopback() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6) as tried:
        tried.bind(("::1", 0))
        return True
    return False


def is_whole(data: bytes) -> bool:
    if data[:1] == b"\x16":
        return len(data) >= 5 + int.from_bytes(data[3:5])
    return data.endswith(b"\r\n\r\n")


@contextmanager
def server(*, forbidden: bytes, whole: bool = False, address: str = "127.0.0.1",
           segment_bytes: int = 0) -> Iterator[int]:
    """A server that resets whoever names the forbidden, and answers others; `whole`: once all has come that a first
    record, or a request, says; `segment_bytes`: of what it takes at a time."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as listener:
        if segment_bytes:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment_bytes)
        listener.bind((address, 0))
        listener.listen(4 * hop_search.MAX_FLOWS)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.settimeout(5)
                        if forbidden in read_question(connection, whole=whole):
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
                        else:
                            connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def asking(kind: str, name: str, port: int, address: str = "127.0.0.1") -> Visit:
    """A visit whose first bytes name somebody."""
    plain = Visit(purpose="target", address=address, port=port, hostname=name)
    if kind == "tls":
        return replace(plain, sni=name)
    if kind == "http":
        return replace(plain, pages=(Page(input="", target_id="", url=f"http://{name}/"),))
    return replace(plain, app="innocent_http", app_name=name)


def search_at(port: int, kind: LocateKind, address: str = "127.0.0.1") -> LocateHop:
    return LocateHop(kind=kind, address=address, port=port, asked=asking(kind, HOST, port, address),
                     control=asking(kind, OTHER, port, address), input="x", together=True)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("kind", ["tls", "http", "app"])
def test_a_server_that_resets_a_whole_question_looks_like_a_box_that_waits_for_its_answer(kind: LocateKind) -> None:
    with server(forbidden=HOST.encode(), whole=True) as port:
        seen = locate_hop(search_at(port, kind), clock=start_clock(None), key=b"k")
    flows = [o for o in seen if o.hostname]
    assert {o.hostname for o in flows} == {HOST, OTHER}
    assert len(flows) == 3  # an innocent one, the walk, and one that is not said to its end
    assert [o.trace.left_out_bytes for o in flows] == [0, 0, 1]
    found = locate_interference(seen, HOST, address="127.0.0.1", port=port)
    assert (found.hop, found.where) == ("", "unknown")
    assert "127.0.0.1" not in repr([o.trace for o in seen])


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_what_ends_a_question_that_has_no_answer_yet_stands_at_the_end(address: str) -> None:
    if ":" in address and not has_ipv6_loopback():
        pytest.skip("no IPv6 here")
    with server(forbidden=HOST.encode(), address=address) as port:
        seen = locate_hop(search_at(port, "tls", address), clock=start_clock(None), key=b"k")
    found = locate_interference(seen, HOST, address=address, port=port)
    assert [line.word for line in seen[0].trace.lines] == ["end"]
    assert (found.hop, found.where) == ("end", "end")
    assert len([o for o in seen if o.hostname]) <= hop_search.MAX_FLOWS


@pytest.mark.usefixtures("unhurried")
def test_of_a_question_of_several_segments_the_first_walks_and_then_the_last() -> None:
    with server(forbidden=HOST.encode(), whole=True, segment_bytes=536) as port:
        plan = search_at(port, "tls")
        plan = replace(plan, asked=replace(asking("tls", HOST, port), shape="large"))
        seen = locate_hop(plan, clock=start_clock(None), key=b"k")
    own = [(o.trace.left_out_bytes > 500, o.trace.lines[-1].word) for o in seen if o.hostname == HOST]
    assert own == [(True, "acked"), (False, "reset"), (True, "acked")]
    assert locate_interference(seen, HOST).where == "unknown"


def test_a_server_that_answers_shows_nothing() -> None:
    with server(forbidden=b"nobody") as port:
        seen = locate_hop(search_at(port, "http"), clock=start_clock(None), key=b"k")
    assert [o.hostname for o in seen] == ["", "", OTHER, HOST]
    assert locate_interference(seen, HOST).where == "unknown"


def test_a_port_that_is_closed_is_a_failure_and_no_place() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        seen = locate_hop(search_at(closed.getsockname()[1], "tls"), clock=start_clock(None), key=b"k")
    assert [o.failure for o in seen] == ["", "", "connection_refused"]
    assert locate_interference(seen, HOST) == NOWHERE


def test_first_packets_of_quic_that_reach_a_silent_server_show_nothing() -> None:
    pytest.importorskip("aioquic")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        asked = QuicVisit(purpose="target", address="127.0.0.1", port=port, hostname=HOST, sni=HOST)
        plan = LocateHop(kind="quic", address="127.0.0.1", port=port, asked=asked, input="x", together=True,
                         control=replace(asked, hostname=OTHER, sni=OTHER))
        seen = locate_hop(plan, clock=start_clock(None), key=b"k")
        first = silent.recv(2048)
    assert (len(first), first[0] & 0xF0) == (1200, 0xC0)
    assert [(o.operation, o.hostname) for o in seen] == [("udp_trace", ""), ("udp_trace", OTHER), ("udp_trace", HOST)]
    assert locate_interference(seen, HOST, operation="udp_trace").where == "unknown"


# ---- what is said

def test_what_is_said_is_what_the_failing_step_said() -> None:
    hello = make_first_bytes(asking("tls", HOST, 443))
    assert hello[0] == 22
    assert HOST.encode() in hello
    assert make_first_bytes(replace(asking("tls", HOST, 443), shape="browser")) != hello
    request = make_first_bytes(asking("http", HOST, 80))
    assert request.startswith(b"GET / HTTP/1.1\r\n")
    assert request.endswith(b"\r\n\r\n")
    assert f"Host: {HOST}\r\n".encode() in request
    assert b"reachability-probe" in request
    mtproto = [make_first_bytes(Visit(purpose="target", address=HERE4, port=443, hostname=HOST, app="mtproto",
                                      attempt=attempt)) for attempt in (1, 2)]
    assert [len(m) for m in mtproto] == [105, 108]
    assert make_first_bytes(Visit(purpose="target", address=HERE4, port=25, hostname=HOST, app="smtp")) == b""
    assert make_first_bytes(Visit(purpose="target", address=HERE4, port=25, hostname=HOST)) == b""


def hear_first_bytes(kind: str) -> tuple[Visit, bytes]:
    """A visit, and what it says first to a server."""
    heard: list[bytes] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        plan = asking(kind, HOST, listener.getsockname()[1])

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        visit(plan, clock=start_clock(None))
        thread.join()
    return plan, heard[0]


def test_a_search_says_what_the_visit_says() -> None:
    plan, request = hear_first_bytes("http")
    assert make_first_bytes(plan) == request
    plan, words = hear_first_bytes("app")
    assert make_first_bytes(plan) == words
    plan, hello = hear_first_bytes("tls")
    again = make_first_bytes(plan)
    assert (len(again), compute_ja4(again)) == (len(hello), compute_ja4(hello))


@given(st.binary(min_size=2, max_size=400), st.integers(1, 200))
def test_a_question_is_cut_into_what_arrives_and_what_walks(data: bytes, segment_bytes: int) -> None:
    cuts = {word: cut_question(data, word, segment_bytes=segment_bytes) for word in ("first", "last", "short")}
    for cut in cuts.values():
        assert 0 < len(cut.walking) <= segment_bytes or cut.walking == data[:-1]
        assert data.startswith(cut.head + cut.walking)
        assert len(cut.head + cut.walking) + cut.left_out_bytes == len(data)
    assert cuts["last"].left_out_bytes == 0
    assert cuts["short"].left_out_bytes > 0
    assert not cuts["first"].head
    assert len(cuts["last"].head) % segment_bytes == 0
