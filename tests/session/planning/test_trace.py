"""Where connection attempts are lost: what traces say, how they are taken, and what the planner makes of them."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import FRAME, Net, walk
from observations import (
    BEYOND4,
    ELSEWHERE,
    HERE4,
    HERE6,
    NEAR4,
    REFUSED,
    RESET,
    THERE4,
    TIMEOUT,
    observation,
    site_of,
    told,
)
from probe.core.addresses import find_neighbour
from probe.core.observations import Observation
from probe.core.tables.purposes import Purpose
from probe.instruments.clock import start_clock
from probe.instruments.hops.trace import MAX_TTL, can_hear_routers, trace_tcp
from probe.instruments.steps import TcpTrace
from probe.judge.hops.trace_evidence import locate_loss, read_trace
from probe.session.pacer import Pacer

HONEST: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4,))


def heard(*routers: str, end: str = "", purpose: Purpose = "trace", address: str = HERE4) -> Observation:
    """A trace: the routers heard of from the first hop on ("" for silence), then what the address itself said."""
    replies = [f"{ttl} exceeded 5.0 {name}" for ttl, name in enumerate(routers, 1) if name]
    if end:
        replies.append(f"{len(routers) + 1} {end} 9.0")
    return observation(operation="trace", purpose=purpose, address=address, port=443, replies=tuple(replies),
                       family=6 if ":" in address else 4)


def reference(*routers: str, end: str = "open", address: str = ELSEWHERE) -> Observation:
    return heard(*routers, end=end, purpose="reference", address=address)


def beside(*routers: str) -> Observation:
    return heard(*routers, end="refused", purpose="neighbour", address=find_neighbour(HERE4))


LONG = reference("a", "b", "c", "d", "e")
LONG_TOO = replace(LONG, address=THERE4)
BOTH = (LONG, LONG_TOO)
CASES = {
    "lost in the shared part": ((heard("a", "b"), *BOTH), "near"),
    "lost at the first hop": ((heard(), *BOTH), "near"),
    "one silent router proves nothing": ((heard("a", "b", "c", "d"), LONG), "unknown"),
    "as far as the others": ((heard("a", "b", "c", "d", "e"), LONG), "far"),
    "further than the others": ((heard("a", "b", "c", "d", "e", "f", "g"), LONG), "far"),
    "on a way of its own": ((heard("a", "b", "x"), LONG), "far"),
    "another way at first, too": ((heard("x"), LONG), "far"),
    "one of two references goes on": ((heard("a", "b"), reference("a", "b"), LONG_TOO), "unknown"),
    "one network's way goes on, and it may be the operator's": ((heard("a", "b"), LONG), "unknown"),
    "its neighbours' ways go on": ((heard("a", "b"), LONG, replace(LONG, address=NEAR4)), "unknown"),
    "two in one network": ((heard("a", "b"), LONG, replace(LONG, address="104.16.7.7")), "unknown"),
    "two of three go on": ((heard("a", "b"), reference("a", "b", address=BEYOND4), *BOTH), "near"),
    "what comes next is each network's own": (
        (heard("a", "b"), reference("a", "b", "c", "d"), reference("a", "b", "x", "y", address=THERE4)), "unknown"),
    "refused where each network has its own": (
        (heard("a", "b", end="refused"), reference("a", "b", "c"), reference("a", "b", "x", address=THERE4)),
        "unknown"),
    "what comes next is the operator's, by a neighbour": (
        (heard("a", "b"), beside("a", "b", "x", "y"), *BOTH), "unknown"),
    "what comes next is shared, by a neighbour": (
        (heard("a", "b"), beside("a", "b", "c", "x"), LONG, reference("a", "b", "c", "y", address=THERE4)), "near"),
    "a silent router, and then a shared one": (
        (heard("a", "b"), beside("a", "b", "", "d"), *BOTH), "near"),
    "no reference": ((heard("a", "b"),), "unknown"),
    "a reference that was not reached": ((heard("a"), reference("a", "b", "c", "d", end="")), "unknown"),
    "a reference in the other family": ((heard("a"), reference("a", "b", "c", "d", address=HERE6)), "unknown"),
    "refused on the way": ((heard("a", "b", end="refused"), *BOTH), "near"),
    "reset on the way": ((heard("a", "b", "c", "d", end="reset"), *BOTH), "near"),
    "refused at the end": ((heard("a", "b", "c", "d", "e", end="refused"), LONG), "far"),
    "silent routers before a refusal": ((heard("a", "", "", end="refused"), *BOTH), "near"),
    "packets go round in the shared part": ((heard("a", "b", "b", "b", "b", "b", "b"), *BOTH), "near"),
    "packets go round between two": ((heard("a", "b", "c", "b", "c", "b", "c"), *BOTH), "near"),
    "packets go round at the operator's": ((heard("a", "b", "c", "d", "x", "y", "x", "y", "x", "y"), *BOTH), "far"),
    "a router that tells of one packet twice": ((heard("a", "b", "c", "c", "d", "e"), *BOTH), "far"),
    "nobody looked": ((LONG,), ""),
    "another port": ((replace(heard("a"), port=80), LONG), ""),
}


@pytest.mark.parametrize(("traces", "place"), CASES.values(), ids=CASES)
def test_where_attempts_are_lost(traces: tuple[Observation, ...], place: str) -> None:
    assert locate_loss(traces, HERE4, 443) == place


@given(st.lists(st.text(max_size=30), max_size=8))
def test_any_text_can_be_a_reply(replies: list[str]) -> None:
    way = read_trace(observation(operation="trace", replies=tuple(replies)))
    assert way.reach >= 0
    assert locate_loss((observation(operation="trace", purpose="trace", replies=tuple(replies)),), "", 0) in (
        "unknown", "far", "near")


@given(st.integers(0, 8), st.integers(1, 8), st.booleans())
def test_what_ends_at_the_end_of_every_way_is_never_near(reach: int, hops: int, refused: bool) -> None:
    names = [f"r{n}" for n in range(hops)]
    ours = heard(*names, end="refused" if refused else "")
    shorter = reference(*names[:reach])
    assert locate_loss((ours, shorter, reference(*names)), HERE4, 443) != "near"


# ---- the planner

def steps_of(net: Net) -> list[TcpTrace]:
    return [s for s in walk(site_of(), net) if isinstance(s, TcpTrace)]


@pytest.mark.parametrize("failure", [TIMEOUT, REFUSED])
@pytest.mark.parametrize("theirs", ["", TIMEOUT], ids=["controls connect", "controls fail too"])
def test_an_address_that_controls_tried_is_traced_beside_one_that_answers(failure: str, theirs: str) -> None:
    taken = steps_of(Net(dns=HONEST, cuts={HERE4: ("connect", failure)}, told=lambda step: told(
        step.control_id, input=step.input, tcp=((f"{HERE4}:443", theirs),))))
    assert [(s.purpose, s.address, s.port) for s in taken] == [
        ("trace", HERE4, 443), ("neighbour", find_neighbour(HERE4), 443), ("reference", ELSEWHERE, 443),
        ("reference", BEYOND4, 443)]


@pytest.mark.parametrize("net", [
    Net(dns=HONEST), Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}),
    Net(dns=HONEST, cuts={HERE4: ("connect", TIMEOUT)}, told=lambda step: told(
        step.control_id, state="failed", input=step.input)),
], ids=["well", "reset in the handshake", "no control"])
def test_nothing_is_traced_where_it_would_decide_nothing(net: Net) -> None:
    assert not steps_of(net)


def test_steps_in_a_run_that_spreads_its_flows_go_one_by_one() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("connect", TIMEOUT)})
    frame = replace(FRAME, together=True)
    assert not any(s.together for s in steps_of(net))
    assert all(s.together for s in walk(site_of(), net, context=frame) if isinstance(s, TcpTrace))


def test_no_visit_runs_beside_a_trace_of_its_place() -> None:
    gate, step = Pacer(interval_s=0, rng=random.Random(1)), TcpTrace(purpose="trace", address=HERE4, port=443)
    gate.start(step, 0.0)
    assert gate.ready_at_s(step, 0.0) is None
    gate.end(step)
    assert gate.ready_at_s(step, 0.0) is not None


# ---- the kernel

@contextmanager
def listening(*, accept: bool = True) -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if accept:
            server.listen(4 * MAX_TTL)
        yield server.getsockname()[1]


def test_an_address_that_answers_at_once_ends_the_trace() -> None:
    with listening() as port:
        seen = trace_tcp(TcpTrace(purpose="reference", address="127.0.0.1", port=port), clock=start_clock(None),
                         key=b"k")
    assert [(line.ttl, line.word) for line in seen.trace.lines] == [(1, "open")]
    assert not seen.failure


def test_a_refusal_is_told() -> None:
    with listening(accept=False) as port:
        seen = trace_tcp(TcpTrace(purpose="trace", address="127.0.0.1", port=port, together=True),
                         clock=start_clock(None), key=b"k")
    words = {line.word for line in seen.trace.lines}
    assert words == {"refused"}


def _lowest_free_descriptor() -> int:
    with socket.socket() as spare:
        return spare.fileno()


def test_every_descriptor_is_given_back() -> None:
    before = len(threading.enumerate())
    with listening() as port:
        lowest_free = _lowest_free_descriptor()
        for _ in range(7):
            trace_tcp(TcpTrace(purpose="trace", address="127.0.0.1", port=port, together=True), clock=start_clock(None),
                      key=b"k")
        assert _lowest_free_descriptor() <= lowest_free
    assert len(threading.enumerate()) == before


@pytest.mark.parametrize(("system", "release", "can"), [
    ("Linux", "6.1.0-9-amd64", True), ("Linux", "5.8", True), ("Linux", "5.4.0-generic", False),
    ("Linux", "4.19", False),
    ("Darwin", "23.1.0", False), ("Linux", "", False),
])
def test_which_kernels_hear_routers(system: str, release: str, can: bool) -> None:
    assert can_hear_routers(system, release) is can
