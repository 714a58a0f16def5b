"""Whether a tunnel carries this device: what interfaces are, and which routes lead into them."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import WELL
from probe.core.tables.run_words import Tunnel
from probe.instruments.device.tunnels import detect_tunnel, is_tunnel, read_ipv4_routes, read_ipv6_routes
from probe.judge.common.rule import find_first_rule
from probe.judge.network.network_rules import NETWORK_RULES, STOPS


def interface(folder: Path, name: str, kind: int, *, tun: bool = False, uevent: str = "") -> Path:
    """A made-up /sys/class/net with one interface."""
    home = folder / name
    home.mkdir(parents=True)
    (home / "type").write_text(f"{kind}\n")
    (home / "uevent").write_text(uevent)
    if tun:
        (home / "tun_flags").write_text("0x1\n")
    return folder


@pytest.mark.parametrize(("name", "kind", "tun", "uevent", "found"), [
    ("eth0", 1, False, "", False), ("wlan0", 1, False, "DEVTYPE=wlan\n", False),
    ("eth0", 1, True, "", False),  # a virtual machine's card
    ("anything", 65534, True, "", True), ("anything", 65534, False, "DEVTYPE=wireguard\n", True),
    ("wwan0", 65534, False, "DEVTYPE=wwan\n", False), ("ppp0", 512, False, "", False),
    ("wg0", 1, False, "", True), ("tun0", 1, False, "", True), ("tuna", 1, False, "", True),
])
def test_what_is_a_tunnel(name: str, kind: int, tun: bool, uevent: str, found: bool, tmp_path: Path) -> None:
    assert is_tunnel(name, interface(tmp_path, name, kind, tun=tun, uevent=uevent)) is found


@pytest.mark.parametrize(("name", "found"), [("wg0", True), ("eth0", False), ("utun3", True), ("lo", False)])
def test_without_details_the_name_tells(name: str, found: bool, tmp_path: Path) -> None:
    assert is_tunnel(name, tmp_path) is found


HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


def with_routes(folder: Path, *lines: str, six: str = "") -> Path:
    (folder / "route").write_text(HEAD + "".join(f"{line}\n" for line in lines))
    (folder / "ipv6_route").write_text(six)
    return folder


def test_routes_are_read(tmp_path: Path) -> None:
    proc = with_routes(
        tmp_path, "eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0",
        "wg0 0000000A 00000000 0001 0 0 0 000000FF 0 0 0", "broken",
        six=f"{'2606' + '0' * 28} 20 {'0' * 32} 00 {'0' * 32} 0 0 0 0 wg0\nbroken\n")
    assert list(read_ipv4_routes(proc)) == [("eth0", ipaddress.IPv4Network("0.0.0.0/0")),
                                            ("wg0", ipaddress.IPv4Network("10.0.0.0/8"))]
    assert list(read_ipv6_routes(proc)) == [("wg0", ipaddress.IPv6Network("2606::/32"))]


@given(st.text(max_size=200))
def test_any_text_may_stand_in_proc(text: str) -> None:
    class Folder:
        def __truediv__(self, _: str) -> Folder:
            return self

        def read_text(self) -> str:
            return text

    assert all(name for name, _ in read_ipv4_routes(Folder()))  # type: ignore[arg-type]
    assert all(name for name, _ in read_ipv6_routes(Folder()))  # type: ignore[arg-type]


@pytest.mark.parametrize(("route", "word"), [
    ("wg0 0000000A 00000000 0001 0 0 0 000000FF 0 0 0", ""), ("wg0 0101A8C0 00000000 0001 0 0 0 FFFFFFFF 0 0 0", ""),
    ("wg0 00000000 00000000 0001 0 0 0 00000080 0 0 0", "split"),
    ("wg0 08080808 00000000 0001 0 0 0 FFFFFFFF 0 0 0", "split"),
    ("eth0 08080808 00000000 0001 0 0 0 FFFFFFFF 0 0 0", ""),
])
def test_a_companys_own_range_makes_no_tunnel_of_the_world(
    route: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0"), (3, "wg0")])
    monkeypatch.setattr("probe.instruments.device.tunnels.list_own_addresses", lambda: iter(("192.168.1.7",)))
    assert detect_tunnel(proc=with_routes(tmp_path, route), sys=tmp_path / "none") == word


def test_no_tunnel_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0")])
    assert detect_tunnel() == ""


def test_a_tunnel_that_speaks_for_us_carries_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (3, "wg0")])
    monkeypatch.setattr("probe.instruments.device.tunnels.list_own_addresses", lambda: iter(("fd00::2",)))
    (tmp_path / "if_inet6").write_text(f"fd{'0' * 29}2 03 40 00 80 wg0\n")
    assert detect_tunnel(proc=tmp_path, sys=tmp_path / "none") == "full"


@pytest.mark.parametrize("word", ["full", "split"])
def test_through_a_tunnel_nobody_is_spoken_of(word: Tunnel) -> None:
    rule = find_first_rule(NETWORK_RULES, replace(WELL, tunnel=word))
    assert (rule.outcome, rule.block_type) == ("inconclusive", "inconclusive.vantage")
    assert rule.block_type in STOPS
