"""The helper under load and among hostile clients: whoever asks properly is answered."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from control_world import HERE, HOST, Pages, helper_at, serving
from probe.controls.reaching.fetch_site import parse_site
from probe_operate.helper import helper_server as control_server
from probe_operate.helper.connection_limits import MAX_CONNECTIONS_CLIENT
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_metrics import HelperCounters
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.helper.rate_limiter import SilenceBudget
from probe_operate.helper.request_run import JOBS_AT_ONCE, MeasuringJob, RequestRun
from probe_operate.helper.scheduling_delay import SchedulingDelay
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.page_fetch import fetch_page
from probe_operate.reaching.target_guard import TargetGuard


def test_200_requests_in_flight(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root / "tools"))
    found = importlib.import_module("benchmark.helper").load(requests=200, in_flight=200, patient=True)
    assert (found.errors, found.declined, len(found.seconds)) == ((), 0, 200)


@pytest.fixture
def counted() -> Iterator[tuple[str, int, HelperCounters]]:
    """A helper that allows each network only so many connections: host, port, its counts."""
    counters = HelperCounters()
    app = control_server.make_app(HelperEngine(pool=FuturePool(4), resolvers=()), limiter=None, counters=counters)
    server = control_server.make_server(app, tls=None, counters=counters, limited=True)
    with control_server.open_listener(HERE, 0) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        yield HERE, sock.getsockname()[1], counters
        server.stop()
        thread.join(10)


def test_garbage_slow_and_huge_requests_disturb_nobody() -> None:
    garbage = (b"\x16\x03\x01" + b"\0" * 300, b"POST / HTTP/1.1\r\nX: " + b"y" * 100_000, b"\r\n" * 500,
               b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n" + b"[" * 200_000,
               b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
               b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{", b"P", b"")
    with serving(Pages, None) as port, ExitStack() as held:
        engine = HelperEngine(pool=FuturePool(4), resolvers=(), guard=TargetGuard(exempt=frozenset({(HERE, port)})))
        url = held.enter_context(helper_at(engine))
        host, at = url.split("/")[2].split(":")
        for number in range(80):
            sock = held.enter_context(socket.create_connection((host, int(at)), timeout=10))
            with suppress(OSError):  # hung up on already
                sock.sendall(garbage[number % len(garbage)])
        for _ in range(3):
            answer = requests.post(url, json={"http_request": f"http://{HERE}:{port}/"}, timeout=20).json()
            assert answer["http_request"]["status_code"] == 200


def test_a_network_holds_its_share_of_connections(counted: tuple[str, int, HelperCounters]) -> None:
    host, port, counters = counted
    with ExitStack() as held:
        for _ in range(MAX_CONNECTIONS_CLIENT):
            held.enter_context(socket.create_connection((host, port), timeout=10))
        with socket.create_connection((host, port), timeout=10) as sock, pytest.raises(ConnectionError):
            assert sock.recv(1)
    assert "probe_helper_connections_refused_total 1\n" in counters.format()
    for _ in range(500):  # each try is a connection of its own; those above are being closed
        with socket.create_connection((host, port), timeout=10) as sock:
            try:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                if b" 200 " in sock.recv(4096):
                    return
            except ConnectionError:
                continue
    pytest.fail("the places were not given back")


def test_a_second_request_that_never_comes_is_waited_for_no_longer(counted: tuple[str, int, HelperCounters],
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "IDLE_S", 0.05)
    host, port, counters = counted
    with socket.create_connection((host, port), timeout=20) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST / HTTP/1.1\r\nX-Half: ")
        told = b""
        while more := sock.recv(4096):
            told += more
    assert b" 200 " in told
    assert "probe_helper_connections_dropped_total 1\n" in counters.format()


def run_on(pool: FuturePool, *, within_s: float = 20.0, network: str = "") -> RequestRun:
    """A request under way that believes whatever it finds."""
    return RequestRun(pool=pool, deadline=time.monotonic() + within_s, network=network, delay=SchedulingDelay(),
                      silence=SilenceBudget(clock=time.monotonic), max_delay_s=float("inf"))


async def _most_at_once(jobs: int) -> int:
    now, most, lock = [0], [0], threading.Lock()

    def work(_: float) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.002)
        with lock:
            now[0] -= 1
        return 1

    job = MeasuringJob(run=work, takes_s=1.0, failure_of=lambda _: "")
    assert len(await run_on(FuturePool(64)).run_jobs(dict.fromkeys(range(jobs), job))) == jobs
    return most[0]


def test_one_request_holds_so_many_threads_and_no_more() -> None:
    assert 1 < asyncio.run(_most_at_once(60)) <= JOBS_AT_ONCE


def test_a_name_that_moves_inward_between_two_hops_is_not_followed() -> None:
    answers = iter((HERE, "10.0.0.1", "10.0.0.1"))
    with serving(Pages, None) as port:
        site, guard = parse_site(f"http://{HOST}:{port}/moved"), TargetGuard(exempt=frozenset({(HERE, port)}))
        page = fetch_page(site, headers={}, trust="web_pki", deadline=time.monotonic() + 20, guard=guard,
                          resolve=lambda _: DohLookup(addresses=(next(answers),)))
    assert (page.x_first and page.x_first.status_code, page.x_refused, page.status_code) == (302, "not_public", -1)
    assert json.dumps(page.headers) == "{}"
