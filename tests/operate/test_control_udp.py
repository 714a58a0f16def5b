"""The helper over UDP: it answers for QUIC and STUN from its place, under all of its guards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
import trustme

from control_world import helper_at
from loopback_udp import NAME, quic_server, stun_server
from probe.controls.asking.helper_client import HelperConfig, ask_helper
from probe.controls.helper_protocol import Request, XEndpoint
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.handshakes import ProtocolName
from probe.core.tables.protocols import Carrier
from probe.instruments.datagrams.quic_trust import _make_store
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_order import parse_order
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.reaching.reach import reach_endpoint
from probe_operate.reaching.reach_plan import ReachPlan
from probe_operate.reaching.target_guard import UDP_PORTS, TargetGuard
from test_stun import honest

HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.instruments.datagrams.stun.APART_S", 0.01)


@pytest.fixture
def ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "roots.pem")
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "roots.pem"))
    _make_store.cache_clear()
    yield authority
    _make_store.cache_clear()


def told(protocol: ProtocolName, port: int, *, sni: str = "", exempt: bool = True) -> ControlAnswer:
    """What a helper says of an endpoint on loopback, through the probe's own client."""
    target = Endpoint(target_id="x.call.y", service="x", role="call", tier=1, input=f"{protocol}://{NAME}:{port}",
                      protocol=protocol, host=NAME, port=port, sni=sni, trust="web_pki" if sni else "none")
    guard = TargetGuard(exempt=frozenset({(HERE, port)}) if exempt else frozenset())
    with helper_at(HelperEngine(pool=FuturePool(4), guard=guard, resolvers=())) as url:
        return ask_helper(HelperConfig(control_id="t", url=url), target, (HERE,), timeout_s=30, clock=lambda: 0.0)


def test_a_binding_is_made_from_the_helpers_place() -> None:
    with stun_server(honest) as port:
        living = told("stun", port)
    closed = told("stun", port)
    assert (living.state, living.udp) == ("answered", ((Place(HERE, port), ""),))
    assert (closed.state, closed.udp) == ("answered", ((Place(HERE, port), "connection_refused"),))
    assert "198.51.100.77" not in str(living)


def test_a_handshake_is_made_from_the_helpers_place(ca: trustme.CA, tmp_path: Path) -> None:
    with quic_server(ca, tmp_path) as port:
        good, bad = told("quic", port, sni=NAME), told("quic", port, sni="other.example")
    assert (good.state, good.udp, len(good.leaf_keys)) == ("answered", ((Place(HERE, port), ""),), 1)
    assert bad.udp == ((Place(HERE, port), "ssl_invalid_hostname"),)
    assert bad.leaf_keys == good.leaf_keys


def test_without_the_library_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_operate.reaching.reach_udp.find_spec", lambda name: None)
    plan = ReachPlan(address=HERE, port=443, sni=NAME, proto="quic")
    got = reach_endpoint(plan, guard=TargetGuard(exempt=frozenset({(HERE, 443)})), timeout_s=1,
                         deadline=time.monotonic() + 1)
    assert (got.reason, got.operation, got.failure) == ("no_quic", "", "")


@pytest.mark.parametrize("protocol", ["stun", "quic"])
def test_no_private_place_is_asked(protocol: Carrier) -> None:
    port = 3478 if protocol == "stun" else 443
    answer = told(protocol, port, sni=NAME, exempt=False)
    assert (answer.state, answer.udp) == ("refused", ())
    for address in (HERE, "10.0.0.1", "169.254.169.254", "::1", "fe80::1", "224.0.0.1"):
        plan = ReachPlan(address=address, port=port, sni=NAME, proto=protocol)
        assert reach_endpoint(plan, guard=TargetGuard(), timeout_s=1,
                              deadline=time.monotonic() + 1).reason == "not_public"


@pytest.mark.parametrize(("proto", "port", "reason"), [
    ("stun", 3478, ""), ("stun", 19302, ""), ("quic", 443, ""), ("stun", 443, "port"), ("quic", 3478, "port"),
    ("stun", 53, "port"), ("quic", 53, "port"), ("stun", 123, "port"), ("stun", 0, "port"), ("tcp", 3478, "port"),
])
def test_each_protocol_has_ports_of_its_own(proto: str, port: int, reason: str) -> None:
    assert TargetGuard().refusal("8.8.8.8", port, proto=proto) == reason
    assert (port in UDP_PORTS) or reason


def test_an_order_keeps_the_protocol_and_the_name() -> None:
    order = parse_order(Request(x_endpoints=[XEndpoint(proto="quic", host="Chat.Example", port=443),
                                             XEndpoint(proto="stun", host="call.example", port=3478)]))
    assert [(e.proto, e.sni) for e in order.endpoints] == [("quic", "chat.example"), ("stun", "")]
