"""What the box sends is believed by a real kernel: each action, as a program on the client side meets it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest

from lab_exercise import DRAWN, STAND_INS, WORLD, client, open_lab
from lab_traffic import rule
from probe_lab.host.blueprint import Parts
from probe_lab.lab_types import Fault
from probe_lab.laboratory import Laboratory
from probe_lab.truth import read_log

pytestmark = pytest.mark.lab

NAMES = (
    "plain", "silent", "muted", "syn", "data", "fin", "page", "icmp", "portal", "off", "alert", "rewritten", "frozen",
)
PLACES = {name: (f"151.101.{number}.1", f"2a04:4e42::{number}") for number, name in enumerate(NAMES, start=1)}
RULES = (
    rule("address", PLACES["silent"], "drop"),
    rule("address", PLACES["muted"], "drop_to_client", on="data", pass_acks=True),
    rule("address", PLACES["syn"], "reset", copies=3, flags="R"),
    rule("address", PLACES["data"], "reset", on="data", copies=3, df=True, direction="client", delay_ms=1),
    rule("address", PLACES["fin"], "fin"),
    rule("address", PLACES["alert"], "alert"),
    rule("address", PLACES["rewritten"], "rewrite", window=100),
    rule("address", PLACES["frozen"], "freeze", after_packets=3),
    rule("host", "t.example", "http_response", body="restricted" * 400, flags="FPA", reset_server=True),
    rule("address", PLACES["icmp"], "icmp"),
    rule("address", PLACES["portal"], "redirect", to="6.6.6.6", to6="2a02::6"),
    rule("qname", "t.example", "inject_dns", answers="8.7.198.45", copies=2),
    rule("udp53", (), "redirect", to="9.9.9.9"),
)
PROGRAM = r"""
import concurrent.futures, errno, json, socket, struct, sys

QUESTION = struct.pack("!HHHHHH", 7, 256, 1, 0, 0, 0) + b"\1%c\7example\0\0\1\0\1"
REQUEST = b"GET / HTTP/1.1\r\nHost: t.example\r\n\r\n"

def ask(address, words):
    try:
        with socket.create_connection((address, 80), timeout=3) as s:
            s.sendall(words)
            return b"".join(iter(lambda: s.recv(9000), b"")).decode("latin-1")
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno]

def resolve(server, name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.sendto(QUESTION.replace(b"%c", name), (server, 53))
        data, sender = s.recvfrom(500)
        return [sender[0], len(data), socket.inet_ntoa(data[-4:])]

places = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(32) as pool:
    asked = {
        name: [pool.submit(ask, address, REQUEST if name == "page" else b"who") for address in addresses]
        for name, addresses in places.items()
    }
    found = {name: [answer.result() for answer in answers] for name, answers in asked.items()}
print(json.dumps([found, resolve("8.8.4.4", b"t"), resolve("8.8.4.4", b"c")]))
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    world = dataclasses.replace(WORLD, client_delay_ms=5.0, hops=6, censor_hop=3)
    faults = (Fault(kind="host_off", match=PLACES["off"]),)
    drawn = dataclasses.replace(DRAWN, name="effects", world=world, rules=RULES, faults=faults)
    parts = Parts(servers=STAND_INS.servers, pki=STAND_INS.pki, helper=STAND_INS.helper)
    with open_lab(drawn=drawn, parts=parts) as built:
        yield built


def served(client_address: str, server_address: str) -> str:
    """What the stand-in server says when it is reached."""
    return json.dumps({"from": client_address, "to": server_address})


def test_every_action_is_felt_in_both_families(lab: Laboratory) -> None:
    found, forged, honest = json.loads(client(lab, PROGRAM, json.dumps(PLACES)))
    page = found.pop("page")
    reached = {"plain": PLACES["plain"], "portal": ("6.6.6.6", "2a02::6")}
    assert found == {
        **{name: [served(WORLD.client4, four), served(WORLD.client6, six)] for name, (four, six) in reached.items()},
        "silent": ["timeout"] * 2,
        "muted": ["timeout"] * 2,
        "syn": ["ECONNREFUSED"] * 2,
        "data": ["ECONNRESET"] * 2,
        "fin": [""] * 2,
        "rewritten": ["ECONNRESET"] * 2,
        "frozen": ["timeout"] * 2,
        "icmp": ["EHOSTUNREACH", "EACCES"],
        "off": ["EHOSTUNREACH"] * 2,
        "alert": [bytes.fromhex("15030100020250").decode("latin-1")] * 2,
    }
    head = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 4000\r\n\r\n"
    assert page == [head + "restricted" * 400] * 2
    assert forged == ["8.8.4.4", 43, "8.7.198.45"]
    # The stand-in sends every question back as it came; it seems to come from the address that was asked.
    assert honest == ["8.8.4.4", 27, "0.1.0.1"]
    acts = {(entry.action, entry.address) for entry in read_log(lab.log_path)}
    for name in ("silent", "muted", "syn", "data", "fin", "icmp", "portal", "alert", "rewritten", "frozen"):
        assert {address for _, address in acts} >= set(PLACES[name])
    assert not {address for _, address in acts} & {*PLACES["plain"], *PLACES["off"]}
