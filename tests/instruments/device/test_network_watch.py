"""Is it one network from a run's begin to its end? From files as the kernel writes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.instruments.device.network_watch import NetworkMark, NetworkWatch, is_other_network, read_network_mark

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
ARP_HEAD = "IP address       HW type     Flags       HW address            Mask     Device\n"
NOBODY = "0" * 32


@dataclass(frozen=True, kw_only=True)
class Net:
    """A network as this device sees it."""

    interface: str = "wlan0"
    gateway: str = "0101A8C0"
    """192.168.1.1, as proc(5) writes it."""
    metric: int = 600
    hardware: str = "02:00:00:00:00:01"
    flags: str = "0x2"
    gateway6: str = "fe80" + "0" * 27 + "1"
    resolvers: tuple[str, ...] = ("192.168.1.1",)
    own: tuple[str, ...] = ("192.168.1.7", "2001:db8:1::77")
    more_routes: tuple[str, ...] = field(default=())


HOME = Net()


def mark(net: Net, folder: Path) -> NetworkMark:
    (folder / "route").write_text(HEAD + "".join(net.more_routes) + (
        f"{net.interface}\t00000000\t{net.gateway}\t0003\t0\t0\t{net.metric}\t00000000\t0\t0\t0\n"
        if net.gateway else "") + f"{net.interface}\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n")
    (folder / "arp").write_text(ARP_HEAD + (
        f"192.168.1.1      0x1         {net.flags}         {net.hardware}     *        {net.interface}\n"
        f"192.168.1.9      0x1         0x2         02:00:00:00:00:09     *        {net.interface}\n"))
    (folder / "ipv6_route").write_text(
        (f"{NOBODY} 00 {NOBODY} 00 {net.gateway6} 00000400 00000001 00000000 00450003 {net.interface}\n"
         if net.gateway6 else "") + f"{NOBODY} 00 {NOBODY} 00 {NOBODY} ffffffff 00000001 00000000 00200200       lo\n")
    (folder / "resolv.conf").write_text("".join(f"nameserver {server}\n" for server in net.resolvers))
    return read_network_mark(proc=folder, resolv=folder / "resolv.conf", upstream=folder / "upstream",
                             own=lambda: net.own)


@pytest.mark.parametrize("now", [
    replace(HOME, interface="wwan0"),
    replace(HOME, gateway="012BA8C0", resolvers=("192.168.43.1",), own=("192.168.43.20",)),
    pytest.param(replace(HOME, hardware="02:00:00:00:00:02"), id="another router with the same address"),
    pytest.param(replace(HOME, resolvers=("9.9.9.9",)), id="another resolver"),
    pytest.param(replace(HOME, own=("192.168.1.8", "2001:db8:1::77")), id="another address"),
    pytest.param(replace(HOME, own=("192.168.1.7", "2001:db8:2::77")), id="another network of IPv6"),
    pytest.param(replace(HOME, own=("10.8.0.2", "2001:db8:1::77")), id="a VPN that came up"),
    pytest.param(replace(HOME, gateway="", own=("2001:db8:1::77",)), id="the cable was pulled"),
    pytest.param(replace(HOME, gateway6="", own=("192.168.1.7",)), id="IPv6 was lost"),
    pytest.param(replace(HOME, more_routes=("eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n",)),
                 id="a cable was put in"),
])
def test_another_network_is_seen(now: Net, tmp_path: Path) -> None:
    assert is_other_network(mark(HOME, tmp_path), mark(now, tmp_path))


@pytest.mark.parametrize("now", [
    HOME,
    pytest.param(replace(HOME, flags="0x0", hardware="00:00:00:00:00:00"), id="nobody spoke to the router lately"),
    pytest.param(replace(HOME, own=("192.168.1.7", "2001:db8:1::99")), id="a new privacy address"),
    pytest.param(replace(HOME, resolvers=("192.168.1.1", "2001:db8:1::53")), id="a resolver more"),
    pytest.param(replace(HOME, more_routes=("wlan1\t00000000\t0101A8C0\t0003\t0\t0\t900\t00000000\t0\t0\t0\n",)),
                 id="a second way that is not taken"),
])
def test_the_same_network_is_known_again(now: Net, tmp_path: Path) -> None:
    assert not is_other_network(mark(HOME, tmp_path), mark(now, tmp_path))


def test_what_becomes_known_later_is_no_change_and_then_holds(tmp_path: Path) -> None:
    young = replace(HOME, gateway6="", own=("192.168.1.7",), flags="0x0", hardware="00:00:00:00:00:00")
    looks = [young, HOME, HOME]
    assert not watched(looks, tmp_path).has_changed
    other = replace(HOME, hardware="02:00:00:00:00:02")
    assert watched([young, HOME, other, other], tmp_path).has_changed


def test_a_file_that_is_just_being_written_is_no_change(tmp_path: Path) -> None:
    assert not watched([HOME, replace(HOME, resolvers=()), HOME, HOME], tmp_path).has_changed


def test_there_and_back_is_a_change(tmp_path: Path) -> None:
    away = replace(HOME, interface="wwan0")
    assert watched([HOME, away, away, HOME, HOME], tmp_path).has_changed


def watched(nets: Iterable[Net], folder: Path) -> NetworkWatch:
    """A watch that saw these networks one after the other, and then its end."""
    marks = [mark(net, folder) for net in nets]
    last, seen = marks[-1], threading.Event()

    def look() -> NetworkMark:
        if len(marks) == 1:
            seen.set()
        return marks.pop(0) if marks else last

    with NetworkWatch(look, every_s=0.001) as watch:
        # It looks no more once it has seen a change.
        while not seen.wait(0.01) and not watch.has_changed:
            pass
        watch.finish()
    return watch


def test_a_change_that_only_the_last_look_sees_counts(tmp_path: Path) -> None:
    marks = [mark(HOME, tmp_path), *[mark(replace(HOME, interface="wwan0"), tmp_path)] * 2]
    with NetworkWatch(lambda: marks.pop(0), every_s=3600) as watch:
        assert not watch.has_changed
        assert watch.finish()


def test_no_address_is_kept_in_the_clear(tmp_path: Path) -> None:
    shown = repr(mark(HOME, tmp_path))
    for secret in ("192.168", "2001:db8", "02:00:00", "0101A8C0", "wlan0"):
        assert secret not in shown


@given(st.binary(max_size=400))
def test_no_file_is_too_odd(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    folder = tmp_path_factory.mktemp("proc")
    for name in ("route", "arp", "ipv6_route", "resolv.conf"):
        (folder / name).write_bytes(text)
    own: Callable[[], tuple[str, ...]] = tuple
    found = read_network_mark(proc=folder, resolv=folder / "resolv.conf", upstream=folder / "absent", own=own)
    assert not is_other_network(found, found)
