"""Hosts of the laboratory that share an address are told apart by name, over TLS, plain HTTP and QUIC."""

from __future__ import annotations

import pytest

from lab_servers_world import Served, connect, get, in_namespace, request, row, run_client, serving
from probe_lab.lab_types import Fault

pytestmark = pytest.mark.lab

NAMES = ("one.example", "two.example", "three.example")
ROWS = [row(f"https://{name}/", expect_status=("200",), expect_body=(f"this is {name}",)) for name in NAMES]
SHARED = dict.fromkeys(NAMES[1:], NAMES[0])


def addresses(served: Served) -> set[tuple[str, ...]]:
    return {(*served.world.hosts[name].ipv4, *served.world.hosts[name].ipv6) for name in NAMES}


@in_namespace
def test_every_host_shows_its_own_certificate_and_pages() -> None:
    with serving(ROWS, seed=21, shared=SHARED) as served:
        (common,) = addresses(served)
        for name in NAMES:
            for address in common:
                answer = get(served, f"https://{name}/", address=address)
                assert f"this is {name}" in answer.body.decode()
            redirected = get(served, f"http://{name}/x")
            assert redirected.headers["Location"] == f"https://{name}/x"


@pytest.mark.slow
@in_namespace
def test_quic_tells_them_apart_as_well() -> None:
    pytest.importorskip("aioquic")
    with serving(ROWS, seed=22, shared=SHARED) as served:
        for name in NAMES:
            found = run_client("h3", served.address(name), name, "--ca", str(served.pki / "ca.pem"))
            assert (found["outcome"], found["certificate_names"]) == ("ok", [name])
            assert f"this is {name}" in found["body"]


@in_namespace
def test_a_fault_of_one_is_not_the_others() -> None:
    faults = (Fault(kind="tls_reset", match=(NAMES[1],)), Fault(kind="status", match=(NAMES[2],)))
    with serving(ROWS, *faults, seed=23, shared=SHARED) as served:
        assert get(served, f"https://{NAMES[0]}/").status == 200
        with pytest.raises(ConnectionResetError):
            get(served, f"https://{NAMES[1]}/")
        assert get(served, f"https://{NAMES[2]}/").status == 403


@in_namespace
def test_a_page_of_a_neighbour_is_not_there_under_another_session() -> None:
    with serving(ROWS, seed=24, shared=SHARED) as served:
        client = served.trusting().wrap_socket(connect(served.address(NAMES[1]), 443), server_hostname=NAMES[1])
        with client:
            assert request(client, NAMES[2]).status == 404
