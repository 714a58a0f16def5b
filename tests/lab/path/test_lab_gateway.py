"""The client's gateway answers echo requests itself, and scenarios can speak of it and of single addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6

from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import read_scenario
from probe_lab.path.home_gateway import echo_reply

SCENARIO = """
title = "only a part of the world answers"
kind = "innocent"

[draw.t]
protocol = "http"
tls = true
literal = false
min_addresses = 2
count = 2

[[rule]]
trigger = "not_address"
match = ["@gateway", "2gis.ru", "@t.first"]
action = "drop"

[[fault]]
kind = "host_silent"
match = ["@t.first"]
"""


@pytest.mark.parametrize(
    "request_",
    [
        IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=8, id=7, seq=3) / b"payload",
        IPv6(src="2001:db8::2", dst="2001:db8::1") / ICMPv6EchoRequest(id=7, seq=3, data=b"payload"),
    ],
)
def test_a_request_is_answered_in_kind(request_: IP | IPv6) -> None:
    raw = echo_reply(bytes(request_))
    assert raw is not None
    six = raw[0] >> 4 == 6
    reply = IPv6(raw) if six else IP(raw)
    assert (reply.src, reply.dst) == (request_.dst, request_.src)
    echo = reply[ICMPv6EchoReply] if six else reply[ICMP]
    assert (echo.type, echo.id, echo.seq) == (129 if six else 0, 7, 3)
    assert raw.endswith(b"payload")
    # scapy works out a sum that is missing
    name, again = ("cksum", IPv6) if six else ("chksum", IP)
    told = getattr(echo, name)
    delattr(echo, name)
    assert told == getattr(again(bytes(reply))[type(echo)], name)


@pytest.mark.parametrize(
    "packet",
    [
        IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=0),
        IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=3) / bytes(28),
        IP(src="10.0.0.2", dst="10.0.0.1") / UDP(dport=53),
        b"no packet",
    ],
)
def test_nothing_else_is_answered(packet: bytes | IP) -> None:
    assert echo_reply(bytes(packet)) is None


def test_gateway_names_and_first_addresses_are_resolved(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SCENARIO)
    drawn = draw_scenario(read_scenario(path), seed=4, endpoints=load_catalogue(search=False).endpoints)
    plans = [drawn.world.hosts[url.split("/")[2].partition(":")[0]] for url in drawn.aliases["t"]]
    firsts = tuple((*plan.ipv4, *plan.ipv6)[0] for plan in plans)
    domestic = drawn.world.hosts["2gis.ru"]
    assert drawn.rules[0].match == (drawn.world.gateway4, *domestic.ipv4, *domestic.ipv6, *firsts)
    assert drawn.faults[0].match == firsts
