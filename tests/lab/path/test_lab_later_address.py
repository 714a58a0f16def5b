"""A client whose public address changes while connections are under way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab_net import HOPS, WORLD, Net
from lab_traffic import CLIENT, CLIENT6, HELLO, SERVER, SERVER6, Flow, flow_of, read, rule
from probe_lab.lab_types import Fault
from probe_lab.wire.icmp_errors import read_quoted
from probe_lab.wire.packet import SYN, IpHeader, build_udp

LATER = "100.7.7.7"
AFTER_S = 5.0
FAULT = Fault(kind="address_changes", params={"after_s": AFTER_S})
CHANGING = replace(WORLD, client4_later=LATER)


@pytest.fixture
def net(tmp_path: Path) -> Net:
    return Net(tmp_path, world=CHANGING, faults=(FAULT,))


@pytest.mark.parametrize(("at_s", "own"), [(AFTER_S - 1, CLIENT), (AFTER_S, LATER)])
def test_packets_leave_under_the_address_of_the_time_and_answers_find_back(net: Net, at_s: float, own: str) -> None:
    ((_, _, raw),) = net.send("client", Flow().syn(), at_s=at_s)
    assert read(raw).src == own
    found = {}
    for address in (CLIENT, LATER):
        back = net.send("servers", Flow(client=address).answer(flags=SYN), at_s=at_s)
        found[address] = [(where, read(packet).dst) for where, _, packet in back]
    assert found == {address: [("client", CLIENT)] if address == own else [] for address in (CLIENT, LATER)}


def test_a_router_that_complains_is_understood(net: Net) -> None:
    for ttl in range(1, HOPS + 1):
        packet = build_udp(IpHeader(src=CLIENT, dst=SERVER, ttl=ttl), sport=5000, dport=6000, payload=b"x")
        ((_, _, raw),) = net.send("client", packet, at_s=AFTER_S)
        quoted = read_quoted(read(raw))
        assert quoted is not None
        assert (read(raw).dst, quoted.src, quoted.dst) == (CLIENT, CLIENT, SERVER)


def test_ipv6_stays(net: Net) -> None:
    ((_, _, raw),) = net.send("client", flow_of(6).syn(), at_s=AFTER_S)
    assert (read(raw).src, read(raw).dst) == (CLIENT6, SERVER6)


def test_a_box_takes_the_later_address_for_another_client(tmp_path: Path) -> None:
    strict = rule("sni", "t.example", "drop", residual_s=600, residual_tuple=1)
    net = Net(tmp_path, strict, world=CHANGING, faults=(FAULT,))
    assert net.send("client", Flow().data(HELLO)) == []
    assert net.send("client", Flow(cport=2).syn(), at_s=1) == []
    assert len(net.send("client", Flow(cport=3).syn(), at_s=AFTER_S)) == 1


def test_a_world_without_a_later_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="later address"):
        Net(tmp_path, faults=(FAULT,))
