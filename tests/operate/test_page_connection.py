"""One connection for a page and for its address: when it serves for both, and when the address is reached by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import trustme

from control_world import DOH, HERE, HOST, Doh, Pages, serving, trusting
from probe.controls.helper_protocol import Request, Response, XEndpoint
from probe.core.tables.failures import TIMEOUT
from probe.core.tables.resolvers import Resolver
from probe_operate.helper import page_connection
from probe_operate.helper.helper_engine import HelperEngine, measure_order
from probe_operate.helper.helper_order import parse_order, plan_order
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.helper.page_connection import PageConnection, find_shared_plan
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.reach_plan import ReachPlan, ReachResult
from probe_operate.reaching.target_guard import TargetGuard

FIRST, SECOND = "192.0.2.1", "192.0.2.2"
LOOKUPS = {HOST: DohLookup(addresses=(FIRST, SECOND))}
OPENED, FAILED = ReachResult(operation="tls_handshake"), ReachResult(operation="connect", failure=TIMEOUT)
PLAN, OTHER = (ReachPlan(address=address, port=443) for address in (FIRST, SECOND))


def tls(**changes: object) -> list[XEndpoint]:
    return [XEndpoint(**{"proto": "tls", "host": HOST, "port": 443, "alpn": ("http/1.1",),  # type: ignore[arg-type]
                         **changes})]


@pytest.mark.parametrize(("request_", "shared"), [
    (Request(http_request=f"https://{HOST}/"), True),
    (Request(http_request=f"http://{HOST}/"), True),
    (Request(http_request=f"https://{HOST}/", x_endpoints=tls()), True),
    (Request(http_request=f"https://{HOST}/", x_endpoints=tls(alpn=("h2", "http/1.1"))), False),
    (Request(http_request=f"https://{HOST}/", x_endpoints=tls(), x_trust="none"), True),
    (Request(http_request=""), False),
    (Request(http_request="", x_endpoints=tls()), False),
    (Request(http_request="https://unknown.example.org/"), False),
], ids=str)
def test_only_the_very_same_connection_serves_for_both(request_: Request, shared: bool) -> None:
    order = parse_order(request_)
    plans = plan_order(order, LOOKUPS)
    found = find_shared_plan(order, LOOKUPS, plans)
    assert (found is not None) == shared
    assert found is None or (found in plans and found.address == FIRST and not found.app and not found.shape)


@pytest.mark.parametrize(("told", "opened"), [
    ([(PLAN, OPENED)], OPENED), ([(PLAN, FAILED)], None), ([(PLAN, FAILED), (OTHER, OPENED)], None),
    ([(OTHER, OPENED)], None), ([(PLAN, ReachResult(reason="busy"))], None), ([], None),
], ids=str)
def test_the_first_attempt_counts_where_it_is_made(told: list[tuple[ReachPlan, ReachResult]],
                                                   opened: ReachResult | None) -> None:
    async def fetch() -> ReachResult | None:
        connection = PageConnection(FIRST)
        connection.begin()
        for one in told:
            await asyncio.to_thread(connection.note, *one)
        if not told:
            connection.end()
        return await connection.wait()

    assert asyncio.run(fetch()) is opened


def test_silence_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_connection, "PATIENCE_S", 0.01)

    async def fetch() -> ReachResult | None:
        connection = PageConnection(FIRST)
        connection.begin()
        return await connection.wait()  # nobody will ever say anything

    assert asyncio.run(fetch()) is None


class CountedPages(Pages):
    """Remembers its connections."""

    accepted: ClassVar[list[int]] = []

    def setup(self) -> None:
        """One more."""
        self.accepted.append(1)
        super().setup()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def engine(authority: trustme.CA, tmp_path: Path) -> Iterator[tuple[HelperEngine, int]]:
    """With a site of this authority."""
    CountedPages.accepted.clear()
    with (trusting(authority, tmp_path / "roots.pem"), serving(CountedPages, authority.issue_cert(HOST)) as site,
          serving(Doh, authority.issue_cert(DOH)) as doh):
        yield HelperEngine(
            pool=FuturePool(8), doh_port=doh, guard=TargetGuard(exempt=frozenset({(HERE, site)})),
            resolvers=(Resolver(name="test", ipv4=(HERE,), doh_host=DOH),)), site


def ask(engine: HelperEngine, request: Request) -> Response:
    async def answer() -> Response:
        return await measure_order(parse_order(request), engine)

    return asyncio.run(answer())


def test_a_site_is_connected_to_once(engine: tuple[HelperEngine, int]) -> None:
    helper, site = engine
    told = ask(helper, Request(http_request=f"https://{HOST}:{site}/"))
    assert told.http_request is not None
    assert told.http_request.status_code == 200
    assert {key: (one.status, one.failure) for key, one in told.tcp_connect.items()} == {f"{HERE}:{site}": (True, None)}
    assert [one.status for one in told.tls_handshake.values()] == [True]  # type: ignore[union-attr]
    assert len(CountedPages.accepted) == 1


def test_ours_are_told_all_of_it(engine: tuple[HelperEngine, int]) -> None:
    helper, site = engine
    told = ask(helper, Request(http_request=f"https://{HOST}:{site}/", x_endpoints=tls(port=site)))
    (one,) = told.x_endpoints
    assert (one.operation, one.failure, one.trust, one.tls_version) == ("tls_handshake", None, "valid", "TLSv1.3")
    assert one.leaf_key_sha256
    assert one.ja4.startswith("t13d")
    assert len(CountedPages.accepted) == 1


def test_what_the_page_cannot_open_is_reached_by_itself(engine: tuple[HelperEngine, int], tmp_path: Path) -> None:
    helper, site = engine
    with trusting(trustme.CA(), tmp_path / "other.pem"):  # of another authority: the page fails, and so does this
        told = ask(helper, Request(http_request=f"https://{HERE}:{site}/", x_endpoints=tls(port=site, host=HERE)))
    (one,) = told.x_endpoints
    assert one.failure
    assert len(CountedPages.accepted) == 2
