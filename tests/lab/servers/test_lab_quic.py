"""HTTP/3 in the laboratory: every HTTPS host answers over QUIC as over TLS, and nobody else does."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest

from lab_servers_world import Served, get, in_namespace, row, run_client, serving
from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe_lab.lab_types import DrawnScenario, Fault
from probe_lab.world import draw_world
from project_root import LAB_CLIENTS

pytest.importorskip("aioquic", reason="it needs aioquic; in a checkout run: pip install . ./operate ./lab")
pytestmark = [pytest.mark.slow, pytest.mark.lab]

ROWS = load_catalogue(search=False).endpoints


def ask(served: Served, name: str, *arguments: str, address: str = "", ca: str = "ca.pem") -> dict[str, Any]:
    """An HTTP/3 GET that verifies the certificate."""
    return run_client("h3", address or served.address(name), name, *arguments, "--ca", str(served.pki / ca))


def datagram(address: str, port: int, data: bytes) -> socket.socket:
    """A connected UDP socket that has sent something."""
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(20)
    client.connect((address, port))
    client.send(data)
    return client


@in_namespace
def test_hosts_answer_as_they_do_over_tls_on_all_their_addresses() -> None:
    rows = [row(f"https://h{number}.example/page", expect_status=("200",)) for number in range(8)]
    with serving(rows, seed=11) as served:
        assert any(plan.ipv6 for plan in served.world.hosts.values())
        for item in rows:
            plan = served.world.hosts[item.host]
            over_tls = get(served, item.input)
            for address in (*plan.ipv4, *plan.ipv6):
                found = ask(served, item.host, "/page", address=address)
                assert found["outcome"] == "ok", (address, found)
                assert found["certificate_names"] == [item.host]
                assert found["status"] == over_tls.status
                assert found["body_bytes"] == len(over_tls.body)
                assert found["body"].encode("latin-1") == over_tls.body[:1024]


@in_namespace
def test_the_catalogue_speaks_quic(seed: int) -> None:
    rng = random.Random(seed)
    named = [item for item in ROWS if item.input.startswith("quichandshake:")]
    others = rng.sample([i for i in ROWS if i.sni and i.port == 443 and i.input.startswith("https:") and
                         i.trust == "web_pki" and i.status != "dead" and not i.address], 5)
    assert named
    with serving(ROWS, seed=seed) as served:
        for item in (*named, *others):
            plan = served.world.hosts[item.host]
            found = ask(served, item.host, address=rng.choice([*plan.ipv4, *plan.ipv6]))
            assert "status" in found, (item.input, found)
            assert found["certificate_names"][0] == item.host
        anchored = next(i for i in ROWS if i.trust == "signal_root" and i.port == 443 and i.input.startswith("https:"))
        assert "status" in ask(served, anchored.sni, address=served.address(anchored.host),
                               ca="anchors/signal_root_a.pem")


@in_namespace
def test_the_same_certificate_over_tls_and_quic() -> None:
    name = "one.example"
    with serving([row(f"https://{name}/")], seed=2) as served:
        plain = socket.create_connection((served.address(name), 443))
        with served.trusting().wrap_socket(plain, server_hostname=name) as client:
            shown = hashlib.sha256(client.getpeercert(binary_form=True) or b"").hexdigest()
        assert ask(served, name)["certificate_sha256"] == shown


@in_namespace
def test_an_unknown_version_is_negotiated_where_quic_is_served() -> None:
    with serving([row("https://one.example/"), row("tcpconnect://raw.example:443")], seed=2) as served:
        for address in (*served.world.hosts["one.example"].ipv4, *served.world.hosts["one.example"].ipv6):
            found = run_client("h3", address, "one.example", "--version", "babababa")
            assert (found["outcome"], found["versions"]) == ("negotiation", ["00000001"])
        found = run_client("h3", served.address("raw.example"), "raw.example", "--version", "babababa")
        assert found["outcome"] == "refused"


@in_namespace
def test_hosts_without_quic_refuse_as_a_kernel_does() -> None:
    rows = [row(f"tcpconnect://raw{number}.example:5222") for number in range(6)]
    with serving(rows, seed=5) as served:
        plans = served.world.hosts
        addresses = [address for item in rows for address in (*plans[item.host].ipv4, *plans[item.host].ipv6)]
        assert any(":" in address for address in addresses)
        for address in addresses:
            for port in (443, 444):
                with datagram(address, port, b"x" * 1300) as client, pytest.raises(ConnectionRefusedError):
                    client.recv(100)
        ours, kernels = (refusal(addresses[0], port) for port in (443, 444))
        assert len(ours) == len(kernels) == 576
        masked = [mask(packet) for packet in (ours, kernels)]
        assert masked[0] == masked[1]


def refusal(address: str, port: int) -> bytes:
    """The ICMP error that a long datagram over IPv4 meets."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as heard:
        heard.settimeout(20)
        heard.bind(("127.0.0.9", 0))
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind(("127.0.0.9", 4000))
        client.sendto(b"y" * 1300, (address, port))
        client.close()
        return heard.recv(65535)


def mask(packet: bytes) -> bytes:
    """An ICMP error without what differs between any two: identifiers, checksums, the port."""
    blank = bytearray(packet)
    for start, end in ((4, 6), (10, 12), (22, 24), (28 + 4, 28 + 6), (28 + 10, 28 + 12), (28 + 22, 28 + 24),
                       (28 + 26, 28 + 28)):
        blank[start:end] = bytes(end - start)
    return bytes(blank)


@in_namespace
def test_what_is_wrong_with_a_site_is_wrong_over_quic() -> None:
    names = ("expired", "foreign", "alert", "silent", "teapot", "well")
    rows = [row(f"https://{name}.example/") for name in names]
    faults = (
        Fault(kind="cert_expired", match=("expired.example",)),
        Fault(kind="cert_wrong_name", match=("foreign.example",)),
        Fault(kind="tls_alert", match=("alert.example",), params={"description": 80}),
        Fault(kind="tls_silence", match=("silent.example",)),
        Fault(kind="status", match=("teapot.example",), params={"status": 418, "body": "short and stout"}),
    )
    with serving(rows, *faults, seed=9) as served:
        for name in ("expired", "foreign"):
            found = ask(served, f"{name}.example")
            assert found["outcome"] == "closed"
            assert 0x100 <= found["error_code"] < 0x200
            assert "handshake_s" not in found
        assert ask(served, "alert.example")["error_code"] == 0x100 + 80
        assert ask(served, "silent.example", "--timeout", "1.5")["outcome"] == "timeout"
        assert ask(served, "teapot.example")["status"] == 418
        assert ask(served, "well.example")["status"] // 100 in (2, 3, 4)


@in_namespace
def test_a_foreign_name_gets_the_default_certificate_or_an_alert() -> None:
    rows = [row(f"https://host{number}.example/") for number in range(20)]
    seen = set()
    with serving(rows, seed=6) as served:
        for item in rows:
            found = ask(served, "www.somebody-else.example", address=served.address(item.host))
            seen.add(found["error_code"])
    assert seen == {0x100 + 112, 0x100 + 42}, "unrecognized_name from the server; bad_certificate from the client"


@in_namespace
def test_a_closed_host_has_no_quic() -> None:
    rows = [row("https://shut.example/")]
    with serving(rows, Fault(kind="closed", match=("shut.example",)), seed=6) as served:
        assert ask(served, "shut.example")["outcome"] == "refused"


@in_namespace
def test_many_requests_on_one_connection() -> None:
    with serving([row("https://one.example/")], seed=12) as served:
        found = ask(served, "one.example", "--requests", "3")
        assert found["outcome"] == "ok"
        assert len(found["answers_s"]) == 3


@in_namespace
def test_a_hello_of_several_datagrams_still_gets_the_certificate_it_asks_for() -> None:
    rows = [row("https://one.example/", sni="other.example")]
    with serving(rows, seed=13) as served:
        for name in ("one.example", "other.example"):
            found = ask(served, name, "--large", address=served.address("one.example"))
            assert (found["outcome"], found["certificate_names"]) == ("ok", [name])


@in_namespace
def test_a_server_that_has_had_enough_stops_in_the_middle_of_a_body() -> None:
    rows = [row("https://one.example/", expect_status=("200",))]
    told: set[int | str] = set()
    for seed in range(14, 19):  # pages of a length that is announced, and of one that is not
        with serving(rows, Fault(kind="small_cap", match=("one.example",), params={"bytes": 700}), seed=seed) as served:
            found = ask(served, "one.example")
            told.add(found.get("error") or found["body_bytes"])
    assert told == {700, "content-length does not match data size"}


@in_namespace
def test_no_bytes_bring_the_server_down(seed: int) -> None:
    rng = random.Random(seed)
    with serving([row("https://one.example/")], seed=seed) as served:
        client = datagram(served.address("one.example"), 443, b"")
        initial = first_datagram("one.example")
        for _ in range(300):
            client.send(damaged(rng, initial))
            client.send(rng.randbytes(rng.randint(0, 1400)))
        client.close()
        assert ask(served, "one.example")["outcome"] == "ok"


def first_datagram(name: str) -> bytes:
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection

    quic = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=["h3"], server_name=name))
    quic.connect(("192.0.2.1", 443), now=time.monotonic())
    return quic.datagrams_to_send(now=time.monotonic())[0][0]


def damaged(rng: random.Random, data: bytes) -> bytes:
    """A few bytes changed, most often in the header."""
    changed = bytearray(data)
    for _ in range(rng.randint(0, 3)):
        changed[rng.randrange(rng.choice((30, len(data))))] = rng.randrange(256)
    return bytes(changed)


def drawn(rows: Sequence[Any], seed: int) -> DrawnScenario:
    world = draw_world(seed=seed, endpoints=rows, rtt_ms=(20, 20))
    return DrawnScenario(
        name="test", title="", kind="innocent", seed=seed, world=world, rules=(), faults=(), expects=(), aliases={},
        targets=(),
    )


def test_a_client_in_a_laboratory_reaches_hosts_over_quic(seed: int) -> None:
    scene = drawn(ROWS, seed)
    hosts = [scene.world.hosts[name] for name in ("www.google.com", "www.facebook.com", "cloudflare-quic.com")]
    with forked(scene, helpers=False) as lab:
        for plan in hosts:
            for address in (*plan.ipv4[:1], *plan.ipv6[:1]):
                argv = [sys.executable, str(LAB_CLIENTS / "h3.py"), address, plan.name, "--timeout", "40"]
                done = lab.run(argv, env={**os.environ}, timeout_s=60, stderr=subprocess.PIPE)
                assert done.returncode == 0, done.stderr
                found = json.loads(done.stdout)
                assert found["outcome"] == "ok", (address, found)
                assert found["certificate_names"] == [plan.name]
