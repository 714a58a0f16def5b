"""What a plain client meets of boxes that act by counts, silences, uploads and earlier flows, not by one packet."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest

from lab_exercise import DRAWN, STAND_INS, WORLD, client, open_lab
from lab_traffic import rule
from probe_lab.host.blueprint import Parts
from probe_lab.lab_types import Fault, Rule
from probe_lab.laboratory import Laboratory
from probe_lab.truth import read_log

pytestmark = pytest.mark.lab

NAMES = ("late", "plain", "far", "idle", "cut", "upload", "crowd", "spared", "slow", "strict")
PLACES = {name: f"151.101.{number}.1" for number, name in enumerate(NAMES, start=1)}
WAIT_MS = 700
IDLE_S = 1.0
RULES = (
    rule("address", PLACES["late"], "drop", from_connections=3),
    rule("address", PLACES["far"], "delay", wait_ms=WAIT_MS, direction="client"),
    rule("address", PLACES["idle"], "drop", idle_s=IDLE_S),
    rule("address", PLACES["cut"], "reset", idle_s=IDLE_S),
    rule("address", PLACES["upload"], "freeze", after_bytes=3000, counted="server", direction="server"),
    rule("address", PLACES["crowd"], "limit", open_at_once=2, refusal="reset"),
    rule("host", "t.example", "reset", not_at=PLACES["spared"]),
    rule("protocol", "dtls", "drop"),
    rule("host", "strict.example", "reset", at=PLACES["strict"], residual_s=600, residual_tuple=2, residual_on="syn"),
)
CARRIER = (Rule(trigger="address", match=(PLACES["slow"],), action="icmp", params={"code": 13}),)
PARTS = Parts(servers=STAND_INS.servers, pki=STAND_INS.pki, helper=STAND_INS.helper)
PROGRAM = r"""
import concurrent.futures, contextlib, errno, json, socket, sys, time

PLACES, IDLE_S = json.loads(sys.argv[1]), float(sys.argv[2])
REQUEST = b"GET / HTTP/1.1\r\nHost: %s.example\r\n\r\n"

def attempt(act):
    try:
        return act()
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno]

def opened(name):
    connection = socket.create_connection((PLACES[name], 80), timeout=3)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection

def said(connection, words):
    connection.sendall(words)
    return "answer" if connection.recv(len(words)) else "end"

def once(name, words=b"echo"):
    with opened(name) as connection:
        return said(connection, words)

def after_silence(name):
    with opened(name) as connection:
        first = said(connection, b"echo")
        time.sleep(2 * IDLE_S)
        return [first, attempt(lambda: said(connection, b"more"))]

def uploads(name):
    with opened(name) as connection:
        found = [said(connection, b"echo")]
        for _ in range(4):
            found.append(attempt(lambda: said(connection, bytes(1000))))
        return found

def crowd(name):
    with contextlib.ExitStack() as open_ones:
        two = [open_ones.enter_context(opened(name)) for _ in range(2)]
        for connection in two:
            said(connection, b"echo")
        third = attempt(lambda: once(name))
    return third

def delayed(name):
    with opened(name) as connection:
        said(connection, b"echo")
        begin = time.monotonic()
        said(connection, b"more")
        return time.monotonic() - begin

def call():
    # STUN, then the exchange of keys, then STUN again, each of which an honest network brings back.
    stun = bytes.fromhex("000100002112a442") + bytes(12)
    hello = bytes.fromhex("16fefd00000000000000000010") + bytes(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.connect(("9.9.9.9", 53))
        return [attempt(lambda: said(s, words)) for words in (stun, stun, hello, stun)]

def strict(name):
    return [attempt(lambda: once(name, words)) for words in (b"echo", REQUEST % b"strict", b"echo")]

found = {"late": [attempt(lambda: once("late")) for _ in range(3)]}
tasks = {
    "plain": lambda: once("plain"), "far": lambda: delayed("far"), "idle": lambda: after_silence("idle"),
    "cut": lambda: after_silence("cut"), "upload": lambda: uploads("upload"), "crowd": lambda: crowd("crowd"),
    "spared": lambda: [attempt(lambda: once(name, REQUEST % b"t")) for name in ("spared", "plain")],
    "slow": lambda: once("slow"), "strict": lambda: strict("strict"), "call": call,
}
with concurrent.futures.ThreadPoolExecutor(len(tasks)) as pool:
    asked = {name: pool.submit(attempt, task) for name, task in tasks.items()}
    found |= {name: answer.result() for name, answer in asked.items()}
print(json.dumps(found))
"""


MOVING = r"""
import errno, json, socket, time

def opened():
    return socket.create_connection(("151.101.2.1", 80), timeout=2)

def who():
    with opened() as connection:
        connection.sendall(b"who")
        return json.loads(connection.recv(200))["from"]

with opened() as kept:
    kept.sendall(b"echo")
    kept.recv(4)
    first = later = who()
    end = time.monotonic() + 25
    while later == first and time.monotonic() < end:
        try:
            later = who()
        except OSError:  # opened before the change, answered after it
            pass
    try:
        kept.sendall(b"more")
        after = kept.recv(4).decode()
    except OSError as error:
        after = errno.errorcode.get(error.errno, type(error).__name__)
print(json.dumps([first, later, after]))
"""


def test_a_plain_client_is_seen_under_another_address_and_loses_what_was_open() -> None:
    world = dataclasses.replace(WORLD, client4_later="100.90.7.7")
    changes = (Fault(kind="address_changes", params={"after_s": 3}),)
    drawn = dataclasses.replace(DRAWN, name="moving", world=world, faults=changes)
    with open_lab(drawn=drawn, parts=PARTS) as built:
        assert json.loads(client(built, MOVING)) == [WORLD.client4, "100.90.7.7", "ECONNRESET"]


@pytest.fixture
def lab() -> Iterator[Laboratory]:
    world = dataclasses.replace(WORLD, client_delay_ms=5.0, hops=6, censor_hop=3, carrier_hop=2)
    drawn = dataclasses.replace(DRAWN, name="sequences", world=world, rules=RULES, carrier=CARRIER)
    with open_lab(drawn=drawn, parts=PARTS) as built:
        yield built


def test_a_plain_client_meets_each(lab: Laboratory) -> None:
    found = json.loads(client(lab, PROGRAM, json.dumps(PLACES), str(IDLE_S)))
    assert found.pop("far") >= WAIT_MS / 1000
    assert found == {
        "late": ["answer", "answer", "timeout"],
        "plain": "answer",
        "idle": ["answer", "timeout"],
        "cut": ["answer", "ECONNRESET"],
        "upload": ["answer"] * 4 + ["timeout"],
        "crowd": "ECONNREFUSED",
        "spared": ["answer", "ECONNRESET"],
        "slow": "EHOSTUNREACH",
        "strict": ["answer", "ECONNRESET", "ECONNREFUSED"],
        "call": ["answer", "answer", "timeout", "timeout"],
    }
    actors = {(entry.actor, entry.address) for entry in read_log(lab.log_path)}
    assert actors >= {("middlebox", PLACES[name]) for name in ("late", "far", "idle", "cut", "upload", "crowd")}
    assert ("carrier", PLACES["slow"]) in actors
