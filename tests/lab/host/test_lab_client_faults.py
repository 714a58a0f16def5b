"""Faults of the client's own machine and line, in laboratories with real kernels and real programs."""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from lab_exercise import client, tun_reason
from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.host import client_faults
from probe_lab.lab_types import DrawnScenario, Fault, Value, World
from probe_lab.laboratory import Laboratory
from probe_lab.servers.faults import FAULTS
from probe_lab.world import with_shared

TRANSPORTS = [pytest.param("tun", marks=pytest.mark.skipif(bool(tun_reason()), reason=tun_reason() or "open")), "veth"]

pytestmark = pytest.mark.lab


def clean(seed: int) -> DrawnScenario:
    drawn = draw_scenario(load_scenario("clean"), seed=seed, endpoints=load_catalogue(search=False).endpoints)
    return replace(drawn, world=replace(drawn.world, client_delay_ms=2.0, loss=0.0))


def host(world: World, *, ipv6: bool) -> str:
    """A living web service of the catalogue with or without IPv6."""
    return next(n for n in web_names() if n in world.hosts and bool(world.hosts[n].ipv6) == ipv6)


def web_names() -> list[str]:
    """Names of the catalogue's ordinary web services."""
    rows = load_catalogue(search=False).endpoints
    web = {row.host for row in rows if row.input.startswith("https://") and row.trust == "web_pki" and row.port == 443}
    return sorted(name for name in web if not name.startswith("dns"))


@contextmanager
def laboratory(drawn: DrawnScenario, fault: str, /, *, transport: str = "", **params: Value) -> Iterator[Laboratory]:
    drawn = replace(drawn, faults=(Fault(kind=fault, params=params),))
    with forked(drawn, helpers=False, transport=transport) as built:
        yield built


LOOK = r"""
import json, os, socket, ssl, sys

def addresses(name):
    try:
        return sorted({item[4][0] for item in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)})
    except OSError as error:
        return str(error)

def visit(name, cafile=None):
    context = ssl.create_default_context(cafile=cafile)
    with socket.create_connection((name, 443), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname=name) as tls:
            tls.sendall(f"HEAD / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
            return [tls.recv(100).split(b"\r\n")[0].decode()[:8], tls.getpeername()[0], tls.getsockname()[0]]
"""


def look(built: Laboratory, code: str, *arguments: str) -> Any:
    """What Python prints on the client as JSON."""
    return json.loads(client(built, f"{LOOK}\nprint(json.dumps({code}))", *arguments))


def output(built: Laboratory, *argv: str) -> str:
    return built.run(argv, timeout_s=60).stdout.decode()


# nat64


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_ipv6_only_network(seed: int, transport: str) -> None:
    drawn = clean(seed)
    world = drawn.world
    old, new = host(world, ipv6=False), host(world, ipv6=True)
    with laboratory(drawn, "nat64", transport=transport) as built:
        made = {str(ipaddress.IPv6Address(f"64:ff9b::{four}")) for four in world.hosts[old].ipv4}
        assert set(look(built, f"addresses('{old}')")) - {*world.hosts[old].ipv4} == made
        status, there, _ = look(built, f"visit('{old}')")
        assert (status, there in made) == ("HTTP/1.1", True)
        status, there, here = look(built, f"visit('{new}')")
        assert ipaddress.ip_address(there) in map(ipaddress.ip_address, world.hosts[new].ipv6)
        assert ipaddress.ip_address(here) == ipaddress.ip_address(world.client6)
        assert look(built, "addresses('ipv4only.arpa')") == [
            "192.0.0.170", "192.0.0.171", "64:ff9b::c000:aa", "64:ff9b::c000:ab",
        ]
        with pytest.raises(AssertionError, match="Network is unreachable"):
            look(built, f"visit('{world.hosts[old].ipv4[0]}')")


def test_only_the_networks_own_resolver_makes_addresses_up(seed: int) -> None:
    code = """
import dns.message, dns.query, json, sys
def ask(where, name, kind, over):
    answer = over(dns.message.make_query(name, kind), where, timeout=20)
    return [answer.rcode(), sorted(item.to_text() for rrset in answer.answer for item in rrset)]
where, public, old = sys.argv[1:]
print(json.dumps([ask(*q) for q in [
    (where, old, "AAAA", dns.query.udp), (where, old, "AAAA", dns.query.tcp), (public, old, "AAAA", dns.query.udp),
    (public, "ipv4only.arpa", "AAAA", dns.query.udp), (public, "ipv4only.arpa", "A", dns.query.udp),
    (where, "uptime.signal.org", "AAAA", dns.query.udp), (where, "no.such.name.example", "AAAA", dns.query.udp),
]]))
"""
    drawn = clean(seed)
    world = drawn.world
    old = host(world, ipv6=False)
    with laboratory(drawn, "nat64") as built:
        resolver = client_faults.resolver_of(built.drawn.faults, world)
        assert output(built, "cat", "/etc/resolv.conf") == f"nameserver {resolver}\n"
        udp, tcp, public, known6, known4, message, nobody = json.loads(
            client(built, code, resolver, "2606:4700:4700::1111", old)
        )
    made = {str(ipaddress.IPv6Address(f"64:ff9b::{four}")) for four in world.hosts[old].ipv4}
    for answer in (udp, tcp):
        assert made <= set(answer[1]), "perhaps with an alias"
    assert not made & set(public[1])
    assert (known6, known4) == ([0, []], [0, ["192.0.0.170", "192.0.0.171"]])
    assert message == [0, []], "127.0.0.1 is no place to translate to"
    assert nobody == [3, []]


# a private network


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("kind", ["full", "split"])
def test_a_tunnel_and_what_it_carries(seed: int, kind: str, transport: str) -> None:
    drawn = clean(seed)
    world = drawn.world
    faults = (Fault(kind="vpn", params={"kind": kind}),)
    tunnel = client_faults.tunnel_of(faults, world)
    assert tunnel is not None
    with laboratory(drawn, "vpn", transport=transport, kind=kind) as built:
        devices = {device["ifname"]: device for device in json.loads(output(built, "ip", "-json", "address"))}
        assert set(devices) == {"lo", "eth0", tunnel.interface}
        assert "UP" in devices[tunnel.interface]["flags"]
        own = {ipaddress.ip_address(item["local"]) for item in devices[tunnel.interface]["addr_info"]}
        assert own == {ipaddress.ip_interface(text).ip for text in tunnel.addresses}
        if transport == "tun":
            assert output(built, "cat", f"/sys/class/net/{tunnel.interface}/type") == "65534\n"  # ARPHRD_NONE
        for four in (True, False):
            name = host(world, ipv6=not four)
            status, _, here = look(built, f"visit('{name}')")
            assert status == "HTTP/1.1"
            assert ipaddress.ip_address(here) == ipaddress.ip_address(world.client4 if four else world.client6)
        routed = [text for text in tunnel.routes if not text.startswith(("10.", "fd"))]
        for text in routed[:1] or ["8.8.8.8/32"]:
            way = json.loads(output(built, "ip", "-json", "route", "get", text.partition("/")[0]))
            assert way[0]["dev"] == tunnel.interface
        if kind == "split":
            assert json.loads(output(built, "ip", "-json", "route", "get", world.gateway4))[0]["dev"] == "eth0"
            serving = {address for name in web_names() if name in world.hosts for address in world.hosts[name].ipv4}
            through = next(text.partition("/")[0] for text in routed if text.partition("/")[0] in serving)
            assert connects(built, through) == world.client4


def connects(built: Laboratory, address: str) -> str:
    """The address from which the client reaches a server's port 443."""
    code = "import socket, sys; print(socket.create_connection((sys.argv[1], 443), timeout=20).getsockname()[0])"
    return client(built, code, address).strip()


# name service


@pytest.mark.parametrize("transport", TRANSPORTS[1:])
def test_a_forwarder_on_the_client_itself(seed: int, transport: str) -> None:
    drawn = clean(seed)
    name = host(drawn.world, ipv6=True)
    plan = drawn.world.hosts[name]
    with laboratory(drawn, "stub_resolver", transport=transport) as built:
        assert output(built, "cat", "/etc/resolv.conf").startswith("nameserver 127.0.0.53\n")
        found = look(built, f"addresses('{name}')")
        assert {ipaddress.ip_address(a) for a in found} == {*map(ipaddress.ip_address, (*plan.ipv4, *plan.ipv6))}
        code = """
import dns.message, dns.query, json, sys
query = dns.message.make_query(sys.argv[1], "A")
answers = [ask(query, "127.0.0.53", timeout=20) for ask in (dns.query.udp, dns.query.tcp)]
nobody = dns.query.udp(dns.message.make_query("no.such.name.example", "A"), "127.0.0.53", timeout=20)
print(json.dumps([*(sorted(item.to_text() for item in answer.answer[-1]) for answer in answers), nobody.rcode()]))
"""
        assert json.loads(client(built, code, name)) == [sorted(plan.ipv4), sorted(plan.ipv4), 3]


def test_a_forwarder_before_a_resolver_that_is_not_there(seed: int) -> None:
    dead = Fault(kind="resolver_dead", params={"refuse": True})
    drawn = replace(clean(seed), faults=(Fault(kind="stub_resolver"), dead))
    code = """
import dns.message, dns.query
print(dns.query.udp(dns.message.make_query("a.example", "A"), "127.0.0.53", timeout=20).rcode())
"""
    with forked(drawn, helpers=False) as built:
        assert client(built, code) == "2\n"


# variables and trust


def test_variables_that_lead_nowhere(seed: int) -> None:
    drawn = clean(seed)
    name = host(drawn.world, ipv6=True)
    code = """
import json, os, requests, sys
try:
    requests.get(f"https://{sys.argv[1]}/", timeout=20)
    trusting = "reached"
except (OSError, requests.RequestException) as error:
    trusting = type(error).__name__
with requests.Session() as session:
    session.trust_env = False
    status = session.get(f"https://{sys.argv[1]}/", timeout=20, allow_redirects=False).status_code
names = ("HTTP_PROXY", "https_proxy", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NO_PROXY", "no_proxy")
print(json.dumps([trusting, status < 600, [name in os.environ for name in names]]))
"""
    with laboratory(drawn, "proxy_environment") as built:
        done = built.run([sys.executable, "-c", code, name], env={"no_proxy": "*", "PATH": "/usr/bin"}, timeout_s=60)
        trusting, reached, there = json.loads(done.stdout or done.stderr)
        assert trusting != "reached"
        assert reached, "a program that takes no heed gets through"
        assert there == [True] * 5 + [False] * 2
        vantage = built.drawn.world.vantages[0].control_id
        assert "PROXY" not in built.run(["env"], host=vantage, timeout_s=20).stdout.decode()


def test_a_root_in_the_systems_store_alone(seed: int) -> None:
    drawn = clean(seed)
    code = """
import certifi, json, ssl
from cryptography import x509
def names(path):
    return sorted(c.subject.rfc4514_string() for c in x509.load_pem_x509_certificates(open(path, "rb").read()))
print(json.dumps([names(certifi.where()), names("/etc/ssl/certs/ca-certificates.crt")]))
"""
    with laboratory(drawn, "root_installed") as built:
        own, system = json.loads(client(built, code))
    assert len(own) == 1
    assert set(own) < set(system)
    assert [name for name in system if "Inspection" in name]
    with forked(drawn, helpers=False) as built:
        own, system = json.loads(client(built, code))
    assert own == system


def test_a_client_without_timestamps(seed: int) -> None:
    with laboratory(clean(seed), "no_timestamps") as built:
        hosts = ("client", built.drawn.world.vantages[0].control_id)
        setting = ("cat", "/proc/sys/net/ipv4/tcp_timestamps")
        assert [built.run(setting, host=name, timeout_s=20).stdout for name in hosts] == [b"0\n", b"1\n"]


def test_every_fault_of_the_client_is_tested_here() -> None:
    here = {"vpn", "stub_resolver", "proxy_environment", "root_installed", "no_timestamps"}
    assert {kind for kind, entry in FAULTS.items() if entry.layer == "client"} == here


# on the line, with a kernel at each end


def test_a_narrow_link_stalls_what_is_large_unless_its_router_tells(seed: int) -> None:
    drawn = clean(seed)
    name = host(drawn.world, ipv6=False)
    code = """
import json, socket, ssl, sys
def handshake():
    context = ssl.create_default_context()
    with socket.create_connection((sys.argv[1], 443), timeout=4) as plain:
        try:
            context.wrap_socket(plain, server_hostname=sys.argv[1]).close()
            return "done"
        except TimeoutError:
            return "stalled"
print(json.dumps(handshake()))
"""
    for icmp, expected in ((False, "stalled"), (True, "done")):
        with laboratory(drawn, "mtu", bytes=700, hop=1, icmp=icmp) as built:
            assert json.loads(client(built, code, name)) == expected


def test_a_host_that_bans_the_client_alone(seed: int) -> None:
    drawn = clean(seed)
    name = host(drawn.world, ipv6=False)
    code = """
import errno, json, socket, sys
found = []
for _ in range(5):
    try:
        socket.create_connection((sys.argv[1], 443), timeout=20).close()
        found.append("ok")
    except OSError as error:
        found.append(errno.errorcode.get(error.errno, type(error).__name__))
print(json.dumps(found))
"""
    bans = Fault(kind="host_bans", match=(name,), params={"after": 2, "reply": "reset"})
    with forked(replace(drawn, faults=(bans,)), helpers=False) as built:
        address = drawn.world.hosts[name].ipv4[0]
        assert json.loads(client(built, code, address)) == ["ok", "ok", *["ECONNREFUSED"] * 3]
        vantage = drawn.world.vantages[0].control_id
        done = built.run([sys.executable, "-c", code, address], host=vantage, timeout_s=60)
        assert json.loads(done.stdout) == ["ok"] * 5


RESETS = r"""
import json, socket, sys
def reset_of(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    tap.settimeout(20)
    with socket.socket(family) as client:
        client.settimeout(20)
        try:
            client.connect((address, 443))
        except ConnectionRefusedError:
            pass
    version, at = (4, 20) if family == socket.AF_INET else (6, 40)
    while True:
        packet = tap.recv(2000)[14:]
        if packet[0] >> 4 == version and packet[9 if version == 4 else 6] == 6 and packet[at + 13] & 4:
            return packet.hex()
print(json.dumps([reset_of(address) for address in sys.argv[1:]]))
"""


@pytest.mark.parametrize("version", [4, 6])
def test_a_refusal_looks_like_the_kernels_own(seed: int, version: int) -> None:
    drawn = clean(seed)
    closed, refusing = [name for name in web_names() if name in drawn.world.hosts and drawn.world.hosts[name].ipv6][:2]
    faults = (Fault(kind="closed", match=(closed,)), Fault(kind="host_resets_syn", match=(refusing,)))
    plans = [drawn.world.hosts[name] for name in (closed, refusing)]
    addresses = [(plan.ipv4 if version == 4 else plan.ipv6)[0] for plan in plans]
    with forked(replace(drawn, faults=faults), level="packet", helpers=False) as built:
        resets = [bytearray.fromhex(text) for text in json.loads(client(built, RESETS, *addresses))]
    kernels, ours = resets
    if version == 6:
        assert all(raw[1] & 15 or raw[2] or raw[3] for raw in resets), "a flow label"
    # Addresses, ports and what follows from them: checksums, the number acknowledged, the flow label.
    differing = ((10, 20), (20, 24), (28, 32), (36, 38)) if version == 4 else ((1, 4), (8, 44), (48, 52), (56, 58))
    for start, end in differing:
        kernels[start:end] = ours[start:end] = bytes(end - start)
    assert ours.hex() == kernels.hex()


def test_a_used_up_volume_leads_to_the_operators_page(seed: int) -> None:
    drawn = clean(seed)
    name = host(drawn.world, ipv6=False)
    code = """
import requests, sys
answer = requests.get(f"http://{sys.argv[1]}/", timeout=20)
print(answer.history[0].status_code, "login." in answer.url, answer.status_code, "sign in" in answer.text)
"""
    with laboratory(drawn, "quota", after_bytes=0, reply="portal") as built:
        assert client(built, code, name) == "302 True 200 True\n"


def test_two_names_on_one_address_each_with_its_own_certificate(seed: int) -> None:
    drawn = clean(seed)
    one, other = host(drawn.world, ipv6=False), host(drawn.world, ipv6=True)
    world = with_shared(drawn.world, {one: other})
    with forked(replace(drawn, world=world), helpers=False) as built:
        for name in (one, other):
            status, there, _ = look(built, f"visit('{name}')")
            plan = drawn.world.hosts[other]
            assert status == "HTTP/1.1"
            assert ipaddress.ip_address(there) in map(ipaddress.ip_address, (*plan.ipv4, *plan.ipv6))
