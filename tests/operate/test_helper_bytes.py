"""The bytes that a helper gives: to whatever name, always the same, seldom enough, and not where it must not."""

from __future__ import annotations

import ssl
import zlib
from urllib.parse import urlsplit

import pytest
import requests
import trustme

from control_world import helper_at
from observations import HOST
from probe.core.helper_bytes import QUERY, TEST_BYTES, make_test_bytes
from probe.core.observations import Observation
from probe.instruments.clock import start_clock
from probe.instruments.steps import Transfer
from probe.instruments.visits.transfer import MAX_BYTES, make_transfer
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_metrics import HelperCounters
from probe_operate.helper.helper_server import make_app
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.helper.rate_limiter import BYTES_BURST, NETWORK_TIMES, BytesLimiter, RateLimiter

ENGINE = HelperEngine(pool=FuturePool(2), resolvers=())


def fetch(url: str, name: str) -> Observation:
    """As a probe fetches them, on one connection."""
    place = urlsplit(url)
    plan = Transfer(purpose="foreign_helper", address=place.hostname or "", port=place.port or 0,
                    sni=name if place.scheme == "https" else "", url=f"https://{name}/?{QUERY}", input="in", once=True)
    return make_transfer(plan, clock=start_clock())


@pytest.mark.parametrize("name", ["helper.example", HOST])
def test_bytes_are_given_under_every_name(name: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("helper.example").configure_cert(tls)
    with helper_at(ENGINE, RateLimiter(clock=lambda: 0.0), tls=tls) as url:
        seen = fetch(url, name)
    assert (seen.failure, seen.http.status, seen.http.body_bytes) == ("", 200, TEST_BYTES)
    assert MAX_BYTES <= seen.bytes_read < MAX_BYTES + 20_000
    assert seen.transfer.rounds == 1


def test_they_are_the_same_each_time_and_cannot_be_made_smaller() -> None:
    with helper_at(ENGINE) as url:
        bodies = {requests.get(url, params=QUERY, headers={"Host": host}, timeout=10).content for host in (HOST, "x.y")}
    assert bodies == {make_test_bytes()}
    assert len(zlib.compress(make_test_bytes(), 9)) >= TEST_BYTES


def test_a_client_gets_only_so_many() -> None:
    counters = HelperCounters()
    app = make_app(ENGINE, limiter=RateLimiter(clock=lambda: 0.0), counters=counters)
    with helper_at(ENGINE, app=app) as url, requests.Session() as session:
        statuses = [session.get(url, params=QUERY, timeout=10).status_code for _ in range(2 * BYTES_BURST)]
    assert statuses[:BYTES_BURST] == [200] * BYTES_BURST
    assert 429 in statuses
    assert f'probe_helper_requests_total{{outcome="gave_bytes"}} {statuses.count(200)}\n' in counters.format()


def test_a_network_and_everybody_get_only_so_many_as_well() -> None:
    limiter = BytesLimiter(clock=lambda: 0.0)
    given = sum(limiter.allows(f"198.51.{n}.1") for n in range(2 * NETWORK_TIMES * BYTES_BURST))
    assert given == NETWORK_TIMES * BYTES_BURST
    near = BytesLimiter(clock=lambda: 0.0)
    assert sum(near.allows("192.0.2.1") for _ in range(2 * BYTES_BURST)) == BYTES_BURST
    assert near.allows("192.0.2.2")


@pytest.mark.parametrize(("gives", "method"), [(False, "GET"), (True, "HEAD")])
def test_who_gives_none_only_greets(gives: bool, method: str) -> None:
    with helper_at(ENGINE, app=make_app(ENGINE, limiter=None, gives_bytes=gives)) as url:
        answer = requests.request(method, url, params=QUERY, timeout=10)
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) < 1000
        assert fetch(url, HOST).transfer.rounds == 1
