"""Call servers and encrypted DNS of the laboratory: STUN, TURN's first answer, silent media ports, DNS over TLS."""

from __future__ import annotations

import itertools
import json
import random
import socket
import ssl
import struct
import sys
import zlib
from typing import Any

import dns.message
import dns.query
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_servers_world import Served, in_namespace, row, run_client, serving
from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe.core.tables.resolvers import PUBLIC_RESOLVERS
from probe_lab.lab_types import DrawnScenario, Fault
from probe_lab.servers.stun_server import MAGIC_COOKIE, stun_reply
from probe_lab.world import draw_world
from project_root import LAB_CLIENTS

ROWS = load_catalogue(search=False).endpoints
STUN_ROWS = [item for item in ROWS if item.protocol == "stun"]
SILENT_ROWS = [item for item in ROWS if item.protocol in ("udp", "opendht")]

# RFC 5769 2.1: a request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY and FINGERPRINT.
SAMPLE_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932f"
    "f9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
TRANSACTION = SAMPLE_REQUEST[4:20]


def attributes(message: bytes) -> dict[int, bytes]:
    found, at = {}, 20
    while at < len(message):
        kind, length = struct.unpack_from("!HH", message, at)
        found[kind] = message[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    assert at == len(message) == 20 + int.from_bytes(message[2:4])
    return found


def reply_to(message: bytes, client: str = "192.0.2.1", port: int = 32853) -> bytes | None:
    return stun_reply(message, client=client, client_port=port, realm="calls.example")


@pytest.mark.parametrize(
    ("client", "mapped"),
    [
        ("192.0.2.1", "0001a147e112a643"),
        ("2001:db8:1234:5678:11:2233:4455:6677", "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"),
    ],
)
def test_the_mapped_address_is_the_one_of_the_test_vectors(client: str, mapped: str) -> None:
    """RFC 5769 2.2 and 2.3."""
    reply = reply_to(SAMPLE_REQUEST, client)
    assert reply is not None
    assert (reply[:2].hex(), reply[4:20]) == ("0101", TRANSACTION)
    values = attributes(reply)
    assert values[0x0020].hex() == mapped
    assert int.from_bytes(values[0x8028]) == zlib.crc32(reply[:-8]) ^ 0x5354554E, "FINGERPRINT, as the client had one"


def test_a_plain_request_gets_nothing_but_the_address() -> None:
    reply = reply_to(b"\0\1\0\0" + TRANSACTION)
    assert reply is not None
    assert list(attributes(reply)) == [0x0020]
    classic = reply_to(b"\0\1\0\0" + bytes(16))
    assert classic is not None
    assert attributes(classic) == {0x0001: bytes.fromhex("00018055c0000201")}


def test_a_relay_asks_for_credentials() -> None:
    reply = reply_to(b"\0\3\0\x08" + TRANSACTION + bytes.fromhex("0019000411000000"))
    assert reply is not None
    values = attributes(reply)
    assert reply[:2].hex() == "0113"
    assert values[0x0009][:4] == bytes((0, 0, 4, 1))
    assert values[0x0014] == b"calls.example"
    assert values[0x0015]


def test_an_attribute_that_must_be_understood_is_refused() -> None:
    reply = reply_to(b"\0\1\0\x08" + TRANSACTION + bytes.fromhex("7fff000400000000"))
    assert reply is not None
    values = attributes(reply)
    assert (reply[:2].hex(), values[0x0009][:4], values[0x000A].hex()) == ("0111", bytes((0, 0, 4, 20)), "7fff")


@given(st.binary(max_size=80), st.binary(max_size=8))
def test_whatever_is_no_request_is_met_with_silence(message: bytes, noise: bytes) -> None:
    reply_to(message)  # may be anything but an exception
    assert reply_to(b"\x40" + message) is None
    assert reply_to(b"\x01\x01" + SAMPLE_REQUEST[2:]) is None, "a response"
    if noise:
        assert reply_to(SAMPLE_REQUEST + noise) is None
        assert reply_to(SAMPLE_REQUEST[: -len(noise)]) is None


def test_the_cookie_is_what_the_standard_says() -> None:
    assert MAGIC_COOKIE.to_bytes(4) == TRANSACTION[:4]


def all_addresses(served: Served, name: str) -> list[str]:
    plan = served.world.hosts[name]
    return [*plan.ipv4, *plan.ipv6]


@pytest.mark.slow
@pytest.mark.lab
@in_namespace
def test_every_stun_row_answers_on_all_its_addresses() -> None:
    assert len(STUN_ROWS) > 20
    with serving(ROWS, seed=3) as served:
        for number, item in enumerate(STUN_ROWS):
            for address in all_addresses(served, item.host):
                flags = [["--allocate"], ["--classic"], []][number % 3]
                found = run_client("stun", address, str(item.port), *flags)
                assert found["outcome"] == ("error" if "--allocate" in flags else "ok"), (item.input, address, found)
                assert found.get("code", 401) == 401
                assert "--allocate" in flags or found["mapped"] == found["local"]


@pytest.mark.lab
@in_namespace
def test_a_server_may_answer_under_another_number() -> None:
    bad, good = STUN_ROWS[0], next(item for item in STUN_ROWS if item.host != STUN_ROWS[0].host)
    with serving(ROWS, Fault(kind="stun_misnumbered", match=(bad.host,)), seed=4) as served:
        for item in (bad, good):
            reply = _client(served.world.hosts[item.host].ipv4[0], item.port, SAMPLE_REQUEST, timeout_s=5)
            assert isinstance(reply, bytes)
            assert reply[:2] == b"\x01\x01"
            assert (reply[4:20] == TRANSACTION) is (item is good)


def _client(address: str, port: int, message: bytes, *, timeout_s: float) -> str | bytes:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        client.connect((address, port))
        client.send(message)
        try:
            return client.recv(2000)
        except TimeoutError:
            return "silent"
        except ConnectionRefusedError:
            return "refused"


@pytest.mark.lab
@in_namespace
def test_a_media_port_is_silent_and_others_are_refused() -> None:
    shut = STUN_ROWS[0]
    discord = next(item for item in ROWS if item.protocol == "discord_udp_ping")
    with serving(ROWS, Fault(kind="closed", match=(shut.host,)), seed=3) as served:
        for item in SILENT_ROWS:
            assert _client(served.address(item.host), item.port, b"hello", timeout_s=0.3) == "silent", item.input
        for address in all_addresses(served, STUN_ROWS[1].host):
            assert _client(address, STUN_ROWS[1].port + 100, b"hello", timeout_s=20) == "refused"
        for address in all_addresses(served, shut.host):
            assert _client(address, shut.port, b"\0\1\0\0" + TRANSACTION, timeout_s=20) == "refused"
        ping = bytes.fromhex("1337cafe00000007")
        assert _client(discord.address, discord.port, ping, timeout_s=20) == ping
        assert _client(discord.address, discord.port, b"1337cafe", timeout_s=0.3) == "silent"


@pytest.mark.slow
@pytest.mark.lab
@in_namespace
def test_dns_over_tls_answers_at_the_public_resolvers() -> None:
    name = "asked.example"
    with serving([row(f"https://{name}/")], seed=8) as served:
        ca = ("--ca", str(served.pki / "ca.pem"))
        for operator in PUBLIC_RESOLVERS:
            for address in (*operator.ipv4, *operator.ipv6):
                for server_name in (operator.doh_host, ""):
                    found = run_client("dot", address, server_name, name, *ca)
                    assert found["outcome"] == "ok", (address, server_name, found)
                    assert sorted(found["answers"]) == sorted(served.world.hosts[name].ipv4)
                    assert found["alpn"] == "dot"
        found = run_client("dot", "8.8.8.8", "dns.quad9.net", name, *ca)
        assert (found["outcome"], found["stage"]) == ("certificate", "handshake")
        assert run_client("dot", served.world.resolver, "", name, *ca)["outcome"] == "refused"
        query = dns.message.make_query("nowhere.invalid", "A")
        reply = dns.query.tls(query, "9.9.9.9", timeout=20, server_hostname="dns.quad9.net", verify=str(ca[1]))
        assert reply.rcode() == dns.rcode.NXDOMAIN


@pytest.mark.lab
@in_namespace
def test_several_questions_may_share_a_session() -> None:
    rng = random.Random(4)
    with serving([row("https://asked.example/")], seed=8) as served:
        queries = [dns.message.make_query("asked.example", kind) for kind in ("A", "AAAA", "A")]
        wire = b"".join(len(data).to_bytes(2) + data for data in (query.to_wire() for query in queries))
        context = ssl.create_default_context(cafile=str(served.pki / "ca.pem"))
        plain = socket.create_connection(("1.1.1.1", 853))
        plain.settimeout(20)
        with context.wrap_socket(plain, server_hostname="one.one.one.one") as client:
            cuts = sorted({0, len(wire), *(rng.randrange(len(wire)) for _ in range(6))})
            for start, end in itertools.pairwise(cuts):
                client.sendall(wire[start:end])
            reader = client.makefile("rb")
            for query in queries:
                reply = dns.message.from_wire(reader.read(int.from_bytes(reader.read(2))))
                assert query.is_response(reply)


@pytest.mark.lab
def test_a_client_in_a_laboratory_is_answered(seed: int) -> None:
    world = draw_world(seed=seed, endpoints=ROWS, rtt_ms=(20, 20))
    scene = DrawnScenario(
        name="test", title="", kind="innocent", seed=seed, world=world, rules=(), faults=(), expects=(), aliases={},
        targets=(),
    )
    with forked(scene, helpers=False) as lab:

        def run(name: str, *arguments: str) -> dict[str, Any]:
            program = [sys.executable, str(LAB_CLIENTS / f"{name}.py"), "--timeout", "40"]
            done = lab.run([*program, *arguments], timeout_s=120)
            assert done.returncode == 0, done.stderr
            found: dict[str, Any] = json.loads(done.stdout)
            return found

        for item in STUN_ROWS[:3]:
            plan = world.hosts[item.host]
            for address in (*plan.ipv4[:1], *plan.ipv6[:1]):
                found = run("stun", address, str(item.port), "--count", "3")
                assert (found["outcome"], found["received"]) == ("ok", 3)
                assert found["mapped"] == [world.client6 if ":" in address else world.client4, found["local"][1]]
        assert run("stun", world.hosts[STUN_ROWS[0].host].ipv4[0], "9")["outcome"] == "refused"
        found = run("dot", "8.8.8.8", "dns.google", "web.telegram.org")
        assert found["outcome"] == "ok"
        assert sorted(found["answers"])[-1] in world.hosts["web.telegram.org"].ipv4 or len(found["answers"]) > 1
